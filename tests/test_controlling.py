"""The commands that control a call that is up: SendDTMF, SetHold, TransferCall, and what listcalls says of it."""

from __future__ import annotations

import dataclasses

from neon.values import Cause, MediaDirection
from tests.fakes import AGREEMENT, FakeCall
from tests.test_commands import CommandCase

HOLDING = dataclasses.replace(AGREEMENT, direction=MediaDirection.SENDONLY)


class ControlCase(CommandCase):
    def setUp(self) -> None:
        super().setUp()
        self.world.registered()
        self.call_id, self.call = self.connected()

    def connected(self) -> tuple[int, FakeCall]:
        call_id = self.done(action="startcall", number="32")["callId"]
        call = self.world.signalling.calls[-1]
        call.listener.answered(AGREEMENT)
        return call_id, call


class DigitTests(ControlCase):
    def test_digits(self) -> None:
        """Digits as text, numbers and words, under the name of the documents and both of its misprints."""
        stream = self.world.media.streams[self.call_id]
        for name, given, digits in (
            ("dtmf", "12#", "12#"), ("DTMF", 5, "5"), ("tdmf", "hash", "#"), ("dtfm", "star", "*"), ("dtmf", "a", "A"),
        ):  # fmt: skip
            stream.digits = ""
            self.assertEqual(self.done(("callId", str(self.call_id)), (name, given), action="SendDTMF"), {})
            self.world.clock.pump([0.2] * 5)
            self.assertEqual(stream.digits, digits)
        self.assertEqual(len(self.client.warnings), 2)

    def test_malformed(self) -> None:
        """What is no digit is 102, and nothing of it is typed."""
        malformed: tuple[object, ...] = (None, "", ",", "x", "1\r\n", "12E", [], {}, True, 1.5, -1, "1" * 200)
        for dtmf in malformed:
            self.assertEqual(self.code(action="senddtmf", callid=self.call_id, dtmf=dtmf), 102, dtmf)
        self.assertEqual(self.world.media.streams[self.call_id].digits, "")

    def test_states(self) -> None:
        """A call that rings or is over takes no digits: 102."""
        self.incoming()
        for call_id in (self.call_id + 1, 9999):
            self.assertEqual(self.code(action="senddtmf", callid=call_id, dtmf="1"), 102)
        self.call.listener.ended(Cause())
        self.assertEqual(self.code(action="senddtmf", callid=self.call_id, dtmf="1"), 102)


class HoldTests(ControlCase):
    def test_hold(self) -> None:
        """Every spelling of yes and no; asking again asks the far end nothing; listcalls says how it is."""
        for spelled in (True, "true", "yes", 1):
            self.assertEqual(self.done(action="SetHold", callid=self.call_id, hold=spelled), {})
        self.assertEqual(self.call.requests, ["hold"])
        self.assertFalse(self.done(action="listcalls")["calls"][0]["hold"])
        self.call.listener.hold_answered(HOLDING)
        self.assertTrue(self.done(action="listcalls")["calls"][0]["hold"])
        self.done(action="sethold", callid=self.call_id, hold="não")
        self.call.listener.hold_answered(AGREEMENT)
        self.assertEqual(self.call.requests, ["hold", "resume"])
        self.call.listener.media_changed(dataclasses.replace(AGREEMENT, direction=MediaDirection.RECVONLY))
        (listed,) = self.done(action="listcalls")["calls"]
        self.assertEqual((listed["hold"], listed["remoteHold"]), (False, True))

    def test_malformed(self) -> None:
        """What is neither yes nor no, and a call that is not up, are 102."""
        malformed: tuple[object, ...] = (None, "", "maybe", 2, [])
        for hold in malformed:
            self.assertEqual(self.code(action="sethold", callid=self.call_id, hold=hold), 102)
        self.incoming()
        self.assertEqual(self.code(action="sethold", callid=self.call_id + 1, hold=True), 102)
        self.assertEqual(self.call.requests, [])


class TransferTests(ControlCase):
    def test_names(self) -> None:
        """The three names of the command, a number in human spelling; a second transfer meanwhile is 102."""
        for number, action in enumerate(("TransferCall", "transferecall", "TRANSFER")):
            call_id, call = self.connected()
            self.assertEqual(self.done(action=action, callid=call_id, to=f"(33) 5{number}"), {})
            self.assertEqual(self.code(action=action, callid=call_id, to="34"), 102)
            call.listener.hold_answered(HOLDING)
            self.assertEqual(call.requests, ["hold", f"refer sip:335{number}@sip.acme.com"])

    def test_ringing(self) -> None:
        """A call that rings here is sent to the target."""
        call = self.incoming()
        self.done(action="transfercall", callid=self.call_id + 1, to="sip:33@b.example")
        self.assertEqual(call.requests[-1], "deflect sip:33@b.example")

    def test_attended(self) -> None:
        """toCallId joins two calls; who gives it need not say C{to}."""
        other_id, other = self.connected()
        self.done(action="transfercall", callid=self.call_id, tocallid=other_id)
        self.call.listener.hold_answered(HOLDING)
        self.assertEqual(self.call.requests[-1], f"refer sip:32@sip.acme.com replacing {other.call_id}")

    def test_malformed(self) -> None:
        """No target, a bad one, the call itself, an unknown call: 102, and nothing is sent."""
        for arguments in (
            {}, {"to": ""}, {"to": "x y z"}, {"to": "33\r\nX: y"}, {"tocallid": self.call_id}, {"tocallid": 9999},
            {"tocallid": "x"},
        ):  # fmt: skip
            self.assertEqual(self.code(action="transfercall", callid=self.call_id, **arguments), 102, arguments)
        self.assertEqual(self.code(action="transfercall", callid=9999, to="33"), 102)
        self.assertEqual(self.call.requests, [])
