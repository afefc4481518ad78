"""The commands of the control socket only: applications, web pages, explanations."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from neon.access import Applications
from neon.api.administration import ApplicationAccounts, Explanations, OriginDecisions
from neon.api.approvals import ApprovalRequests
from neon.api.origins import Origins, Standing
from neon.api.sessions import Sessions
from neon.cases import Cases
from neon.commands import TABLE, Commands
from neon.errors import InvalidArgument
from neon.ladder import Ladder
from neon.passwords import PasswordHash
from neon.store.applications import StoredApplication
from neon.values import Cause, Scope
from tests.fakes import FakeWorld
from tests.test_access import cheap
from tests.test_commands import OneClient


class Table:
    """The table of applications, in memory."""

    def __init__(self) -> None:
        self.rows: dict[str, StoredApplication] = {}

    def all(self) -> Deferred[list[StoredApplication]]:
        return succeed(sorted(self.rows.values(), key=lambda row: row.name))

    def save(
        self, name: str, password_hash: PasswordHash, scopes: frozenset[Scope] = frozenset(Scope)
    ) -> Deferred[None]:
        self.rows[name] = StoredApplication(name, password_hash, scopes, "2024-05-01T12:00:00.000Z")
        return succeed(None)

    def remove(self, name: str) -> Deferred[bool]:
        return succeed(self.rows.pop(name, None) is not None)


class AdministrationCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.world = FakeWorld()
        self.sessions = Sessions(self.world.clock, 3600)
        self.addCleanup(self.sessions.stop)
        self.table = Table()
        self.waiting: list[Callable[[], None]] = []
        self.slow = False
        self.applications = Applications(self.in_thread, {"local": cheap("l"), "erp": cheap("e")})
        self.accounts = ApplicationAccounts(
            self.table, self.applications, self.sessions, self.in_thread, {"erp"}, "local"
        )
        self.origins = Origins()
        self.requests = ApprovalRequests(self.world.clock, self.origins.decide)
        self.addCleanup(self.requests.stop)
        self.ladder = Ladder()
        self.cases = Cases(self.world.bus, self.ladder, self.world.phone.accounts, self.world.phone.account)
        rows = (
            *self.accounts.rows(),
            *OriginDecisions(self.origins, self.requests).rows(),
            *Explanations(self.cases).rows(),
        )
        self.rows = rows
        self.commands = Commands(self.world.phone, self.sessions, self.applications, (*TABLE, *rows))
        self.token, _ = self.sessions.open("neonctl")
        self.client = OneClient()

    def in_thread(self, function: Callable[..., Any], *args: object) -> Deferred[Any]:
        if not self.slow:
            return succeed(function(*args))
        done: Deferred[Any] = Deferred()
        self.waiting.append(lambda: done.callback(function(*args)))
        return done

    def execute(self, action: str, **named: object) -> Deferred[Any]:
        return self.commands.execute((("action", action), ("token", self.token), *named.items()), self.client)

    def done(self, action: str, **named: object) -> Any:
        return self.successResultOf(self.execute(action, **named))

    def refused(self, action: str, **named: object) -> str:
        return str(self.failureResultOf(self.execute(action, **named), InvalidArgument).value)

    def verify(self, user: str, password: str) -> bool:
        return self.successResultOf(self.applications.verify(user, password))


class RowTests(AdministrationCase):
    def test_parameters_fit(self) -> None:
        """A function's keyword arguments are the parameters of its row."""
        for row in self.rows:
            taken = list(inspect.signature(row.function).parameters)[1:]
            self.assertEqual(taken, [parameter.keyword for parameter in row.parameters], row.name)

    def test_nowhere_else(self) -> None:
        """None of these commands is in the table of the other APIs."""
        names = {name for row in TABLE for name in (row.name, *row.aliases)}
        self.assertEqual(names & {row.name for row in self.rows}, set())


