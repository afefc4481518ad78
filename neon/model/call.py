"""What a call does next: a typed Automat machine for each direction, fed with inputs, answering with actions.

Inputs of the network (C{ringing}, C{answered}, C{media_changed}, C{ended}) and of the shell (C{fail}) are
legal in every state, because UDP delivers late, twice and out of order. Inputs of the user (C{accept},
C{hang_up}, C{hold}...) may be refused with C{automat.NoTransition}. Effects note facts and append actions, nothing
else; time is an argument.

What the machine promises (spec section 2, "Order for one call"): CallStarted first, at most one CallAccepted,
at most one CallTransferred, and exactly one CallFinalized, its last action. The cause of the end is the first one
that explains it:

  - what the far end or the network said, if it ended the call: 486, 603, 408...; 0 for an ordinary BYE;
  - 487 if we gave up an outgoing call before it was answered, which is what its INVITE ends with
    (RFC 3261, section 9.1), also when a 200 crosses the CANCEL: the call then never counts as answered;
  - the status we refused an incoming call with;
  - 0 if we hung up a call that was answered, by either side.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from automat import TypeMachineBuilder

from neon.details import ANSWERED_ELSEWHERE, Why
from neon.events import CallAccepted, CallRinging, MuteChanged, VolumeChanged
from neon.model import control, machine, referral
from neon.model.actions import (
    AcceptCall,
    Announce,
    Beep,
    CallAction,
    Deflect,
    EndReplaced,
    HangUp,
    RejectCall,
    Remind,
    Reminder,
    SendInvite,
    SendRinging,
    SetVolume,
)
from neon.model.control import ControlInputs
from neon.model.facts import CallFacts
from neon.model.referral import ReferralInputs
from neon.values import CallSnapshot, CallState, Cause, Direction, MediaAgreement

CANCELLED = 487
"""Request Terminated (RFC 3261, section 21.4.25)."""


class CallInputs(ControlInputs, ReferralInputs, Protocol):
    """Everything that can happen to a call, with what L{neon.model.control} and L{neon.model.referral} have for one
    that is up.

    C{now} is in seconds of a monotonic clock.
    """

    def begin(self, now: float) -> None:
        """The call has its media ports: send the INVITE, or let it ring here. The first input, given once."""

    def accept(self, now: float) -> None:
        """The user answers. Refused for outgoing calls and after the end; does nothing if done already."""

    def hang_up(self, now: float, reason: str) -> None:
        """The user ends, cancels or refuses. Does nothing while the call is being released, refused after the end."""

    def reject(self, now: float, status: int, reason: str) -> None:
        """The user refuses an incoming call that rings, with this status."""

    def answer_due(self, now: float) -> None:
        """The time has come at which the caller wished to be answered without anybody's doing."""

    def unanswered(self, now: float) -> None:
        """Nobody answered in the time that the user's rules give."""

    def fail(self, now: float, cause: Cause) -> None:
        """Something on our side broke: release the call with this cause."""

    def ringing(self, now: float, status: int, early: MediaAgreement | None) -> None:
        """A provisional response came, perhaps with early media."""

    def answered(self, now: float, agreement: MediaAgreement) -> None:
        """The dialog is confirmed: a 2xx came to our INVITE, or the ACK to our 200."""

    def media_changed(self, now: float, agreement: MediaAgreement) -> None:
        """The far end moved or changed the media."""

    def ended(self, now: float, cause: Cause) -> None:
        """The dialog is gone."""


