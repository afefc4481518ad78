"""The dialog journal as a part of the daemon: written while calls live, read once after a crash."""

from __future__ import annotations

from twisted.application.service import Service
from twisted.internet.defer import Deferred

from neon.api.sessions import Session, Sessions
from neon.bus import Bus
from neon.cases import Cases
from neon.config import NEONCTL
from neon.journal import CallJournal
from neon.leftovers import Leftovers
from neon.phone import Phone
from neon.ports import Clock, SignallingCall
from neon.records import CallRecord
from neon.sip.agent import SipAgent
from neon.store.database import Database
from neon.store.journal import JournalTable


class JournalPart(Service):
    """Starts after the phone, which has the accounts that a BYE may need; L{open} comes before that, L{close} last."""

    name = "the calls of before"

    def __init__(
        self,
        clock: Clock,
        bus: Bus,
        database: Database,
        phone: Phone,
        agent: SipAgent,
        cases: Cases,
        sessions: Sessions,
    ) -> None:
        self._table = JournalTable(database)
        self._records: list[CallRecord] = []
        self._cases = cases
        self._journal = CallJournal(bus, clock, self._table, phone.account_uri)
        self._leftovers = Leftovers(bus, clock, agent, self._table, phone.remember_ended)
        phone.on_dialog = self._dialog
        sessions.on_open.append(self._authenticated)

    def open(self) -> Deferred[None]:
        """Read what is there, while the database still works in this thread."""
        return self._table.take_over().addCallback(self._records.extend)

    def startService(self) -> None:
        """End the calls of before."""
        super().startService()  # type: ignore[no-untyped-call]
        records, self._records = self._records, []
        self._leftovers.begin(records)

    def stopService(self) -> None:
        """Leave what is not done to the next life; the calls of this one end later, and are still written."""
        super().stopService()  # type: ignore[no-untyped-call]
        self._leftovers.stop()

    def close(self) -> None:
        """Hand the last changes to the database."""
        self._journal.stop()

    def _authenticated(self, session: Session) -> None:
        # The owner of the machine who looks what happened is not who waits for the events.
        if session.application != NEONCTL:
            self._leftovers.somebody_came()

    def _dialog(self, call_id: int, signalling: SignallingCall) -> None:
        self._cases.dialog(call_id, signalling.call_id)
        self._journal.dialog(call_id, signalling)
