"""The line that ./run prints: what it says, and the conversation behind it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon import trycall
from neon.banner import banner
from neon.ctl import parser

ACCESS: dict[str, Any] = {
    "websocket": "ws://127.0.0.1:15070/",
    "http": None,
    "user": "local",
    "password": "geheim",
    "sip": {"domain": "127.0.0.1:5062", "number": "1000", "password": "pw"},
}

CALL = {"callId": 7, "type": "outgoing", "from": "sip:1000@127.0.0.1", "to": "sip:600@127.0.0.1"}


class BannerTests(SynchronousTestCase):
    def test_line_to_paste(self) -> None:
        """One line of the banner is a command that trycall understands, whatever the folders are called."""
        text = banner(ACCESS, Path("/tmp/a state"), "/opt/my venv/bin/python")
        [line] = [line for line in text.splitlines() if "neon.trycall" in line]
        words = shlex.split(line)
        self.assertEqual(words[:3], ["/opt/my venv/bin/python", "-m", "neon.trycall"])
        options = trycall.arguments(words[3:])
        self.assertEqual((options.state_dir, options.number), (Path("/tmp/a state"), "600"))

    def test_says_where_and_as_whom(self) -> None:
        """The banner has the address, the user and the password; the HTTP API only if there is one."""
        text = banner(ACCESS, Path("/tmp/state"))
        for word in ("ws://127.0.0.1:15070/", "local", "geheim"):
            self.assertIn(word, text)
        self.assertNotIn("HTTP", text)
        self.assertIn("http://127.0.0.1:15060", banner({**ACCESS, "http": "http://127.0.0.1:15060"}, Path("/tmp")))


    def test_operator(self) -> None:
        """Where there is a test operator, two lines are commands that neonctl understands."""
        self.assertNotIn("signup", banner(ACCESS, Path("/tmp/state")))
        text = banner({**ACCESS, "operator": {"name": "testbed"}}, Path("/tmp/a state"), "/opt/my venv/bin/python")
        lines = [line for line in text.splitlines() if "neon.ctl.main" in line]
        for command, verb in zip(lines, ("signup", "balance"), strict=True):
            words = shlex.split(command)
            self.assertEqual(words[:3], ["/opt/my venv/bin/python", "-m", "neon.ctl.main"])
            options = parser.build().parse_args(words[3:])
            self.assertEqual((options.verb, options.state_dir), (verb, Path("/tmp/a state")))


class CallerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.sent: list[dict[str, Any]] = []
        self.said: list[str] = []
        self.caller = trycall.Caller(self.clock.callLater, ACCESS, "600", 5.0, self.sent.append, self.said.append)
        self.caller.opened()

    def answer(self, **data: object) -> None:
        self.caller.received({"id": self.sent[-1]["id"], "success": True, "data": data})

    def refuse(self, code: int) -> None:
        error = {"code": code, "description": "no"}
        self.caller.received({"id": self.sent[-1]["id"], "success": False, "error": error, "data": {}})

    def event(self, name: str, **data: object) -> None:
        self.caller.received({"action": "event", "name": name, "data": data})

    def last(self) -> dict[str, Any]:
        return {key: value for key, value in self.sent[-1].items() if key != "id"}

    def ended(self) -> int:
        status = self.successResultOf(self.caller.finished)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        return status

    def call(self) -> None:
        self.answer(token="t")
        self.answer(callId=7)
        self.event("OnNewCall", **CALL)

    def test_whole_call(self) -> None:
        """authenticate, startcall, the answer, finalizecall after the seconds asked for, the end: status 0."""
        self.assertEqual(self.last(), {"action": "authenticate", "user": "local", "password": "geheim"})
        self.answer(token="t")
        self.assertEqual(self.last(), {"token": "t", "action": "startcall", "number": "600"})
        self.answer(callId=7)
        self.event("OnNewCall", **CALL)
        self.event("OnAcceptCall", **CALL, duration=0, SIPError=0)
        self.clock.advance(4.9)
        self.assertEqual(self.last()["action"], "startcall")
        self.clock.advance(0.2)
        self.assertEqual(self.last(), {"token": "t", "action": "finalizecall", "callid": 7})
        self.answer()
        self.event("OnFinalizedCall", **CALL, duration=5000, SIPError=0)
        self.assertEqual(self.ended(), 0)
        self.assertIn("after 5.0 seconds", self.said[-1])

    def test_busy(self) -> None:
        """A call that fails says why, with status 1."""
        self.call()
        self.event("OnFinalizedCall", **CALL, duration=0, SIPError=486, reason="Busy Here")
        self.assertEqual(self.ended(), 1)
        self.assertIn("486, Busy Here", self.said[-1])

    def test_other_calls_are_none_of_its_business(self) -> None:
        """Events of other calls change nothing."""
        self.call()
        self.event("OnFinalizedCall", **{**CALL, "callId": 8}, duration=0, SIPError=0)
        self.assertNoResult(self.caller.finished)

    def test_registers_when_nobody_is(self) -> None:
        """601 makes it register the account of access.json, once, and dial again."""
        self.answer(token="t")
        self.refuse(601)
        self.assertEqual(self.last(), {"token": "t", "action": "sipregister", **ACCESS["sip"]})
        self.answer(connectionId=3)
        self.event("OnSIPRegister", connectionId=3, SIPError=0)
        self.assertEqual(self.last()["action"], "startcall")
        self.refuse(601)
        self.assertEqual(self.ended(), 1)

    def test_nobody_answers(self) -> None:
        """After half a minute of ringing it gives up."""
        self.call()
        self.clock.advance(trycall.PATIENCE)
        self.assertEqual(self.last()["action"], "finalizecall")
        self.answer()
        self.event("OnFinalizedCall", **CALL, duration=0, SIPError=487)
        self.assertEqual(self.ended(), 1)

    def test_silent_daemon(self) -> None:
        """A daemon that never answers does not hold it for ever."""
        self.clock.advance(trycall.PATIENCE)
        self.assertEqual(self.ended(), 1)

    def test_wrong_password(self) -> None:
        """A refusal is told with its code."""
        self.refuse(600)
        self.assertEqual(self.ended(), 1)
        self.assertIn("600", self.said[-1])

    def test_connection_lost(self) -> None:
        """The end of the connection is the end, told once."""
        self.caller.closed("gone")
        self.caller.closed("gone again")
        self.assertEqual((self.ended(), len(self.said)), (1, 1))
