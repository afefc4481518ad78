"""Passwords, tokens, scopes, tolls and the audit log, through real handshakes; for programs and for pages."""

from __future__ import annotations

import io
import json
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.api.audit import Audit
from neon.api.keeper import Keeper
from neon.api.origins import Origins, Policy
from neon.api.sessions import Sessions
from neon.api.toll import Tariff, TollGuard
from neon.commands import Commands
from neon.values import Cause, Scope
from tests.api.websockets import Client, WebSocketCase
from tests.fakes import EPOCH

CRM = "https://crm.example.com"
OTHER = "https://other.example.com"


class Known:
    """An application called crm; C{allowed} is what it may do."""

    def __init__(self) -> None:
        self.allowed = frozenset(Scope)

    def __contains__(self, name: object) -> bool:
        return name == "crm"

    def scopes(self, name: str) -> frozenset[Scope]:
        return self.allowed


class KeeperCase(WebSocketCase):
    def setUp(self) -> None:
        super().setUp()
        self.known = Known()
        self.log = io.StringIO()
        self.toll = TollGuard(self.clock, Tariff())
        self.world.bus.subscribe(self.toll.happened)
        keeper = Keeper(self.clock, self.known, self.toll, Audit(self.log, lambda: EPOCH))
        self.api.commands = Commands(self.world.phone, self.sessions, self.applications, gate=keeper)
        self.guard.origins = Origins(Policy.ANY)

    def page(self, origin: str = CRM) -> Client:
        return self.connect(headers={"Origin": origin})

    def code(self, answer: Any) -> int:
        return 0 if answer["success"] else int(answer["error"]["code"])

    def guess(self, client: Client, user: str = "crm", password: str = "wrong") -> int:
        return self.code(client.command("authenticate", user=user, password=password))

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.getvalue().splitlines()]


class PasswordTests(KeeperCase):
    def test_page(self) -> None:
        """After five wrong passwords a page waits a second, with the right one too; other pages and programs do not."""
        page = self.page()
        self.assertEqual([self.guess(page) for _ in range(6)], [600] * 5 + [602])
        self.assertEqual(self.guess(self.page(), password="secret"), 602)
        self.assertEqual(self.guess(self.page(OTHER), password="secret"), 0)
        self.assertEqual(self.guess(self.connected(), password="secret"), 0)
        self.clock.advance(1.1)
        self.assertEqual(self.guess(page, password="secret"), 0)

    def test_other_names(self) -> None:
        """For a page other names are the same guessing."""
        page = self.page()
        self.assertEqual([self.guess(page, user=f"user{n}") for n in range(6)], [600] * 5 + [602])

    def test_program(self) -> None:
        """A program that guesses at one account locks nobody out of another."""
        self.assertEqual([self.guess(self.connected(), user="admin") for _ in range(6)], [600] * 5 + [602])
        self.assertEqual(self.guess(self.connected(), password="secret"), 0)

    def test_words(self) -> None:
        """The refusal says for how long."""
        page = self.page()
        for _ in range(5):
            self.guess(page)
        answer = page.command("authenticate", user="crm", password="secret")
        self.assertIn("try again in 1 s", answer["error"]["description"])


