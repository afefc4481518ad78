"""The testbed as a part of the daemon: the SIP service, its operator's web services, and the file about it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from neon import sections
from neon.operatorpart import OperatorPart
from neon.operators import settings
from neon.parts import CannotStart
from neon.privatefile import replace_private
from neon.store.customers import MIGRATIONS, Customer, CustomerTable
from neon.store.database import Database
from neon.testbed.audio import StreamOpener
from neon.testbed.customers import Customers
from neon.testbed.operator import USER, Operator, configuration
from neon.testbed.service import Testbed
from neon.testbed.site import site

NAME: Final = "testbed"
HOST: Final = "127.0.0.1"

_log = Logger()


class TestbedPart(Service):
    """Starts with SIP and audio, before the phone; C{operators} gets the operator then."""

    __test__ = False  # not a test case, whatever the name suggests to a collector
    name = "the testbed"

    def __init__(
        self, reactor: Any, wanted: sections.Testbed, state_dir: Path, engine: StreamOpener, operators: OperatorPart
    ) -> None:
        self._reactor = reactor
        self._wanted = wanted
        self._state_dir = state_dir
        self._engine = engine
        self._operators = operators
        self._database = Database(state_dir / "testbed.sqlite", MIGRATIONS)
        self._password = secrets.token_urlsafe(18)
        self._sip: Testbed | None = None
        self._listener: Any = None

    @property
    def sip(self) -> Mapping[str, str]:
        """The account that is there from the start, for access.json."""
        assert self._sip is not None
        return {"domain": self._sip.domain, "number": self._sip.number, "password": self._sip.password}

    @property
    def operator(self) -> Mapping[str, str] | None:
        """Where the operator's web services are and who may ask, for access.json."""
        if self._listener is None:
            return None
        return {"name": NAME, "url": self._url(), "user": USER, "password": self._password}

    def startService(self) -> None:
        """Open the books and listen.

        @raise StoreError: the books cannot be read.
        @raise CannotListenError: a port is taken.
        @raise CannotStart: the file about the operator cannot be written.
        """
        super().startService()  # type: ignore[no-untyped-call]
        self._database.open()
        try:
            self._start()
        except BaseException:
            self._database.close()
            raise

    def _start(self) -> None:
        table = CustomerTable(self._database)
        stored: list[Customer] = []
        failures: list[Any] = []
        table.all().addCallbacks(stored.extend, failures.append)
        if failures:
            failures[0].raiseException()
        pool = self._reactor.getThreadPool()
        customers = Customers(table, stored, partial(deferToThreadPool, self._reactor, pool))
        self._database.start_thread(self._reactor)
        port = self._wanted.port
        sip = Testbed(
            self._reactor, self._reactor, self._engine, host=HOST, port=port, subscribers=customers, tcp=True
        )
        sip.startService()
        self._sip = sip
        if not self._wanted.operator:
            return
        operator = Operator(customers, self._password, lambda: sip.domain, self._url)
        try:
            self._listener = self._reactor.listenTCP(
                self._wanted.operator_port, site(operator, self._reactor), interface=HOST
            )
            self._introduce()
            _log.info("the test operator's web services at {url}", url=self._url())
        except BaseException:
            if self._listener is not None:
                self._listener.stopListening()
            sip.stopService()
            raise

    def _introduce(self) -> None:
        """Write the file about the operator, and have it read as any other."""
        path = self._state_dir / "operators.d" / f"{NAME}.conf"
        text = configuration(self._url(), self._password, HOST, licence=self._wanted.licence)
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            replace_private(path, text.encode())
        except OSError as error:
            raise CannotStart(f"{path} cannot be written: {error.strerror}") from None
        if not self._operators.add(settings.read(path)):
            _log.warn("there is a file about an operator {name} already; the test operator is not used", name=NAME)

    def _url(self) -> str:
        return f"http://{HOST}:{self._listener.getHost().port}/"

    def stopService(self) -> Deferred[Any]:
        """Hang up, and close the books when the last call is paid for."""
        super().stopService()  # type: ignore[no-untyped-call]
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        if self._listener is not None:
            await self._listener.stopListening()
        if self._sip is not None:
            await self._sip.stopService()
        await self._database.close()
