"""Who may use the APIs, as a part of the daemon: the rules of L{neon.api}, made of configuration and state."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from twisted.python.logfile import LogFile

from neon.access import Applications
from neon.api.approvals import ApprovalRequests
from neon.api.audit import Audit
from neon.api.guard import Guard, Limits, PeerRule
from neon.api.keeper import Keeper
from neon.api.origins import Origins, Policy
from neon.api.sessions import Sessions
from neon.api.toll import Tariff, TollGuard
from neon.bus import Bus
from neon.events import CallFinalized
from neon.parts import CannotStart
from neon.sections import Config
from neon.store.database import Database
from neon.store.origins import OriginTable

AUDIT_BYTES = 4 << 20
AUDIT_FILES = 4


class Admission:
    """C{guard} is for the skins' connections, C{keeper} for their commands; C{origins} and C{approvals} for the user.

    Made while the database still works in this thread.
    """

    def __init__(
        self,
        clock: Any,
        config: Config,
        state_dir: Path,
        database: Database,
        sessions: Sessions,
        applications: Applications,
        bus: Bus,
    ) -> None:
        for name, application in config.applications.items():
            applications.restrict(name, application.scopes)
        table = OriginTable(database)
        remembered: list[dict[str, bool]] = []
        failures: list[Any] = []
        table.all().addCallbacks(remembered.append, failures.append)
        if failures:
            failures[0].raiseException()
        wanted = config.origins
        self.origins = Origins(
            Policy(wanted.policy),
            configured=wanted.allow,
            allow_null=wanted.allow_null,
            directory=Path(wanted.directory) if wanted.directory else None,
            memory=table,
            remembered=remembered[0],
        )
        self.approvals = ApprovalRequests(clock, self.origins.decide, hold_seconds=float(wanted.ask_seconds))
        api = config.api
        self.guard = Guard(
            clock,
            self.origins,
            self.approvals,
            Limits(api.max_connections, api.max_connections_per_origin, api.messages_per_second),
            PeerRule.of(api.check_peer_user, os.geteuid()),
        )
        self._sessions = sessions
        self.origins.on_withdrawn += (self.guard.cut, self._end_sessions)
        self._audit_file = _audit_file(state_dir) if api.audit_log else None
        toll = TollGuard(clock, Tariff(config.toll.calls_per_minute, config.toll.calls_at_once, config.toll.deny))
        self._unsubscribe = bus.subscribe(toll.happened, CallFinalized)
        self.keeper = Keeper(clock, applications, toll, Audit(self._audit_file), self.origins.own)

    def stop(self) -> None:
        """Nobody is asked and nothing is written any more."""
        self.approvals.stop()
        self._unsubscribe()
        if self._audit_file is not None:
            self._audit_file.close()  # type: ignore[no-untyped-call]

    def _end_sessions(self, origin: str) -> None:
        for session in self._sessions:
            if session.origin == origin:
                self._sessions.close(session)


def _audit_file(state_dir: Path) -> LogFile:
    """C{audit.log}, and a few older ones, for nobody else to read.

    @raise CannotStart: it cannot be written.
    """
    try:
        return LogFile("audit.log", str(state_dir), AUDIT_BYTES, 0o600, AUDIT_FILES)  # type: ignore[no-untyped-call]
    except OSError as error:
        raise CannotStart(f"{state_dir / 'audit.log'} cannot be written: {error.strerror}") from None
