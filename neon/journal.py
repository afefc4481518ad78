"""The dialog journal: what has to be known of each call that lives, written down while it does.

The bus tells who calls whom and since when; the signalling side of each call tells its dialog. Both are put together
and written a moment later, in batches, by a thread of the store's: a call never waits for it, and one that is over by
then costs nothing. What an earlier life left behind is the business of L{neon.leftovers}.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from neon.bus import Bus, Published
from neon.events import CallAccepted, CallEvent, CallFinalized, CallStarted
from neon.ports import Clock, SignallingCall, Timer
from neon.records import CallRecord

FLUSH_SECONDS: Final = 0.05
"""So much of the last moment a crash may take: calls that were set up or ended within it, not known or known twice."""

MOST_AT_ONCE: Final = 500


class Store(Protocol):
    """Where the journal is kept (L{neon.store.journal.JournalTable})."""

    def write(self, changes: Mapping[int, CallRecord | None]) -> Deferred[None]:
        """Write what changed, by callId; None is a call that is over."""


@dataclass(eq=False, slots=True)
class _Entry:
    """A call as far as it is known. C{started} comes by the bus, a turn later than C{signalling}."""

    signalling: SignallingCall | None = None
    started: CallStarted | None = None
    answered: float | None = None


class CallJournal:
    """Keeps the journal of this life's calls. C{account} says which URI an account has."""

    _log = Logger()

    def __init__(self, bus: Bus, clock: Clock, store: Store, account: Callable[[int], str]) -> None:
        self._clock = clock
        self._store = store
        self._account = account
        self._entries: dict[int, _Entry] = {}
        self._dirty: dict[int, None] = {}
        self._written: set[int] = set()
        self._timer: Timer | None = None
        self._writing = False
        self._unsubscribe = bus.subscribe(self._happened, CallStarted, CallAccepted, CallFinalized)

    def dialog(self, call_id: int, signalling: SignallingCall) -> None:
        """The call has this signalling side, which says when its dialog changes."""
        self._entries.setdefault(call_id, _Entry()).signalling = signalling
        signalling.on_changed = lambda: self._changed(call_id)
        self._changed(call_id)

    def stop(self) -> None:
        """Hand over what is not written yet, and listen no more."""
        self._unsubscribe()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._dirty:
            self._write().addErrback(self._not_written)

    def _happened(self, published: Published) -> None:
        event = published.event
        if isinstance(event, CallStarted):
            self._entries.setdefault(event.call_id, _Entry()).started = event
            self._changed(event.call_id)
        elif isinstance(event, CallAccepted):
            entry = self._entries.get(event.call_id)
            if entry is not None and entry.answered is None:
                entry.answered = published.at.timestamp()
                self._changed(event.call_id)
        elif isinstance(event, CallFinalized) and self._entries.pop(event.call_id, None) is not None:
            if event.call_id in self._written:
                self._changed(event.call_id)
            else:
                self._dirty.pop(event.call_id, None)

    def _changed(self, call_id: int) -> None:
        self._dirty[call_id] = None
        if self._timer is None and not self._writing:
            self._timer = self._clock.callLater(FLUSH_SECONDS, self._flush)

    def _flush(self) -> None:
        self._timer = None
        self._writing = True
        self._write().addErrback(self._not_written).addCallback(self._flushed)

    def _flushed(self, _: object) -> None:
        self._writing = False
        if self._dirty and self._timer is None:
            self._timer = self._clock.callLater(FLUSH_SECONDS, self._flush)

    def _write(self) -> Deferred[None]:
        changes: dict[int, CallRecord | None] = {}
        # The oldest first, and not so many that making their records would be noticed.
        for call_id in list(self._dirty)[:MOST_AT_ONCE]:
            del self._dirty[call_id]
            entry = self._entries.get(call_id)
            if entry is not None and entry.started is not None:
                changes[call_id] = self._record(entry.started, entry)
            elif entry is None and call_id in self._written:
                changes[call_id] = None
        self._written.update(call_id for call_id, record in changes.items() if record is not None)
        self._written.difference_update(call_id for call_id, record in changes.items() if record is None)
        return self._store.write(changes) if changes else succeed(None)

    def _record(self, started: CallEvent, entry: _Entry) -> CallRecord:
        return CallRecord(
            call_id=started.call_id,
            connection_id=started.connection_id,
            account=self._account(started.connection_id),
            direction=started.direction,
            caller=started.caller,
            callee=started.callee,
            display_name=started.display_name,
            answered=entry.answered,
            dialog=None if entry.signalling is None else entry.signalling.record(),
        )

    def _not_written(self, failure: Failure) -> None:
        # The calls go on: only after a crash would it be missed.
        self._log.failure("the journal of the calls was not written", failure)
