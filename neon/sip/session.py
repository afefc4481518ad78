"""What both sides of a call do once there is a dialog: requests within it, and the end.

The end is told (L{neon.sip.report}) at the latest C{patience_seconds} after we hung up; what is left to retransmit
then goes on below. C{on_over} tells the owner when nothing is left at all.
"""

from __future__ import annotations

import enum
from collections.abc import Callable

from sippy.SipRequest import SipRequest
from sippy.SipResponse import SipResponse

from neon.ports import SignallingCall, Timer
from neon.records import DialogRecord
from neon.sip import extensions, messages
from neon.sip.answerer import Answerer, not_now
from neon.sip.dialog import Dialog, OnResponse
from neon.sip.dialogrecord import record_of
from neon.sip.info import RELAY, DigitSender, answer_info
from neon.sip.modification import Change, Modification
from neon.sip.negotiation import Negotiation
from neon.sip.referred import Wishes
from neon.sip.relocation import ContactOf, Relocation
from neon.sip.replaces import Standing
from neon.sip.report import Report
from neon.sip.sessiontimer import EXPIRED, SessionTimer
from neon.sip.stack import CallSettings, ServerTransaction, Stack
from neon.sip.transfer import Referral, refer_to
from neon.values import Cause, MediaAgreement, MediaDirection


