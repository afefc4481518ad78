"""An outgoing call: from the INVITE to its final response, and every way in which that can end (RFC 3261, 13.2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sippy.SipAddress import SipAddress
from sippy.SipRequest import SipRequest
from sippy.SipResponse import SipResponse
from sippy.SipURL import SipURL
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from neon.ports import CallListener
from neon.records import DialogRecord
from neon.sip import messages
from neon.sip.dialog import Dialog
from neon.sip.dialogrecord import record_of_invite
from neon.sip.digest import DigestClient
from neon.sip.negotiation import Negotiation
from neon.sip.redirection import Redirection
from neon.sip.sdp import SdpError
from neon.sip.session import Session
from neon.sip.stack import ClientTransaction, Stack
from neon.values import Cause, Destination, LocalMedia, MediaAgreement

_log = Logger()

MOST_FORKS = 8
"""So many early dialogs of one INVITE are kept apart; more only ring."""

CANCELLED = Cause(487, messages.REASONS[487])
UNANSWERED = Cause(408, "nobody answered in time")


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose behalf a call is made, and by which way.

    C{contact} makes our Contact for a peer. C{hops} are the numeric addresses that the INVITE goes to, the next
    one when one is not available; if empty, the target's host is resolved. C{routes} are preloaded Route URIs.
    C{redirects} is whether a 3xx is followed, by the same way; a call to one certain phone has nowhere else to go.
    """

    address: SipAddress
    contact: Callable[[Destination], SipURL]
    digest: DigestClient | None = None
    hops: tuple[Destination, ...] = ()
    routes: tuple[SipURL, ...] = ()
    redirects: bool = True


