"""The shell around one call: stamps inputs with the time, feeds the machine, carries its actions out.

What fails here fails for one call only: it is logged, and the machine is told, so that the call still ends with
its CallFinalized.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from twisted.logger import Logger

from neon.bus import Bus
from neon.details import Referral
from neon.digits import DIGIT_MS, Dialler
from neon.model.actions import (
    AcceptCall,
    Announce,
    Beep,
    CallAction,
    Deflect,
    EndReplaced,
    FollowReferral,
    HangUp,
    MixMedia,
    NotifyReferral,
    PlayDigits,
    RejectCall,
    Remind,
    Reminder,
    SendDigits,
    SendHold,
    SendInvite,
    SendRefer,
    SendRinging,
    SetVolume,
    SilenceMedia,
    StartMedia,
    StopMedia,
)
from neon.model.call import Call
from neon.ports import CallListener, Clock, MediaStream, SignallingCall, Timer
from neon.values import CallSnapshot, CallState, Cause, Direction, LocalMedia, MediaAgreement

Invite: TypeAlias = Callable[[CallListener, LocalMedia], SignallingCall]


class Neighbours(Protocol):
    """What a call needs of the other ones (L{neon.callcontrol.CallControl})."""

    def dialog(self, call_id: int) -> SignallingCall | None:
        """The signalling side of another call that is up, None if there is none."""

    def replace(self, call_id: int, by: int) -> None:
        """The call C{by} has taken the place of another one."""

    def pressed(self, digit: str) -> None:
        """A digit is being sent."""

    def follow(self, line: CallLine, wish: Referral) -> None:
        """Place the call that the far end of C{line} wishes for; C{line} hears how it goes."""


INTERNAL_ERROR = Cause(500, "internal error")
OTHER_IS_OVER = Cause(481, "the call to transfer to is over")

RELEASE_PATIENCE = 40.0
"""Seconds that a dialog may take to go once we ended it: a transaction's 32 s (RFC 3261, 64*T1), and some more.

