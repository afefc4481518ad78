"""What both sides of a call do once there is a dialog: requests within it, the end, and the promise about it.

L{Session} keeps the promise of L{neon.ports.CallListener}: C{ended} is said exactly once and last, whatever
the network does. It is said at the latest C{patience_seconds} after we hung up; what is left to retransmit then
goes on below. C{on_over} tells the owner when nothing is left at all.
"""

from __future__ import annotations

from collections.abc import Callable

from sippy.SipRequest import SipRequest
from sippy.SipResponse import SipResponse
from twisted.logger import Logger

from neon.ports import CallListener, SignallingCall, Timer
from neon.records import DialogRecord
from neon.sip import messages
from neon.sip.dialog import RETRY_LATER, Dialog, OnResponse
from neon.sip.dialogrecord import record_of
from neon.sip.info import RELAY, DigitSender, answer_info
from neon.sip.negotiation import Negotiation
from neon.sip.reinvite import Reinvitation
from neon.sip.sdp import SdpError
from neon.sip.stack import ServerTransaction, Stack
from neon.sip.transfer import Referral, refer_to
from neon.values import Cause, MediaAgreement, MediaDirection

_log = Logger()

NO_ACK = Cause(408, "the answer was never acknowledged")


class Session:
    """The common half of L{neon.sip.uac.UacCall} and L{neon.sip.uas.UasCall}.

    C{ours}: we made the Call-ID.
    """

    def __init__(
        self, stack: Stack, call_id: str, local_tag: str, on_over: Callable[[Session], None], *, ours: bool
    ) -> None:
        self._stack = stack
        self.call_id = call_id
        self.local_tag = local_tag
        self._on_over = on_over
        self.on_changed: Callable[[], None] = lambda: None
        self._listener: CallListener | None = None
        self._dialog: Dialog | None = None
        self._negotiation: Negotiation | None = None
        self._confirmed = False
        self._leaving = False
        self._ended = False
        self._over = False
        self._offer_pending = False
        self._timer: Timer | None = None
        self._patience: Timer | None = None
        self._digits = DigitSender(self._send_info, self._report_digits_refused)
        self._reinvitation = Reinvitation(
            stack,
            first=ours,
            blocked=lambda: self._offer_pending,
            accepted=self._report_hold,
            refused=self._report_hold_refused,
            gone=self._leave,
        )
        self._referral = Referral(stack, done=self._report_transferred, failed=self._report_transfer_failed)

    @property
    def over(self) -> bool:
        """Whether nothing is left to do: no transaction of this call is waited for."""
        return self._over

    def record(self) -> DialogRecord | None:
        return None if self._over or self._dialog is None else record_of(self._dialog)

    def _changed(self) -> None:
        self.on_changed()

    # What the listener hears

    def _report_ringing(self, status: int, early: MediaAgreement | None) -> None:
        if self._listener is not None and not self._ended and not self._leaving:
            self._listener.ringing(status, early)

    def _report_answered(self, agreement: MediaAgreement) -> None:
        self._confirmed = True
        if self._listener is not None and not self._ended and not self._leaving:
            self._listener.answered(agreement)

    def _report_media(self, agreement: MediaAgreement) -> None:
        if self._listener is not None and not self._ended and not self._leaving:
            self._listener.media_changed(agreement)

    @property
    def _heard(self) -> CallListener | None:
        """Who listens to what happens in a call that is up, None when it is not."""
        up = self._confirmed and not self._ended and not self._leaving
        return self._listener if up else None

    def _report_hold(self, agreement: MediaAgreement) -> None:
        if self._heard is not None:
            self._heard.hold_answered(agreement)

    def _report_hold_refused(self, cause: Cause) -> None:
        if self._heard is not None:
            self._heard.hold_refused(cause)

    def _report_digit(self, digit: str) -> None:
        if self._heard is not None:
            self._heard.digit_received(digit)

    def _report_digits_refused(self, digits: str) -> None:
        if self._heard is not None:
            self._heard.digits_refused(digits)

    def _report_transferred(self) -> None:
        if self._heard is not None:
            self._heard.transferred()

    def _report_transfer_failed(self, cause: Cause) -> None:
        if self._heard is not None:
            self._heard.transfer_failed(cause)

    def _report_ended(self, cause: Cause) -> None:
        if self._ended:
            return
        self._ended = True
        if self._listener is not None:
            self._listener.ended(cause)

    def _finish(self, cause: Cause) -> None:
        """The call is over on the network too. Reports the end if nobody did yet."""
        if self._over:
            return
        self._over = True
        self._stop_requests()
        for timer in (self._timer, self._patience):
            if timer is not None and timer.active():
                timer.cancel()
        try:
            self._report_ended(cause)
        finally:
            self._on_over(self)

    def abandon(self) -> None:
        """Nothing can be sent or heard any more: the end is reported now, if it was not yet."""
        self._finish(Cause(503, "SIP was shut down"))

    def _finish_soon(self, cause: Cause) -> None:
        """The same, but not from inside the request of the user that led to it."""
        self._leaving = True
        self._set_timer(0.0, self._finish, cause)

    def _set_timer(self, delay: float, call: Callable[..., None], *args: object) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = self._stack.clock.callLater(delay, call, *args)

    def _limit_patience(self, cause: Cause) -> None:
        """From now on the end is near: it is reported in time even if the far end says nothing more."""
        if self._patience is None:
            self._patience = self._stack.clock.callLater(
                self._stack.settings.patience_seconds, self._report_ended, cause
            )

    def _stop_requests(self) -> None:
        for requests in (self._digits, self._reinvitation, self._referral):
            requests.stop()

    # SignallingCall, for a call that is up; anywhere else these are senseless

    def hold(self, on: bool) -> None:
        if self._heard is not None and self._dialog is not None and self._negotiation is not None:
            wish = MediaDirection.SENDONLY if on else MediaDirection.SENDRECV
            self._reinvitation.start(self._dialog, self._negotiation, wish)

    def send_digit(self, digit: str, duration_ms: int) -> None:
        if self._heard is not None:
            self._digits.send(digit, duration_ms)

    def refer(self, uri: str, other: SignallingCall | None = None) -> None:
        if self._heard is not None and self._dialog is not None:
            replaced = other._dialog if isinstance(other, Session) else None
            self._referral.start(self._dialog, refer_to(uri, replaced))

    def _send_info(self, body: str, on_response: OnResponse) -> None:
        assert self._dialog is not None
        self._dialog.send("INFO", on_response, body=body, content_type=RELAY)

    # The end from our side

    def _leave(self, cause: Cause) -> None:
        """Send BYE; C{cause} is why, for the listener."""
        self._leaving = True
        self._stop_requests()
        if self._over:
            return
        self._limit_patience(cause)
        if self._dialog is None:
            self._finish_soon(cause)
            return

        def answered(response: SipResponse) -> None:
            # 200, 481, 408: whatever it is, the dialog is gone (RFC 3261, section 15.1.1).
            self._finish(cause)

        self._dialog.send("BYE", answered)

    # Requests within the dialog

    def receive(self, request: SipRequest, transaction: ServerTransaction) -> None:
        """Serve a request whose Call-ID and To tag are this call's."""
        dialog = self._dialog_for(request)
        if dialog is None:
            transaction.respond(messages.build_response(request, 481))
        elif not dialog.in_order(request):
            transaction.respond(messages.build_response(request, 500, reason="CSeq Out Of Order"))
        elif request.getMethod() == "BYE":
            transaction.respond(messages.build_response(request, 200))
            self._far_end_left()
        elif request.getMethod() == "INVITE":
            self._reinvited(dialog, request, transaction)
        elif request.getMethod() == "INFO":
            transaction.respond(answer_info(request, self._report_digit))
        elif request.getMethod() == "NOTIFY":
            transaction.respond(self._referral.notified(request))
        else:
            transaction.respond(answer_in_dialog(request, self._stack.settings.refer_status))

    def _dialog_for(self, request: SipRequest) -> Dialog | None:
        """The dialog that a request belongs to."""
        if self._dialog is not None and self._dialog.matches(request):
            return self._dialog
        return None

    def stray(self, response: SipResponse) -> None:
        """A 2xx to one of our INVITEs that no transaction wanted: it comes again until it is acknowledged."""
        if self._dialog is not None and self._dialog.remote_tag == messages.tag_of(response, "to"):
            self._dialog.acknowledge(messages.cseq_of(response))

    def _far_end_left(self) -> None:
        """A BYE came, and was answered."""
        self._finish(Cause())

    def _reinvited(self, dialog: Dialog, request: SipRequest, transaction: ServerTransaction) -> None:
        """A re-INVITE: an offer, or the wish for one (RFC 3261, section 14.2)."""
        negotiation = self._negotiation
        if self._offer_pending or self._reinvitation.pending:
            # One exchange at a time; ours, if both began one, is tried again by whoever waits less (section 14.1).
            transaction.respond(messages.build_response(request, 491))
            return
        if not self._confirmed or self._leaving or negotiation is None:
            # Our own final response is on its way, or our BYE is.
            transaction.respond(messages.build_response(request, 500, headers=RETRY_LATER))
            return
        host = self._stack.endpoint.local_address(transaction.source).host
        offer = messages.description_of(request)
        agreement: MediaAgreement | None = None
        try:
            if offer is None:
                body = negotiation.offer(host)
            else:
                body, agreement = negotiation.answer(offer, host)
        except SdpError as error:
            # The session goes on as it was.
            transaction.respond(refusal_of(request, error))
            return
        dialog.refresh_target(request)
        self._offer_pending = offer is None
        transaction.on_ack = self._reinvite_acknowledged if offer is None else None
        transaction.on_no_ack = self._never_acknowledged
        transaction.respond(
            messages.build_response(request, 200, contact=dialog.contact, body=body, headers=messages.ALLOW)
        )
        if agreement is not None:
            self._report_media(agreement)

    def _reinvite_acknowledged(self, ack: SipRequest) -> None:
        """The ACK holds the answer to the offer in our 200."""
        self._offer_pending = False
        if self._over or self._leaving or self._negotiation is None:
            return
        try:
            agreement = read_late_answer(self._negotiation, ack)
        except SdpError as error:
            self._leave(Cause(488, str(error)))
        else:
            self._report_media(agreement)

    def _never_acknowledged(self) -> None:
        """Our 2xx was lost for 32 s: the far end is not there (RFC 3261, sections 13.3.1.4 and 14.2)."""
        if not self._over and not self._leaving:
            self._leave(NO_ACK)


def read_late_answer(negotiation: Negotiation, ack: SipRequest) -> MediaAgreement:
    """The answer in an ACK (RFC 3264; RFC 3261, section 13.2.1).

    @raise SdpError: there is none, or it cannot be used.
    """
    answer = messages.description_of(ack)
    if answer is None:
        raise SdpError("the ACK has no answer to our offer")
    return negotiation.read_answer(answer)


def refusal_of(request: SipRequest, error: SdpError) -> SipResponse:
    """The response to an offer that cannot be answered; Warning 399 says why (RFC 3261, section 20.43)."""
    return messages.build_response(request, error.status, headers=(("Warning", f'399 neon "{error}"'),))


def answer_in_dialog(request: SipRequest, refer_status: int) -> SipResponse:
    """The answer to a request within a dialog that has no effect on it."""
    method = request.getMethod()
    if method == "OPTIONS":
        return messages.build_response(request, 200, headers=messages.CAPABILITIES)
    if method == "REFER":
        return messages.build_response(request, refer_status)
    status = 405 if method in messages.KNOWN_METHODS else 501
    return messages.build_response(request, status, headers=messages.ALLOW)