class TokenTests(KeeperCase):
    def test_bound(self) -> None:
        """A token is worth nothing for another page, nor for a program; nor is a program's for a page."""
        page, program = self.page(), self.connected()
        token = page.authenticate()
        for stranger in (self.page(OTHER), program):
            stranger.token = token
            self.assertEqual(self.code(stranger.command("listcalls")), 602)
        self.assertEqual(self.code(page.command("listcalls")), 0)
        same = self.page()
        same.token = token
        self.assertEqual(self.code(same.command("listcalls")), 0)
        program.authenticate()
        page.token = program.token
        self.assertEqual(self.code(page.command("listcalls")), 602)

    def test_foreign_token_brings_no_events(self) -> None:
        """A page that shows another's token hears nothing of it."""
        token = self.page().authenticate()
        stranger = self.page(OTHER)
        stranger.token = token
        stranger.command("listcalls")
        self.world.registered()
        self.assertEqual(stranger.take(), [])

    def test_guessing(self) -> None:
        """After ten wrong tokens a page has a minute of 602, also with a right one that it shows for the first time."""
        known, fresh, guesser = self.page(), self.page(), self.page()
        fresh.token = known.authenticate()
        guesser.token = "0" * 32
        for _ in range(10):
            self.assertEqual(self.code(guesser.command("listcalls")), 602)
        self.assertIn("in a minute", fresh.command("listcalls")["error"]["description"])
        # Where it was shown before it is no guess; and other pages and programs have nothing to do with it.
        self.assertEqual(self.code(known.command("listcalls")), 0)
        for other in (self.page(OTHER), self.connected()):
            other.authenticate()
            self.assertEqual(self.code(other.command("listcalls")), 0)
        self.clock.advance(60.1)
        self.assertEqual(self.code(fresh.command("listcalls")), 0)

    def test_missing(self) -> None:
        """No token at all is no guess."""
        page = self.page()
        for _ in range(20):
            self.assertEqual(self.code(page.command("listcalls")), 602)
        page.authenticate()
        self.assertEqual(self.code(self.page().command("listcalls")), 602)
        self.assertEqual(self.code(page.command("listcalls")), 0)

    def test_program(self) -> None:
        """A program's right token counts, whatever other programs showed."""
        good, bad = self.connected(), self.connected()
        token = good.authenticate()
        bad.token = "f" * 32
        for _ in range(30):
            bad.command("listcalls")
        late = self.connected()
        late.token = token
        self.assertEqual(self.code(late.command("listcalls")), 0)


class ScopeTests(KeeperCase):
    ACTIONS = (
        ("sipregister", Scope.ACCOUNT),
        ("sipunregister", Scope.ACCOUNT),
        ("startcall", Scope.CALL),
        ("acceptcall", Scope.CALL),
        ("finalizecall", Scope.CALL),
        ("transfercall", Scope.CALL),
        ("sethold", Scope.CALL),
        ("senddtmf", Scope.DTMF),
        ("showui", Scope.UI),
        ("listcalls", Scope.EVENTS),
        ("listaccounts", Scope.EVENTS),
        ("subscribe", Scope.EVENTS),
        ("getversion", None),
        ("help", None),
    )

    def test_each(self) -> None:
        """Every command belongs to a scope; without it the answer is 602 before the arguments are looked at."""
        for action, needed in self.ACTIONS:
            for scope in Scope:
                self.known.allowed = frozenset({scope})
                client = self.authenticated()
                code = self.code(client.command(action))
                self.assertEqual(code == 602, needed not in (None, scope), (action, scope, code))
                client.drop()

    def test_events(self) -> None:
        """Events are for applications that may have them."""
        self.known.allowed = frozenset(Scope) - {Scope.EVENTS}
        without = self.authenticated()
        self.known.allowed = frozenset({Scope.EVENTS})
        with_them = self.authenticated()
        self.world.registered()
        self.assertEqual((len(without.take()), len(with_them.take())), (0, 2))

    def test_logout(self) -> None:
        """Everybody may leave."""
        self.known.allowed = frozenset()
        self.assertEqual(self.code(self.authenticated().command("logout")), 0)


