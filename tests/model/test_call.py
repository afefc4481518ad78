"""The call machine: as a conversation, and through every order of its inputs."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TypeAlias

from automat import NoTransition
from twisted.trial.unittest import SynchronousTestCase

from neon.details import ReferPolicy, Referral, Why
from neon.events import (
    CallAccepted,
    CallFinalized,
    CallMissed,
    CallRinging,
    CallStarted,
    CallTransferred,
    Event,
    HoldChanged,
)
from neon.model.actions import (
    AcceptCall,
    Announce,
    CallAction,
    Deflect,
    HangUp,
    PlayDigits,
    RejectCall,
    SendDigits,
    SendHold,
    SendInvite,
    SendRefer,
    SendRinging,
    SilenceMedia,
    StartMedia,
    StopMedia,
)
from neon.model.call import Call, CallInputs
from neon.model.facts import CallFacts
from neon.values import CallState, Cause, Codec, Direction, MediaAgreement, MediaDirection

EARLY = MediaAgreement(("192.0.2.7", 4000), Codec.PCMA, 8, 8)
AGREED = MediaAgreement(("192.0.2.7", 4002), Codec.PCMA, 8, 8)
MOVED = MediaAgreement(("192.0.2.9", 5000), Codec.PCMU, 0, 0)
HOLDING = MediaAgreement(("192.0.2.7", 4002), Codec.PCMA, 8, 8, MediaDirection.SENDONLY)
HELD = MediaAgreement(("192.0.2.7", 4002), Codec.PCMA, 8, 8, MediaDirection.RECVONLY)

US = "sip:31@sip.acme.com"
THEM = "sip:32@sip.acme.com"
BUSY = Cause(486, "Busy Here")
BYE = Cause(0, "")
BROKEN = Cause(500, "internal error")

STARTED_OUT = CallStarted(43, 1, Direction.OUTGOING, US, THEM, None)
ACCEPTED_OUT = CallAccepted(43, 1, Direction.OUTGOING, US, THEM, None)
STARTED_IN = CallStarted(43, 1, Direction.INCOMING, THEM, US, "Ana")
ACCEPTED_IN = CallAccepted(43, 1, Direction.INCOMING, THEM, US, "Ana")


def finalized_out(duration_ms: int, cause: Cause) -> Announce:
    return Announce(CallFinalized(43, 1, Direction.OUTGOING, US, THEM, None, duration_ms, cause))


def finalized_in(duration_ms: int, cause: Cause) -> Announce:
    return Announce(CallFinalized(43, 1, Direction.INCOMING, THEM, US, "Ana", duration_ms, cause))


def missed_in(cause: Cause, why: Why) -> Announce:
    return Announce(CallMissed(43, 1, Direction.INCOMING, THEM, US, "Ana", cause, why))


def rings(status: int) -> Announce:
    return Announce(CallRinging(43, 1, Direction.OUTGOING, US, THEM, None, status))


def outgoing_call(refer_policy: ReferPolicy = ReferPolicy.ALLOW) -> Call:
    return Call(CallFacts(43, 1, Direction.OUTGOING, US, THEM, None, refer_policy=refer_policy))


def incoming_call(reject_status: int = 486) -> Call:
    return Call(CallFacts(43, 1, Direction.INCOMING, THEM, US, "Ana", reject_status=reject_status))


class OutgoingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.call = outgoing_call()
        self.inputs = self.call.inputs
        self.inputs.begin(100.0)
        self.assertEqual(self.call.take_actions(), [Announce(STARTED_OUT), SendInvite()])

    def assert_taken(self, *actions: CallAction) -> None:
        self.assertEqual(self.call.take_actions(), list(actions))

    def test_answered_and_hung_up_by_them(self) -> None:
        """Media run from the answer; the far end's BYE ends the call with status 0 and its duration in ms."""
        self.inputs.ringing(101.0, 180, None)
        self.assert_taken(rings(180))
        self.inputs.answered(102.0, AGREED)
        self.assert_taken(StartMedia(AGREED), Announce(ACCEPTED_OUT))
        self.inputs.ended(163.0004, BYE)
        self.assert_taken(StopMedia(), finalized_out(61_000, BYE))

    def test_hung_up_by_us(self) -> None:
        """Our BYE silences at once; the duration counts to the hang-up, not to the answer to the BYE."""
        self.inputs.answered(101.0, AGREED)
        self.call.take_actions()
        self.inputs.hang_up(102.5, "enough")
        self.assert_taken(StopMedia(), HangUp())
        self.inputs.ended(110.0, Cause(408, "Request Timeout"))
        self.assert_taken(finalized_out(1500, Cause(0, "enough")))

    def test_early_media(self) -> None:
        """Media of a 183 run before the answer, and are not started twice when the answer says the same."""
        self.inputs.ringing(101.0, 183, EARLY)
        self.assert_taken(rings(183), StartMedia(EARLY))
        self.inputs.ringing(101.5, 183, EARLY)
        self.assert_taken()
        self.inputs.answered(102.0, EARLY)
        self.assert_taken(Announce(ACCEPTED_OUT))

    def test_media_move(self) -> None:
        """A re-INVITE of the far end moves the media."""
        self.inputs.answered(102.0, AGREED)
        self.call.take_actions()
        self.inputs.media_changed(103.0, MOVED)
        self.assert_taken(StartMedia(MOVED))

    def test_refused(self) -> None:
        """A busy callee: no CallAccepted, no duration, 486."""
        self.inputs.ended(101.0, BUSY)
        self.assert_taken(StopMedia(), finalized_out(0, BUSY))

    def test_cancelled(self) -> None:
        """Given up before the answer: 487, whatever the INVITE ends with."""
        self.inputs.ringing(101.0, 180, None)
        self.call.take_actions()
        self.inputs.hang_up(102.0, "given up")
        self.assert_taken(StopMedia(), HangUp())
        self.inputs.ended(103.0, BUSY)
        self.assert_taken(finalized_out(0, Cause(487, "given up")))

    def test_answer_crosses_cancel(self) -> None:
        """A 200 that crosses our CANCEL is no answer to the user (RFC 3261, section 9.1)."""
        self.inputs.hang_up(102.0, "given up")
        self.call.take_actions()
        self.inputs.answered(102.1, AGREED)
        self.assert_taken()
        self.inputs.ended(103.0, BYE)
        self.assert_taken(finalized_out(0, Cause(487, "given up")))

    def test_hang_up_twice(self) -> None:
        """A second hang-up asks for nothing more; after the end it is refused."""
        self.inputs.hang_up(102.0, "given up")
        self.call.take_actions()
        self.inputs.hang_up(102.1, "really")
        self.assert_taken()
        self.inputs.ended(103.0, BYE)
        self.assert_taken(finalized_out(0, Cause(487, "given up")))
        self.assertRaises(NoTransition, self.inputs.hang_up, 104.0, "really")

    def test_accept(self) -> None:
        """Our own call is not ours to answer."""
        self.assertRaises(NoTransition, self.inputs.accept, 101.0)
        self.inputs.answered(102.0, AGREED)
        self.assertRaises(NoTransition, self.inputs.accept, 103.0)

    def test_broken(self) -> None:
        """What breaks on our side is the cause of the end."""
        self.inputs.answered(102.0, AGREED)
        self.call.take_actions()
        self.inputs.fail(104.0, BROKEN)
        self.assert_taken(StopMedia(), HangUp())
        self.inputs.ended(105.0, BYE)
        self.assert_taken(finalized_out(2000, BROKEN))

    def test_clock_runs_back(self) -> None:
        """No duration is negative."""
        self.inputs.answered(102.0, AGREED)
        self.call.take_actions()
        self.inputs.ended(101.0, BYE)
        self.assert_taken(StopMedia(), finalized_out(0, BYE))

    def test_never_begun(self) -> None:
        """A call that could not even begin is started and finalized all the same, and asks for no INVITE."""
        call = outgoing_call()
        call.inputs.fail(100.0, Cause(503, "no media"))
        self.assertEqual(
            call.take_actions(), [Announce(STARTED_OUT), StopMedia(), finalized_out(0, Cause(503, "no media"))]
        )

    def test_snapshot(self) -> None:
        """A snapshot tells the state in RFC words and when the call was answered."""
        self.assertIs(self.call.snapshot().state, CallState.TRYING)
        self.inputs.ringing(101.0, 180, None)
        self.assertIs(self.call.snapshot().state, CallState.EARLY)
        self.assertIsNone(self.call.snapshot().answered_at)
        self.inputs.answered(102.0, AGREED)
        snapshot = self.call.snapshot()
        self.assertIs(snapshot.state, CallState.CONFIRMED)
        self.assertEqual((snapshot.call_id, snapshot.connection_id, snapshot.answered_at), (43, 1, 102.0))
        self.inputs.hang_up(103.0, "enough")
        self.assertIs(self.call.snapshot().state, CallState.RELEASING)
        self.inputs.ended(104.0, BYE)
        self.assertIs(self.call.snapshot().state, CallState.TERMINATED)


class IncomingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.call = incoming_call()
        self.inputs = self.call.inputs
        self.inputs.begin(100.0)
        self.assertEqual(self.call.take_actions(), [Announce(STARTED_IN), SendRinging()])

    def assert_taken(self, *actions: CallAction) -> None:
        self.assertEqual(self.call.take_actions(), list(actions))

    def test_accepted(self) -> None:
        """Our 200 answers; the ACK confirms, and everybody is told then."""
        self.inputs.accept(101.0)
        self.assert_taken(AcceptCall())
        self.assertIs(self.call.snapshot().state, CallState.EARLY)
        self.inputs.answered(102.0, AGREED)
        self.assert_taken(StartMedia(AGREED), Announce(ACCEPTED_IN))
        self.inputs.ended(104.0, BYE)
        self.assert_taken(StopMedia(), finalized_in(2000, BYE))

    def test_accepted_twice(self) -> None:
        """A second accept does nothing, and the caller can see that it was the second."""
        self.assertFalse(self.call.accepted)
        self.inputs.accept(101.0)
        self.assertTrue(self.call.accepted)
        self.call.take_actions()
        self.inputs.accept(101.1)
        self.inputs.answered(102.0, AGREED)
        self.call.take_actions()
        self.inputs.accept(103.0)
        self.assert_taken()

    def test_rejected(self) -> None:
        """Hanging up a ringing call refuses it, with the status that was configured."""
        call = incoming_call(reject_status=603)
        call.inputs.begin(100.0)
        call.take_actions()
        call.inputs.hang_up(101.0, "not now")
        self.assertEqual(call.take_actions(), [StopMedia(), RejectCall(603)])
        call.inputs.ended(102.0, BYE)
        self.assertEqual(call.take_actions(), [finalized_in(0, Cause(603, "not now"))])

    def test_caller_gives_up(self) -> None:
        """The far end's CANCEL ends the ringing."""
        self.inputs.ended(101.0, Cause(487, "Request Terminated"))
        gone = Cause(487, "Request Terminated")
        self.assert_taken(StopMedia(), missed_in(gone, Why.UNANSWERED), finalized_in(0, gone))
        self.assertRaises(NoTransition, self.inputs.accept, 102.0)

    def test_acknowledgement_never_comes(self) -> None:
        """Without an ACK nobody was answered."""
        self.inputs.accept(101.0)
        self.inputs.ended(133.0, Cause(408, "no ACK"))
        self.assert_taken(AcceptCall(), StopMedia(), finalized_in(0, Cause(408, "no ACK")))

    def test_hung_up_before_the_acknowledgement(self) -> None:
        """After our 200 it takes a BYE, not a refusal; the late ACK announces nothing."""
        self.inputs.accept(101.0)
        self.inputs.hang_up(101.1, "changed my mind")
        self.assert_taken(AcceptCall(), StopMedia(), HangUp())
        self.inputs.answered(101.2, AGREED)
        self.inputs.ended(101.3, BYE)
        self.assert_taken(finalized_in(0, Cause(0, "changed my mind")))

    def test_broken_while_ringing(self) -> None:
        """What breaks while it rings refuses the call, never with a status that SIP does not have."""
        self.inputs.fail(101.0, Cause(0, "out of luck"))
        self.assert_taken(StopMedia(), RejectCall(500))
        other = incoming_call()
        other.inputs.begin(100.0)
        other.take_actions()
        other.inputs.fail(101.0, Cause(503, "no media"))
        self.assertEqual(other.take_actions(), [StopMedia(), RejectCall(503)])


