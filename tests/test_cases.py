"""What is told of calls and accounts afterwards."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from neon import cases
from neon.cases import Cases
from neon.events import CallFinalized
from neon.explain import diagnose
from neon.ladder import Ladder
from neon.leftovers import INTERRUPTED
from neon.values import AccountSettings, Cause, Direction
from tests.fakes import ACCOUNT, AGREEMENT, FakeCall, FakeWorld
from tests.test_ladder import PEER, message


class CaseCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.world = FakeWorld()
        self.ladder = Ladder()
        self.cases = Cases(self.world.bus, self.ladder, self.world.phone.accounts, self.world.phone.account)
        self.world.phone.on_dialog = lambda call_id, dialog: self.cases.dialog(call_id, dialog.call_id)

    def call(self, call_id: int) -> dict[str, Any]:
        self.world.turn()
        told = self.cases.call(call_id)
        assert told is not None
        return told

    def account(self, connection_id: int) -> dict[str, Any]:
        self.world.turn()
        told = self.cases.account(connection_id)
        assert told is not None
        return told


class CallTests(CaseCase):
    def setUp(self) -> None:
        super().setUp()
        self.world.registered()

    def test_answered(self) -> None:
        """Who, when, how long, and no cause for a call that went well."""
        number = self.world.phone.start_call("32")
        self.world.turn()
        self.assertEqual(self.cases.last_call, number)
        self.world.clock.advance(2)
        self.world.signalling.calls[0].listener.answered(AGREEMENT)
        self.world.turn()
        self.world.clock.advance(3)
        self.assertIsNone(self.call(number)["ended"])
        self.world.signalling.calls[0].listener.ended(Cause())
        told = self.call(number)
        self.assertEqual((told["kind"], told["type"], told["SIPError"]), ("call", "outgoing", 0))
        self.assertEqual((told["from"], told["to"]), ("sip:31@sip.acme.com", "sip:32@sip.acme.com"))
        self.assertEqual(told["started"], "2024-05-01T12:00:00.000Z")
        self.assertEqual(told["answered"], "2024-05-01T12:00:02.000Z")
        self.assertEqual((told["ended"], told["duration"]), ("2024-05-01T12:00:05.000Z", 3000))

    def test_interrupted(self) -> None:
        """A call of before a crash has only its end; it is explained all the same."""
        who = (7, 1, Direction.OUTGOING, "sip:31@sip.acme.com", "sip:32@sip.acme.com", None)
        self.world.clock.advance(60)
        self.world.bus.publish(CallFinalized(*who, 61_000, Cause(0, INTERRUPTED)))
        told = self.call(7)
        self.assertEqual((told["to"], told["duration"], told["ended"]), (who[4], 61_000, "2024-05-01T12:01:00.000Z"))
        self.assertEqual(told["answered"], "2024-05-01T11:59:59.000Z")
        self.assertEqual(diagnose(told), "interrupted")

    def test_messages_of_an_outgoing_call(self) -> None:
        """The SIP messages are found by the Call-ID that the signalling side gave the call."""
        number = self.world.phone.start_call("32")
        sip_call_id = self.world.signalling.calls[0].call_id
        self.ladder.record("->", PEER, message(call_id=sip_call_id))
        self.ladder.record("<-", ("2001:db8::7", 5060), message("SIP/2.0 486 Busy Here", sip_call_id))
        self.world.signalling.calls[0].listener.ended(Cause(486, "Busy Here"))
        told = self.call(number)
        self.assertEqual((told["SIPError"], told["reason"]), (486, "Busy Here"))
        self.assertEqual([step["message"] for step in told["ladder"]], ["INVITE sip:32@sip.acme.com", "486 Busy Here"])
        self.assertEqual([step["sent"] for step in told["ladder"]], [True, False])
        self.assertEqual([step["peer"] for step in told["ladder"]], ["192.0.2.7:5060", "[2001:db8::7]:5060"])

    def test_messages_of_an_incoming_call(self) -> None:
        """Its INVITE was there before it had a callId."""
        call = self.world.signalling.call_in()
        assert isinstance(call, FakeCall)
        self.ladder.record("<-", PEER, message(call_id=call.call_id))
        self.world.turn()
        number = self.cases.last_call
        assert number is not None
        self.assertEqual(len(self.call(number)["ladder"]), 1)

    def test_transfer(self) -> None:
        """A transfer that failed is told with its status; one that was done takes its place."""
        number = self.world.phone.start_call("32")
        call = self.world.signalling.calls[0]
        call.listener.answered(AGREEMENT)
        self.assertIsNone(self.call(number)["transfer"])
        for _ in range(2):
            self.world.phone.control.transfer(number, "33")
            call.listener.hold_answered(AGREEMENT)
            call.listener.transfer_failed(Cause(603, "Decline"))
            call.listener.hold_answered(AGREEMENT)
        self.assertEqual(self.call(number)["transfer"], {"outcome": "failed", "SIPError": 603, "reason": "Decline"})
        self.world.phone.control.transfer(number, "33")
        call.listener.hold_answered(AGREEMENT)
        call.listener.transferred()
        self.assertEqual(self.call(number)["transfer"]["outcome"], "done")

    def test_unknown(self) -> None:
        """A call that never was."""
        self.assertIsNone(self.cases.call(4711))

    def test_bound(self) -> None:
        """The oldest calls are forgotten."""
        numbers = []
        for _ in range(cases.MAX_CALLS + 10):
            numbers.append(self.world.phone.start_call("32"))
            self.world.signalling.calls[-1].listener.ended(Cause(486))
            self.world.turn()
        self.assertIsNone(self.cases.call(numbers[9]))
        self.assertIsNotNone(self.cases.call(numbers[10]))
        self.assertLessEqual(len(self.cases._sip), 2 * cases.MAX_CALLS)


class AccountTests(CaseCase):
    def test_outcomes(self) -> None:
        """Registering, registered, refused with its cause."""
        number = self.world.phone.register(ACCOUNT)
        self.assertEqual(self.account(number)["outcome"], "registering")
        self.world.signalling.answer_registration(number)
        self.assertEqual(self.account(number)["outcome"], "registered")
        self.world.signalling.registrations[number].listener.refused(Cause(403, "Forbidden"))
        told = self.account(number)
        self.assertEqual((told["outcome"], told["SIPError"], told["reason"]), ("refused", 403, "Forbidden"))

    def test_registered_anew(self) -> None:
        """A new attempt makes an old failure history."""
        number = self.world.phone.register(ACCOUNT)
        self.world.signalling.registrations[number].listener.refused(Cause(403, "Forbidden"))
        self.account(number)
        self.world.phone.register(ACCOUNT)
        told = self.account(number)
        self.assertEqual((told["outcome"], told["SIPError"]), ("registering", 0))

    def test_gone(self) -> None:
        """An account that was given up is still explained."""
        number = self.world.registered()
        self.world.phone.unregister(number)
        self.world.signalling.end_registration(number)
        self.world.turn()
        self.assertEqual(self.world.phone.accounts(), ())
        self.assertEqual(self.account(number)["outcome"], "unregistered")

    def test_messages(self) -> None:
        """The REGISTERs of that address of record."""
        number = self.world.phone.register(ACCOUNT)
        register = message("REGISTER sip:sip.acme.com SIP/2.0", "r", "1 REGISTER", to="<sip:31@sip.acme.com>;tag=1")
        self.ladder.record("->", PEER, register)
        self.assertEqual(len(self.account(number)["ladder"]), 1)

    def test_found_by_name(self) -> None:
        """By URI, C{user@host} or number; the latest where there are several."""
        self.world.registered()
        other = self.world.registered(AccountSettings("sip.example.org", "31", "secret"))
        for word in ("sip:31@sip.example.org", "31@sip.example.org", "31"):
            self.assertEqual(self.cases.account_named(word), other, word)
        self.assertIsNone(self.cases.account_named("33"))

    def test_unknown(self) -> None:
        """An account that never was."""
        self.assertIsNone(self.cases.account(4711))
