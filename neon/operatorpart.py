"""VoIP operators as a part of the daemon: their files, their memory, their place on the bus.

What reads their files and asks them is loaded with the first operator: most have none, and it takes a seventh of the
time to start and 2 MB.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.application.service import Service

from neon import explain
from neon.bus import Bus
from neon.inifile import ConfigError
from neon.operators import files
from neon.operators.desk import Desk, Phone
from neon.operatorvalues import LicenceRecord, StoredAccount
from neon.store.database import Database
from neon.store.operators import OperatorTable

if TYPE_CHECKING:
    from neon.operators.service import Services
    from neon.operators.settings import Settings


def load(configured: str, *, only: bool, environ: Mapping[str, str] = os.environ) -> tuple[Settings, ...]:
    """Every operator, checked completely, certificates too; a bad file ends the program with a sentence.

    C{configured} is C{[operators] directory}; C{only}: NEON was told to read one file only.
    """
    try:
        places = files.directories(configured, environ, only=only)
        if not files.find(places):
            return ()
        from neon.operators import settings
        from neon.operators.tls import BadCertificate, Policy

        found = settings.load(places)
        for one in found:
            try:
                Policy(one.files)
            except BadCertificate as error:
                raise ConfigError(f"{one.path}: {error}") from None
    except ConfigError as error:
        raise SystemExit(f"neon: {error}") from None
    return found


def services(reactor: Any, operator: Settings) -> Services:
    """One operator's services, over the network."""
    from neon.operators.client import WebClient, make_treq
    from neon.operators.service import Services
    from neon.operators.tls import Policy

    policy = Policy(operator.files)
    timeout = float(operator.general.timeout_seconds)
    client = WebClient(operator, make_treq(reactor, policy, timeout), reactor, certificate=policy.has_certificate)
    return Services(operator, client, reactor)


class OperatorPart(Service):
    """The desk, from after the SIP side is there until before it goes. L{open} comes first, while the database works
    in this thread.
    """

    name = "the operators"

    def __init__(
        self, reactor: Any, operators: Sequence[Settings], bus: Bus, database: Database, state_dir: Path, phone: Phone
    ) -> None:
        self._bus = bus
        self._memory = OperatorTable(database, state_dir / "operators.json")
        self._stored: list[StoredAccount] = []
        self._licences: dict[str, tuple[LicenceRecord | None, str]] = {}
        self._unsubscribe: Callable[[], None] = lambda: None
        self.warnings = tuple(warning for operator in operators for warning in operator.warnings)
        language = explain.language_of(os.environ)
        self._services = partial(services, reactor)
        made = [self._services(operator) for operator in operators]
        self.desk = Desk(made, phone, bus.publish, self._memory, reactor, language)

    def add(self, operator: Settings) -> bool:
        """One more, before L{startService}; whether its name was free."""
        return self.desk.add(self._services(operator))

    def open(self) -> None:
        """Read what was kept.

        @raise StoreError: the database cannot be read.
        """
        failures: list[Any] = []
        self._memory.accounts().addCallbacks(self._stored.extend, failures.append)
        self._memory.licences().addCallbacks(self._licences.update, failures.append)
        if failures:
            failures[0].raiseException()

    def startService(self) -> None:
        """Register what was kept, check licences that are due."""
        super().startService()  # type: ignore[no-untyped-call]
        self._unsubscribe = self._bus.subscribe(self.desk.happened)
        self.desk.start(self._stored, self._licences)
        self._stored.clear()

    def stopService(self) -> None:
        """Ask nobody anything any more."""
        super().stopService()  # type: ignore[no-untyped-call]
        self._unsubscribe()
        self.desk.stop()