class Session(Report):
    """The common half of L{neon.sip.uac.UacCall} and L{neon.sip.uas.UasCall}.

    C{ours}: we made the Call-ID.
    """

    def __init__(
        self, stack: Stack, call_id: str, local_tag: str, on_over: Callable[[Session], None], *, ours: bool
    ) -> None:
        super().__init__()
        self._stack = stack
        self.ours = ours
        self.call_id = call_id
        self.local_tag = local_tag
        self._on_over = on_over
        self.on_changed: Callable[[], None] = lambda: None
        self._dialog: Dialog | None = None
        self._negotiation: Negotiation | None = None
        self._over = False
        self._offer_pending = False
        self._timer: Timer | None = None
        self._patience: Timer | None = None
        self._digits = DigitSender(self._send_info, self._report_digits_refused)
        self._session_timer = SessionTimer(
            stack.clock, stack.settings, refresh=self._refresh, expired=self._leave
        )
        self._answerer = Answerer(stack, self._session_timer, changed=self._report_media, leave=self._leave)
        self._modification = Modification(
            stack, self._session_timer, first=ours, blocked=lambda: self._blocked, gone=self._leave
        )
        self._relocation = Relocation(stack, lambda refused: self._modify(self._moved, refused), self._located)
        self._referral = Referral(stack, done=self._report_transferred, failed=self._report_transfer_failed)
        self._wishes = Wishes(stack, self._report_referred)

    @property
    def over(self) -> bool:
        """Whether nothing is left to do: no transaction of this call is waited for."""
        return self._over

    def record(self) -> DialogRecord | None:
        return None if self._over or self._dialog is None else record_of(self._dialog)

    def _changed(self) -> None:
        self.on_changed()

    def _report_answered(self, agreement: MediaAgreement) -> None:
        super()._report_answered(agreement)
        if self._heard is not None:
            self._relocation.go(self._dialog, self._negotiation)

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

    def forget(self) -> None:
        """Nothing arrives for this call any more: let go of everything but names and flags.

        The parts of a call lead back to it, and such circles wait for the garbage collector, which seldom looks while
        calls are up; a busy daemon would grow by 30 kB a call. Wishes of the user are senseless, as since the end.
        """
        kept = {name: value for name, value in vars(self).items() if isinstance(value, (bool, str, enum.Enum))}
        vars(self).clear()
        vars(self).update(kept, _dialog=None)

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
        for exchange in (
            self._digits, self._modification, self._answerer, self._relocation, self._referral, self._wishes,
            self._session_timer,
        ):  # fmt: skip
            exchange.stop()

    # SignallingCall, for a call that is up; anywhere else these are senseless

    def hold(self, on: bool) -> None:
        wish = MediaDirection.SENDONLY if on else MediaDirection.SENDRECV
        self._modify(self._report_hold, self._report_hold_refused, wish=wish)

    def send_digit(self, digit: str, duration_ms: int) -> None:
        if self._heard is not None:
            self._digits.send(digit, duration_ms)

    def refer(self, uri: str, other: SignallingCall | None = None) -> None:
        if self._heard is not None and self._dialog is not None:
            replaced = other._dialog if isinstance(other, Session) else None
            self._referral.start(self._dialog, refer_to(uri, replaced))

    def notify_referral(self, status: int, reason: str) -> None:
        if not self._over:
            self._wishes.tell(status, reason)

    def standing(self, remote_tag: str) -> Standing:
        """How far the dialog with the far end of this tag is, for somebody who wants to take its place."""
        if self._dialog is None or self._dialog.remote_tag != remote_tag:
            return Standing.OTHER
        if self._over or self._leaving:
            return Standing.ENDED
        return Standing.CONFIRMED if self._confirmed else Standing.EARLY

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
        elif request.getMethod() == "UPDATE":
            self._updated(dialog, request, transaction)
        elif request.getMethod() == "PRACK":
            self._pracked(dialog, request, transaction)
        elif request.getMethod() == "INFO":
            transaction.respond(answer_info(request, self._report_digit))
        elif request.getMethod() == "NOTIFY":
            transaction.respond(self._referral.notified(request))
        elif request.getMethod() == "REFER" and self._heard is not None:
            self._wishes.receive(dialog, request, transaction)
        else:
            transaction.respond(answer_in_dialog(request, self._stack.settings))

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
        if self._blocked or self._modification.inviting or self._modification.offering:
            # One exchange at a time; ours, if both began one, is tried again by whoever waits less (section 14.1).
            transaction.respond(not_now(request, 491))
        elif not self._confirmed or self._leaving or negotiation is None:
            # Our own final response is on its way, or our BYE is.
            transaction.respond(not_now(request, 500))
        else:
            self._answerer.reinvited(dialog, negotiation, request, transaction)

    def _updated(self, dialog: Dialog, request: SipRequest, transaction: ServerTransaction) -> None:
        """An UPDATE (RFC 3311), the only request that may change a session before it is confirmed."""
        if self._leaving:
            transaction.respond(not_now(request, 500))
            return
        self._answerer.updated(dialog, self._stable(dialog), request, transaction, early=not self._confirmed)

    def _pracked(self, dialog: Dialog, request: SipRequest, transaction: ServerTransaction) -> None:
        """A PRACK: none of our responses waits for it, unless a subclass knows one."""
        transaction.respond(messages.build_response(request, 481))

    def _stable(self, dialog: Dialog) -> Negotiation | int:
        """The negotiation of a dialog in which an offer may come now, or the status that refuses one."""
        if self._blocked or self._modification.offering:
            return 491
        return self._negotiation if self._confirmed and self._negotiation is not None else 500

    @property
    def _blocked(self) -> bool:
        """Whether an offer of ours that was no request of ours waits for its answer."""
        return self._offer_pending or self._answerer.pending

    # What keeps the session alive

    def _modify(
        self,
        accepted: Callable[[MediaAgreement | None], None],
        refused: Callable[[Cause], None],
        *,
        wish: MediaDirection | None = None,
        offer: bool = True,
    ) -> None:
        """Send a re-INVITE or an UPDATE if the call is up."""
        if self._heard is not None and self._dialog is not None and self._negotiation is not None:
            change = Change(self._dialog, self._negotiation, accepted, refused, wish, offer)
            self._modification.start(change)

    def _refresh(self) -> None:
        """The session timer wants a sign of life (RFC 4028, section 7.4)."""

        def refused(cause: Cause) -> None:
            if cause.status == 408:
                self._leave(EXPIRED)
            else:
                self._session_timer.failed()

        self._modify(self._moved, refused, offer=False)

    def _moved(self, agreement: MediaAgreement | None) -> None:
        """A request of ours that asked for nothing new was answered, perhaps with something new all the same."""
        if agreement is not None and agreement != self._agreed:
            self._report_media(agreement)

    def relocate(self, contact_of: ContactOf) -> None:
        """Our address may be another one now: tell the far end where we are, once there is one."""
        if not self._over and not self._leaving:
            up = self._heard is not None
            moved = self._confirmed or self._relocate_early(contact_of)
            self._relocation.wanted(
                contact_of, self._dialog if up else None, self._negotiation, unknown=moved and not up
            )

    def _relocate_early(self, contact_of: ContactOf) -> bool:
        """Before the answer only UPDATE can say it (RFC 3311, section 5.1), where the far end serves that.

        Returns whether there is something to say.
        """
        return True


def answer_in_dialog(request: SipRequest, settings: CallSettings) -> SipResponse:
    """The answer to a request within a dialog that has no effect on it."""
    method = request.getMethod()
    if method == "OPTIONS":
        return messages.build_response(request, 200, headers=extensions.capabilities(settings))
    if method == "REFER":
        return messages.build_response(request, settings.refer_status)
    status = 405 if method in messages.KNOWN_METHODS else 501
    return messages.build_response(request, status, headers=messages.ALLOW)