class ApplicationTests(AdministrationCase):
    def test_add(self) -> None:
        """The password in the answer lets the application in, at once and after a restart; only its hash is kept."""
        answer = self.done("appadd", name="crm", scopes="call, Events")
        self.assertEqual((answer["name"], answer["scopes"]), ("crm", ["call", "events"]))
        self.assertGreaterEqual(len(answer["password"]), 20)
        self.assertTrue(self.verify("crm", answer["password"]))
        self.assertFalse(self.verify("crm", answer["password"] + "x"))
        self.assertEqual(self.applications.scopes("crm"), {Scope.CALL, Scope.EVENTS})
        self.assertTrue(self.table.rows["crm"].password_hash.matches(answer["password"]))
        self.assertNotIn(answer["password"], repr(self.table.rows))

    def test_every_scope(self) -> None:
        """Unless said otherwise an application may do everything."""
        self.done("appadd", name="crm")
        self.assertEqual(self.table.rows["crm"].scopes, frozenset(Scope))

    def test_bad_arguments(self) -> None:
        """A name that is there already, no name, an odd one, an unknown scope."""
        self.assertIn("already", self.refused("appadd", name="erp"))
        for name in ("local", "neonctl"):
            self.assertIn("NEON's own", self.refused("appadd", name=name))
        self.refused("appadd")
        self.refused("appadd", name="a\x1b[2J")
        self.refused("appadd", name="x" * 65)
        self.refused("appadd", name="crm", scopes="call,everything")
        self.refused("appadd", name="crm", scopes=",")
        self.assertEqual(self.table.rows, {})

    def test_twice_at_once(self) -> None:
        """Two that add the same name at the same time: the second is told."""
        self.slow = True
        first = self.execute("appadd", name="crm")
        self.assertIn("already", self.refused("appadd", name="crm"))
        self.waiting.pop()()
        self.successResultOf(first)

    def test_not_before_it_is_kept(self) -> None:
        """While the password is hashed the reactor goes on, and nobody is let in."""
        self.slow = True
        adding = self.execute("appadd", name="crm")
        self.assertNoResult(adding)
        self.assertNotIn("crm", self.applications)
        self.waiting.pop()()
        self.successResultOf(adding)

    def test_passwd(self) -> None:
        """The old password is worth nothing, sessions end, scopes stay."""
        old = self.done("appadd", name="crm", scopes="call")["password"]
        _, session = self.sessions.open("crm")
        _, other = self.sessions.open("erp")
        new = self.done("apppasswd", name="crm")
        self.assertEqual(new["scopes"], ["call"])
        self.assertFalse(self.verify("crm", old))
        self.assertTrue(self.verify("crm", new["password"]))
        self.assertEqual((session.alive, other.alive), (False, True))

    def test_remove(self) -> None:
        """Nobody gets in by that name any more, and whoever was in is out."""
        password = self.done("appadd", name="crm")["password"]
        _, session = self.sessions.open("crm")
        self.done("appremove", name="crm")
        self.assertFalse(self.verify("crm", password))
        self.assertFalse(session.alive)
        self.assertEqual(self.table.rows, {})
        self.refused("appremove", name="crm")

    def test_not_ours_to_change(self) -> None:
        """What stands in the configuration or in access.json is changed there."""
        for action in ("appremove", "apppasswd"):
            self.assertIn("configuration", self.refused(action, name="erp"))
            self.assertIn("access.json", self.refused(action, name="local"))

    def test_list(self) -> None:
        """Every application with its scopes and where it comes from; no password and no hash."""
        self.done("appadd", name="crm", scopes="ui")
        listed = self.done("applist")["applications"]
        self.assertEqual([row["name"] for row in listed], ["crm", "erp", "local"])
        self.assertEqual([row["source"] for row in listed], ["neonctl", "configuration", "generated"])
        self.assertEqual(listed[0]["scopes"], ["ui"])
        self.assertEqual({key for row in listed for key in row}, {"name", "scopes", "source", "created"})


class OriginTests(AdministrationCase):
    PAGE = "https://crm.example.com"

    def test_allow_one_that_waits(self) -> None:
        """A page that waits is let in, now and from now on."""
        waiting = self.requests.wait(self.PAGE)
        (asked,) = self.done("originpending")["origins"]
        self.assertEqual(asked["origin"], self.PAGE)
        self.assertEqual(self.done("originallow", origin="HTTPS://CRM.example.com/"), {"origin": self.PAGE})
        self.assertTrue(self.successResultOf(waiting))
        self.assertIs(self.origins.standing(self.PAGE), Standing.APPROVED)
        self.assertEqual(self.done("originpending")["origins"], [])
        self.assertEqual(self.done("originlist")["origins"], [{"origin": self.PAGE, "standing": "allowed"}])

    def test_once(self) -> None:
        """Allowed until the daemon ends."""
        self.done("originallow", origin=self.PAGE, once=True)
        self.assertEqual(self.done("originlist")["origins"], [{"origin": self.PAGE, "standing": "allowed once"}])

    def test_deny(self) -> None:
        """Refused this time: it may ask again."""
        waiting = self.requests.wait(self.PAGE)
        self.done("origindeny", origin=self.PAGE)
        self.assertFalse(self.successResultOf(waiting))
        self.assertIs(self.origins.standing(self.PAGE), Standing.UNKNOWN)

    def test_block_and_forget(self) -> None:
        """Blocked until that is forgotten."""
        self.done("originblock", origin=self.PAGE)
        self.assertIs(self.origins.standing(self.PAGE), Standing.BLOCKED)
        self.done("originforget", origin=self.PAGE)
        self.assertIs(self.origins.standing(self.PAGE), Standing.UNKNOWN)

    def test_no_origin(self) -> None:
        """A page's address is no origin, and nothing is no origin."""
        for wrong in ("crm.example.com", "https://crm.example.com/page", "", "file:///x"):
            self.refused("originallow", origin=wrong)
        self.assertEqual(self.origins.listing(), [])


class ExplainTests(AdministrationCase):
    def setUp(self) -> None:
        super().setUp()
        self.world.registered()
        self.call_id = self.world.phone.start_call("32")
        self.world.signalling.calls[0].listener.ended(Cause(486, "Busy Here"))
        self.world.turn()

    def test_by_call_id(self) -> None:
        """A call by its number, as text or as a number."""
        for case in (self.call_id, str(self.call_id)):
            answer = self.done("explain", case=case)
            self.assertEqual((answer["callId"], answer["SIPError"]), (self.call_id, 486))

    def test_last(self) -> None:
        """Nothing said: the last call."""
        self.assertEqual(self.done("explain")["callId"], self.call_id)

    def test_account(self) -> None:
        """An account by connectionId, number or URI."""
        for case in (1, "31", "sip:31@sip.acme.com", "31@sip.acme.com"):
            answer = self.done("explain", case=case)
            self.assertEqual((answer["kind"], answer["connectionId"]), ("registration", 1))

    def test_unknown(self) -> None:
        """What is not remembered is refused."""
        for case in ("4711", "nobody@nowhere", "9" * 50):
            self.refused("explain", case=case)

    def test_nothing_to_explain(self) -> None:
        """No call yet."""
        explanations = Explanations(Cases(FakeWorld().bus, self.ladder, tuple, lambda _: None))
        context: Any = None
        self.assertRaises(InvalidArgument, explanations.explain, context, None)
