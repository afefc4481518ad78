"""A SIP endpoint: one UDP socket, its door, its transactions, and a typed face for the dialogs above."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any, TypeAlias

from sippy.MsgBody import MsgBody
from sippy.Network_server import Remote_address
from sippy.SipHeader import SipHeader
from sippy.SipRequest import SipRequest
from sippy.SipResponse import SipResponse
from sippy.SipTransactionManager import RINGING, TRYING, UACK
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from neon.ports import Clock
from neon.sip import reactor as glue
from neon.sip import received
from neon.sip.door import Admitted, Answer, Door, DoorPolicy, Verdict
from neon.sip.envelope import Envelope, with_source
from neon.sip.received import ReceivedRequest, ReceivedResponse
from neon.sip.transactionbase import LONGEST_INVITE
from neon.sip.transactions import Transactions
from neon.sip.transport import CannotSend, SipSocket, UdpReactor, unbracketed
from neon.values import Address, Destination

_log = Logger()


class ClientTransaction:
    """A request of ours on its way."""

    def __init__(self, manager: Transactions, transaction: Any) -> None:
        self._manager = manager
        self._transaction = transaction
        self.remote: Address = transaction.address

    @property
    def finished(self) -> bool:
        """Whether the final response was delivered (and, with C{manual_ack}, acknowledged)."""
        return self._transaction.tid is None or self._transaction.state not in (TRYING, RINGING, UACK)

    def cancel(self) -> None:
        """CANCEL an INVITE, deferred until a provisional response arrived (RFC 3261, section 9.1).

        Without effect on anything else, after the final response, and the second time. The final response
        (487, or the 200 that crossed the CANCEL) is still delivered.
        """
        if not self.finished and self._transaction.needack:
            self._manager.cancelTransaction(self._transaction)

    def send_ack(self, body: str | Any | None = None, remote: Address | None = None) -> None:
        """Acknowledge the 2xx of an INVITE sent with C{manual_ack}: SDP text or a sippy MsgBody.

        C{remote} overrules where it goes (by default the route set or the Contact, if numeric). Without effect
        when there is nothing to acknowledge.
        """
        if self._transaction.tid is None or self._transaction.state != UACK:
            return
        if body is not None:
            self._transaction.ack.setBody(MsgBody(body) if isinstance(body, str) else body)
        if remote is not None:
            self._transaction.ack_rAddr = (remote, "udp")
        self._manager.sendACK(self._transaction)


class ServerTransaction:
    """A request of somebody else's that wants responses.

    The user sets C{on_cancel} (CANCEL came and is C{cancelled_by}, or the INVITE expired: 487 has been sent), C{on_ack}
    (the ACK of our 2xx came) and C{on_no_ack} (it did not, in 32 s).
    """

    def __init__(self, manager: Transactions, transaction: Any) -> None:
        self._manager = manager
        self._transaction = transaction
        self.source = Destination(*transaction.source)
        self.on_cancel: Callable[[], None] | None = None
        self.on_ack: Callable[[SipRequest], None] | None = None
        self.on_no_ack: Callable[[], None] | None = None
        self.cancelled_by: SipRequest | None = None

    @property
    def finished(self) -> bool:
        """Whether the final response was sent, by the user or for it."""
        return self._transaction.tid is None or self._transaction.state not in (TRYING, RINGING)

    @property
    def silent(self) -> bool:
        """Whether nothing was answered yet, not even 100."""
        return bool(self._transaction.status == 0)

    def respond(self, response: SipResponse) -> None:
        """Send a response to where the request came from; a To tag is made if it has none, the same each time.

        A final response of an INVITE is sent again (0.5, 1, 2, 4, 4... s) until its ACK came, for 32 s at most.
        Does nothing after the final response: a CANCEL may have been first.
        """
        if self.finished:
            return
        self._manager.sendResponse(response, self._transaction, ack_cb=self._acked)

    def _acked(self, ack: SipRequest) -> None:
        if self.on_ack is not None:
            self.on_ack(ack)

    def _cancelled(self, _when: object, request: SipRequest | None) -> None:
        self.cancelled_by = request
        if self.on_cancel is not None:
            try:
                self.on_cancel()
            except Exception:
                _log.failure("a CANCEL callback failed")

    def _unacked(self) -> None:
        if self.on_no_ack is not None:
            self.on_no_ack()


OnRequest: TypeAlias = Callable[[SipRequest, ServerTransaction], None]
OnResponse: TypeAlias = Callable[[SipResponse], None]
Trace: TypeAlias = Callable[[str, Address, object], None]


class Endpoint:
    """One UDP socket with everything up to the transaction layer.

    C{on_request} hears every new request except ACK and CANCEL; an exception that it raises is answered with 500.
    """

    def __init__(
        self,
        reactor: UdpReactor,
        clock: Clock,
        *,
        host: str,
        port: int,
        door: DoorPolicy,
        on_request: OnRequest,
        user_agent: str,
    ) -> None:
        glue.install(clock)
        self.on_stray_response: Callable[[SipResponse, Destination], None] | None = None
        """A 2xx to an INVITE that belongs to no transaction, late or forked: somebody should ACK and BYE it."""
        self.knows_dialog: Callable[[str], bool] | None = None
        """Whether a Call-ID is a live dialog's; if set, requests of strangers for others get silence instead of 481."""
        self.trace: Trace | None = None
        """Sees every message that is let in or sent, as an object whose C{str} it is (L{neon.sip.trace})."""
        self._clock = clock
        self._user_agent = user_agent
        self._on_request = on_request
        self.door = Door(door, clock, user_agent)
        self._socket = SipSocket(reactor, clock, host, port, self._datagram)
        self._transactions = Transactions(self, user_agent)

    def start(self) -> None:
        """Bind.

        @raise twisted.internet.error.CannotListenError: the address is taken or not ours.
        """
        self._socket.listen()
        self._transactions.start()

    def stop(self) -> Deferred[None]:
        """Close the socket and forget every transaction; no callback is called any more."""
        self._transactions.shutdown()
        return self._socket.close()

    @property
    def address(self) -> Address:
        """The host and port that are bound."""
        return self._socket.address

    def local_address(self, remote: Destination) -> Destination:
        """Our address as C{remote} sees it, for Contact and SDP."""
        return Destination(*self._socket.local_address(remote.host))

    def forget_routes(self) -> None:
        """The machine's addresses changed: ask the kernel again."""
        self._socket.forget_routes()

    def pending(self) -> tuple[int, int]:
        """How many client and server transactions exist."""
        return len(self._transactions.tclient), len(self._transactions.tserver)

    def send_request(
        self, request: SipRequest, remote: Destination, on_response: OnResponse, *, manual_ack: bool = False
    ) -> ClientTransaction:
        """Send a request to a numeric address and hear its responses.

        C{on_response} gets every provisional response and then exactly one final one, never from inside this
        call: 408 made here on time-out (32 s, or the INVITE's Expires after a provisional response, 180 s at
        most), 503 if it could not be sent. The ACK of an INVITE's final response is sent here, except that with
        C{manual_ack} the ACK of a 2xx is L{ClientTransaction.send_ack}'s.
        """
        target = (unbracketed(remote.host), remote.port)
        request.setTarget((target, "udp"))
        via = request.getHFBody("via")
        via.params.setdefault("rport", None)  # RFC 3581
        if via.getBranch() is None:
            via.genBranch()
        if request.getMethod() == "INVITE":
            for expires in request.getHFBodys("expires"):
                expires.number = min(expires.number, LONGEST_INVITE)
        request.user_agent = self._user_agent
        request.delHFs("user-agent")
        request.appendHeader(SipHeader(name="user-agent", bodys=self._user_agent))
        self.door.spoke_to(target[0])
        transaction = self._transactions.newTransaction(request, on_response, userv=self._socket.path(target[0]))
        transaction.uack = manual_ack and transaction.needack
        return ClientTransaction(self._transactions, transaction)

    def send_stateless(self, request: SipRequest, remote: Destination) -> None:
        """Send a request that has no transaction: the ACK of a stray 2xx.

        @raise CannotSend: it did not leave.
        """
        request.getHFBody("via").params.setdefault("rport", None)
        path = self._socket.path(remote.host)
        data = request.localStr(path.getSIPaddr())
        path.send_to(data, remote.address)
        self.sent(remote.address, data)

    # -- from the socket

    def _datagram(self, data: bytes, source: Address) -> None:
        verdict: Verdict = None
        try:
            verdict = self.door.judge(data, source)
            if isinstance(verdict, Admitted):
                if self.trace is not None:
                    self.trace("<-", source, verdict.envelope)
                if verdict.envelope.is_request:
                    self._request(verdict, source)
                else:
                    self._response(verdict.envelope, source)
            elif verdict is not None:
                self._answer(verdict, source)
        except Exception as error:
            self._broke(error, verdict, source)

    def _broke(self, error: Exception, verdict: Verdict, source: Address) -> None:
        """A message that raises gets its 400 or silence, never a traceback: its text could be in there."""
        *_, frame = traceback.extract_tb(error.__traceback__)
        where = f"{type(error).__name__} in {frame.name}, line {frame.lineno}"
        self.door.counters["broke"] += 1
        self.door.complain(f"a message that could not be handled ({where})", source)
        if isinstance(verdict, Admitted) and verdict.welcome and verdict.envelope.is_request:
            envelope = verdict.envelope
            if envelope.method != "ACK":
                self._answer(self.door.refuse(envelope, source, 400, "Bad Request"), source)

    def _answer(self, answer: Answer, source: Address) -> None:
        try:
            self._socket.send(answer.data, source)
        except CannotSend as error:
            _log.debug("an answer was not sent: {reason}", reason=str(error))
            return
        if self.trace is not None:
            self.trace("->", source, answer.data.decode("utf-8", "backslashreplace"))

    def _request(self, admitted: Admitted, source: Address) -> None:
        envelope = admitted.envelope
        if not admitted.welcome and self.knows_dialog is not None and not self.knows_dialog(envelope.call_id):
            self.door.counters["stranger"] += 1
            return
        request = received.read(ReceivedRequest, with_source(envelope, source))
        if request is None:
            self.door.complain("a request that cannot be parsed", source)
            if admitted.welcome and envelope.method != "ACK":
                self._answer(self.door.refuse(envelope, source, 400, "Bad Request"), source)
            return
        request.setSource(Remote_address(source, "udp"))
        key = self._transactions.key(request)
        if envelope.method not in ("ACK", "CANCEL") and not self._transactions.knows(key):
            refusal = self.door.overload(envelope, source, len(self._transactions.open))
            if refusal is not None:
                self._answer(refusal, source)
                return
        self._transactions.receive_request(request, key, source, self._socket.path(source[0]))

    def _response(self, envelope: Envelope, source: Address) -> None:
        via = envelope.vias[0]
        # RFC 3261, section 18.1.2: what does not bear our sent-by was not meant for us.
        ours = self._socket.is_ours(via.host, via.port or 5060)
        response = received.read(ReceivedResponse, envelope) if ours else None
        if response is None:
            self.door.complain("a response that is not for us, or cannot be parsed", source)
            return
        response.setSource(Remote_address(source, "udp"))
        self._transactions.receive_response(response, source, self._socket.path(source[0]))

    # -- from the transactions

    def request_arrived(self, request: SipRequest, transaction: Any) -> None:
        """See L{TransactionUser}."""
        face = ServerTransaction(self._transactions, transaction)
        transaction.cancel_cb, transaction.noack_cb = face._cancelled, face._unacked
        if transaction.needack and request.getHFBody("to").getTag() is None:
            transaction.counted = True
            self.door.invite_opened(transaction.source[0])
        try:
            self._on_request(request, face)
        except Exception:
            _log.failure("a SIP request could not be handled")
            face.respond(request.genResponse(500, "Server Internal Error"))

    def request_finished(self, transaction: Any) -> None:
        """See L{TransactionUser}."""
        if getattr(transaction, "counted", False):
            self.door.invite_closed(transaction.source[0])

    def stray_response(self, response: SipResponse, source: Address) -> None:
        """See L{TransactionUser}."""
        if self.on_stray_response is not None:
            try:
                self.on_stray_response(response, Destination(*source))
            except Exception:
                _log.failure("a stray response could not be handled")

    def sent(self, peer: Address, message: str) -> None:
        """See L{TransactionUser}."""
        if self.trace is not None:
            self.trace("->", peer, message)
