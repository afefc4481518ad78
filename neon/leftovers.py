"""What becomes of the calls that were up when an earlier life of the daemon ended without warning.

Each is ended on the network at once, and its CallFinalized is published for applications. They were cut off too, and
may know no way to ask what they missed: so the events wait until the first of them has authenticated again, and a
moment longer for the others, L{AUDIENCE_SECONDS} in all at most. Until an event is published its call stays in the
journal; if the daemon crashes again, the next life goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final, Protocol

from twisted.logger import Logger

from neon.bus import Bus, utc_now
from neon.events import CallFinalized
from neon.journal import Store
from neon.ports import Clock, Timer
from neon.records import CallRecord, DialogRecord
from neon.values import Cause, Direction

AUDIENCE_SECONDS: Final = 60.0
"""So long after the restart an event waits for somebody to hear it."""

REUNION_SECONDS: Final = 2.0
"""So long after the first application is back the others may follow."""

INTERRUPTED: Final = "NEON was interrupted; the call was ended when it came back"
UNANSWERED: Final = "NEON was interrupted; the far end did not answer when the call was ended"
NEVER_ANSWERED: Final = "NEON was interrupted before the call was answered"

_log = Logger()


class Ender(Protocol):
    """The network's side (L{neon.sip.agent.SipAgent})."""

    def end_left_over(self, account: str, dialog: DialogRecord, done: Callable[[Cause], None]) -> None:
        """Send the BYE or CANCEL of a dialog of before; C{done} hears, once and later, how that went."""


class Leftovers:
    """The calls of earlier lives. C{ended} hears the callId of each, for those who ask to end it again."""

    def __init__(
        self,
        bus: Bus,
        clock: Clock,
        ender: Ender,
        store: Store,
        ended: Callable[[int], None],
        wall: Callable[[], datetime] = utc_now,
    ) -> None:
        self._bus = bus
        self._clock = clock
        self._ender = ender
        self._store = store
        self._ended = ended
        self._wall = wall
        self._ready: list[CallRecord] = []
        self._audience = False
        self._reunion = False
        self._timer: Timer | None = None

    def begin(self, records: Iterable[CallRecord]) -> None:
        """End these. SIP is up by now, and knows the accounts."""
        records = list(records)
        if not records:
            return
        _log.warn("{count} calls were up when NEON was interrupted; they are ended now", count=len(records))
        self._wait(AUDIENCE_SECONDS)
        for record in records:
            self._ended(record.call_id)
            if record.ended is not None:
                self._finalize(record)
            elif record.dialog is None:
                self._over(record, Cause())
            else:
                self._ender.end_left_over(record.account, record.dialog, partial(self._over, record))

    def somebody_came(self) -> None:
        """An application has authenticated."""
        if self._timer is not None and not self._audience and not self._reunion:
            self._reunion = True
            self._wait(REUNION_SECONDS)

    def stop(self) -> None:
        """Publish nothing more: what nobody has heard is in the journal, for the next life."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _wait(self, seconds: float) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = self._clock.callLater(seconds, self._complete)

    def _complete(self) -> None:
        self._audience = True
        ready, self._ready = self._ready, []
        for record in ready:
            self._publish(record)

    def _over(self, record: CallRecord, cause: Cause) -> None:
        """The far end knows; an event is owed."""
        ended = replace(record, ended=self._wall().timestamp(), cause=_cause(record, cause), dialog=None)
        self._keep(ended.call_id, ended)
        self._finalize(ended)

    def _finalize(self, record: CallRecord) -> None:
        if self._audience:
            self._publish(record)
        else:
            self._ready.append(record)

    def _publish(self, record: CallRecord) -> None:
        self._bus.publish(
            CallFinalized(
                record.call_id,
                record.connection_id,
                record.direction,
                record.caller,
                record.callee,
                record.display_name,
                record.duration_ms,
                record.cause,
            )
        )
        self._keep(record.call_id, None)

    def _keep(self, call_id: int, record: CallRecord | None) -> None:
        written = self._store.write({call_id: record})
        written.addErrback(lambda failure: _log.failure("the journal of the calls was not written", failure))


def _cause(record: CallRecord, cause: Cause) -> Cause:
    """The end in words; the status is that of a failure on the network, 0 where ours was the only one."""
    if record.answered is None:
        return Cause(487 if record.direction is Direction.OUTGOING else 480, NEVER_ANSWERED)
    return Cause(cause.status, UNANSWERED if cause.status else INTERRUPTED)
