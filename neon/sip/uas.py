"""An incoming call: from the INVITE to the ACK of our 200 (RFC 3261, sections 13.3 and 15)."""

from __future__ import annotations

import enum
from collections.abc import Callable

from sippy.SipRequest import SipRequest
from sippy.SipResponse import SipResponse
from sippy.SipURL import SipURL

from neon.details import ANSWERED_ELSEWHERE
from neon.ports import CallListener
from neon.records import DialogRecord
from neon.sip import crypto, extensions, messages, reliable
from neon.sip.answerer import NO_ACK, read_late_answer, refusal_of
from neon.sip.dialog import Dialog
from neon.sip.digest import DigestClient
from neon.sip.identity import was_answered_elsewhere
from neon.sip.modification import Change
from neon.sip.negotiation import Negotiation
from neon.sip.relocation import ContactOf
from neon.sip.sdp import SdpError
from neon.sip.session import Session
from neon.sip.sessiontimer import too_brief
from neon.sip.stack import CallSettings, ServerTransaction, Stack
from neon.values import Cause, LocalMedia, MediaAgreement

CALL_WAITING: messages.Headers = (("Alert-Info", "<urn:alert:service:call-waiting>"),)
"""The caller is told that somebody else is being talked to (RFC 7462)."""

NO_PRACK = Cause(504, "the caller never acknowledged that it rings here")


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
        self._described = False
        self._accept_wanted = False
        self._ring_wanted = False
        self._ringing: messages.Headers = ()
        self._reliable: reliable.ReliableResponses | None = None
        if reliable.is_wanted(request, stack.settings):
            self._reliable = reliable.ReliableResponses(stack.clock, request, transaction, self._never_pracked)
        transaction.on_cancel = self._cancelled
        transaction.on_ack = self._acknowledged
        transaction.on_no_ack = self._never_acknowledged

    # What the owner says

    def take(self, listener: CallListener, media: LocalMedia) -> None:
        """Go on with this listener and these media; an offer that they do not fit is refused with 488."""
        self._listener = listener
        if self._phase is not _Phase.PROCEEDING:
            return  # refused by the user already, or cancelled: the end is on its way
        self._negotiation = Negotiation(media, locate=self._stack.address_towards)
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
        if self._agreement is None or self._agreement.srtp is not None:
            crypto.warn_if_readable(media.srtp, self._transaction.source, self.call_id)
        if self._ring_wanted and self._reliable is not None:
            self._ring_reliably(self._reliable)
        if self._accept_wanted:
            self.accept()

    # SignallingCall

    def record(self) -> DialogRecord | None:
        # Before our 200 a callee may not send BYE (RFC 3261, section 15).
        return super().record() if self._phase in (_Phase.ANSWERED, _Phase.CONFIRMED) else None

    def ring(self, *, waiting: bool = False) -> None:
        if self._phase is not _Phase.PROCEEDING:
            return
        self._ringing = (*self._headers(), *(CALL_WAITING if waiting else ()))
        if self._reliable is None:
            self._respond(180, headers=self._ringing)
        elif self._body is None:
            self._ring_wanted = True
        else:
            self._ring_reliably(self._reliable)

    def _ring_reliably(self, responses: reliable.ReliableResponses) -> None:
        """An INVITE without an offer gets it in the first reliable response (RFC 3262, section 5)."""
        offering = self._agreement is None and not self._offer_pending
        self._offer_pending = self._offer_pending or offering
        body = self._body if offering else None
        responses.send(self._build(180, body=body, headers=self._ringing))

    def accept(self) -> None:
        if self._phase is not _Phase.PROCEEDING:
            return
        if self._body is None or self._offer_pending:
            # Not before we have media, nor before a PRACK brought the answer (RFC 3262, section 3).
            self._accept_wanted = True
            return
        self._phase = _Phase.ANSWERED
        self._offer_pending = self._agreement is None
        if self._dialog is not None:
            self._dialog.on_changed = self._changed
        self._changed()
        body = None if self._described else self._body
        self._respond(200, body=body, headers=(*self._headers(), *self._session_timer.answer(self._request)))

    def reject(self, status: int) -> None:
        if self._phase is not _Phase.PROCEEDING:
            return
        self._phase = _Phase.DONE
        self._respond(status)
        self._finish_soon(Cause(status, messages.REASONS.get(status, "")))

    def deflect(self, uri: str, reason: str = "deflection") -> None:
        if self._phase is not _Phase.PROCEEDING:
            return
        self._phase = _Phase.DONE
        # RFC 5806, section 5.2: so that whoever is called next knows where the call has been.
        diverted = messages.bare(self._request.getHFBody("to").getUri().url)
        headers = (("Diversion", f"<{diverted}>;reason={reason};counter=1"),)
        self._respond(302, contact=SipURL(uri), headers=headers)
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
        if status >= 200 and self._reliable is not None:
            self._reliable.stop()
        self._transaction.respond(self._build(status, contact=contact, body=body, headers=headers))

    def _build(
        self,
        status: int,
        *,
        contact: SipURL | None = None,
        body: str | None = None,
        headers: messages.Headers = (),
    ) -> SipResponse:
        assert self._dialog is not None
        if status < 300:
            contact = self._dialog.contact
        return messages.build_response(
            self._request, status, to_tag=self.local_tag, contact=contact, body=body, headers=headers
        )

    def _headers(self) -> messages.Headers:
        return (*messages.ALLOW, *extensions.supported(self._stack.settings))

    # What the network does

    def _cancelled(self) -> None:
        """CANCEL came, or the INVITE ran out; the transaction layer has sent the 487."""
        if self._phase is _Phase.PROCEEDING:
            self._phase = _Phase.DONE
            cancel = self._transaction.cancelled_by
            elsewhere = cancel is not None and was_answered_elsewhere(cancel)
            self._finish(Cause(487, ANSWERED_ELSEWHERE if elsewhere else messages.REASONS[487]))

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
        elif not self._over and not self._leaving:
            self._leave(NO_ACK)

    # Before the ACK: PRACK and UPDATE

    def _pracked(self, dialog: Dialog, request: SipRequest, transaction: ServerTransaction) -> None:
        if self._reliable is None or not self._reliable.acknowledge(request):
            super()._pracked(dialog, request, transaction)
            return
        if self._offer_pending and self._phase is _Phase.PROCEEDING:
            self._read_pracked_answer(request, transaction)
        elif messages.description_of(request) is not None:
            # An offer, which the 200 of the PRACK answers (RFC 3262, section 5).
            self._updated(dialog, request, transaction)
        else:
            transaction.respond(messages.build_response(request, 200))
        self._reliable.proceed()

    def _read_pracked_answer(self, request: SipRequest, transaction: ServerTransaction) -> None:
        assert self._negotiation is not None
        self._offer_pending = False
        transaction.respond(messages.build_response(request, 200))
        try:
            self._agreement = read_late_answer(self._negotiation, request)
        except SdpError as error:
            self._phase = _Phase.DONE
            self._respond(488)
            self._finish_soon(Cause(488, str(error)))
            return
        self._described = True
        if self._accept_wanted:
            self.accept()

    def _never_pracked(self) -> None:
        """RFC 3262, section 3: the INVITE is refused with a 5xx."""
        if self._phase is _Phase.PROCEEDING:
            self._phase = _Phase.DONE
            self._respond(504)
            self._finish(NO_PRACK)

    def _stable(self, dialog: Dialog) -> Negotiation | int:
        if self._phase is _Phase.PROCEEDING:
            if self._offer_pending or self._modification.offering:
                return 491
            # Their first offer waits for our answer, except where ours came first and was answered in a PRACK.
            return self._negotiation if self._described and self._negotiation is not None else 500
        if self._phase is _Phase.ANSWERED and self._agreement is not None and self._negotiation is not None:
            return self._negotiation
        return super()._stable(dialog)

    def _report_media(self, agreement: MediaAgreement) -> None:
        self._agreement = agreement
        super()._report_media(agreement)

    def _relocate_early(self, contact_of: ContactOf) -> bool:
        dialog, negotiation = self._dialog, self._negotiation
        if dialog is None:
            return True
        host = None if negotiation is None else negotiation.host
        if not self._relocation.differs(contact_of, dialog.contact, dialog.home, host):
            return False
        if self._phase is not _Phase.PROCEEDING or negotiation is None:
            return True
        dialog.contact = contact_of(dialog.contact, dialog.home)
        if dialog.peer.allows("UPDATE"):
            self._modification.start(
                Change(dialog, negotiation, self._moved, lambda cause: None, offer=self._described, early=True)
            )
        return True

    def _stop_requests(self) -> None:
        super()._stop_requests()
        if self._reliable is not None:
            self._reliable.stop()

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


def unacceptable(request: SipRequest, settings: CallSettings) -> SipResponse | None:
    """The refusal of an INVITE that wants less than we insist on (421, 422), or more (420); None if all is well."""
    return reliable.lacking(request, settings) or too_brief(request, settings)