Input: TypeAlias = tuple[str, Callable[[CallInputs, float], None]]

USER: list[Input] = [
    ("accept", lambda call, now: call.accept(now)),
    ("hang_up", lambda call, now: call.hang_up(now, "the user")),
]
CONTROL_USER: list[Input] = [
    ("hold", lambda call, now: call.hold(now, True)),
    ("resume", lambda call, now: call.hold(now, False)),
    ("send_digits", lambda call, now: call.send_digits(now, "1,2")),
    ("transfer", lambda call, now: call.transfer(now, "sip:33@sip.acme.com", None)),
]
REFERRAL: list[Input] = [
    ("referred", lambda call, now: call.referred(now, Referral("sip:33@sip.acme.com"))),
    ("referral_expired", lambda call, now: call.referral_expired(now)),
    ("referral_went", lambda call, now: call.referral_went(now, 200, "OK")),
    ("leave_due", lambda call, now: call.leave_due(now)),
    ("answer_referral", lambda call, now: call.answer_referral(now, True)),
    ("answer_due", lambda call, now: call.answer_due(now)),
]
CONTROL: list[Input] = [
    ("hold_answered", lambda call, now: call.hold_answered(now, HOLDING)),
    ("hold_refused", lambda call, now: call.hold_refused(now, BUSY)),
    ("digit_received", lambda call, now: call.digit_received(now, "5")),
    ("digits_refused", lambda call, now: call.digits_refused(now, "12")),
    ("transferred", lambda call, now: call.transferred(now)),
    ("transfer_failed", lambda call, now: call.transfer_failed(now, BUSY)),
]
OTHERS: list[Input] = [
    ("fail", lambda call, now: call.fail(now, BROKEN)),
    ("ringing", lambda call, now: call.ringing(now, 180, None)),
    ("early", lambda call, now: call.ringing(now, 183, EARLY)),
    ("answered", lambda call, now: call.answered(now, AGREED)),
    ("media_changed", lambda call, now: call.media_changed(now, MOVED)),
    ("ended", lambda call, now: call.ended(now, BUSY)),
]
INPUTS = USER + OTHERS
ALL = INPUTS + CONTROL_USER + CONTROL + REFERRAL
UP = [
    *CONTROL_USER,
    *(one for one in CONTROL if not one[0].startswith("digit")),
    ("remote_hold", lambda call, now: call.media_changed(now, HELD)),
    *(one for one in INPUTS if one[0] in ("hang_up", "fail", "media_changed", "ended")),
]
"""What matters to a call that is up."""