class UacCall(Session):
    """Implements L{neon.ports.SignallingCall} for a call that we make.

    C{to} is whom the To header names, where that is not where the request goes.
    """

    def __init__(
        self,
        stack: Stack,
        caller: Caller,
        target: SipURL,
        media: LocalMedia,
        listener: CallListener,
        on_over: Callable[[Session], None],
        to: SipURL | None = None,
    ) -> None:
        super().__init__(stack, messages.new_call_id(), messages.new_tag(), on_over, ours=True)
        self._caller = caller
        self._listener = listener
        self._to = messages.named_address(target if to is None else to)
        self._redirection = Redirection(target)
        self._target = target
        self._negotiation = Negotiation(media)
        self._early: dict[str, tuple[Dialog, Negotiation]] = {}
        self._hops: list[Destination] = []
        self._cseq = 0
        self._request: SipRequest | None = None
        self._remote = Destination("", 0)
        self._transaction: ClientTransaction | None = None
        self._given_up: Cause | None = None
        self._final = False

    # Sending the INVITE

    def start(self) -> None:
        """Send the INVITE; everything that follows is heard by the listener, nothing from inside this call."""
        self._set_timer(self._stack.settings.no_answer_seconds, self._nobody_answered)
        self._find_hops()

    def _find_hops(self) -> None:
        if self._caller.hops:
            self._hops = list(self._caller.hops)
            self._invite()
            return
        host, transport = str(self._target.host).strip("[]"), messages.transport_of(self._target) or "udp"
        resolving: Deferred[list[Destination]] = self._stack.resolver.resolve(host, self._target.port, transport)
        resolving.addCallbacks(self._resolved, self._unknown).addErrback(
            lambda failure: _log.failure("an INVITE was not sent", failure)
        )

    def _resolved(self, addresses: list[Destination]) -> None:
        self._hops = list(addresses)
        if self._given_up is None and self._hops:
            self._invite()
        elif self._given_up is None:
            self._fail_soon(Cause(404, "the name to call has no address"))

    def _unknown(self, failure: Failure) -> None:
        if self._given_up is None:
            self._fail_soon(Cause(404, f"the name to call was not found: {failure.getErrorMessage()}"))

    def _fail_soon(self, cause: Cause) -> None:
        self._final = True
        self._finish_soon(cause)

    def _invite(self) -> None:
        """Send an INVITE to the first of the hops."""
        assert self._negotiation is not None
        self._remote = self._hops[0]
        self._cseq += 1
        self._early.clear()
        request = messages.build_request(
            "INVITE",
            self._target,
            sender=self._caller.address,
            sender_tag=self.local_tag,
            to=self._to,
            to_tag=None,
            call_id=self.call_id,
            cseq=self._cseq,
            remote=self._remote,
            contact=self._caller.contact(self._remote),
            routes=self._caller.routes,
            body=self._negotiation.offer(self._stack.endpoint.local_address(self._remote).host),
            expires=max(1, round(self._stack.settings.no_answer_seconds)),
            headers=(*messages.ALLOW, ("Accept", "application/sdp")),
        )
        if self._caller.digest is not None:
            self._caller.digest.authorize(request)
        self._request = request
        self._final = False
        self._transaction = self._stack.endpoint.send_request(
            request, self._remote, partial(self._on_response, request)
        )

    # SignallingCall

    def record(self) -> DialogRecord | None:
        if self._dialog is None and self._request is not None and not self._final and not self._over:
            return record_of_invite(self._request, self._remote, self._caller.contact(self._remote))
        return super().record()

    def ring(self) -> None:
        """Senseless for an outgoing call."""

    def accept(self) -> None:
        """Senseless for an outgoing call."""

    def reject(self, status: int) -> None:
        """Senseless for an outgoing call."""

    def deflect(self, uri: str) -> None:
        """Senseless for an outgoing call."""

    def hang_up(self) -> None:
        if self._leaving or self._over:
            return
        if self._confirmed:
            self._leave(Cause())
        else:
            self._give_up(CANCELLED)

    def _give_up(self, cause: Cause) -> None:
        """CANCEL; the transaction layer holds it back until a provisional response came (RFC 3261, section 9.1)."""
        self._leaving = True
        self._given_up = cause
        if self._transaction is None or self._final:
            self._finish_soon(cause)  # nothing is on its way: a name is being resolved
            return
        self._limit_patience(cause)
        self._transaction.cancel()

    def _nobody_answered(self) -> None:
        if not self._final and not self._leaving:
            self._give_up(UNANSWERED)

    # Responses

    def _on_response(self, request: SipRequest, response: SipResponse) -> None:
        status = int(response.getSCode()[0])
        if status < 200:
            self._changed()  # from now on it can be cancelled
            if status > 100:
                self._progressing(request, response, status)
            return
        self._final = True
        if status < 300:
            self._accepted(request, response)
        elif self._given_up is not None:
            self._finish(self._given_up)
        elif status in (401, 407) and self._may_answer(response):
            self._invite()
        elif status == 503 and len(self._hops) > 1:
            self._hops.pop(0)
            self._invite()
        else:
            self._refused(response, Cause(status, str(response.getSCode()[1])))

    def _may_answer(self, response: SipResponse) -> bool:
        """Credentials are only computed for whom the INVITE went to."""
        source = messages.source_of(response)
        digest = self._caller.digest
        return (
            digest is not None
            and source is not None
            and source[0] == self._remote.host.strip("[]")
            and digest.challenged(response)
        )

    def _refused(self, response: SipResponse, cause: Cause) -> None:
        """Follow a redirection, or what is left of an earlier one; else it is over."""
        if cause.status in (300, 301, 302) and self._caller.redirects:
            self._redirection.add(response)
        if cause.status < 600:
            target = self._redirection.next()
            if target is not None:
                self._target = target
                self._transaction = None
                self._find_hops()
                return
        self._finish(cause)

    def _progressing(self, request: SipRequest, response: SipResponse, status: int) -> None:
        """A provisional response with a To tag makes an early dialog, one for each fork (RFC 3261, section 12.1)."""
        tag = messages.tag_of(response, "to")
        early: MediaAgreement | None = None
        if tag is not None:
            early = self._early_media(tag, request, response)
        self._report_ringing(status, early)

    def _early_media(self, tag: str, request: SipRequest, response: SipResponse) -> MediaAgreement | None:
        assert self._negotiation is not None
        if tag not in self._early:
            if len(self._early) >= MOST_FORKS:
                return None
            self._early[tag] = self._dialog_of(request, response), self._negotiation.copy()
        negotiation = self._early[tag][1]
        answer = messages.description_of(response)
        if answer is None or negotiation.agreement is not None:
            return None  # one answer to one offer; repetitions are not new ones (RFC 3261, section 13.2.1)
        try:
            return negotiation.read_answer(answer)
        except SdpError as error:
            _log.info("early media of {call_id} cannot be used: {reason}", call_id=self.call_id, reason=str(error))
            return None

    def _accepted(self, request: SipRequest, response: SipResponse) -> None:
        """A 2xx; the transaction layer has acknowledged it."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        tag = messages.tag_of(response, "to")
        known = self._early.get(tag) if tag is not None else None
        self._dialog = known[0] if known is not None else self._dialog_of(request, response)
        self._dialog.refresh_target(response)
        self._dialog.route_set = self._dialog_of(request, response).route_set  # RFC 3261, section 13.2.2.4
        self._dialog.on_changed = self._changed
        self._changed()
        if self._given_up is not None:
            # It crossed our CANCEL (RFC 3261, section 9.1).
            self._leave(self._given_up)
            return
        answer = messages.description_of(response)
        if known is not None:
            self._negotiation = known[1]
        assert self._negotiation is not None
        agreement = self._negotiation.agreement
        if answer is not None or agreement is None:
            try:
                if answer is None:
                    raise SdpError("the call was answered without a session description")
                agreement = self._negotiation.read_answer(answer)
            except SdpError as error:
                self._leave(Cause(488, str(error)))
                return
        self._report_answered(agreement)

    def _dialog_of(self, request: SipRequest, response: SipResponse) -> Dialog:
        contact = self._caller.contact(self._remote)
        return Dialog.established(self._stack, request, response, self._remote, contact, self._caller.digest)

    def stray(self, response: SipResponse) -> None:
        """A 2xx that no transaction wanted: ours again (ACK), or another fork's (ACK and BYE, 13.2.2.4)."""
        if self._dialog is not None and self._dialog.remote_tag == messages.tag_of(response, "to"):
            super().stray(response)
            return
        if self._request is None:
            return
        cseq = messages.cseq_of(response)
        other = self._dialog_of(self._request, response)
        other.local_cseq = max(cseq, self._cseq)
        other.acknowledge(cseq)
        other.send("BYE", lambda final: None)

    # Requests within an early dialog

    def _dialog_for(self, request: SipRequest) -> Dialog | None:
        found = super()._dialog_for(request)
        if found is not None or self._dialog is not None:
            return found
        return next((dialog for dialog, _ in self._early.values() if dialog.matches(request)), None)

    def _far_end_left(self) -> None:
        if self._confirmed or self._dialog is not None:
            super()._far_end_left()
            return
        # Not allowed before its 2xx, which may have been lost: end what is left of the INVITE.
        if not self._leaving:
            self._give_up(Cause())