class Call:
    """One call: its inputs, its facts as a snapshot, and the actions they led to."""

    def __init__(self, facts: CallFacts) -> None:
        self._facts = facts
        self.inputs: CallInputs = (_OUTGOING if facts.direction is Direction.OUTGOING else _INCOMING)(facts)

    @property
    def call_id(self) -> int:
        return self._facts.call_id

    @property
    def accepted(self) -> bool:
        """Whether the user has answered this incoming call, or the far end this outgoing one."""
        return self._facts.accepted

    @property
    def agreement(self) -> MediaAgreement | None:
        """What the media run by, None before there are any."""
        return self._facts.agreement

    @property
    def state(self) -> CallState:
        """How far it is."""
        return self._facts.state

    @property
    def connection_id(self) -> int:
        """Whose account's it is."""
        return self._facts.connection_id

    def take_actions(self) -> list[CallAction]:
        """The actions since the last time, in order."""
        actions, self._facts.actions = self._facts.actions, []
        return actions

    def snapshot(self) -> CallSnapshot:
        """The call as it is now."""
        facts = self._facts
        return CallSnapshot(
            facts.call_id,
            facts.connection_id,
            facts.direction,
            facts.state,
            facts.caller,
            facts.callee,
            facts.display_name,
            facts.answered_at,
            held=facts.hold.agreed,
            held_remotely=facts.hold.remote,
            muted=facts.muted,
            volume=facts.volume,
            conference=facts.conference and facts.state is CallState.CONFIRMED,
            encrypted=facts.agreement is not None and facts.agreement.srtp is not None,
        )

    @property
    def outcome(self) -> Cause | None:
        """Why it ended, or is ending; None while it lives."""
        return self._facts.cause

    @property
    def asked_to_refer(self) -> bool:
        """Whether the far end waits for a yes to its wish that we call somebody else."""
        return self._facts.asked_to_refer

    @property
    def transferring(self) -> bool:
        """Whether a transfer is under way."""
        return self._facts.transfer is not None


# Effects. Their names are what Automat's diagrams show.


def _never_began(call: CallInputs, facts: CallFacts, now: float, cause: Cause) -> None:
    facts.announce_start()
    facts.terminate(now, cause)


def _dial(call: CallInputs, facts: CallFacts, now: float) -> None:
    facts.announce_start()
    facts.do(SendInvite())


def _ring(call: CallInputs, facts: CallFacts, now: float) -> None:
    facts.state = CallState.EARLY
    facts.announce_start()
    if facts.details.replaces is not None:
        # Whoever comes in its place is expected; nobody is rung up again (RFC 3891, section 3).
        call.accept(now)
        return
    ring = facts.ring
    if ring.answer_after == 0:
        call.answer_due(now)
        return
    facts.do(SendRinging(ring.waiting))
    if ring.answer_after is not None:
        facts.do(Remind(Reminder.ANSWER, ring.answer_after))
    elif ring.forward_to is not None:
        facts.do(Remind(Reminder.UNANSWERED, ring.forward_after))


def _progress(call: CallInputs, facts: CallFacts, now: float, status: int, early: MediaAgreement | None) -> None:
    if facts.state is not CallState.EARLY:
        # Once: forks and repetitions ring no louder.
        facts.state = CallState.EARLY
        facts.do(Announce(CallRinging(*facts.who, status=status)))
    if early is not None:
        facts.use_media(early)


def _send_answer(call: CallInputs, facts: CallFacts, now: float) -> None:
    facts.accepted = True
    facts.do(AcceptCall())


def _answer_unasked(call: CallInputs, facts: CallFacts, now: float) -> None:
    facts.beeps = True
    _send_answer(call, facts, now)


def _confirm(call: CallInputs, facts: CallFacts, now: float, agreement: MediaAgreement) -> None:
    facts.state = CallState.CONFIRMED
    facts.accepted = True
    facts.answered_at = now
    facts.use_media(agreement)
    facts.do(Announce(CallAccepted(*facts.who, encrypted=agreement.srtp is not None)))
    if facts.beeps:
        facts.do(Beep())
    if facts.muted:
        # Whoever was muted stays so in the call that takes this one's place.
        facts.pursue_silence()
        facts.do(Announce(MuteChanged(*facts.who, muted=True)))
    if facts.volume != 100:
        facts.do(SetVolume(facts.volume), Announce(VolumeChanged(*facts.who, percent=facts.volume)))
    if facts.hold.wanted:
        facts.pursue_hold()
    if facts.direction is Direction.INCOMING and facts.details.replaces is not None:
        facts.do(EndReplaced(facts.details.replaces))
    if facts.note_remote_hold(agreement):
        facts.announce_hold()


def _move_early_media(call: CallInputs, facts: CallFacts, now: float, agreement: MediaAgreement) -> None:
    facts.use_media(agreement)


def _cancel(call: CallInputs, facts: CallFacts, now: float, reason: str) -> None:
    facts.release(now, Cause(CANCELLED, reason), HangUp())


def _refuse(call: CallInputs, facts: CallFacts, now: float, reason: str) -> None:
    facts.release(now, Cause(facts.reject_status, reason), RejectCall(facts.reject_status))


def _reject(call: CallInputs, facts: CallFacts, now: float, status: int, reason: str) -> None:
    facts.release(now, Cause(status, reason), RejectCall(status))


