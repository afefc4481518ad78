"""Publish and subscribe: every event gets a number and a time here, once, and reaches every skin in order.

The answer to a command is written before any event that the command causes (spec section 2): what is published while
a command runs (L{Bus.held}) is delivered on the next turn of the reactor. What the network causes need not wait: those
who asked for that have it before L{Bus.publish} returns. The last events are kept in a bounded ring for clients that
come back.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeAlias

from twisted.logger import Logger

from neon.events import Event
from neon.ports import Clock

RING_SIZE: Final = 1000


@dataclass(frozen=True, slots=True)
class Published:
    """An event with its daemon-wide number, from 1 without holes, and its time in UTC."""

    seq: int
    at: datetime
    event: Event


@dataclass(frozen=True, slots=True)
class Replay:
    """What a client missed; C{gap} if some of it is no longer, or was never, in the ring."""

    events: tuple[Published, ...]
    gap: bool


Subscriber: TypeAlias = Callable[[Published], None]


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


class Bus:
    """Carries events from the phone to whoever subscribed."""

    def __init__(
        self, clock: Clock, wall: Callable[[], datetime] = utc_now, ring_size: int = RING_SIZE
    ) -> None:
        self.boot = secrets.token_hex(8)
        """Names this life of the bus: its numbers mean nothing in another."""
        self._clock = clock
        self._wall = wall
        self._seq = 0
        self._forgotten = 0
        """The number of the latest event that should be remembered, and is not any more."""
        self._ring: deque[Published] = deque(maxlen=ring_size)
        self._prompt, self._patient = _Audience(), _Audience()
        self._held = 0
        self._scheduled = False
        self._wishes: dict[str, frozenset[type[Event]]] = {}
        self.on_wishes: list[Callable[[], None]] = []
        """Called when somebody wants other events than before."""

    def note_wishes(self, key: str, kinds: frozenset[type[Event]]) -> None:
        """Whoever has this key wants these events, beside those that everybody gets; or none, it is gone.

        It is for those who make events that cost something.
        """
        if kinds == self._wishes.get(key, frozenset()):
            return
        self._wishes.pop(key, None)
        if kinds:
            self._wishes[key] = kinds
        for look in self.on_wishes:
            look()

    def is_wanted(self, kind: type[Event]) -> bool:
        """Whether somebody has asked for such events."""
        return any(kind in kinds for kinds in self._wishes.values())

    @property
    def last_seq(self) -> int:
        """The number of the latest event, 0 before the first."""
        return self._seq

    def publish(self, event: Event, *, keep: bool = True) -> Published:
        """Number the event and deliver it: now to whoever is prompt, to the others on the next turn.

        It is kept for those who come back, unless it means nothing later (not C{keep}): that is no gap.
        """
        self._seq += 1
        published = Published(self._seq, self._wall(), event)
        if keep:
            if len(self._ring) == self._ring.maxlen:
                self._forgotten = self._ring[0].seq if self._ring else self._seq
            self._ring.append(published)
        in_turn = not self._held and not self._prompt.waiting
        for audience in (self._prompt, self._patient):
            audience.waiting.append(published)
        if in_turn:
            self._prompt.deliver()
        if not self._scheduled:
            self._scheduled = True
            self._clock.callLater(0, self._deliver)
        return published

    def held(self) -> AbstractContextManager[None]:
        """While this lasts nothing is delivered: a command runs, and its answer comes first."""
        return _Holding(self)

    def subscribe(self, subscriber: Subscriber, *kinds: type[object], prompt: bool = False) -> Callable[[], None]:
        """Call C{subscriber} with every event published from now on; returns what ends that, at once, even twice.

        With C{kinds}, it hears of events of these classes only. One that is C{prompt} may be called from inside
        whatever publishes: it must ask nothing of the phone.
        """
        return (self._prompt if prompt else self._patient).join(self._seq, subscriber, kinds)

    def since(self, seq: int, boot: str | None = None) -> Replay:
        """The events after number C{seq}, up to the latest; together with L{subscribe} in one turn, each just once.

        A C{seq} that this bus has not reached, or one of another C{boot}, belongs to another life of the daemon:
        that is a gap as well, and everything that this life remembers is new to the client.
        """
        if seq > self._seq or boot not in (None, self.boot):
            return Replay(tuple(self._ring), gap=True)
        events = tuple(published for published in self._ring if published.seq > seq)
        return Replay(events, gap=seq < self._forgotten)

    def _deliver(self) -> None:
        # What subscribers publish meanwhile is for the turn after this one.
        self._scheduled = False
        self._prompt.deliver()
        self._patient.deliver()


class _Holding(AbstractContextManager[None]):
    """What L{Bus.held} is; a generator would take as long as the rest of a command's way."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def __enter__(self) -> None:
        self._bus._held += 1

    def __exit__(self, *_: object) -> None:
        self._bus._held -= 1


class _Audience:
    """Subscribers that hear of an event at the same time, and the events that they have not heard of yet."""

    _log = Logger()

    def __init__(self) -> None:
        self.waiting: deque[Published] = deque()
        self.members: dict[object, tuple[int, Subscriber, tuple[type[object], ...]]] = {}
        self._concerned: dict[type[object], list[object]] = {}

    def join(self, seq: int, subscriber: Subscriber, kinds: tuple[type[object], ...]) -> Callable[[], None]:
        key = object()
        self.members[key] = (seq, subscriber, kinds or (object,))
        self._concerned.clear()

        def leave() -> None:
            self.members.pop(key, None)
            self._concerned.clear()

        return leave

    def concerned(self, kind: type[object]) -> list[object]:
        """The keys of those who want such events; most want few."""
        keys = self._concerned.get(kind)
        if keys is None:
            keys = [key for key, (_, _, kinds) in self.members.items() if issubclass(kind, kinds)]
            self._concerned[kind] = keys
        return keys

    def deliver(self) -> None:
        """Call everybody with what waits now."""
        for _ in range(len(self.waiting)):
            published = self.waiting[0]
            for key in self.concerned(type(published.event)):
                if key not in self.members:
                    continue
                joined_at, subscriber, _ = self.members[key]
                if published.seq <= joined_at:
                    continue
                try:
                    subscriber(published)
                except Exception:
                    self._log.failure("a subscriber failed on event {seq}", seq=published.seq)
            # Not before: what is published meanwhile sees by it that it has to queue.
            self.waiting.popleft()
