"""The shell around one call: stamps inputs with the time, feeds the machine, carries its actions out.

What fails here fails for one call only: it is logged, and the machine is told, so that the call still ends with
its CallFinalized.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from twisted.logger import Logger

from neon.bus import Bus
from neon.digits import DIGIT_MS, Dialler
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
from neon.model.call import Call
from neon.ports import CallListener, Clock, MediaStream, SignallingCall, Timer
from neon.values import (
    CallSnapshot,
    CallState,
    Cause,
    Direction,
    LocalMedia,
    MediaAgreement,
)

Invite: TypeAlias = Callable[[CallListener, LocalMedia], SignallingCall]

FindDialog: TypeAlias = Callable[[int], SignallingCall | None]
"""The signalling side of another call, None if that call is over."""

INTERNAL_ERROR = Cause(500, "internal error")
OTHER_IS_OVER = Cause(481, "the call to transfer to is over")

RELEASE_PATIENCE = 40.0
"""Seconds that a dialog may take to go once we ended it: a transaction's 32 s (RFC 3261, 64*T1), and some more.

Only a signalling side that forgot the call reaches it; the call is finalized all the same.
"""


class CallLine:
    """One call: implements L{neon.ports.CallListener}, and the verbs of the user.

    C{invite} sends the INVITE of an outgoing call; an incoming one brings its C{signalling}. C{find_dialog} is for
    transfers to the far end of another call. C{finished} is called once, after the last action.
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
        find_dialog: FindDialog = lambda call_id: None,
    ) -> None:
        self._call = call
        self._stream = stream
        self._bus = bus
        self._clock = clock
        self._finished = finished
        self._signalling = signalling
        self._invite = invite
        self._find_dialog = find_dialog
        self._dialler = Dialler(clock)
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
    def transferring(self) -> bool:
        """Whether a transfer is under way."""
        return self._call.transferring

    @property
    def dialog(self) -> SignallingCall | None:
        """The signalling side, if there is one yet."""
        return self._signalling

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

    def send_digits(self, digits: str) -> None:
        """Type digits.

        @raise NoTransition: the call is not up.
        """
        self._call.inputs.send_digits(self._clock.seconds(), digits)
        self._run()

    def hold(self, wanted: bool) -> None:
        """Hold or resume.

        @raise NoTransition: the call is not up.
        """
        self._call.inputs.hold(self._clock.seconds(), wanted)
        self._run()

    def mute(self, on: bool) -> None:
        """Be heard no more, or again.

        @raise NoTransition: the call is not up.
        """
        self._call.inputs.mute(self._clock.seconds(), on)
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

    def answered(self, agreement: MediaAgreement) -> None:
        self._call.inputs.answered(self._clock.seconds(), agreement)
        self._run()

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
        if self.snapshot().state is CallState.TERMINATED and not self._over:
            self._over = True
            if self._patience is not None and self._patience.active():
                self._patience.cancel()
            self._finished(self)

    def _attempt(self, action: CallAction) -> None:
        try:
            self._carry_out(action)
        except Exception:
            self._log.failure("call {call_id}: {action} failed", call_id=self.call_id, action=action)
            now = self._clock.seconds()
            if isinstance(action, (HangUp, RejectCall, Deflect, SendInvite)):
                self._call.inputs.ended(now, INTERNAL_ERROR)  # no dialog that could tell us its end
            elif isinstance(action, (StartMedia, AcceptCall, SilenceMedia)):
                self._call.inputs.fail(now, INTERNAL_ERROR)
            elif isinstance(action, SendHold):
                self._call.inputs.hold_refused(now, INTERNAL_ERROR)
            elif isinstance(action, SendRefer):
                self._call.inputs.transfer_failed(now, INTERNAL_ERROR)

    def _carry_out(self, action: CallAction) -> None:
        match action:
            case Announce(event):
                self._bus.publish(event)
            case SendInvite():
                assert self._invite is not None
                assert self._stream is not None
                self._signalling = self._invite(self, self._stream.local)
            case SendRinging():
                self._dialog.ring()
            case AcceptCall():
                self._dialog.accept()
            case RejectCall(status):
                self._expect_end()
                self._dialog.reject(status)
            case Deflect(uri):
                self._expect_end()
                self._dialog.deflect(uri)
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
            case PlayDigits(digits):
                self._dialler.dial(digits, self._play_digit)
            case SendDigits(digits):
                self._dialler.dial(digits, self._send_digit)
            case SendHold(on):
                self._dialog.hold(on)
            case SendRefer(uri, other):
                self._refer(uri, other)

    def _play_digit(self, digit: str) -> None:
        assert self._stream is not None
        self._stream.send_digit(digit, DIGIT_MS)

    def _send_digit(self, digit: str) -> None:
        self._dialog.send_digit(digit, DIGIT_MS)

    def _refer(self, uri: str, other: int | None) -> None:
        dialog = None if other is None else self._find_dialog(other)
        if other is not None and dialog is None:
            self._call.inputs.transfer_failed(self._clock.seconds(), OTHER_IS_OVER)
        else:
            self._dialog.refer(uri, dialog)

    @property
    def _dialog(self) -> SignallingCall:
        assert self._signalling is not None
        return self._signalling

    def _expect_end(self) -> None:
        self._patience = self._clock.callLater(RELEASE_PATIENCE, self._forgotten)

    def _forgotten(self) -> None:
        self._log.error("call {call_id}: its dialog never ended", call_id=self.call_id)
        self.ended(Cause(408, "no end of the dialog was heard"))
