"""Publish and subscribe: every event gets a number and a time here, once, and reaches every skin in order.

Delivery is on the next turn of the reactor, so that the answer to a command is written before any event that the
command causes (spec section 2). The last events are kept in a bounded ring for clients that come back.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable
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

    _log = Logger()

    def __init__(
        self, clock: Clock, wall: Callable[[], datetime] = utc_now, ring_size: int = RING_SIZE
    ) -> None:
        self.boot = secrets.token_hex(8)
        """Names this life of the bus: its numbers mean nothing in another."""
        self._clock = clock
        self._wall = wall
        self._seq = 0
        self._ring: deque[Published] = deque(maxlen=ring_size)
        self._waiting: deque[Published] = deque()
        self._subscriptions: dict[object, tuple[int, Subscriber]] = {}

    @property
    def last_seq(self) -> int:
        """The number of the latest event, 0 before the first."""
        return self._seq

    def publish(self, event: Event) -> Published:
        """Number the event, keep it, and deliver it on the next turn."""
        self._seq += 1
        published = Published(self._seq, self._wall(), event)
        self._ring.append(published)
        if not self._waiting:
            self._clock.callLater(0, self._deliver)
        self._waiting.append(published)
        return published

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call C{subscriber} with every event published from now on; returns what ends that, at once, even twice."""
        key = object()
        self._subscriptions[key] = (self._seq, subscriber)

        def unsubscribe() -> None:
            self._subscriptions.pop(key, None)

        return unsubscribe

    def since(self, seq: int, boot: str | None = None) -> Replay:
        """The events after number C{seq}, up to the latest; together with L{subscribe} in one turn, each just once.

        A C{seq} that this bus has not reached, or one of another C{boot}, belongs to another life of the daemon:
        that is a gap as well, and everything that this life remembers is new to the client.
        """
        if seq > self._seq or boot not in (None, self.boot):
            return Replay(tuple(self._ring), gap=True)
        events = tuple(published for published in self._ring if published.seq > seq)
        oldest = self._ring[0].seq if self._ring else self._seq + 1
        return Replay(events, gap=seq < oldest - 1)

    def _deliver(self) -> None:
        # What subscribers publish meanwhile is for the turn after this one.
        batch, self._waiting = self._waiting, deque()
        for published in batch:
            for key, (joined_at, subscriber) in list(self._subscriptions.items()):
                if key not in self._subscriptions or published.seq <= joined_at:
                    continue
                try:
                    subscriber(published)
                except Exception:
                    self._log.failure("a subscriber failed on event {seq}", seq=published.seq)