def _forward(call: CallInputs, facts: CallFacts, now: float) -> None:
    assert facts.ring.forward_to is not None
    facts.missed = Why.FORWARDED
    facts.release(now, control.DEFLECTED, Deflect(facts.ring.forward_to, "no-answer"))


def _leave(call: CallInputs, facts: CallFacts, now: float, reason: str) -> None:
    facts.release(now, Cause(0, reason), HangUp())


def _break_off(call: CallInputs, facts: CallFacts, now: float, cause: Cause) -> None:
    facts.release(now, cause, HangUp())


def _refuse_broken(call: CallInputs, facts: CallFacts, now: float, cause: Cause) -> None:
    facts.missed = Why.FAILED
    facts.release(now, cause, RejectCall(cause.status if 400 <= cause.status <= 699 else 500))


def _finish(call: CallInputs, facts: CallFacts, now: float, cause: Cause) -> None:
    facts.terminate(now, cause)


def _miss(call: CallInputs, facts: CallFacts, now: float, cause: Cause) -> None:
    facts.missed = None if cause.reason == ANSWERED_ELSEWHERE else Why.UNANSWERED
    facts.terminate(now, cause)


# Any: Automat's state has four type parameters, and none of them matters here.
def _add_control(confirmed: Any, others: tuple[Any, ...]) -> None:
    """What only a call that is up can do; elsewhere the network is ignored and the user refused."""
    confirmed.upon(CallInputs.send_digits).loop()(control.send_digits)
    confirmed.upon(CallInputs.hold).loop()(control.hold)
    confirmed.upon(CallInputs.mute).loop()(control.mute)
    confirmed.upon(CallInputs.set_volume).loop()(control.set_volume)
    confirmed.upon(CallInputs.confer).loop()(control.confer)
    confirmed.upon(CallInputs.transfer).loop()(control.transfer)
    confirmed.upon(CallInputs.hold_answered).loop()(control.note_hold)
    confirmed.upon(CallInputs.hold_refused).loop()(control.restore_hold)
    confirmed.upon(CallInputs.digit_received).loop()(control.hear_digit)
    confirmed.upon(CallInputs.digits_refused).loop()(control.resend_digits)
    confirmed.upon(CallInputs.transferred).loop()(control.finish_transfer)
    confirmed.upon(CallInputs.transfer_failed).loop()(control.fail_transfer)
    confirmed.upon(CallInputs.referred).loop()(referral.be_referred)
    confirmed.upon(CallInputs.answer_referral).loop()(referral.answer)
    confirmed.upon(CallInputs.referral_expired).loop()(referral.expire)
    confirmed.upon(CallInputs.referral_went).loop()(referral.tell)
    confirmed.upon(CallInputs.leave_due).loop()(referral.leave)
    for state in others:
        state.upon(CallInputs.referred).loop().returns(None)
        state.upon(CallInputs.referral_expired).loop().returns(None)
        state.upon(CallInputs.referral_went).loop().returns(None)
        state.upon(CallInputs.leave_due).loop().returns(None)
        state.upon(CallInputs.hold_answered).loop().returns(None)
        state.upon(CallInputs.hold_refused).loop().returns(None)
        state.upon(CallInputs.digit_received).loop().returns(None)
        state.upon(CallInputs.digits_refused).loop().returns(None)
        state.upon(CallInputs.transferred).loop().returns(None)
        state.upon(CallInputs.transfer_failed).loop().returns(None)