CONTROL_NAMES = frozenset((*(name for name, _ in CONTROL_USER), "answer_referral"))

DOCUMENTED = (CallStarted, CallAccepted, CallTransferred, CallFinalized)

ORDER = [CallState.TRYING, CallState.EARLY, CallState.CONFIRMED, CallState.RELEASING, CallState.TERMINATED]

LENGTH = 5
"""After C{begin}; the longest way through a machine (accept, answered, hang_up, ended) and an input more."""


class EveryOrderTests(SynchronousTestCase):
    """All sequences of inputs, each checked against what the machine promises whatever happens."""

    def test_outgoing(self) -> None:
        """No order of inputs breaks the promises of an outgoing call."""
        for sequence in itertools.product(INPUTS, repeat=LENGTH):
            self.walk(outgoing_call(), sequence, begun=True)

    def test_incoming(self) -> None:
        """No order of inputs breaks the promises of an incoming call."""
        for sequence in itertools.product(INPUTS, repeat=LENGTH):
            self.walk(incoming_call(), sequence, begun=True)

    def test_before_the_beginning(self) -> None:
        """No order of inputs that begins with something else than the beginning breaks them either."""
        for make in (outgoing_call, incoming_call):
            for sequence in itertools.product(ALL, repeat=3):
                self.walk(make(), sequence, begun=False)

    def test_control(self) -> None:
        """Nor does anything that belongs to a call that is up, wherever it comes."""
        for make in (outgoing_call, incoming_call):
            for sequence in itertools.product(ALL, repeat=3):
                self.walk(make(), sequence, begun=True)

    def test_referrals(self) -> None:
        """Nor do the far end's wishes that we call somebody, and what becomes of them."""
        some = [one for one in INPUTS if one[0] in ("hang_up", "ended")]
        up = [one for one in INPUTS if one[0] == "answered"]
        for policy in ReferPolicy:
            for sequence in itertools.product([*REFERRAL, *some], repeat=4):
                self.walk(outgoing_call(policy), (*up, *sequence), begun=True)

    def test_up(self) -> None:
        """Nor do digits, holds and transfers of a call that is up, in any order."""
        up = [one for one in INPUTS if one[0] == "answered"]
        for sequence in itertools.product(UP, repeat=4):
            self.walk(outgoing_call(), (*up, *sequence), begun=True)
        up = [one for one in INPUTS if one[0] in ("accept", "answered")]
        for sequence in itertools.product(UP, repeat=3):
            self.walk(incoming_call(), (*up, *sequence), begun=True)

    def walk(self, call: Call, sequence: tuple[Input, ...], begun: bool) -> None:
        names = []
        actions: list[CallAction] = []
        if begun:
            call.inputs.begin(0.0)
            actions += call.take_actions()
        state = call.snapshot().state
        outgoing = call.snapshot().direction is Direction.OUTGOING
        for now, (name, give) in enumerate(sequence):
            names.append(name)
            try:
                give(call.inputs, float(now))
            except NoTransition:
                # mypy does not know that network inputs are total; this does.
                may_refuse = not begun or state is CallState.TERMINATED
                if name == "accept":
                    may_refuse |= outgoing or state is CallState.RELEASING
                if name in CONTROL_NAMES:
                    may_refuse |= state is not CallState.CONFIRMED
                if not (may_refuse and name in ("accept", "hang_up", *CONTROL_NAMES)):
                    self.fail(f"{name} was refused: {names}")
            taken = call.take_actions()
            if taken and state is CallState.TERMINATED:
                self.fail(f"{taken} after the end: {names}")
            actions += taken
            before, state = state, call.snapshot().state
            if ORDER.index(state) < ORDER.index(before):
                self.fail(f"from {before} back to {state}: {names}")
        broken = self.broken_promise(actions, names, state, outgoing, begun)
        if broken:
            self.fail(f"{broken}: {names} led to {actions}")

    def broken_control(self, actions: list[CallAction], names: list[str], passed_on: bool) -> str | None:
        """What is promised of holds and transfers."""
        asked = [action.on for action in actions if isinstance(action, SendHold)]
        if any(one == other for one, other in itertools.pairwise(asked)) and "hold_refused" not in names:
            return "the same hold was asked for twice"
        if len(asked) > 1 + names.count("hold_answered") + names.count("hold_refused"):
            return "a re-INVITE before the last one was answered"
        told = [a.event for a in actions if isinstance(a, Announce) and isinstance(a.event, HoldChanged)]
        local = False
        for event in told:
            if event.local != local and event.cause.status:
                return "a refused hold changed something"
            local = event.local
        silent = False
        for action in actions:
            if isinstance(action, SendHold) and action.on and not silent:
                return "held without silence"
            silent = action.on if isinstance(action, SilenceMedia) else silent
        if local and not silent:
            return "on hold, and heard all the same"
        if passed_on and not {"transfer", "hold_answered"} <= set(names):
            return "transferred without being asked to, or before it was held"
        refers = [index for index, action in enumerate(actions) if isinstance(action, SendRefer)]
        if refers and not any(isinstance(a, SendHold) and a.on for a in actions[: refers[0]]):
            return "REFER without hold"
        if passed_on and not refers:
            return "transferred without REFER"
        if (PlayDigits in map(type, actions) or SendDigits in map(type, actions)) and not (
            {"send_digits", "digits_refused"} & set(names)
        ):
            return "digits that nobody typed"
        return None

    def broken_promise(
        self, actions: list[CallAction], names: list[str], state: CallState, outgoing: bool, begun: bool
    ) -> str | None:
        events: list[Event] = [action.event for action in actions if isinstance(action, Announce)]
        extensions = [event for event in events if not isinstance(event, DOCUMENTED)]
        events = [event for event in events if isinstance(event, DOCUMENTED)]
        kinds = [type(event) for event in events]
        doings = [type(action) for action in actions]
        ended = "ended" in names or (not begun and "fail" in names)
        passed_on = CallTransferred in kinds
        ordered: list[type[Event]] = [CallStarted]
        ordered += [CallAccepted] * (CallAccepted in kinds)
        ordered += [CallTransferred] * passed_on
        ordered += [CallFinalized] * ended
        if (begun or ended) and kinds != ordered:
            return f"events {[kind.__name__ for kind in kinds]}"
        if ended != (state is CallState.TERMINATED):
            return "ended means terminated"
        if ended and doings[-1] is not Announce:
            return "CallFinalized is the last action"
        trouble = self.broken_control(actions, names, passed_on)
        if trouble:
            return trouble
        heard = sum(isinstance(event, CallRinging) for event in extensions)
        if heard > 1 or (heard and not outgoing):
            return "an outgoing call rings once, an incoming one is said to ring by being there"
        told = [event for event in extensions if not isinstance(event, (CallMissed, CallRinging))]
        if told and CallAccepted not in kinds:
            return "something was told of a call that is not up"
        released = doings.count(HangUp) + doings.count(RejectCall) + doings.count(Deflect)
        if released > 1:
            return "released twice"
        if doings.count(StopMedia) != (1 if ended or released else 0):
            return "media are stopped once"
        after = doings[doings.index(StopMedia) :] if StopMedia in doings else []
        if {StartMedia, SilenceMedia, PlayDigits, SendDigits, SendHold, SendRefer}.intersection(after):
            return "media or requests after their end"
        if doings.count(SendInvite) != (begun and outgoing) or doings.count(SendRinging) != (begun and not outgoing):
            return "one INVITE or one 180"
        if doings.count(AcceptCall) > (not outgoing) or (outgoing and {RejectCall, Deflect}.intersection(doings)):
            return "only incoming calls are accepted, once, and rejected"
        if AcceptCall in doings and {RejectCall, Deflect}.intersection(doings):
            return "accepted and rejected"
        if CallAccepted in kinds and not outgoing and AcceptCall not in doings:
            return "nobody accepted"
        if ended:
            last = events[-1]
            assert isinstance(last, CallFinalized)
            if last.duration_ms and CallAccepted not in kinds:
                return "a duration without an answer"
            if released == 0 and begun and last.cause != BUSY:
                return "the far end ended it, and its cause counts"
        return None
