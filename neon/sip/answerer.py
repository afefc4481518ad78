"""The far end's offers within a dialog, and how they are answered: re-INVITE, UPDATE, PRACK.

RFC 3261, section 14.2; RFC 3311, section 5.2; RFC 6337 has the order in which offers may come.
"""

from __future__ import annotations

from collections.abc import Callable

from sippy.SipRequest import SipRequest
from sippy.SipResponse import SipResponse
from twisted.logger import Logger

from neon.sip import extensions, messages
from neon.sip.dialog import RETRY_LATER, Dialog
from neon.sip.negotiation import Negotiation
from neon.sip.sdp import SdpError
from neon.sip.sessiontimer import SessionTimer, too_brief
from neon.sip.stack import ServerTransaction, Stack
from neon.values import Cause, MediaAgreement

_log = Logger()

NO_ACK = Cause(408, "the answer was never acknowledged")


class Answerer:
    """Answers offers of one call.

    C{changed} hears of every agreement made here. C{leave} ends the call: an answer that we waited for cannot be used
    or never came. After L{stop} nothing is reported.
    """

    def __init__(
        self,
        stack: Stack,
        timer: SessionTimer,
        *,
        changed: Callable[[MediaAgreement], None],
        leave: Callable[[Cause], None],
    ) -> None:
        self._stack = stack
        self._timer = timer
        self._changed = changed
        self._leave = leave
        self._stopped = False
        self.pending = False
        """Whether an offer of ours, in the 200 of a re-INVITE, waits for its answer in the ACK."""

    def stop(self) -> None:
        """Report nothing more; the call is ending."""
        self._stopped = True

    def reinvited(
        self, dialog: Dialog, negotiation: Negotiation, request: SipRequest, transaction: ServerTransaction
    ) -> None:
        """A re-INVITE at a time when it may be answered: an offer, or the wish for one."""
        refusal = too_brief(request, self._stack.settings)
        if refusal is not None:
            transaction.respond(refusal)
            return
        host = self._host(transaction)
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
        self.pending = offer is None

        def acknowledged(ack: SipRequest) -> None:
            self._acknowledged(negotiation, ack)

        transaction.on_ack = acknowledged if offer is None else None
        transaction.on_no_ack = self._never_acknowledged
        transaction.respond(self._accept(dialog, request, body))
        if agreement is not None:
            self._changed(agreement)

    def updated(
        self, dialog: Dialog, negotiation: Negotiation | int, request: SipRequest, transaction: ServerTransaction,
        *, early: bool,
    ) -> None:  # fmt: skip
        """An UPDATE: new media, or only a sign of life and a new Contact.

        C{negotiation} is the status to refuse an offer with where none may come now: 491 if one of ours waits for its
        answer, 500 if we have not answered an earlier one. An C{early} dialog has no session that could expire.
        """
        refusal = too_brief(request, self._stack.settings) or unreadable(request)
        offer = messages.description_of(request)
        if refusal is None and offer is not None and isinstance(negotiation, int):
            refusal = not_now(request, negotiation)
        if refusal is not None:
            transaction.respond(refusal)
            return
        body: str | None = None
        agreement: MediaAgreement | None = None
        if offer is not None and not isinstance(negotiation, int):
            try:
                body, agreement = negotiation.answer(offer, self._host(transaction))
            except SdpError as error:
                transaction.respond(refusal_of(request, error))
                return
        dialog.refresh_target(request)
        transaction.respond(self._accept(dialog, request, body, early=early))
        if agreement is not None:
            self._changed(agreement)

    def _accept(self, dialog: Dialog, request: SipRequest, body: str | None, *, early: bool = False) -> SipResponse:
        dialog.peer.learn(request)
        headers = (
            *messages.ALLOW,
            *extensions.supported(self._stack.settings),
            *(() if early else self._timer.answer(request)),
        )
        return messages.build_response(request, 200, contact=dialog.contact, body=body, headers=headers)

    def _host(self, transaction: ServerTransaction) -> str:
        return self._stack.endpoint.local_address(transaction.source).host

    def _acknowledged(self, negotiation: Negotiation, ack: SipRequest) -> None:
        """The ACK holds the answer to the offer in our 200."""
        self.pending = False
        if self._stopped:
            return
        try:
            agreement = read_late_answer(negotiation, ack)
        except SdpError as error:
            self._leave(Cause(488, str(error)))
        else:
            self._changed(agreement)

    def _never_acknowledged(self) -> None:
        """Our 2xx was lost for 32 s: the far end is not there (RFC 3261, section 14.2)."""
        if not self._stopped:
            self._leave(NO_ACK)


def read_late_answer(negotiation: Negotiation, message: SipRequest) -> MediaAgreement:
    """The answer in an ACK or a PRACK to our offer in a response (RFC 3261, section 13.2.1; RFC 3262, section 5).

    @raise SdpError: there is none, or it cannot be used.
    """
    answer = messages.description_of(message)
    if answer is None:
        raise SdpError(f"the {message.getMethod()} has no answer to our offer")
    return negotiation.read_answer(answer)


def refusal_of(request: SipRequest, error: SdpError) -> SipResponse:
    """The response to an offer that cannot be answered; Warning 399 says why (RFC 3261, section 20.43)."""
    return messages.build_response(request, error.status, headers=(("Warning", f'399 neon "{error}"'),))


def not_now(request: SipRequest, status: int) -> SipResponse:
    """The response to an offer that came while another waits for its answer: 491, or 500 with a time."""
    return messages.build_response(request, status, headers=RETRY_LATER if status == 500 else ())


def unreadable(request: SipRequest) -> SipResponse | None:
    """The 415 for a body that is no session description; None if all is well."""
    if request.getBody() is None or messages.description_of(request) is not None:
        return None
    return messages.build_response(request, 415, headers=(("Accept", "application/sdp"),))
