"""What becomes of a call that comes in, and the machine's part in it: decisions, reminders, missed calls."""

from __future__ import annotations

from automat import NoTransition
from twisted.trial.unittest import SynchronousTestCase

from neon.details import ANSWERED_ELSEWHERE, NO_DETAILS, NO_RULES, CallDetails, Diversion, IncomingRules, Why
from neon.events import CallAccepted, CallFinalized, CallMissed, CallStarted
from neon.model.actions import (
    AcceptCall,
    Announce,
    Beep,
    CallAction,
    Deflect,
    EndReplaced,
    RejectCall,
    Remind,
    Reminder,
    SendRinging,
    StartMedia,
    StopMedia,
)
from neon.model.call import Call
from neon.model.facts import CallFacts
from neon.model.incoming import PLAIN_RING, Decision, Divert, Refuse, Ring, Situation, decide
from neon.values import Cause, Codec, Direction, MediaAgreement

US = "sip:31@sip.acme.com"
THEM = "sip:32@sip.acme.com"
AGREED = MediaAgreement(("192.0.2.7", 4002), Codec.PCMA, 8, 8)
GONE = Cause(487, "Request Terminated")


NOW = Situation()


def decided(rules: IncomingRules = NO_RULES, details: CallDetails = NO_DETAILS, now: Situation = NOW) -> Decision:
    return decide(THEM, US, details, rules, now)


class DecideTests(SynchronousTestCase):
    def test_nothing_set(self) -> None:
        """It rings."""
        self.assertEqual(decided(), Ring())

    def test_waiting(self) -> None:
        """A second call rings as a waiting one."""
        self.assertEqual(decided(now=Situation(live=1)), Ring(waiting=True))

    def test_no_call_waiting(self) -> None:
        """Without call waiting a second call is busy."""
        self.assertEqual(decided(now=Situation(live=1, call_waiting=False)), Refuse(486, Why.BUSY))

    def test_no_room(self) -> None:
        """As many calls as there may be: busy, or sent to where busy calls go."""
        full = Situation(live=4)
        self.assertEqual(decided(now=full), Refuse(486, Why.BUSY))
        self.assertEqual(decided(IncomingRules(forward_busy="33"), now=full), Divert("33", "user-busy"))

    def test_dnd(self) -> None:
        """DND refuses with its own status, also when busy calls would go elsewhere."""
        rules = IncomingRules(dnd=True, forward_busy="33", forward_no_answer="34", auto_answer=("32",))
        self.assertEqual(decided(rules), Refuse(480, Why.DND))
        self.assertEqual(decided(rules, now=Situation(dnd_status=486)), Refuse(486, Why.DND))

    def test_always(self) -> None:
        """What is always forwarded does not ring, so DND does not matter."""
        self.assertEqual(decided(IncomingRules(True, "33")), Divert("33", "unconditional"))

    def test_no_answer(self) -> None:
        """It rings for so many seconds."""
        rules = IncomingRules(forward_no_answer="33", seconds=15)
        self.assertEqual(decided(rules), Ring(forward_to="33", forward_after=15))

    def test_diverted_often(self) -> None:
        """The sixth forwarding does not happen."""
        rules = IncomingRules(forward_always="33", forward_busy="33", forward_no_answer="33")
        four = CallDetails(diversions=(Diversion("sip:40@sip.acme.com", count=3), Diversion("sip:41@sip.acme.com")))
        self.assertIsInstance(decided(rules, four), Divert)
        five = CallDetails(diversions=(*four.diversions, Diversion("sip:42@sip.acme.com")))
        self.assertEqual(decided(rules, five), Ring())
        self.assertEqual(decided(rules, five, Situation(live=4)), Refuse(486, Why.BUSY))

    def test_loops(self) -> None:
        """Nobody is sent back to where the call was, nor to where it is."""
        was = CallDetails(diversions=(Diversion("sip:33@SIP.acme.com:5070"),))
        self.assertEqual(decided(IncomingRules(forward_always="33"), was), Ring())
        self.assertEqual(decided(IncomingRules(forward_always="sip:33@sip.acme.com"), was), Ring())
        here = CallDetails(diversions=(Diversion(US),))
        self.assertEqual(decided(IncomingRules(forward_always="34"), here), Ring())
        self.assertEqual(decided(IncomingRules(forward_always="31")), Ring())

    def test_auto_answer(self) -> None:
        """Only for a caller on the list who asks for it, by a way that is trusted, while nobody talks here."""
        asks = CallDetails(answer_after=0)
        listed = IncomingRules(auto_answer=("40", "32@sip.acme.com"))
        self.assertEqual(decided(listed, asks), Ring(answer_after=0))
        for rules, details, now in (
            (IncomingRules(), asks, Situation()),
            (IncomingRules(auto_answer=("3", "32@other.example.org")), asks, Situation()),
            (listed, CallDetails(), Situation()),
            (listed, CallDetails(answer_after=0, asserted="sip:666@sip.acme.com"), Situation()),
            (listed, asks, Situation(trusted=False)),
            (listed, asks, Situation(live=1)),
        ):
            decision = decided(rules, details, now)
            assert isinstance(decision, Ring)
            self.assertIsNone(decision.answer_after, (rules, details, now))

    def test_patience_of_the_caller(self) -> None:
        """Nobody makes us answer an hour from now."""
        decision = decided(IncomingRules(auto_answer=("32",)), CallDetails(answer_after=3600))
        self.assertEqual(decision, Ring(answer_after=60))


