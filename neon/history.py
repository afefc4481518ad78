"""The call log: an entry for every call, written when it has ended, a moment later and in batches.

The bus tells what became of a call. What only a command or the media side knows (who asked for it, the custom
fields, the recording, the quality) is noted by callId; it may come before the first event of the call, or after its
last as long as the entry waits to be written.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from neon import causes
from neon.bus import Bus, Published, utc_now
from neon.details import Why
from neon.events import (
    CallAccepted,
    CallEvent,
    CallFinalized,
    CallMissed,
    CallStarted,
)
from neon.ports import Clock, Timer
from neon.values import Cause, Direction

FLUSH_SECONDS: Final = 0.2
TIDY_SECONDS: Final = 3600.0
MOST_LIVE: Final = 20_000
"""So many notes and unfinished entries are kept; a call that is gone without a word must not be kept for ever."""


class Result(enum.Enum):
    """What became of a call; the value is the APIs' word for it."""

    ANSWERED = "answered"
    MISSED = "missed"
    REFUSED = "refused"
    FORWARDED = "forwarded"
    DND = "dnd"
    BUSY = "busy"
    UNANSWERED = "unanswered"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Note:
    """What is known of a call beside what the bus tells. C{quality} is a JSON object, C{recording} a path."""

    application: str = ""
    custom1: str = ""
    custom2: str = ""
    recording: str = ""
    quality: Mapping[str, Any] = field(default_factory=dict)


NO_NOTE: Final = Note()


