"""A dialog: identity, sequence numbers, route set and remote target, and requests within it (RFC 3261, section 12).

A L{Dialog} knows nothing of calls or media. It finds the next hop without ever blocking, signs every request
with the account's credentials, and repeats one that was challenged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from sippy.SipAddress import SipAddress
from sippy.SipRequest import SipRequest
from sippy.SipResponse import SipResponse
from sippy.SipURL import SipURL
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from neon.sip import messages
from neon.sip.digest import DigestClient
from neon.sip.extensions import Peer
from neon.sip.stack import ClientTransaction, Stack
from neon.sip.transport import unbracketed
from neon.values import Destination

_log = Logger()

OnResponse: TypeAlias = Callable[[SipResponse], None]
OnSent: TypeAlias = Callable[[ClientTransaction], None]

TELL_EVERY = 100
"""A crash must not find a sequence number that is much too old (L{neon.store.journal.CSEQ_MARGIN})."""

MOST_CHALLENGES = 4
"""So often one request is sent again with credentials: for each proxy on the way, and for nonces grown old."""

RETRY_LATER: messages.Headers = (("Retry-After", "1"),)


@dataclass(frozen=True, slots=True)
class _Message:
    """A request to be sent: everything but its place in the dialog. It may be sent twice, the second time signed."""

    method: str
    on_response: OnResponse = lambda response: None
    body: str | None = None
    content_type: str | None = None
    headers: messages.Headers = ()
    on_sent: OnSent = lambda transaction: None
    attempts: int = 0


class Dialog:
    """One dialog, early or confirmed.

    C{home} is where the request that made it came from or went to: the next hop where a name does not resolve.
    """

    def __init__(
        self,
        stack: Stack,
        *,
        call_id: str,
        local: SipAddress,
        local_tag: str,
        remote: SipAddress,
        remote_tag: str | None,
        local_cseq: int,
        remote_cseq: int | None,
        remote_target: SipURL,
        route_set: tuple[SipURL, ...],
        contact: SipURL,
        home: Destination,
        digest: DigestClient | None,
    ) -> None:
        self._stack = stack
        self.call_id = call_id
        self.local = local
        self.local_tag = local_tag
        self.remote = remote
        self.remote_tag = remote_tag
        self.local_cseq = local_cseq
        self.remote_cseq = remote_cseq
        self.remote_target = remote_target
        self.route_set = route_set
        self.contact = contact
        self.home = home._replace(host=unbracketed(home.host))
        self.peer = Peer()
        self._digest = digest
        self._askers = {self.home.host}
        self.on_changed: Callable[[], None] = lambda: None
        """Called when the remote target moved, or many requests were sent since the last time."""
        self._told_cseq = local_cseq

    @classmethod
    def accepted(
        cls,
        stack: Stack,
        request: SipRequest,
        source: Destination,
        tag: str,
        contact: SipURL,
        digest: DigestClient | None,
    ) -> Dialog:
        """The UAS's view of the dialog that our response to C{request} makes (section 12.1.1).

        @raise ValueError: there is no Contact that requests could be sent to.
        """
        target = messages.contact_of(request)
        if target is None and messages.tag_of(request, "from") is None and not request.getHFs("contact"):
            # A caller of RFC 2543, without a tag, has none and is reached where it says that it is from.
            target = messages.callable_from(request)
        if target is None:
            raise ValueError("the INVITE has no usable Contact")
        dialog = cls(
            stack,
            call_id=messages.call_id_of(request),
            local=request.getHFBody("to").getUri(),
            local_tag=tag,
            remote=request.getHFBody("from").getUri(),
            remote_tag=messages.tag_of(request, "from"),
            local_cseq=0,
            remote_cseq=messages.cseq_of(request),
            remote_target=target,
            route_set=_routes(request),
            contact=contact,
            home=source,
            digest=digest,
        )
        dialog.peer.learn(request)
        return dialog

    @classmethod
    def established(
        cls,
        stack: Stack,
        request: SipRequest,
        response: SipResponse,
        remote: Destination,
        contact: SipURL,
        digest: DigestClient | None,
    ) -> Dialog:
        """The UAC's view of the dialog that C{response} makes (section 12.1.2)."""
        target = messages.contact_of(response)
        dialog = cls(
            stack,
            call_id=messages.call_id_of(request),
            local=request.getHFBody("from").getUri(),
            local_tag=messages.tag_of(request, "from") or "",
            remote=response.getHFBody("to").getUri(),
            remote_tag=messages.tag_of(response, "to"),
            local_cseq=messages.cseq_of(request),
            remote_cseq=None,
            # A 2xx without a Contact is wrong, but hanging up politely must be possible all the same.
            remote_target=target if target is not None else request.getRURI(),
            route_set=tuple(reversed(_routes(response))),
            contact=contact,
            home=remote,
            digest=digest,
        )
        dialog.peer.learn(response)
        return dialog

    # What arrives

    def matches(self, request: SipRequest) -> bool:
        """Whether a request with our Call-ID belongs to this dialog and not to another fork's."""
        return (
            messages.tag_of(request, "to") == self.local_tag and messages.tag_of(request, "from") == self.remote_tag
        )

    def in_order(self, request: SipRequest) -> bool:
        """Take note of the request's CSeq; False if it is older than what came before (section 12.2.2)."""
        number = messages.cseq_of(request)
        if self.remote_cseq is not None and number <= self.remote_cseq:
            return False
        self.remote_cseq = number
        return True

    def refresh_target(self, message: SipRequest | SipResponse) -> None:
        """A re-INVITE, an UPDATE or the 2xx to one moves the remote target (section 12.2; RFC 3311, section 5)."""
        target = messages.contact_of(message)
        if target is not None:
            self.remote_target = target
            self.on_changed()

    # What is sent

    def send(
        self,
        method: str,
        on_response: OnResponse,
        *,
        body: str | None = None,
        content_type: str | None = None,
        headers: messages.Headers = (),
        on_sent: OnSent = lambda transaction: None,
    ) -> None:
        """Send a request within the dialog; C{on_response} hears its final response, exactly once.

        401 and 407 are answered with credentials first: to whoever is at C{home}, and to a proxy of the route set
        that asks for the account's realm. The far end itself gets none.
        C{on_sent} gets the transaction of every request that leaves; C{local_cseq} is its number then. A body is
        a session description unless C{content_type} says otherwise.
        """
        message = _Message(method, on_response, body, content_type, tuple(headers), on_sent)
        hop = self.route_set[0] if self.route_set else self.remote_target
        numeric = messages.numeric_destination(hop, self.home)
        if numeric is not None:
            self._send_to(numeric, message)
            return
        host, transport = str(hop.host), messages.transport_of(hop) or "udp"
        resolving: Deferred[list[Destination]] = self._stack.resolver.resolve(host, hop.port, transport)

        def resolved(addresses: list[Destination]) -> None:
            self._send_to(addresses[0] if addresses else self.home, message)

        def unknown(failure: Failure) -> None:
            # Whoever made the dialog is reachable by the way that its first request took.
            _log.info("{host} was not resolved: {reason}", host=host, reason=failure.getErrorMessage())
            self._send_to(self.home, message)

        resolving.addCallbacks(resolved, unknown).addErrback(
            lambda failure: _log.failure("{method} was not sent", failure, method=method)
        )

    def _send_to(self, remote: Destination, message: _Message) -> None:
        self.local_cseq += 1
        if self.local_cseq - self._told_cseq >= TELL_EVERY:
            self._told_cseq = self.local_cseq
            self.on_changed()
        request = self._build(message, self.local_cseq, remote)
        if self._digest is not None and remote.host in self._askers:
            self._digest.authorize(request)

        def heard(response: SipResponse) -> None:
            status = response.getSCode()[0]
            if status < 200:
                return
            worth = status in (401, 407) and message.attempts < MOST_CHALLENGES
            if worth and self._may_answer(remote, request, response):
                self._send_to(remote, replace(message, attempts=message.attempts + 1))
            else:
                message.on_response(response)

        message.on_sent(self._stack.endpoint.send_request(request, remote, heard))

    def _may_answer(self, remote: Destination, request: SipRequest, response: SipResponse) -> bool:
        """Whether a challenge gets credentials; they are made then."""
        source = messages.source_of(response)
        if self._digest is None or source is None or source[0] != remote.host:
            return False
        if remote.host in self._askers:
            return self._digest.challenged(response, request)
        # Another proxy on the way may know the account. A stranger at the other end could ask for anything.
        if self.route_set and self._digest.challenged(response, request, own_realms_only=True):
            self._askers.add(remote.host)
            return True
        return False

    def acknowledge(self, cseq: int) -> None:
        """ACK a 2xx that no transaction knows any more, or that another fork sent (section 13.2.2.4)."""
        hop = self.route_set[0] if self.route_set else self.remote_target
        remote = messages.numeric_destination(hop, self.home) or self.home
        try:
            self._stack.endpoint.send_stateless(self._build(_Message("ACK"), cseq, remote), remote)
        except Exception:
            # Lost, as any datagram may be: the 2xx will come again.
            _log.debug("an ACK was not sent")

    def _build(self, message: _Message, cseq: int, remote: Destination) -> SipRequest:
        ruri, routes = self.remote_target, self.route_set
        if routes and not routes[0].lr:
            # A strict router wants to find itself in the Request-URI (section 12.2.1.1).
            ruri, routes = routes[0], (*routes[1:], self.remote_target)
        return messages.build_request(
            message.method,
            ruri,
            sender=self.local,
            sender_tag=self.local_tag,
            to=self.remote,
            to_tag=self.remote_tag,
            call_id=self.call_id,
            cseq=cseq,
            remote=remote,
            contact=self.contact if message.method not in ("BYE", "PRACK") else None,
            routes=routes,
            body=message.body,
            content_type=message.content_type,
            headers=message.headers,
        )


def _routes(message: SipRequest | SipResponse) -> tuple[SipURL, ...]:
    return tuple(body.getUrl().getCopy() for body in message.getHFBodys("record-route"))