class MachineTests(SynchronousTestCase):
    def begin(self, ring: Ring = PLAIN_RING, details: CallDetails = NO_DETAILS) -> list[CallAction]:
        self.call = Call(CallFacts(43, 1, Direction.INCOMING, THEM, US, None, details=details, ring=ring))
        self.inputs = self.call.inputs
        self.inputs.begin(100.0)
        started, *actions = self.call.take_actions()
        self.assertEqual(started, Announce(CallStarted(43, 1, Direction.INCOMING, THEM, US, None, details)))
        return actions

    who = (43, 1, Direction.INCOMING, THEM, US, None)

    def assert_taken(self, *actions: CallAction) -> None:
        self.assertEqual(self.call.take_actions(), list(actions))

    def missed(self, cause: Cause, why: Why, to: str | None = None) -> Announce:
        return Announce(CallMissed(*self.who, cause, why, to))

    def finalized(self, cause: Cause) -> Announce:
        return Announce(CallFinalized(*self.who, 0, cause))

    def test_waiting(self) -> None:
        """The caller of a waiting call is told that it waits."""
        self.assertEqual(self.begin(Ring(waiting=True)), [SendRinging(waiting=True)])

    def test_forwarded(self) -> None:
        """Nobody answers in time: sent on, and that is a missed call."""
        ring = Ring(forward_to="sip:33@sip.acme.com", forward_after=15)
        self.assertEqual(self.begin(ring), [SendRinging(), Remind(Reminder.UNANSWERED, 15)])
        self.inputs.unanswered(115.0)
        self.assert_taken(StopMedia(), Deflect("sip:33@sip.acme.com", "no-answer"))
        moved = Cause(302, "Moved Temporarily")
        self.inputs.ended(115.1, moved)
        self.assert_taken(self.missed(moved, Why.FORWARDED, "sip:33@sip.acme.com"), self.finalized(moved))

    def test_forwarding_comes_late(self) -> None:
        """A call that was answered is not sent on."""
        self.begin(Ring(forward_to="sip:33@sip.acme.com", forward_after=15))
        self.inputs.accept(114.0)
        self.call.take_actions()
        self.inputs.unanswered(115.0)
        self.assert_taken()

    def test_rejected(self) -> None:
        """The user's own status; nobody missed anything."""
        self.begin()
        self.inputs.reject(101.0, 603, "no")
        self.assert_taken(StopMedia(), RejectCall(603))
        self.inputs.ended(101.1, Cause(603, "Decline"))
        self.assert_taken(self.finalized(Cause(603, "no")))
        self.assertRaises(NoTransition, self.inputs.reject, 102.0, 603, "no")

    def test_rejecting_too_late(self) -> None:
        """Only what rings can be rejected."""
        self.begin()
        self.inputs.accept(101.0)
        self.assertRaises(NoTransition, self.inputs.reject, 102.0, 603, "no")

    def test_missed(self) -> None:
        """The caller gave up."""
        self.begin()
        self.inputs.ended(101.0, GONE)
        self.assert_taken(StopMedia(), self.missed(GONE, Why.UNANSWERED), self.finalized(GONE))

    def test_answered_elsewhere(self) -> None:
        """Another phone took it: nobody missed it."""
        self.begin()
        elsewhere = Cause(487, ANSWERED_ELSEWHERE)
        self.inputs.ended(101.0, elsewhere)
        self.assert_taken(StopMedia(), self.finalized(elsewhere))

    def test_answered_at_once(self) -> None:
        """An answer of its own comes without ringing, and with a beep once there is audio."""
        self.assertEqual(self.begin(Ring(answer_after=0)), [AcceptCall()])
        self.inputs.answered(100.1, AGREED)
        self.assert_taken(StartMedia(AGREED), Announce(CallAccepted(*self.who)), Beep())

    def test_answered_later(self) -> None:
        """It rings until the time that the caller wished for; whoever answers before hears no beep."""
        self.assertEqual(self.begin(Ring(answer_after=3)), [SendRinging(), Remind(Reminder.ANSWER, 3)])
        self.inputs.accept(102.0)
        self.assert_taken(AcceptCall())
        self.inputs.answer_due(103.0)
        self.assert_taken()
        self.inputs.answered(103.1, AGREED)
        self.assert_taken(StartMedia(AGREED), Announce(CallAccepted(*self.who)))

    def test_takes_a_place(self) -> None:
        """A call that replaces another one is answered at once; the other one ends when this one is up."""
        self.assertEqual(self.begin(details=CallDetails(replaces=42)), [AcceptCall()])
        self.inputs.answered(100.1, AGREED)
        self.assert_taken(StartMedia(AGREED), Announce(CallAccepted(*self.who)), EndReplaced(42))