def _build_outgoing() -> Callable[[CallFacts], CallInputs]:
    builder = TypeMachineBuilder(CallInputs, CallFacts)
    new = builder.state("new")
    trying = builder.state("trying")
    early = builder.state("early")
    confirmed = builder.state("confirmed")
    releasing = builder.state("releasing")
    terminated = builder.state("terminated")

    new.upon(CallInputs.begin).to(trying)(_dial)
    for state in (trying, early):
        state.upon(CallInputs.ringing).to(early)(_progress)
        state.upon(CallInputs.answered).to(confirmed)(_confirm)
        state.upon(CallInputs.hang_up).to(releasing)(_cancel)
        state.upon(CallInputs.hold).loop()(control.wish_hold)
        state.upon(CallInputs.fail).to(releasing)(_break_off)
    early.upon(CallInputs.media_changed).loop()(_move_early_media)
    confirmed.upon(CallInputs.media_changed).loop()(control.move_media)
    confirmed.upon(CallInputs.hang_up).to(releasing)(_leave)
    confirmed.upon(CallInputs.fail).to(releasing)(_break_off)
    # A 2xx can cross our CANCEL (RFC 3261, section 9.1); the signalling side answers it with ACK and BYE.
    releasing.upon(CallInputs.hang_up).loop().returns(None)

    for state in (new, confirmed, releasing, terminated):
        state.upon(CallInputs.ringing).loop().returns(None)
        state.upon(CallInputs.answered).loop().returns(None)
    for state in (new, trying, releasing, terminated):
        state.upon(CallInputs.media_changed).loop().returns(None)
    for state in (releasing, terminated):
        state.upon(CallInputs.fail).loop().returns(None)
    new.upon(CallInputs.fail).to(terminated)(_never_began)
    new.upon(CallInputs.ended).to(terminated)(_never_began)
    for state in (trying, early, confirmed, releasing):
        state.upon(CallInputs.ended).to(terminated)(_finish)
    terminated.upon(CallInputs.ended).loop().returns(None)
    for state in (new, trying, early, confirmed, releasing, terminated):
        state.upon(CallInputs.answer_due).loop().returns(None)
        state.upon(CallInputs.unanswered).loop().returns(None)
    _add_control(confirmed, (new, trying, early, releasing, terminated))
    return machine.build(builder)


def _build_incoming() -> Callable[[CallFacts], CallInputs]:
    builder = TypeMachineBuilder(CallInputs, CallFacts)
    new = builder.state("new")
    early = builder.state("early")
    accepting = builder.state("accepting")  # our 200 is out, its ACK not here; outside it still counts as early
    confirmed = builder.state("confirmed")
    releasing = builder.state("releasing")
    terminated = builder.state("terminated")

    new.upon(CallInputs.begin).to(early)(_ring)
    early.upon(CallInputs.accept).to(accepting)(_send_answer)
    early.upon(CallInputs.answer_due).to(accepting)(_answer_unasked)
    early.upon(CallInputs.unanswered).to(releasing)(_forward)
    early.upon(CallInputs.hang_up).to(releasing)(_refuse)
    early.upon(CallInputs.reject).to(releasing)(_reject)
    early.upon(CallInputs.fail).to(releasing)(_refuse_broken)
    accepting.upon(CallInputs.answered).to(confirmed)(_confirm)
    accepting.upon(CallInputs.hold).loop()(control.wish_hold)
    for state in (accepting, confirmed):
        state.upon(CallInputs.accept).loop().returns(None)
        # No BYE before the ACK (RFC 3261, section 15): the signalling side waits for it.
        state.upon(CallInputs.hang_up).to(releasing)(_leave)
        state.upon(CallInputs.fail).to(releasing)(_break_off)
    accepting.upon(CallInputs.media_changed).loop()(_move_early_media)
    confirmed.upon(CallInputs.media_changed).loop()(control.move_media)
    early.upon(CallInputs.transfer).to(releasing)(control.deflect)
    releasing.upon(CallInputs.hang_up).loop().returns(None)

    for state in (new, early, accepting, confirmed, releasing, terminated):
        state.upon(CallInputs.ringing).loop().returns(None)
    for state in (new, early, confirmed, releasing, terminated):
        state.upon(CallInputs.answered).loop().returns(None)
    for state in (new, early, releasing, terminated):
        state.upon(CallInputs.media_changed).loop().returns(None)
    for state in (releasing, terminated):
        state.upon(CallInputs.fail).loop().returns(None)
    new.upon(CallInputs.fail).to(terminated)(_never_began)
    new.upon(CallInputs.ended).to(terminated)(_never_began)
    early.upon(CallInputs.ended).to(terminated)(_miss)
    for state in (accepting, confirmed, releasing):
        state.upon(CallInputs.ended).to(terminated)(_finish)
    for state in (new, accepting, confirmed, releasing, terminated):
        state.upon(CallInputs.answer_due).loop().returns(None)
        state.upon(CallInputs.unanswered).loop().returns(None)
    terminated.upon(CallInputs.ended).loop().returns(None)
    _add_control(confirmed, (new, early, accepting, releasing, terminated))
    return machine.build(builder)


_OUTGOING = _build_outgoing()
_INCOMING = _build_incoming()