Only a signalling side that forgot the call reaches it; the call is finalized all the same.
"""


class CallLine:
    """One call: implements L{neon.ports.CallListener}, and the verbs of the user.

    C{invite} sends the INVITE of an outgoing call; an incoming one brings its C{signalling}. C{finished} is called
    once, after the last action. C{watch} hears how a call goes: 180, 200, and at its end what it ended with.
    """

    _log = Logger()

    def __init__(
        self,
        call: Call,
        stream: MediaStream | None,
        bus: Bus,
        clock: Clock,
        finished: Callable[[CallLine], None],
        *,
        signalling: SignallingCall | None = None,
        invite: Invite | None = None,
        neighbours: Neighbours | None = None,
        watch: Callable[[int, str], None] = lambda status, reason: None,
    ) -> None:
        self._call = call
        self._stream = stream
        self._bus = bus
        self._clock = clock
        self._finished = finished
        self._signalling = signalling
        self._invite = invite
        self._neighbours = neighbours
        self._watch = watch
        self._reminders: dict[Reminder, Timer] = {}
        self._dialler = Dialler(clock, None if neighbours is None else neighbours.pressed)
        self._patience: Timer | None = None
        self._running = False
        self._over = False

    @property
    def call_id(self) -> int:
        return self._call.call_id

    @property
    def accepted(self) -> bool:
        """Whether the call was answered here already."""
        return self._call.accepted

    @property
    def expects_audio(self) -> bool:
        """Whether the far end should be sending now: the call is up and not on hold, by whomever."""
        agreement, call = self._call.agreement, self.snapshot()
        held = call.held or call.held_remotely
        return (
            call.state is CallState.CONFIRMED and not held and agreement is not None and agreement.direction.receives
        )

    @property
    def far_end(self) -> str:
        """The bare SIP URI of whom we talk to."""
        call = self.snapshot()
        return call.callee if call.direction is Direction.OUTGOING else call.caller

    @property
    def asked_to_refer(self) -> bool:
        """Whether the far end waits for a yes to its wish that we call somebody else."""
        return self._call.asked_to_refer

    @property
    def transferring(self) -> bool:
        """Whether a transfer is under way."""
        return self._call.transferring

    @property
    def has_audio(self) -> bool:
        """Whether there are voices in it: not in the own end of a callback."""
        return self._stream is not None and self._stream.has_audio

    @property
    def dialog(self) -> SignallingCall | None:
        """The signalling side, if there is one yet."""
        return self._signalling

    @property
    def connection_id(self) -> int:
        """The account it is with."""
        return self._call.connection_id

    @property
    def occupies(self) -> bool:
        """Whether somebody is busy with it: not once we have hung up, however long its far end takes to agree."""
        return self._call.state is not CallState.RELEASING

    def snapshot(self) -> CallSnapshot:
        return self._call.snapshot()

    # The shell's and the user's inputs

    def begin(self) -> None:
        """Call the far end, or ring."""
        self._call.inputs.begin(self._clock.seconds())
        self._run()

    def accept(self) -> None:
        """Answer.

        @raise NoTransition: this is no incoming call, or it has ended.
        """
        self._call.inputs.accept(self._clock.seconds())
        self._run()

    def hang_up(self, reason: str) -> None:
        """Cancel, refuse or end.

        @raise NoTransition: it has ended.
        """
        self._call.inputs.hang_up(self._clock.seconds(), reason)
        self._run()

    def reject(self, status: int) -> None:
        """Refuse, with this status.

        @raise NoTransition: it does not ring here.
        """
        self._call.inputs.reject(self._clock.seconds(), status, "refused by the user")
        self._run()

    def answer_referral(self, yes: bool) -> None:
        """Say whether the far end's wish is followed.

        @raise NoTransition: the call is not up.
        """
        self._call.inputs.answer_referral(self._clock.seconds(), yes)
        self._run()

    def referral_went(self, status: int, reason: str) -> None:
        """The call that the far end wished for got so far."""
        self._call.inputs.referral_went(self._clock.seconds(), status, reason)
        self._run()

    def send_digits(self, digits: str) -> None:
        """Type digits.

        @raise NoTransition: the call is not up.
        """
        self._call.inputs.send_digits(self._clock.seconds(), digits)
        self._run()

    def hold(self, wanted: bool) -> None:
        """Hold or resume.

        @raise NoTransition: the call is neither up nor one that we make.
        """
        self._call.inputs.hold(self._clock.seconds(), wanted)
        self._run()

    def mute(self, on: bool) -> None:
        """Be heard no more, or again.

        @raise NoTransition: the call is not up.
        """
        self._call.inputs.mute(self._clock.seconds(), on)
        self._run()

    def set_volume(self, percent: int) -> None:
        """Hear the far end louder or softer; raises as L{mute} does."""
        self._call.inputs.set_volume(self._clock.seconds(), percent)
        self._run()

    def confer(self, on: bool) -> None:
        """Be of the conference, or no longer; raises as L{mute} does."""
        self._call.inputs.confer(self._clock.seconds(), on)
        self._run()

    def transfer(self, uri: str, other: int | None) -> None:
        """Pass the far end on.

        @raise NoTransition: the call is neither up nor ringing here.
        """
        self._call.inputs.transfer(self._clock.seconds(), uri, other)
        self._run()

    def fail(self, cause: Cause) -> None:
        """Something on our side broke."""
        self._call.inputs.fail(self._clock.seconds(), cause)
        self._run()

    # What the far end does

    def ringing(self, status: int, early: MediaAgreement | None) -> None:
        self._call.inputs.ringing(self._clock.seconds(), status, early)
        self._run()
        self._watch(status, "")

    def answered(self, agreement: MediaAgreement) -> None:
        self._call.inputs.answered(self._clock.seconds(), agreement)
        self._run()
        if self.snapshot().state is CallState.CONFIRMED:
            self._watch(200, "OK")

    def media_changed(self, agreement: MediaAgreement) -> None:
        self._call.inputs.media_changed(self._clock.seconds(), agreement)
        self._run()

    def hold_answered(self, agreement: MediaAgreement) -> None:
        self._call.inputs.hold_answered(self._clock.seconds(), agreement)
        self._run()

    def hold_refused(self, cause: Cause) -> None:
        self._call.inputs.hold_refused(self._clock.seconds(), cause)
        self._run()

    def digit_received(self, digit: str) -> None:
        self._call.inputs.digit_received(self._clock.seconds(), digit)
        self._run()

    def digits_refused(self, digits: str) -> None:
        self._call.inputs.digits_refused(self._clock.seconds(), digits)
        self._run()

    def transferred(self) -> None:
        self._call.inputs.transferred(self._clock.seconds())
        self._run()

    def transfer_failed(self, cause: Cause) -> None:
        self._call.inputs.transfer_failed(self._clock.seconds(), cause)
        self._run()

    def referred(self, wish: Referral) -> None:
        self._call.inputs.referred(self._clock.seconds(), wish)
        self._run()

    def located(self) -> LocalMedia | None:
        return None if self._stream is None else self._stream.local

    def ended(self, cause: Cause) -> None:
        self._call.inputs.ended(self._clock.seconds(), cause)
        self._run()

    # Actions

    def _run(self) -> None:
        if self._running:
            return  # the outer loop sees what was added
        self._running = True
        try:
            while actions := self._call.take_actions():
                for action in actions:
                    self._attempt(action)
        finally:
            self._running = False
        if self._call.state is CallState.TERMINATED and not self._over:
            self._over = True
            for timer in (self._patience, *self._reminders.values()):
                if timer is not None and timer.active():
                    timer.cancel()
            self._finished(self)
            outcome = self._call.outcome or Cause()
            self._watch(outcome.status if outcome.status >= 300 else 487, outcome.reason)

    def _attempt(self, action: CallAction) -> None:
        try:
            self._carry_out(action)
        except Exception:
            self._log.failure("call {call_id}: {action} failed", call_id=self.call_id, action=action)
            now = self._clock.seconds()
            if isinstance(action, (HangUp, RejectCall, Deflect, SendInvite)):
                self._call.inputs.ended(now, INTERNAL_ERROR)  # no dialog that could tell us its end
            elif isinstance(action, (StartMedia, AcceptCall, SilenceMedia, MixMedia)):
                self._call.inputs.fail(now, INTERNAL_ERROR)
            elif isinstance(action, SendHold):
                self._call.inputs.hold_refused(now, INTERNAL_ERROR)
            elif isinstance(action, SendRefer):
                self._call.inputs.transfer_failed(now, INTERNAL_ERROR)
            elif isinstance(action, FollowReferral):
                self._call.inputs.referral_went(now, INTERNAL_ERROR.status, INTERNAL_ERROR.reason)

    def _carry_out(self, action: CallAction) -> None:
        match action:
            case Announce(event):
                self._bus.publish(event)
            case SendInvite():
                assert self._invite is not None
                assert self._stream is not None
                self._signalling = self._invite(self, self._stream.local)
            case SendRinging(waiting):
                self._dialog.ring(waiting=waiting)
            case AcceptCall():
                self._dialog.accept()
            case RejectCall(status):
                self._expect_end()
                self._dialog.reject(status)
            case Deflect(uri, reason):
                self._expect_end()
                self._dialog.deflect(uri, reason)
            case HangUp():
                self._expect_end()
                self._dialog.hang_up()
            case StartMedia(agreement):
                assert self._stream is not None
                self._stream.start(agreement)
            case StopMedia():
                self._dialler.stop()
                if self._stream is not None:
                    self._stream.close()
            case SilenceMedia(on):
                assert self._stream is not None
                self._stream.silence(on)
            case MixMedia(on):
                assert self._stream is not None
                self._stream.mix(on)
            case SetVolume(percent):
                assert self._stream is not None
                self._stream.set_volume(percent)
            case PlayDigits(digits):
                self._dialler.dial(digits, self._play_digit)
            case SendDigits(digits):
                self._dialler.dial(digits, self._send_digit)
            case SendHold(on):
                self._dialog.hold(on)
            case SendRefer(uri, other):
                self._refer(uri, other)
            case Remind(what, seconds):
                self._reminders[what] = self._clock.callLater(seconds, self._remind, what)
            case Beep():
                assert self._stream is not None
                self._stream.beep()
            case EndReplaced(call_id):
                assert self._neighbours is not None
                self._neighbours.replace(call_id, self.call_id)
            case FollowReferral(wish):
                assert self._neighbours is not None
                self._neighbours.follow(self, wish)
            case NotifyReferral(status, reason):
                self._dialog.notify_referral(status, reason)

    def _play_digit(self, digit: str) -> None:
        assert self._stream is not None
        self._stream.send_digit(digit, DIGIT_MS)

    def _send_digit(self, digit: str) -> None:
        self._dialog.send_digit(digit, DIGIT_MS)

    def _refer(self, uri: str, other: int | None) -> None:
        dialog = None if other is None or self._neighbours is None else self._neighbours.dialog(other)
        if other is not None and dialog is None:
            self._call.inputs.transfer_failed(self._clock.seconds(), OTHER_IS_OVER)
        else:
            self._dialog.refer(uri, dialog)

    def _remind(self, what: Reminder) -> None:
        inputs, now = self._call.inputs, self._clock.seconds()
        match what:
            case Reminder.UNANSWERED:
                inputs.unanswered(now)
            case Reminder.ANSWER:
                inputs.answer_due(now)
            case Reminder.CONSENT:
                inputs.referral_expired(now)
            case Reminder.LEAVE:
                inputs.leave_due(now)
        self._run()

    @property
    def _dialog(self) -> SignallingCall:
        assert self._signalling is not None
        return self._signalling

    def _expect_end(self) -> None:
        self._patience = self._clock.callLater(RELEASE_PATIENCE, self._forgotten)

    def _forgotten(self) -> None:
        self._log.error("call {call_id}: its dialog never ended", call_id=self.call_id)
        self.ended(Cause(408, "no end of the dialog was heard"))
