"""An incoming call: from the INVITE to the ACK of our 200 (RFC 3261, sections 13.3 and 15)."""

from __future__ import annotations

import enum
from collections.abc import Callable

from sippy.SipRequest import SipRequest
from sippy.SipURL import SipURL

from neon.ports import CallListener
from neon.records import DialogRecord
from neon.sip import messages
from neon.sip.dialog import Dialog
from neon.sip.digest import DigestClient
from neon.sip.negotiation import Negotiation
from neon.sip.sdp import SdpError
from neon.sip.session import NO_ACK, Session, read_late_answer, refusal_of
from neon.sip.stack import ServerTransaction, Stack
from neon.values import Cause, LocalMedia, MediaAgreement


class _Phase(enum.Enum):
    PROCEEDING = enum.auto()  # no final response yet
    ANSWERED = enum.auto()  # our 200 is out
    CONFIRMED = enum.auto()  # its ACK is here
    DONE = enum.auto()  # refused, cancelled, or the dialog is on its way out


class UasCall(Session):
    """Implements L{neon.ports.SignallingCall} for one INVITE.

    Its owner says L{take} once it knows who listens and which media the call has; what the user asked before that
    (C{ring}, C{accept}) is kept until then where it needs them. C{digest} signs what we send in the dialog.

    @raise ValueError: the INVITE has no usable Contact.
    """

    def __init__(
        self,
        stack: Stack,
        request: SipRequest,
        transaction: ServerTransaction,
        contact: SipURL,
        on_over: Callable[[Session], None],
        *,
        digest: DigestClient | None = None,
    ) -> None:
        tag = messages.new_tag()
        super().__init__(stack, messages.call_id_of(request), tag, on_over, ours=False)
        self._dialog = Dialog.accepted(stack, request, transaction.source, tag, contact, digest)
        self._request = request
        self._transaction = transaction
        self._phase = _Phase.PROCEEDING
        self._body: str | None = None
        self._agreement: MediaAgreement | None = None
        self._accept_wanted = False
        transaction.on_cancel = self._cancelled
        transaction.on_ack = self._acknowledged
        transaction.on_no_ack = self._never_acknowledged

    # What the owner says

    def take(self, listener: CallListener, media: LocalMedia) -> None:
        """Go on with this listener and these media; an offer that they do not fit is refused with 488."""
        self._listener = listener
        if self._phase is not _Phase.PROCEEDING:
            return  # refused by the user already, or cancelled: the end is on its way
        self._negotiation = Negotiation(media)
        host = self._stack.endpoint.local_address(self._transaction.source).host
        offer = messages.description_of(self._request)
        try:
            if offer is None:
                self._body = self._negotiation.offer(host)
            else:
                self._body, self._agreement = self._negotiation.answer(offer, host)
        except SdpError as error:
            self._transaction.respond(refusal_of(self._request, error))
            self._phase = _Phase.DONE
            self._finish_soon(Cause(error.status, str(error)))
            return
        if self._accept_wanted:
            self.accept()

    # SignallingCall

    def record(self) -> DialogRecord | None:
        # Before our 200 a callee may not send BYE (RFC 3261, section 15).
        return super().record() if self._phase in (_Phase.ANSWERED, _Phase.CONFIRMED) else None

    def ring(self) -> None:
        if self._phase is _Phase.PROCEEDING:
            self._respond(180)

    def accept(self) -> None:
        if self._phase is not _Phase.PROCEEDING:
            return
        if self._body is None:
            self._accept_wanted = True
            return
        self._phase = _Phase.ANSWERED
        self._offer_pending = self._agreement is None
        if self._dialog is not None:
            self._dialog.on_changed = self._changed
        self._changed()
        self._respond(200, body=self._body, headers=messages.ALLOW)

    def reject(self, status: int) -> None:
        if self._phase is not _Phase.PROCEEDING:
            return
        self._phase = _Phase.DONE
        self._respond(status)
        self._finish_soon(Cause(status, messages.REASONS.get(status, "")))

    def deflect(self, uri: str) -> None:
        if self._phase is not _Phase.PROCEEDING:
            return
        self._phase = _Phase.DONE
        self._respond(302, contact=SipURL(uri))
        self._finish_soon(Cause(302, messages.REASONS[302]))

    def hang_up(self) -> None:
        if self._leaving or self._phase is _Phase.DONE:
            return
        if self._phase is _Phase.PROCEEDING:
            self.reject(self._stack.settings.unwanted_status)
        elif self._phase is _Phase.ANSWERED:
            # No BYE before the ACK (RFC 3261, section 15): it follows when that came, or when it is given up.
            self._leaving = True
            self._limit_patience(Cause())
        else:
            self._phase = _Phase.DONE
            self._leave(Cause())

    def _respond(
        self,
        status: int,
        *,
        contact: SipURL | None = None,
        body: str | None = None,
        headers: messages.Headers = (),
    ) -> None:
        assert self._dialog is not None
        if status < 300:
            contact = self._dialog.contact
        self._transaction.respond(
            messages.build_response(
                self._request, status, to_tag=self.local_tag, contact=contact, body=body, headers=headers
            )
        )

    # What the network does

    def _cancelled(self) -> None:
        """CANCEL came, or the INVITE ran out; the transaction layer has sent the 487."""
        if self._phase is _Phase.PROCEEDING:
            self._phase = _Phase.DONE
            self._finish(Cause(487, messages.REASONS[487]))

    def _acknowledged(self, ack: SipRequest) -> None:
        if self._phase is not _Phase.ANSWERED:
            return
        self._offer_pending = False
        if self._leaving:
            self._phase = _Phase.DONE
            self._leave(Cause())
            return
        if self._agreement is None:
            assert self._negotiation is not None
            try:
                self._agreement = read_late_answer(self._negotiation, ack)
            except SdpError as error:
                self._phase = _Phase.DONE
                self._leave(Cause(488, str(error)))
                return
        self._phase = _Phase.CONFIRMED
        self._report_answered(self._agreement)

    def _never_acknowledged(self) -> None:
        if self._phase is _Phase.ANSWERED:
            self._phase = _Phase.DONE
            self._offer_pending = False
            self._leave(Cause() if self._leaving else NO_ACK)
        else:
            super()._never_acknowledged()

    def _far_end_left(self) -> None:
        if self._phase is _Phase.PROCEEDING:
            # A caller may end an early dialog with BYE (RFC 3261, section 15): the INVITE gets its 487.
            self._phase = _Phase.DONE
            self._respond(487)
            self._finish(Cause(487, messages.REASONS[487]))
            return
        self._phase = _Phase.DONE
        self._finish(Cause())

    def _reinvited(self, dialog: Dialog, request: SipRequest, transaction: ServerTransaction) -> None:
        if self._phase is _Phase.ANSWERED and self._agreement is not None and not self._leaving:
            # Whoever sends a re-INVITE has our 200: its ACK was lost or is late.
            self._phase = _Phase.CONFIRMED
            self._report_answered(self._agreement)
        super()._reinvited(dialog, request, transaction)
