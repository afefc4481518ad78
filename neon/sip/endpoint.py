"""A SIP endpoint: its ways in and out, its door, its transactions, and a typed face for the dialogs above."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

from sippy.MsgBody import MsgBody
from sippy.Network_server import Remote_address
from sippy.SipRequest import SipRequest
from sippy.SipResponse import SipResponse
from sippy.SipTransactionManager import RINGING, TRYING, UACK
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from neon.ports import Clock
from neon.sip import reactor as glue
from neon.sip import received
from neon.sip.door import Admitted, Answer, Door, DoorPolicy, Verdict
from neon.sip.envelope import Envelope, with_source
from neon.sip.flow import Flow, FlowUser
from neon.sip.received import ReceivedRequest, ReceivedResponse
from neon.sip.transactions import Transactions
from neon.sip.transport import CannotSend, LocalPath, UdpReactor, unbracketed
from neon.sip.ways import Transports, Ways
from neon.sip.written import Field, WrittenRequest
from neon.values import Address, Destination

_log = Logger()

ROOMIER_WITHIN = 2.0
"""Seconds that a connection may take which is only tried because a request is long."""

DATAGRAMS_ONLY_FOR = 3600.0
"""Seconds for which nobody tries again who could not be reached over TCP."""

MOST_REMEMBERED = 256


class ClientTransaction:
    """A request of ours on its way."""

    def __init__(self, manager: Transactions, transaction: Any) -> None:
        self._manager = manager
        self._transaction = transaction
        self.remote: Destination = transaction.address

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

    def send_ack(self, body: str | Any | None = None, remote: Destination | None = None) -> None:
        """Acknowledge the 2xx of an INVITE sent with C{manual_ack}: SDP text or a sippy MsgBody.

        C{remote} overrules where it goes (by default the route set or the Contact, if numeric). Without effect
        when there is nothing to acknowledge.
        """
        if self._transaction.tid is None or self._transaction.state != UACK:
            return
        if body is not None:
            self._transaction.ack.setBody(MsgBody(body) if isinstance(body, str) else body)
        if remote is not None:
            self._transaction.ack_by = self._manager.path_to(remote), remote
        self._manager.sendACK(self._transaction)


class ServerTransaction:
    """A request of somebody else's that wants responses.

    The user sets C{on_cancel} (CANCEL came and is C{cancelled_by}, or the INVITE expired: 487 has been sent), C{on_ack}
    (the ACK of our 2xx came) and C{on_no_ack} (it did not, in 32 s).
    """

    def __init__(self, manager: Transactions, transaction: Any) -> None:
        self._manager = manager
        self._transaction = transaction
        self.source: Destination = transaction.source
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
Trace: TypeAlias = Callable[[str, Destination, object], None]


class Endpoint:
    """One UDP socket, and what C{transports} adds, with everything up to the transaction layer.

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
        transports: Transports | None = None,
    ) -> None:
        glue.install(clock)
        transports = transports or Transports()
        self.on_stray_response: Callable[[SipResponse, Destination], None] | None = None
        """A 2xx to an INVITE that belongs to no transaction, late or forked: somebody should ACK and BYE it."""
        self.knows_dialog: Callable[[str], bool] | None = None
        """Whether a Call-ID is a live dialog's; if set, requests of strangers for others get silence instead of 481."""
        self.on_flow_lost: Callable[[Destination, str], None] | None = None
        """A connection of ours that had been open is gone, for a reason in words: nobody there can reach us now."""
        self.trace: Trace | None = None
        """Sees every message that is let in or sent, as an object whose C{str} it is (L{neon.siptrace})."""
        self._clock = clock
        self._user_agent = Field("user-agent", user_agent)
        self._on_request = on_request
        self.door = Door(door, clock, user_agent)
        self._largest_datagram = transports.largest_datagram
        self._datagrams_only: dict[Address, float] = {}
        user = FlowUser(self._flow_message, self._flow_lost, self._flow_spoiled, self.door.welcomes)
        self._ways = Ways(reactor, clock, host, port, transports, self._datagram, user)
        self._transactions = Transactions(self, user_agent)
        self._transactions.compact = transports.compact

    def start(self) -> None:
        """Bind.

        @raise twisted.internet.error.CannotListenError: an address is taken or not ours.
        @raise neon.sip.tls.TlsUnusable: a file of certificates or keys cannot be used.
        """
        self._ways.listen()
        self._transactions.start()

    def stop(self) -> Deferred[None]:
        """Close every socket and connection and forget every transaction; no callback is called any more."""
        self._transactions.shutdown()
        return self._ways.close()

    @property
    def address(self) -> Address:
        """The first host that is bound, and the port of UDP."""
        return self._ways.address

    @property
    def points(self) -> tuple[Destination, ...]:
        """Everywhere that SIP is listened for."""
        return self._ways.points

    def local_address(self, remote: Destination) -> Destination:
        """Our address as C{remote} sees it, for Contact and SDP. With a connection it is that one's own."""
        return self._ways.local_address(remote)

    def forget_routes(self) -> None:
        """The machine's addresses changed: ask the kernel again."""
        self._ways.forget_routes()
        self._datagrams_only.clear()

    def pending(self) -> tuple[int, int]:
        """How many client and server transactions exist."""
        return len(self._transactions.tclient), len(self._transactions.tserver)

    def send_request(
        self, request: WrittenRequest, remote: Destination, on_response: OnResponse, *, manual_ack: bool = False
    ) -> ClientTransaction:
        """Send a request to a numeric address and hear its responses.

        A connection is made where one is needed; a request too long for a datagram is tried over TCP first.
        C{on_response} gets every provisional response and then exactly one final one, never from inside this
        call: 408 made here on time-out (32 s, or the INVITE's Expires after a provisional response, 180 s at
        most), 503 if it could not be sent. The ACK of an INVITE's final response is sent here, except that with
        C{manual_ack} the ACK of a 2xx is L{ClientTransaction.send_ack}'s.
        """
        remote = remote._replace(host=unbracketed(remote.host))
        request.setTarget((remote.address, remote.transport))
        request.headers.append(self._user_agent)
        self.door.spoke_to(remote.host)
        transaction = self._transactions.newTransaction(
            request,
            on_response,
            userv=self.path(remote),
            destination=remote,
            roomier=partial(self._roomier, remote),
        )
        transaction.uack = manual_ack and transaction.needack
        return ClientTransaction(self._transactions, transaction)

    def send_stateless(self, request: SipRequest, remote: Destination) -> None:
        """Send a request that has no transaction: the ACK of a stray 2xx.

        @raise CannotSend: it did not leave.
        """
        path = self.path(remote)
        data = request.localStr(path.getSIPaddr(), self._transactions.compact)
        path.send_to(data, remote)
        self.sent(remote, data)

    def path(self, destination: Destination) -> LocalPath | Flow:
        """The way to a destination; a connection is made when something is sent."""
        return self._ways.path(destination)

    def reach(self, destination: Destination) -> Deferred[None]:
        """Have a way to a destination, so that L{local_address} is what it will see; fails with L{CannotSend}.

        Without connections there is always one.
        """
        return self._ways.flow(destination).reach() if destination.reliable else succeed(None)

    def _roomier(self, remote: Destination, length: int) -> Flow | None:
        """The connection to try first for a request that a datagram might not carry (RFC 3261, section 18.1.1)."""
        if remote.reliable or not 0 < self._largest_datagram < length:
            return None
        if self._datagrams_only.get(remote.address, float("-inf")) >= self._clock.seconds():
            return None
        flow = self._ways.flow(Destination(*remote.address, "tcp"))
        flow.within = min(flow.within, ROOMIER_WITHIN)
        return None if flow.rests else flow

    # -- from the sockets and connections

    def _datagram(self, data: bytes, source: Address) -> None:
        self._message(data, Destination(*source), None)

    def _flow_message(self, flow: Flow, data: bytes) -> None:
        self._message(data, flow.destination, flow)

    def _flow_spoiled(self, flow: Flow, reason: str) -> None:
        self.door.complain(reason, flow.destination.address)

    def _flow_lost(self, flow: Flow, reason: str, opened: bool) -> None:
        way = flow.destination
        if not opened and way.transport == "tcp":
            self._datagrams_only[way.address] = self._clock.seconds() + DATAGRAMS_ONLY_FOR
            if len(self._datagrams_only) > MOST_REMEMBERED:
                del self._datagrams_only[next(iter(self._datagrams_only))]
        self._transactions.way_lost(flow, reason, opened)
        if opened and flow.ours and self.on_flow_lost is not None:
            try:
                self.on_flow_lost(way, reason)
            except Exception:
                _log.failure("the loss of a connection could not be handled")

    def _message(self, data: bytes, source: Destination, flow: Flow | None) -> None:
        verdict: Verdict = None
        try:
            verdict = self.door.judge(data, source)
            if isinstance(verdict, Admitted):
                if self.trace is not None:
                    self.trace("<-", source, verdict.envelope)
                if verdict.envelope.is_request:
                    self._request(verdict, source, flow or self.path(source))
                else:
                    self._response(verdict.envelope, source)
            elif verdict is not None:
                self._answer(verdict, source, flow or self.path(source))
        except Exception as error:
            self._broke(error, verdict, source, flow or self.path(source))

    def _broke(self, error: Exception, verdict: Verdict, source: Destination, path: LocalPath | Flow) -> None:
        """A message that raises gets its 400 or silence, never a traceback: its text could be in there."""
        *_, frame = traceback.extract_tb(error.__traceback__)
        where = f"{type(error).__name__} in {frame.name}, line {frame.lineno}"
        self.door.counters["broke"] += 1
        self.door.complain(f"a message that could not be handled ({where})", source.address)
        if isinstance(verdict, Admitted) and verdict.welcome and verdict.envelope.is_request:
            envelope = verdict.envelope
            if envelope.method != "ACK":
                self._answer(self.door.refuse(envelope, source.address, 400, "Bad Request"), source, path)

    def _answer(self, answer: Answer, source: Destination, path: LocalPath | Flow) -> None:
        try:
            path.send_to(answer.data, source)
        except CannotSend as error:
            _log.debug("an answer was not sent: {reason}", reason=str(error))
            return
        self.sent(source, answer.data.decode("utf-8", "backslashreplace"))

    def _request(self, admitted: Admitted, source: Destination, path: LocalPath | Flow) -> None:
        envelope, address = admitted.envelope, source.address
        if not admitted.welcome and self.knows_dialog is not None and not self.knows_dialog(envelope.call_id):
            self.door.counters["stranger"] += 1
            return
        request = received.read(ReceivedRequest, with_source(envelope, address))
        if request is None:
            self.door.complain("a request that cannot be parsed", address)
            if admitted.welcome and envelope.method != "ACK":
                self._answer(self.door.refuse(envelope, address, 400, "Bad Request"), source, path)
            return
        request.setSource(Remote_address(address, source.transport))
        key = self._transactions.key(request)
        if envelope.method not in ("ACK", "CANCEL") and not self._transactions.knows(key):
            refusal = self.door.overload(envelope, address, len(self._transactions.open))
            if refusal is not None:
                self._answer(refusal, source, path)
                return
        self._transactions.receive_request(request, key, source, path)

    def _response(self, envelope: Envelope, source: Destination) -> None:
        via = envelope.vias[0]
        # RFC 3261, section 18.1.2: what does not bear our sent-by was not meant for us.
        ours = self._ways.is_ours(via.host, via.port or (5061 if source.transport == "tls" else 5060))
        response = received.read(ReceivedResponse, envelope) if ours else None
        if response is None:
            self.door.complain("a response that is not for us, or cannot be parsed", source.address)
            return
        response.setSource(Remote_address(source.address, source.transport))
        self._transactions.receive_response(response, source)

    # -- from the transactions

    def request_arrived(self, request: SipRequest, transaction: Any) -> None:
        """See L{TransactionUser}."""
        face = ServerTransaction(self._transactions, transaction)
        transaction.cancel_cb, transaction.noack_cb = face._cancelled, face._unacked
        if transaction.needack and request.to_tag is None:
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

    def stray_response(self, response: SipResponse, source: Destination) -> None:
        """See L{TransactionUser}."""
        if self.on_stray_response is not None:
            try:
                self.on_stray_response(response, source)
            except Exception:
                _log.failure("a stray response could not be handled")

    def sent(self, peer: Destination, message: str) -> None:
        """See L{TransactionUser}."""
        if self.trace is not None:
            self.trace("->", peer, message)