class TollTests(KeeperCase):
    def test_at_once(self) -> None:
        """The fourth call at once is refused; whatever place it comes from, it is one application."""
        self.world.registered()
        first, second = self.authenticated(), self.authenticated()
        calls = [client.command("startcall", number="32") for client in (first, second, first)]
        self.assertEqual([self.code(call) for call in calls], [0, 0, 0])
        self.assertEqual(self.code(second.command("startcall", number="32")), 602)
        first.command("finalizecall", callid=calls[0]["data"]["callId"])
        self.world.signalling.calls[0].listener.ended(Cause())
        self.world.turn()
        second.take()
        self.assertEqual(self.code(second.command("startcall", number="32")), 0)

    def test_rules_are_no_calls(self) -> None:
        """Saying where calls to come shall go costs nothing."""
        client = self.authenticated()
        answers = [client.command("setforward", when="busy", to="32") for _ in range(20)]
        self.assertEqual({self.code(answer) for answer in answers}, {0})

    def test_nothing_registered(self) -> None:
        """A call that no account could have placed costs nothing."""
        client = self.authenticated()
        self.assertEqual({self.code(client.command("startcall", number="32")) for _ in range(20)}, {601})
        self.world.registered()
        client.take()
        self.assertEqual(self.code(client.command("startcall", number="32")), 0)

    def test_twice(self) -> None:
        """A requestId that comes again is one call, and is charged once."""
        self.world.registered()
        client = self.authenticated()
        answers = [client.command("startcall", number="32", requestId="r") for _ in range(15)]
        self.assertEqual(len({answer["data"]["callId"] for answer in answers}), 1)
        self.world.turn()
        client.take()
        self.assertEqual([self.code(client.command("startcall", number="3")) for _ in range(3)], [0, 0, 602])


class AuditTests(KeeperCase):
    def test_lines(self) -> None:
        """One line a command: who, from where, what, with which outcome, and which call."""
        self.world.registered()
        page = self.page()
        page.command("authenticate", user="crm", password="wrong")
        page.authenticate()
        page.command("StartCall", number="32")
        self.world.turn()
        page.take()
        page.command("transferecall", callid=999, to="33")
        page.command("nonsense")
        self.connected().command("listcalls")
        common = {"ts": "2024-05-01T12:00:00.000Z", "origin": CRM, "application": "crm"}
        self.assertEqual(
            self.lines(),
            [
                common | {"action": "authenticate", "outcome": 600},
                common | {"action": "authenticate", "outcome": 0},
                common | {"action": "startcall", "outcome": 0, "callId": 43},
                common | {"action": "transfercall", "outcome": 102, "callId": 999},
                common | {"action": None, "outcome": 102},
                common | {"application": None, "origin": None, "action": "listcalls", "outcome": 602},
            ],
        )

    def test_no_secrets(self) -> None:
        """Nothing that a client wrote stands in it: no token, password, number, or unknown name."""
        self.world.registered()
        client = self.authenticated()
        client.command("startcall", number="0900123456")
        client.command("sipregister", domain="sip.acme.com", number="31", password="hush-hush")
        client.command("hush-action", password="hush-hush")
        client.command("authenticate", user="hush-user", password="hush-hush")
        text = self.log.getvalue()
        self.assertEqual(text.count("\n"), 5)
        for secret in ("hush", "0900", "secret", str(client.token), "acme"):
            self.assertNotIn(secret, text)

    def test_disk_full(self) -> None:
        """A disk that is full stops no call, and is said once."""

        class Full:
            def write(self, data: str) -> None:
                raise OSError(28, "No space left on device")

        audit = Audit(Full())
        for _ in range(3):
            audit.command("crm", None, "startcall", 0, 43)

    def test_off(self) -> None:
        """It can be switched off."""
        Audit(None).command("crm", None, "startcall", 0, 43)


class SessionTests(SynchronousTestCase):
    """What the defaults are for sessions that nobody authenticated for, such as neonctl's."""

    def test_defaults(self) -> None:
        """They may do everything, and belong to no page."""
        sessions = Sessions(Clock(), 60)
        self.addCleanup(sessions.stop)
        _, session = sessions.open("neonctl")
        self.assertEqual((session.origin, session.scopes), (None, frozenset(Scope)))
        sessions.close_application("other")
        self.assertTrue(session.alive)
        sessions.close_application("neonctl")
        self.assertFalse(session.alive)
