"""Events on their way to HTTP clients that poll for them (spec section 4, RFC 6202).

A token has a mailbox for each C{client} name that polls with it, so that several tabs each see every event. The
rules of a mailbox:

 - a poll is answered at once if something is pending, else held until there is something, and at last with nothing;
 - the newest poll wins: one that is still held is answered with nothing when another comes;
 - ten seconds after the last answer, or thirty after C{authenticate}, what is pending is dropped, and what comes
   later waits ten seconds at most; while a poll is held this clock stands still;
 - an event leaves when it was written, so a poll whose client has vanished takes nothing with it;
 - a thousand events fit in; then the oldest go. What was dropped is counted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from neon.api.sessions import Session
from neon.api.subscription import Subscription
from neon.bus import Bus, Published
from neon.commands import Subscribed
from neon.ports import Clock, Timer

POLL_SECONDS: Final = 30.0
GRACE_SECONDS: Final = 10.0
FIRST_SECONDS: Final = 30.0
MAX_EVENTS: Final = 1000
MAX_CLIENTS: Final = 32

Answer: TypeAlias = Callable[[Published | None], bool]
"""Answers a poll, with nothing where it gets None; returns whether the client was there to have it written."""

class Mailbox:
    """One reader's queue. C{discarded} is how many events it lost, in all."""

    def __init__(
        self,
        clock: Clock,
        pending: Iterable[tuple[float, Published]] = (),
        *,
        discarded: int = 0,
        patience: float = FIRST_SECONDS,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self.discarded = discarded
        self._clock = clock
        self._poll_seconds = poll_seconds
        self._pending: deque[tuple[float, Published]] = deque(pending)
        # None: nobody polled in time, and every event has only its own ten seconds.
        self._patience: float | None = patience if patience > 0 else None
        self._held: Answer | None = None
        self._timer: Timer | None = None
        self._ends_at = 0.0
        self._wait()

    @property
    def held(self) -> bool:
        """Whether a poll is waiting."""
        return self._held is not None

    def put(self, event: Published) -> None:
        """Something happened."""
        if len(self._pending) >= MAX_EVENTS:
            self._pending.popleft()
            self.discarded += 1
        self._pending.append((self._clock.seconds(), event))
        if self._held is not None:
            self.wake()
        elif self._timer is None:
            self._wait()

    def replace(self, events: Iterable[Published]) -> None:
        """These are pending now, and nothing else; L{wake} gives the first of them to a poll that is held."""
        now = self._clock.seconds()
        self._pending = deque((now, event) for event in events)
        if self._held is None:
            self._stop()
            self._patience = GRACE_SECONDS
            self._wait()

    def wake(self) -> None:
        """Answer a poll that is held, if there is something."""
        if self._held is not None and self._pending:
            self._give(self._held)

    def poll(self, answer: Answer) -> None:
        """Give C{answer} the next event, as soon as there is one."""
        older, self._held = self._held, None
        if older is None:
            self._pause()
        else:
            # The patience was set aside when the older poll came, and goes on waiting with this one.
            self._stop()
        if self._pending:
            self._give(answer)
        else:
            self._hold(answer)
        if older is not None:
            older(None)

    def vanished(self, answer: Answer) -> None:
        """The client of a poll is gone; of no consequence unless that poll is held."""
        if self._held == answer:
            self._held = None
            self._stop()
            self._wait()

    def close(self) -> None:
        """Answer whoever waits, and forget everything."""
        self._stop()
        self._pending.clear()
        held, self._held = self._held, None
        if held is not None:
            held(None)

    def _hold(self, answer: Answer) -> None:
        self._held = answer
        self._timer = self._clock.callLater(self._poll_seconds, self._give, answer)

    def _give(self, answer: Answer) -> None:
        """Answer with the oldest event, or nothing."""
        self._stop()
        self._held = None
        before, self._patience = self._patience, GRACE_SECONDS
        # Before the answer is written: with it the client's next poll may already be there, and come in.
        given = self._pending.popleft() if self._pending else None
        self._wait()
        if answer(None if given is None else given[1]):
            return
        if given is not None:
            self._pending.appendleft(given)
        self._stop()
        self._patience = before
        self._wait()

    # The clock that runs while no poll is held

    def _wait(self) -> None:
        """Let it run: until patience ends, or the oldest event's ten seconds."""
        now = self._clock.seconds()
        if self._patience is not None:
            self._ends_at = now + self._patience
        elif self._pending:
            self._ends_at = self._pending[0][0] + GRACE_SECONDS
        else:
            return
        self._timer = self._clock.callLater(max(0.0, self._ends_at - now), self._late)

    def _pause(self) -> None:
        """A poll has come: what is left of the patience is kept."""
        if self._timer is not None and self._patience is not None:
            self._patience = max(0.0, self._ends_at - self._clock.seconds())
        self._stop()

    def _late(self) -> None:
        self._timer = None
        # A timer may be a rounding error early.
        now = self._clock.seconds() + 0.001
        while self._pending and (self._patience is not None or self._pending[0][0] + GRACE_SECONDS <= now):
            self._pending.popleft()
            self.discarded += 1
        self._patience = None
        self._wait()

    def _stop(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None


@dataclass(eq=False, slots=True)
class _Reader:
    """One client name of one token: what it wants to hear, and its mailbox once it has polled."""

    subscription: Subscription
    mailbox: Mailbox | None = None

    def close(self) -> None:
        """Nobody is there any more."""
        self.subscription.close()
        if self.mailbox is not None:
            self.mailbox.close()


@dataclass(eq=False, slots=True)
class _Token:
    """The readers of one token, the one that was heard of last at the end."""

    key: str
    opened_at: float
    opened_seq: int
    polled: bool = False
    readers: dict[str, _Reader] = field(default_factory=dict)


class Mailboxes:
    """The mailboxes of every token.

    A mailbox is made when it is first polled, out of what happened lately: who uses the WebSocket only costs nothing.
    """

    def __init__(self, clock: Clock, bus: Bus, *, poll_seconds: float = POLL_SECONDS) -> None:
        self._clock = clock
        self._bus = bus
        self._poll_seconds = poll_seconds
        self._delivered = bus.last_seq
        self._lately: deque[tuple[float, Published]] = deque(maxlen=MAX_EVENTS)
        self._tokens: dict[Session, _Token] = {}
        self._with_readers: dict[Session, _Token] = {}
        self._unsubscribe: Callable[[], None] = bus.subscribe(self._happened)

    def opened(self, session: Session) -> None:
        """A token was given out: from now on its events are kept."""
        self._tokens[session] = _Token(session.digest.hex(), self._clock.seconds(), self._bus.last_seq)

    def closed(self, session: Session) -> None:
        """A token is dead: whoever polls with it is answered with nothing."""
        self._with_readers.pop(session, None)
        token = self._tokens.pop(session, None)
        if token is not None:
            for reader in token.readers.values():
                reader.close()

    def key(self, session: Session, client: str) -> str:
        """Tells this reader from all others."""
        return f"{self._tokens[session].key} {client}"

    def of(self, session: Session, client: str = "") -> Mailbox:
        """The mailbox of a live token for one client name."""
        reader = self._reader(session, client)
        if reader.mailbox is None:
            reader.mailbox = self._new(self._tokens[session], reader.subscription)
        return reader.mailbox

    def subscribe(
        self, session: Session, client: str, since: int | None, boot: str | None, events: tuple[str, ...] | None
    ) -> Subscribed:
        """As L{neon.commands.Client.subscribe} says; what is replayed takes the place of what is pending."""
        subscribed, missed = self._reader(session, client).subscription.change(since, boot, events)
        if since is not None:
            mailbox = self.of(session, client)
            mailbox.replace(missed)
            # Not before the answer is written, should a poll be held at this moment.
            self._clock.callLater(0.0, mailbox.wake)
        return subscribed

    def close(self) -> None:
        """Answer everybody, and listen to the bus no more."""
        self._unsubscribe()
        for session in tuple(self._tokens):
            self.closed(session)

    def _reader(self, session: Session, client: str) -> _Reader:
        token = self._tokens[session]
        reader = token.readers.pop(client, None)
        if reader is None:
            if len(token.readers) >= MAX_CLIENTS:
                idle = (name for name, other in token.readers.items() if not (other.mailbox and other.mailbox.held))
                forgotten = token.readers.pop(next(idle, next(iter(token.readers))))
                forgotten.close()
            reader = _Reader(Subscription(self._bus, self.key(session, client), lambda: session.scopes))
        token.readers[client] = reader
        self._with_readers[session] = token
        return reader

    def _new(self, token: _Token, subscription: Subscription) -> Mailbox:
        """A mailbox as it would be by now, had it been there, unread, since C{authenticate}."""
        now = self._clock.seconds()
        late_at = token.opened_at + FIRST_SECONDS
        pending = [
            (at, event)
            for at, event in self._lately
            if event.seq > token.opened_seq
            and (now < late_at or at >= max(late_at, now - GRACE_SECONDS))
            and subscription.wants(event)
        ]
        discarded = 0
        if not token.polled:
            token.polled = True
            # What this token's only reader so far has missed. The ring may have lost some of it by now, too.
            known = self._bus.since(token.opened_seq).events
            lost = known[0].seq - token.opened_seq - 1 if known else 0
            missed = sum(event.seq <= self._delivered and subscription.wants(event) for event in known)
            discarded = lost + missed - len(pending)
        return Mailbox(
            self._clock, pending, discarded=discarded, patience=late_at - now, poll_seconds=self._poll_seconds
        )

    def _happened(self, published: Published) -> None:
        now = self._clock.seconds()
        self._delivered = published.seq
        while self._lately and self._lately[0][0] < now - FIRST_SECONDS:
            self._lately.popleft()
        self._lately.append((now, published))
        for token in tuple(self._with_readers.values()):
            for reader in tuple(token.readers.values()):
                if reader.mailbox is not None and reader.subscription.wants(published):
                    reader.mailbox.put(published)
