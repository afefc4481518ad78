"""The feed as its clients see it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from twisted.internet.defer import Deferred

from neon.api.feed import wire
from neon.api.feed.members import Member
from neon.switchboard import CallPicture, Ended, ExtensionPicture, Phase
from neon.values import Direction
from tests.api.feed.feeds import ABSENT, ANA, BUSY, SECRET, TALKING, FeedCase, FeedClient

GOLDEN = Path(__file__).resolve().parents[2] / "data" / "feed"


class GoldenTests(FeedCase):
    def follow(self, name: str, client: FeedClient, *happens: ExtensionPicture) -> None:
        """Hold the conversation of a file; the pictures come after the client has logged in."""
        arrived: list[str] = []
        waiting = list(happens)
        for line in (GOLDEN / name).read_text("utf-8").splitlines():
            if line.startswith("> "):
                client.send(line[2:])
                continue
            arrived += client.lines()
            if not arrived and waiting:
                for picture in waiting:
                    self.board.put(picture)
                waiting = []
                arrived += client.lines()
            self.assertTrue(arrived, f"nothing came where the file has {line}")
            self.assertEqual(re.sub(r'"token":"[0-9a-f]{32}"', '"token":"TOKEN"', arrived.pop(0)), line[2:])
        self.assertEqual(arrived + client.lines(), [])

    def test_agent(self) -> None:
        """An agent's morning, byte for byte."""
        idle = replace(BUSY, calls=(), ended=(Ended(55, 17),))
        incoming = CallPicture(56, Direction.INCOMING, "600", "101", phase=Phase.RINGING)
        self.follow(
            "agent.txt",
            self.connect("/agent"),
            replace(BUSY, calls=(replace(TALKING, hold=True),)),
            BUSY,
            replace(BUSY, calls=(replace(TALKING, recorded=True),)),
            BUSY,
            idle,
            replace(idle, calls=(incoming,)),
            replace(idle, calls=(replace(incoming, phase=Phase.UP),)),
        )

    def test_supervisor(self) -> None:
        """A supervisor sees every extension."""
        self.follow("supervisor.txt", self.connect("/ws"), replace(ABSENT, registered=True))


class LoginTests(FeedCase):
    def test_other_paths(self) -> None:
        """There is nothing at any other path."""
        self.assertFalse(self.connect("/").protocol.opened)

    def test_nothing_before_login(self) -> None:
        """Whoever has not logged in hears of nothing and can do nothing."""
        client = self.connect("/ws")
        client.heard()
        client.say(type="action", action="hangup", call=[55])
        self.board.put(replace(ABSENT, registered=True))
        self.assertEqual((client.heard(), self.actions.done), ([], []))

    def test_agents_are_no_supervisors(self) -> None:
        """A name is good at one path only."""
        client = self.connect("/ws")
        self.assertEqual(client.log_in("ana")[-1]["auth"], "forbidden")

    def test_guessing(self) -> None:
        """After five wrong passwords even the right one has to wait; other peers need not."""
        client = self.connect()
        for _ in range(5):
            client.log_in("ana", "guess")
        self.assertEqual(client.log_in("ana")[-1]["auth"], "forbidden")
        other = self.connect(host="127.0.0.9")
        self.assertEqual(other.log_in("ana")[-1]["type"], "init")
        self.reactor.advance(61)
        self.assertNotEqual(self.connect().log_in("ana")[-1].get("auth"), "forbidden")

    def test_many_screens(self) -> None:
        """Somebody whose ten screens log in at the same moment is let in on all of them."""
        running: list[tuple[Deferred[bool], bool]] = []

        def later(function: Callable[..., bool], *args: object) -> Deferred[bool]:
            running.append((Deferred(), function(*args)))
            return running[-1][0]

        self.members._in_thread = later
        clients = [self.connect() for _ in range(10)]
        for client in clients:
            client.log_in("ana")
        while running:
            waiting, right = running.pop()
            waiting.callback(right)
        for client in clients:
            self.assertEqual(client.heard()[-1]["type"], "init")
        self.assertEqual(self.members._locks, {})

    def test_long_login(self) -> None:
        """A kilobyte is enough for a name and a password."""
        client = self.connect()
        client.say(type="auth-plain", user="ana", passwd="x" * 2000)
        self.assertEqual(client.protocol.closing, (4008, "log in first"))

    def test_idle_stranger(self) -> None:
        """Whoever does not log in within half a minute goes."""
        client = self.connect()
        self.reactor.advance(31)
        client.pump.flush()
        self.assertEqual(client.protocol.closing, (4008, "nobody has logged in"))

    def test_strangers_are_few(self) -> None:
        """One peer cannot take all the room with connections that say nothing."""
        clients = [self.connect() for _ in range(20)]
        self.assertEqual(sum(client.protocol.opened for client in clients), 16)
        self.assertTrue(self.connect(host="127.0.0.9").protocol.opened)

    def test_garbage(self) -> None:
        """What is no auth-plain is not read, and not for ever."""
        client = self.connect()
        for _ in range(17):
            client.send("{nope")
        self.assertEqual(client.protocol.closing, (4008, "log in first"))

    def test_password_changed(self) -> None:
        """Whoever is in with a password that was changed has to log in again."""
        client = self.connect()
        client.log_in("ana")
        self.members.put(Member("ana", "102", acts=True), SECRET)
        client.pump.flush()
        self.assertEqual((client.protocol.closing or (0,))[0], 4001)
        self.assertEqual(self.actions.gone, 1)


