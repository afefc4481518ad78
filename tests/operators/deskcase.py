"""The operators' desk for tests: over a phone whose world is faked, reached through the table of commands."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from twisted.internet.defer import Deferred, succeed

from neon.commands import Commands
from neon.events import Event
from neon.operators.desk import Desk
from neon.operatorvalues import LicenceRecord, StoredAccount
from neon.values import AccountSettings
from tests.fakes import EPOCH, FakeWorld
from tests.operators.operatorcase import ACCOUNT, GENERAL, Operator, OperatorCase, Reply, xml

DOWN = Reply(b"", 503)


class FakeMemory:
    """Implements the desk's memory: keeps what it is given."""

    def __init__(self) -> None:
        self.accounts: dict[tuple[str, str], StoredAccount] = {}
        self.licences: list[LicenceRecord] = []
        self.keys: dict[str, str] = {}

    def save_account(self, stored: StoredAccount) -> Deferred[None]:
        self.accounts[stored.operator, stored.login] = stored
        return succeed(None)

    def remove_account(self, operator: str, login: str) -> Deferred[bool]:
        return succeed(self.accounts.pop((operator, login), None) is not None)

    def save_licence(self, record: LicenceRecord) -> Deferred[None]:
        self.licences.append(record)
        return succeed(None)

    def save_key(self, operator: str, key: str) -> Deferred[None]:
        self.keys[operator] = key
        return succeed(None)


class Client:
    """Implements L{neon.commands.Client} as far as these commands go."""

    key = "client"
    origin = None

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, sentence: str) -> None:
        self.warnings.append(sentence)

    def authenticated(self, session: Any) -> None:
        """Nobody cares."""

    def autodisconnect(self, session: Any, connection_id: int, wanted: bool) -> None:
        """Nobody cares."""


class Session:
    """A session that may do everything."""

    application = "crm"
    prose = False

    def __init__(self) -> None:
        self.accounts: set[int] = set()
        self.heard: set[str] = set()


class Sessions:
    """There is one session."""

    def __init__(self) -> None:
        self.session = Session()

    def find(self, token: object) -> Any:
        return self.session


class DeskCase(OperatorCase):
    """C{self.operator} is the web service; L{open} makes the desk for an operator's file."""

    def setUp(self) -> None:
        super().setUp()
        self.world = FakeWorld()
        self.clock = self.world.clock
        self.operator = Operator(xml(ACCOUNT))
        self.memory = FakeMemory()
        self.client: Any = Client()

    def open(
        self,
        sections: str,
        stored: list[StoredAccount] | None = None,
        licence: tuple[LicenceRecord | None, str] = (None, ""),
        general: str = GENERAL,
    ) -> Desk:
        services = self.services(general + sections, self.operator)
        desk = self.desk = Desk(
            [services], self.world.phone, self.world.bus.publish, self.memory, self.clock, "en"
        )
        keeper = desk._houses["acme"].licence
        if keeper is not None:
            keeper._wall = self.wall
            keeper._uniform = lambda low, high: 1.0
        desk._houses["acme"].balances._uniform = lambda low, high: 1.0
        self.world.bus.subscribe(desk.happened)
        desk.start(stored or [], {"acme": licence})
        sessions: Any = Sessions()
        nobody: Any = None
        self.commands = Commands(self.world.phone, sessions, nobody, operators=desk)
        return desk

    def wall(self) -> datetime:
        return EPOCH + timedelta(seconds=self.clock.seconds())

    def command(self, action: str, **parameters: object) -> Any:
        pairs = [("action", action), ("token", "t"), *parameters.items()]
        return self.successResultOf(self.commands.execute(pairs, self.client))

    def refused(self, kind: type[Exception], action: str, **parameters: object) -> Any:
        pairs = [("action", action), ("token", "t"), *parameters.items()]
        return self.failureResultOf(self.commands.execute(pairs, self.client), kind).value

    def happened(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.world.take_events() if isinstance(event, kind)]

    def registered(self) -> int:
        """The account that the operator gave is registered now."""
        (connection_id,) = self.world.signalling.registrations
        self.world.signalling.answer_registration(connection_id)
        self.world.turn()
        self.world.turn()
        return connection_id

    def settings_of(self, connection_id: int = 1) -> AccountSettings:
        return self.world.signalling.registrations[connection_id].settings
