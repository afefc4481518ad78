"""Who may log in to the feed, decided while the daemon runs."""

from __future__ import annotations

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.api.feed.administration import MemberAccounts
from neon.api.feed.members import Member, Members
from neon.api.sessions import Sessions
from neon.commands import Commands, Data
from neon.errors import InvalidArgument
from neon.passwords import PasswordHash
from tests.fakes import FakeWorld
from tests.test_commands import OneApplication, OneClient


class FakeTable:
    """Keeps members in a dictionary."""

    def __init__(self) -> None:
        self.rows: dict[tuple[bool, str], tuple[str | None, bool]] = {}
        self.broken = False

    def save(self, name: str, extension: str | None, acts: bool, password_hash: PasswordHash) -> Deferred[None]:
        if self.broken:
            return fail(OSError("the disk is full"))
        self.rows[extension is None, name] = extension, acts
        return succeed(None)

    def remove(self, supervises: bool, name: str) -> Deferred[bool]:
        return succeed(self.rows.pop((supervises, name), None) is not None)


class AccountsTests(SynchronousTestCase):
    def setUp(self) -> None:
        world = FakeWorld()
        self.table = FakeTable()
        decoy = PasswordHash.of("x", n=2)
        self.members = Members(Clock(), lambda function, *args: succeed(function(*args)), decoy)
        self.notice: str | None = None
        accounts = MemberAccounts(self.table, self.members, self.in_thread, lambda: self.notice)
        sessions = Sessions(world.clock, 3600)
        self.commands = Commands(world.phone, sessions, OneApplication(), accounts.rows())
        self.token, _ = sessions.open("neonctl")
        self.client = OneClient()

    def in_thread(self, function: object, *args: object) -> Deferred[PasswordHash]:
        return succeed(PasswordHash.of(str(args[0]), n=2))

    def ask(self, action: str, **values: object) -> Deferred[Data]:
        return self.commands.execute([("action", action), ("token", self.token), *values.items()], self.client)

    def done(self, action: str, **values: object) -> Data:
        return self.successResultOf(self.ask(action, **values))

    def refused(self, action: str, **values: object) -> str:
        return str(self.failureResultOf(self.ask(action, **values), InvalidArgument).value)

    def verified(self, supervises: bool, name: str, password: str) -> Member | None:
        return self.successResultOf(self.members.verify("peer", supervises, name, password))

    def test_agent(self) -> None:
        """An agent that was added can log in with the password that was told once, as an agent only."""
        password = self.done("agentadd", name="ana", extension="sip:101")["password"]
        self.assertEqual(self.verified(False, "ana", password), Member("ana", "101", acts=True))
        self.assertIsNone(self.verified(True, "ana", password))
        self.assertEqual(self.done("agentlist"), {"agents": [{"name": "ana", "extension": "101"}]})
        self.assertEqual(self.table.rows, {(False, "ana"): ("101", True)})

    def test_supervisor(self) -> None:
        """A supervisor watches, unless it was said that they act."""
        self.done("supervisoradd", name="luz")
        self.done("supervisoradd", name="boss", act=True)
        self.assertEqual(
            self.done("supervisorlist"), {"supervisors": [{"name": "boss", "act": True}, {"name": "luz", "act": False}]}
        )

    def test_new_password(self) -> None:
        """After a new password the old one is worth nothing."""
        old = self.done("agentadd", name="ana", extension="101")["password"]
        new = self.done("agentpasswd", name="ana")["password"]
        self.assertIsNone(self.verified(False, "ana", old))
        self.assertIsNotNone(self.verified(False, "ana", new))

    def test_removed(self) -> None:
        """Whoever was removed cannot log in."""
        password = self.done("agentadd", name="ana", extension="101")["password"]
        self.done("agentremove", name="ana")
        self.assertIsNone(self.verified(False, "ana", password))
        self.assertEqual(self.refused("agentremove", name="ana"), "there is no agent ana")

    def test_mistakes(self) -> None:
        """Twice the same name, no extension, names that are none."""
        self.done("agentadd", name="ana", extension="101")
        self.assertIn("already", self.refused("agentadd", name="ana", extension="102"))
        self.refused("agentadd", name="eva")
        self.refused("agentadd", name="eva", extension="1 2")
        self.refused("agentadd", name="", extension="101")
        self.refused("supervisorpasswd", name="ana")

    def test_switched_off(self) -> None:
        """While the feed is off whoever adds somebody is told so."""
        self.notice = "the feed is switched off"
        self.done("agentadd", name="ana", extension="101")
        self.assertEqual(self.client.warnings, ["the feed is switched off"])

    def test_broken_store(self) -> None:
        """What could not be kept does not hold for now either."""
        self.table.broken = True
        self.failureResultOf(self.ask("agentadd", name="ana", extension="101"), OSError)
        self.assertEqual(self.done("agentlist"), {"agents": []})
        self.table.broken = False
        self.done("agentadd", name="ana", extension="101")