class SupervisorTests(FeedCase):
    def test_large_floor(self) -> None:
        """The state of ten thousand extensions is one message."""
        for number in range(10_000):
            self.board.put(ExtensionPicture(f"{20_000 + number}", "sip:x@acme.com", registered=True))
        client = self.connect("/ws")
        self.assertEqual(len(client.log_in("luz")[-1]["data"]), 10_002)
        self.assertIsNone(client.protocol.closing)


class AgentTests(FeedCase):
    def test_only_own_extension(self) -> None:
        """An agent sees their own extension, in the beginning and later."""
        client = self.connect()
        self.assertEqual([item["Extension"] for item in client.log_in("ana")[-1]["data"]], ["101"])
        self.board.put(replace(ABSENT, registered=True))
        self.assertEqual(client.heard(), [])

    def test_absent_extension(self) -> None:
        """An agent whose extension is not there yet sees it when it comes."""
        self.members.put(replace(ANA, extension="103"), SECRET)
        client = self.connect()
        self.assertEqual(client.log_in("ana")[-1]["data"], [])
        self.board.put(ExtensionPicture("103", "sip:103@acme.com", registered=True))
        self.assertEqual([message["action"] for message in client.heard()], ["extension-status"])

    def test_tolerances(self) -> None:
        """Names in any case, a scalar for a list, a list for a scalar, numbers as text."""
        client = self.connect()
        client.log_in("ana")
        client.say(Type="Action", ACTION="HangUp", Call="55")
        client.say(type="action", action="blindtransfer", call=[55], phone=600)
        client.say(type="action", action="call", phone=["600"])
        self.assertEqual([message["result"] for message in client.heard()], ["ok"] * 3)
        self.assertEqual(
            [action for _, action in self.actions.done],
            [wire.HangUp((55,)), wire.BlindTransfer(55, "600"), wire.Dial("600", ("", ""))],
        )

    def test_bad_actions(self) -> None:
        """What cannot be done is refused with a code, and nothing is done."""
        client = self.connect()
        client.log_in("ana")
        wrong = (
            {"action": "hangup"},
            {"action": "hangup", "call": []},
            {"action": "hangup", "call": [0]},
            {"action": "hangup", "call": [{"a": 1}]},
            {"action": "hangup", "call": list(range(1, 100))},
            {"action": "hangup", "call": [99]},
            {"action": "call"},
            {"action": "call", "phone": " "},
            {"action": "call", "phone": "600", "customfield1": "a\nb"},
            {"action": "call", "phone": "600", "customfield2": "x" * 256},
            {"action": "blindtransfer", "call": [1, 2], "phone": "600"},
            {"action": True},
        )
        for message in wrong:
            client.say(type="action", **message)
        refused = client.heard()
        self.assertEqual([(one["result"], one["error"]["code"]) for one in refused], [("error", 102)] * len(wrong))
        self.assertEqual(self.actions.done, [])

    def test_garbage(self) -> None:
        """What is no JSON is answered, and the connection stays."""
        client = self.connect()
        client.log_in("ana")
        client.send("{nope")
        self.assertEqual(client.heard()[0]["error"]["code"], 100)
        client.say(type="action", action="hangup", call=[55])
        self.assertEqual(client.heard()[0]["result"], "ok")

    def test_flood(self) -> None:
        """Whoever never stops talking is closed."""
        client = self.connect()
        client.log_in("ana")
        while client.protocol.closing is None:
            client.say(type="hello")
        self.assertEqual(client.protocol.closing[0], 4008)

    def test_end(self) -> None:
        """When NEON stops everybody is told, and that is waited for."""
        client = self.connect()
        client.log_in("ana")
        done = self.feed.close()
        self.assertNoResult(done)
        client.pump.flush()
        self.successResultOf(done)
        self.assertEqual(client.protocol.closing, (1000, "NEON is stopping"))
