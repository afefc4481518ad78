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

from neon.ports import CallListener, Timer
from neon.records import DialogRecord
from neon.sip import crypto, extensions, messages
from neon.sip.attempts import Attempts
from neon.sip.dialog import Dialog
from neon.sip.dialogrecord import record_of_invite
from neon.sip.digest import DigestClient
from neon.sip.early import Fork, Forks
from neon.sip.modification import Change
from neon.sip.negotiation import Negotiation
from neon.sip.reliable import sequence_of
from neon.sip.relocation import ContactOf
from neon.sip.replaces import Standing
from neon.sip.sdp import SdpError
from neon.sip.session import Session
from neon.sip.silenthop import SilentHop
from neon.sip.stack import ClientTransaction, ServerTransaction, Stack
from neon.sip.transactionbase import LONGEST_INVITE
from neon.values import NO_OPTIONS, AccountOptions, Cause, Destination, LocalMedia, MediaAgreement, ReliablePolicy

_log = Logger()

CANCELLED = Cause(487, messages.REASONS[487])
UNANSWERED = Cause(408, "nobody answered in time")

MOST_STRAYS = 16
"""So many forks may answer the same call too late and get their BYE; a proxy gone mad could invent them without end."""


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose behalf a call is made, and by which way.

    C{contact} makes our Contact for a peer. C{hops} are the numeric addresses that the INVITE goes to, the next
    one when one is not available; if empty, the target's host is resolved. C{routes} are preloaded Route URIs.
    C{redirects} is whether a 3xx is followed, by the same way; a call to one certain phone has nowhere else to go.
    C{headers} are further header fields of the INVITE. C{options}: what the account wants otherwise than the settings.
    """

    address: SipAddress
    contact: Callable[[Destination], SipURL]
    digest: DigestClient | None = None
    hops: tuple[Destination, ...] = ()
    routes: tuple[SipURL, ...] = ()
    redirects: bool = True
    headers: messages.Headers = ()
    options: AccountOptions = NO_OPTIONS


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
        self._negotiation = negotiation = Negotiation(media, locate=stack.address_towards)
        self._attempts = Attempts(
            target, negotiation, self._session_timer, digest=caller.digest, redirects=caller.redirects
        )
        self._forks = Forks()
        self._strays: dict[str | None, Dialog] = {}
        self._hop = SilentHop(stack.clock, self._hop_is_silent)
        self._again: Timer | None = None
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
            self._attempts.hops = list(self._caller.hops)
            self._invite()
            return
        target = self._attempts.target
        host, transport = str(target.host).strip("[]"), messages.transport_of(target) or "udp"
        resolving: Deferred[list[Destination]] = self._stack.resolver.resolve(host, target.port, transport)
        resolving.addCallbacks(self._resolved, self._unknown).addErrback(
            lambda failure: _log.failure("an INVITE was not sent", failure)
        )

    def _resolved(self, addresses: list[Destination]) -> None:
        self._attempts.hops = list(addresses)
        if self._given_up is None and addresses:
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
        self._remote = self._attempts.hops[0]
        crypto.warn_if_readable(self._negotiation.local.srtp, self._remote, self.call_id)
        self._cseq = max(self._cseq, self._forks.highest_cseq()) + 1
        self._forks.clear()
        request = messages.build_request(
            "INVITE",
            self._attempts.target,
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
            expires=max(1, min(LONGEST_INVITE, round(self._stack.settings.no_answer_seconds))),
            headers=self._headers(),
        )
        if self._caller.digest is not None:
            self._caller.digest.authorize(request)
        self._request = request
        self._final = False
        self._transaction = self._stack.endpoint.send_request(
            request, self._remote, partial(self._on_response, request)
        )
        self._hop.watch(len(self._attempts.hops) > 1)

    def _hop_is_silent(self) -> None:
        """Go on with the next one; should this one wake up, it hears CANCEL, or BYE."""
        if self._transaction is None or self._final or self._leaving:
            return
        _log.info("{hop} says nothing to the INVITE of {call_id}", hop=str(self._remote), call_id=self.call_id)
        self._transaction.cancel()
        self._attempts.hops.pop(0)
        self._invite()

    def _headers(self) -> messages.Headers:
        settings = self._stack.settings
        headers = [*extensions.capabilities(settings), *self._session_timer.asking(), *self._caller.headers]
        if settings.reliable is ReliablePolicy.REQUIRED:
            headers.append(("Require", extensions.RELIABLE))
        return headers

    # SignallingCall

    def record(self) -> DialogRecord | None:
        if self._dialog is None and self._request is not None and not self._final and not self._over:
            return record_of_invite(self._request, self._remote, self._caller.contact(self._remote))
        return super().record()

    def standing(self, remote_tag: str) -> Standing:
        if self._dialog is None and self._forks.get(remote_tag) is not None:
            return Standing.ENDED if self._over or self._given_up is not None else Standing.EARLY
        return super().standing(remote_tag)

    def ring(self, *, waiting: bool = False) -> None:
        """Senseless for an outgoing call."""

    def accept(self) -> None:
        """Senseless for an outgoing call."""

    def reject(self, status: int) -> None:
        """Senseless for an outgoing call."""

    def deflect(self, uri: str, reason: str = "deflection") -> None:
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
            self._finish_soon(cause)  # nothing is on its way: a name is being resolved, or a busy server given time
            return
        self._limit_patience(cause)
        self._transaction.cancel()

    def _nobody_answered(self) -> None:
        if not self._final and not self._leaving:
            self._give_up(UNANSWERED)

    # Responses

    def _on_response(self, request: SipRequest, response: SipResponse) -> None:
        status = int(response.getSCode()[0])
        if request is not self._request:
            if 200 <= status < 300:
                self.stray(response)  # of a server that had been given up
            return
        if messages.source_of(response) is not None:
            self._hop.spoke()
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
        else:
            self._failed(request, response)

    def _failed(self, request: SipRequest, response: SipResponse) -> None:
        wait = self._attempts.after(request, response, silent=not self._hop.heard)
        if wait is None:
            self._finish(Cause(int(response.getSCode()[0]), str(response.getSCode()[1])))
        elif wait:
            self._again = self._stack.clock.callLater(wait, self._try)
        else:
            self._try()

    def _try(self) -> None:
        if self._attempts.hops:
            self._invite()
        else:
            self._find_hops()

    def _stop_requests(self) -> None:
        super()._stop_requests()
        self._hop.stop()
        if self._again is not None and self._again.active():
            self._again.cancel()

    def _progressing(self, request: SipRequest, response: SipResponse, status: int) -> None:
        """A provisional response with a To tag makes an early dialog, one for each fork (RFC 3261, section 12.1)."""
        number = sequence_of(response)
        fork = self._forks.of(response, lambda: self._fork(request, response))
        early: MediaAgreement | None = None
        if fork is not None:
            if number is not None and not fork.acknowledge(response, number):
                return
            fork.dialog.peer.learn(response)
            early = fork.read(response, reliably=number is not None)
        self._report_ringing(status, early)

    def _fork(self, request: SipRequest, response: SipResponse) -> Fork:
        assert self._negotiation is not None
        return Fork(self._dialog_of(request, response), self._negotiation.copy())

    def _accepted(self, request: SipRequest, response: SipResponse) -> None:
        """A 2xx; the transaction layer has acknowledged it."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        known = self._forks.get(messages.tag_of(response, "to"))
        self._dialog = known.dialog if known is not None else self._dialog_of(request, response)
        self._dialog.refresh_target(response)
        self._dialog.peer.learn(response)
        self._dialog.route_set = self._dialog_of(request, response).route_set  # RFC 3261, section 13.2.2.4
        self._dialog.on_changed = self._changed
        self._changed()
        if self._given_up is not None:
            # It crossed our CANCEL (RFC 3261, section 9.1).
            self._leave(self._given_up)
            return
        self._session_timer.accepted(response)
        answer = messages.description_of(response)
        if known is not None:
            self._negotiation = known.negotiation
            if known.moved:
                answer = None
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

    def forget(self) -> None:
        super().forget()
        # A server that had been given up may still speak when all else is forgotten; nobody listens.
        self._request = None

    def stray(self, response: SipResponse) -> None:
        """A 2xx that no transaction wanted: ours again (ACK), or another fork's (ACK and BYE, 13.2.2.4)."""
        if self._dialog is not None and self._dialog.remote_tag == messages.tag_of(response, "to"):
            super().stray(response)
            return
        if self._request is None:
            return
        cseq, tag = messages.cseq_of(response), messages.tag_of(response, "to")
        other = self._strays.get(tag)
        if other is not None:
            other.acknowledge(cseq)  # again: the first was lost; its BYE is on the way
        elif len(self._strays) < MOST_STRAYS:
            other = self._strays[tag] = self._dialog_of(self._request, response)
            other.local_cseq = max(cseq, self._cseq)
            other.acknowledge(cseq)
            other.send("BYE", lambda final: None)

    # Requests within an early dialog

    def _dialog_for(self, request: SipRequest) -> Dialog | None:
        found = super()._dialog_for(request)
        if found is not None or self._dialog is not None:
            return found
        fork = self._forks.holding(request)
        return None if fork is None else fork.dialog

    def _stable(self, dialog: Dialog) -> Negotiation | int:
        fork = None if self._confirmed else self._forks.with_dialog(dialog)
        if fork is None:
            return super()._stable(dialog)
        # The offer in our INVITE is answered when a reliable response or the 200 says so.
        return fork.negotiation if fork.settled and not self._modification.offering else 491

    def _updated(self, dialog: Dialog, request: SipRequest, transaction: ServerTransaction) -> None:
        fork = self._forks.with_dialog(dialog)
        if fork is not None and fork.settled and messages.description_of(request) is not None:
            fork.moved = True
        super()._updated(dialog, request, transaction)

    def _relocate_early(self, contact_of: ContactOf) -> bool:
        differs = self._relocation.differs
        moved = False
        for fork in self._forks:
            if differs(contact_of, fork.dialog.contact, fork.dialog.home, fork.negotiation.host):
                self._relocate_fork(fork, contact_of(fork.dialog.contact, fork.dialog.home))
                moved = True
        # Who has not answered yet, or answers beside the others, knows what the INVITE says.
        sent = None if self._request is None else messages.contact_of(self._request)
        host = None if self._negotiation is None else self._negotiation.host
        return moved or differs(contact_of, sent, self._remote, host)

    def _relocate_fork(self, fork: Fork, contact: SipURL) -> None:
        fork.dialog.contact = contact
        if not fork.dialog.peer.allows("UPDATE"):
            return
        located = self._located()
        if located is not None:
            fork.negotiation.local = fork.negotiation.local.seen_as(located)

        def accepted(agreement: MediaAgreement | None) -> None:
            fork.moved = fork.moved or agreement is not None
            self._moved(agreement)

        self._modification.start(
            Change(fork.dialog, fork.negotiation, accepted, lambda cause: None, offer=fork.settled, early=True)
        )

    def _far_end_left(self) -> None:
        if self._confirmed or self._dialog is not None:
            super()._far_end_left()
            return
        # Not allowed before its 2xx, which may have been lost: end what is left of the INVITE.
        if not self._leaving:
            self._give_up(Cause())