@dataclass(frozen=True, slots=True)
class Entry:
    """One call. Times are UTC; C{number} is the entry's own, increasing, 0 before it was written.

    C{account} is the address of record, C{duration_ms} counts from the answer. C{cause} is of ITU-T Q.850.
    """

    call_id: int
    connection_id: int
    account: str
    direction: Direction
    caller: str
    callee: str
    display_name: str | None
    started: datetime
    answered: datetime | None
    ended: datetime
    duration_ms: int
    result: Result
    status: int
    reason: str
    cause: int
    note: Note = NO_NOTE
    number: int = 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries: all that fit everything that is not None. The newest first, C{limit} of them, below C{before}.

    C{party} is part of a caller's, callee's or displayed name. C{upwards} turns the order, above C{before}.
    """

    limit: int = 100
    before: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    party: str | None = None
    account: str | None = None
    direction: Direction | None = None
    result: Result | None = None
    upwards: bool = False


class Store(Protocol):
    """Where the log is kept (L{neon.store.history.HistoryTable})."""

    def write(self, entries: Sequence[Entry]) -> Deferred[None]:
        """Add entries."""

    def page(self, wanted: Wanted) -> Deferred[list[Entry]]:
        """Some entries."""

    def forget(self, before: datetime) -> Deferred[int]:
        """Take the oldest entries out, those that began before; returns how many, a bounded number at a time."""


@dataclass(eq=False, slots=True)
class _Live:
    started: datetime
    account: str
    answered: datetime | None = None
    missed: Why | None = None


class History:
    """Keeps the log. C{account_uri} says which address an account has; C{keep_days} 0 is for ever."""

    _log = Logger()

    def __init__(
        self,
        bus: Bus,
        clock: Clock,
        store: Store,
        account_uri: Callable[[int], str],
        keep_days: int = 0,
        wall: Callable[[], datetime] = utc_now,
    ) -> None:
        self._clock = clock
        self._store = store
        self._account_uri = account_uri
        self._keep_days = keep_days
        self._wall = wall
        self._live: dict[int, _Live] = {}
        self._notes: dict[int, Note] = {}
        self._waiting: list[Entry] = []
        self._timer: Timer | None = None
        self._tidy: Timer | None = None
        # Before the clients that hear of an event at once: they may ask for its entry as soon.
        self._unsubscribe = bus.subscribe(self._happened, CallEvent, prompt=True)

    def start(self) -> None:
        """From now on what is too old goes, from time to time."""
        if self._keep_days:
            self._tidy = self._clock.callLater(1.0, self._forget)

    def stop(self) -> Deferred[None]:
        """Write what waits, and listen no more."""
        self._unsubscribe()
        for timer in (self._timer, self._tidy):
            if timer is not None and timer.active():
                timer.cancel()
        self._timer = self._tidy = None
        return self._write()

    def note(self, call_id: int, **facts: Any) -> None:
        """Something is known of a call: fields of L{Note}."""
        _bound(self._notes)
        self._notes[call_id] = replace(self._notes.get(call_id, NO_NOTE), **facts)

    def share(self, call_id: int, other: int) -> None:
        """The call C{other} belongs to C{call_id}: what is known of the one holds for both."""
        if (note := self._notes.get(call_id)) is not None:
            self._notes[other] = note

    def page(self, wanted: Wanted) -> Deferred[list[Entry]]:
        """Some entries, with what was still waiting to be written."""
        return self._write().addCallback(lambda _: self._store.page(wanted))

    def _happened(self, published: Published) -> None:
        event, at = published.event, published.at
        if isinstance(event, CallStarted):
            _bound(self._live)
            self._live[event.call_id] = _Live(at, self._account_uri(event.connection_id))
        elif isinstance(event, CallAccepted) and event.call_id in self._live:
            self._live[event.call_id].answered = at
        elif isinstance(event, CallMissed) and event.call_id in self._live:
            self._live[event.call_id].missed = event.why
        elif isinstance(event, CallMissed):
            # Turned away at once: there is no other event.
            account = self._account_uri(event.connection_id)
            self._ended(event, event.cause, 0, _Live(at, account, missed=event.why), at)
        elif isinstance(event, CallFinalized):
            live = self._live.pop(event.call_id, None)
            if live is None:
                # A call of before a crash: all that is known is how long it lasted.
                answered = at - timedelta(milliseconds=event.duration_ms) if event.duration_ms else None
                live = _Live(answered or at, self._account_uri(event.connection_id), answered)
            self._ended(event, event.cause, event.duration_ms, live, at)

    def _ended(self, event: CallEvent, cause: Cause, duration_ms: int, live: _Live, at: datetime) -> None:
        entry = Entry(
            event.call_id,
            event.connection_id,
            live.account,
            event.direction,
            event.caller,
            event.callee,
            event.display_name,
            live.started,
            live.answered,
            at,
            duration_ms,
            Result.ANSWERED if live.answered is not None else result_of(event.direction, cause, live.missed),
            cause.status,
            cause.reason,
            causes.from_status(cause.status),
        )
        self._waiting.append(entry)
        if self._timer is None:
            self._timer = self._clock.callLater(FLUSH_SECONDS, self._flush)

    def _flush(self) -> None:
        self._timer = None
        self._write()

    def _write(self) -> Deferred[None]:
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return succeed(None)
        notes = self._notes
        entries = [
            replace(entry, note=notes.pop(entry.call_id)) if entry.call_id in notes else entry for entry in waiting
        ]
        written = self._store.write(entries)
        return written.addErrback(lambda failure: self._log.failure("calls were not written to the log", failure))

    def _forget(self) -> None:
        forgotten = self._store.forget(self._wall() - timedelta(days=self._keep_days))
        forgotten.addErrback(self._not_forgotten).addCallback(self._forgot)

    def _not_forgotten(self, failure: Any) -> int:
        self._log.failure("the call log was not tidied", failure)
        return 0

    def _forgot(self, count: int) -> None:
        if self._tidy is not None:
            # A large log goes in small steps, between which others may use the database.
            self._tidy = self._clock.callLater(0.1 if count else TIDY_SECONDS, self._forget)


def result_of(direction: Direction, cause: Cause, missed: Why | None = None) -> Result:
    """What became of a call that nobody answered; C{missed} is why, of an incoming one that nobody refused either."""
    if missed is not None:
        return _MISSED.get(missed, Result.MISSED)
    if direction is Direction.INCOMING:
        return Result.REFUSED
    if cause.status in (486, 600):
        return Result.BUSY
    if cause.status in (408, 480):
        return Result.UNANSWERED
    return {603: Result.REFUSED, 487: Result.CANCELLED}.get(cause.status, Result.FAILED)


_MISSED: Final = {Why.FORWARDED: Result.FORWARDED, Why.DND: Result.DND, Why.BUSY: Result.BUSY}


def _bound(table: dict[int, Any]) -> None:
    while len(table) >= MOST_LIVE:
        del table[next(iter(table))]
