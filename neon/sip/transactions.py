"""sippy's transaction layer, with the edges of RFC 3261, section 17, that it rounds off.

What is ours: one socket given from outside; answers go to the packet's source; T2 caps every retransmission;
retransmissions are recognised by transaction and not by checksum, in tables of bounded size; the ACK of a
failure follows its INVITE (section 17.1.1.3) and every ACK carries the INVITE's credentials (22.1); what a
callback raises is contained.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Protocol

from sippy.Exceptions.SipParseError import SipParseError
from sippy.SipAddress import SipAddress
from sippy.SipHeader import SipHeader
from sippy.SipResponse import SipResponse
from sippy.SipRoute import SipRoute
from sippy.SipTransactionManager import (
    COMPLETED,
    CONFIRMED,
    RINGING,
    TERMINATED,
    TRYING,
    UACK,
    SipTransactionManager,
)
from sippy.Time.Timeout import Timeout
from twisted.logger import Logger

from neon.sip.transport import CannotSend, LocalPath, is_numeric, unbracketed
from neon.values import Address

_log = Logger()

T2 = 4.0
TIMEOUT = 32.0  # 64 * T1: timers B, F, H and J of RFC 3261
LONGEST_INVITE = 180
_PROVISIONAL_INTERVAL = 60  # RFC 3261, section 13.3.1.1
_REMEMBERED = 2048
_TIMERS = ("teA", "teB", "teC", "teD", "teE", "teF", "teG")


class TransactionUser(Protocol):
    """Who hears of requests and of responses that belong to nothing."""

    def request_arrived(self, request: Any, transaction: Any) -> None:
        """A new server transaction began."""

    def request_finished(self, transaction: Any) -> None:
        """It has its final response, or was given up."""

    def stray_response(self, response: Any, source: Address) -> None:
        """A 2xx to an INVITE belongs to no transaction."""

    def sent(self, peer: Address, message: str) -> None:
        """A message left (for the trace)."""


class Memory:
    """What finished transactions still have to say to retransmissions: two generations of bounded size."""

    def __init__(self) -> None:
        self._young: OrderedDict[Any, tuple[str, Address] | None] = OrderedDict()
        self._old: OrderedDict[Any, tuple[str, Address] | None] = OrderedDict()

    def __setitem__(self, key: Any, value: tuple[str, Address] | None) -> None:
        self._young[key] = value
        if len(self._young) > _REMEMBERED:
            self._young.popitem(last=False)

    def __contains__(self, key: Any) -> bool:
        return key in self._young or key in self._old

    def __getitem__(self, key: Any) -> tuple[str, Address] | None:
        return self._young[key] if key in self._young else self._old[key]

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def age(self) -> None:
        self._old, self._young = self._young, OrderedDict()

    def clear(self) -> None:
        self._young.clear()
        self._old.clear()


class _NoCache(dict[Any, Any]):
    """In the place of sippy's caches, which grow with every datagram."""

    def __setitem__(self, key: Any, value: Any) -> None:
        pass


class Transactions(SipTransactionManager):  # type: ignore[misc]
    """sippy's transaction manager on one socket of ours.

    A server transaction has, beside sippy's attributes, C{source}, C{key} (what its retransmissions have in
    common), C{local_tag} and C{status} (of the last response).
    """

    provisional_retr = _PROVISIONAL_INTERVAL

    def __init__(self, user: TransactionUser, server: str) -> None:
        # Not sippy's own constructor: it opens sockets.
        self._user = user
        self._server = server
        self.tclient: dict[Any, Any] = {}
        self.tserver: dict[Any, Any] = {}
        self.req_cb = self._new_request
        self.req_consumers: dict[Any, Any] = {}
        self.l1rcache = _NoCache()
        self.l2rcache = _NoCache()
        self.open: set[Any] = set()
        self._answered: dict[Any, Any] = {}
        self._memory = Memory()
        self._source: Address = ("", 0)
        self._key: tuple[Any, str] = ((), "")
        self._send_failed = False
        self._ageing: Any = None

    def start(self) -> None:
        """Begin to forget what is old."""
        self._ageing = Timeout(self._memory.age, TIMEOUT, -1)

    def shutdown(self) -> None:
        """Forget everything; no timer stays behind and no callback is called."""
        if self._ageing is not None:
            self._ageing.cancel()
        for t in {id(t): t for t in (*self.tclient.values(), *self.tserver.values())}.values():
            for name in _TIMERS:
                _stop(t, name)
            t.cleanup()
        for table in (self.tclient, self.tserver, self.open, self._answered, self._memory):
            table.clear()

    # -- what arrives

    def receive_request(self, request: Any, key: tuple[Any, str], source: Address, path: LocalPath) -> None:
        """A parsed request that passed the door, with its L{key}.

        @raise Exception: whatever sippy's parser raises on a field that it reads late.
        """
        self._source, self._key = source, key
        if key[1] == "CANCEL":
            self._receive_cancel(request, (key[0], "INVITE"), path)
            return
        if key[1] != "ACK":
            answered = self._answered.get(key)
            if answered is not None:
                self.transmitData(answered.userv, answered.data, answered.address)
                return
            if key in self._memory:
                last = self._memory[key]
                if last is not None:
                    self.transmitData(path, *last)
                return
        try:
            # Without the Via stack's identifiers, by which sippy would call it a loop when one account of ours
            # calls another by way of the proxy. Loops are the proxies' to find.
            self.incomingRequest(request, None, (), path)
        except SipParseError as error:
            raise ValueError("a header field is not well formed") from error

    def receive_response(self, response: Any, source: Address, path: LocalPath) -> None:
        """A parsed response that passed the door."""
        tid = response.getTId(True, True)
        code = response.getSCode()[0]
        t = self.tclient.get(tid)
        if t is not None:
            self._source = source
            try:
                self.incomingResponse(response, t, None)
            except Exception:
                _log.failure("a response could not be handled")
                if t.tid is not None:
                    self._transport_failed(t)
            return
        key = (tid, response.getHFBody("to").getTag())
        if key in self._memory:
            ack = self._memory[key]
            if ack is not None and code >= 200:
                self.transmitData(path, *ack)
        elif 200 <= code < 300 and tid[3] == "INVITE":
            self._user.stray_response(response, source)

    def knows(self, key: tuple[Any, str]) -> bool:
        """Whether the request is a retransmission, or belongs to a transaction that exists."""
        return key[0] in self.tserver or key in self._answered or key in self._memory

    @staticmethod
    def key(request: Any) -> tuple[Any, str]:
        """What a request and its retransmissions have in common."""
        return request.getTId(wBRN=True), request.getMethod()

    # -- client transactions

    def newTransaction(self, msg: Any, *args: Any, **kwargs: Any) -> Any:
        self._send_failed = False
        t = super().newTransaction(msg, *args, **kwargs)
        t.cancelled = False
        if t.needack:
            t.expires = min(t.expires, LONGEST_INVITE)
            t.routes = msg.getHFBCopys("route")
            # RFC 3261, section 22.1: an ACK cannot be challenged, so it carries what its INVITE carried.
            t.ack.appendHeaders([header.getCopy() for name in ("authorization", "proxy-authorization")
                                 for header in msg.getHFs(name)])  # fmt: skip
        if self._send_failed:
            # Told later: never from inside the call that sent it.
            _stop(t, "teA")
            _restart(t, "teB", self._transport_failed, 0.0)
        return t

    def cancelTransaction(self, t: Any, extra_headers: Any = None) -> None:
        """CANCEL now, or as soon as a provisional response came (RFC 3261, section 9.1); once."""
        if t.cancelled or t.state not in (TRYING, RINGING):
            return
        if t.state == TRYING:
            t.cancelPending = True
            return
        t.cancelPending = False
        t.cancelled = True
        self.newTransaction(t.cancel, userv=t.userv)
        # No final response within 64 * T1: the INVITE counts as cancelled.
        _restart(t, "teB", self.timerB, TIMEOUT)

    def incomingResponse(self, msg: Any, t: Any, checksum: Any) -> None:
        code = msg.getSCode()[0]
        if t.state == UACK or (t.state == TERMINATED and code < 300):
            # A second 2xx while our user makes up the ACK of the first, or after it was told of a time-out.
            late = t.state == TERMINATED or msg.getHFBody("to").getTag() != t.remote_tag
            if t.needack and 200 <= code < 300 and late:
                self._user.stray_response(msg, self._source)
        elif t.state == TERMINATED:
            if t.needack:
                self._acknowledge_failure(t, msg)
        elif code < 200:
            self._provisional(t, msg)
        else:
            self._final(t, msg, code)

    def _provisional(self, t: Any, msg: Any) -> None:
        if t.state == TRYING:
            t.state = RINGING
            if t.needack:
                _stop(t, "teA")
            else:
                t.tout = T2  # RFC 3261, section 17.1.2.2: a request other than INVITE goes on, slowly
            if t.cancelPending:
                self.cancelTransaction(t)
        if t.needack and not t.cancelled:
            _restart(t, "teB", self.timerB, t.expires)
        self._deliver(t, msg)

    def _final(self, t: Any, msg: Any, code: int) -> None:
        _stop(t, "teA")
        _stop(t, "teB")
        t.remote_tag = msg.getHFBody("to").getTag()
        if t.needack and code < 300:
            self._prepare_ack(t, msg)
            if t.uack:
                t.state = UACK
                t.teG = Timeout(self.timerG, 2 * TIMEOUT, 1, t)
                self._deliver(t, msg)
                return
            # Before the user hears of it: a BYE that it sends at once must not overtake the ACK.
            self._send_ack(t)
        elif t.needack:
            self._acknowledge_failure(t, msg)
        t.state = COMPLETED
        self.tclient.pop(t.tid, None)
        self._deliver(t, msg)
        t.cleanup()

    def _prepare_ack(self, t: Any, msg: Any) -> None:
        """The ACK of a 2xx: a request of its own within the dialog (RFC 3261, sections 13.2.2.4 and 12.2.1.1)."""
        ack, hop = t.ack, None
        if t.remote_tag is not None:
            ack.getHFBody("to").setTag(t.remote_tag)
        contacts = [body for body in msg.getHFBodys("contact") if not body.asterisk]
        target = contacts[0].getUrl().getCopy() if contacts else None
        routes = [body.getCopy() for body in reversed(msg.getHFBodys("record-route"))]
        if routes and not routes[0].getUrl().lr:
            if target is not None:
                routes.append(SipRoute(address=SipAddress(url=target)))
            target = hop = routes.pop(0).getUrl()
        elif routes:
            hop = routes[0].getUrl()
        else:
            hop = target
        if target is not None:
            target.headers = None
            ack.setRURI(target)
        _set_routes(ack, routes)
        ack.getHFBody("via").genBranch()
        # A name cannot be resolved here; whoever answered is reachable by the way that the INVITE took.
        numeric = hop is not None and is_numeric(hop.host)
        t.ack_rAddr = ((unbracketed(hop.host), hop.getPort()) if hop is not None and numeric else t.address, "udp")

    def _send_ack(self, t: Any) -> None:
        data = t.ack.localStr(t.userv.getSIPaddr())
        self._memory[(t.tid, t.remote_tag)] = data, t.ack_rAddr[0]
        self.transmitData(t.userv, data, t.ack_rAddr[0])

    def _acknowledge_failure(self, t: Any, msg: Any) -> None:
        """The ACK of a 3xx-6xx: the INVITE's Request-URI, branch, Route and destination."""
        tag = msg.getHFBody("to").getTag()
        if tag is not None:
            t.ack.getHFBody("to").setTag(tag)
        _set_routes(t.ack, t.routes)
        t.remote_tag, t.ack_rAddr = tag, (t.address, "udp")
        self._send_ack(t)

    def sendACK(self, t: Any) -> None:
        """The user's own ACK of a 2xx; its body is in place."""
        if t.state != UACK:
            return
        _stop(t, "teG")
        self._send_ack(t)
        self._drop_client(t)

    def timerA(self, t: Any) -> None:
        t.teA = None
        client = self.tclient.get(t.tid) is t
        self._send_failed = False
        self.transmitData(t.userv, t.data, t.address)
        if client and self._send_failed:
            self._transport_failed(t)
            return
        t.tout = min(2 * t.tout, T2)
        t.teA = Timeout(self.timerA, t.tout, 1, t)

    def timerB(self, t: Any) -> None:
        t.teB = None
        _stop(t, "teA")
        if t.needack and t.state == RINGING and not t.cancelled:
            self.cancelTransaction(t)  # it rings there still
            _stop(t, "teB")
        t.state = TERMINATED
        if t.needack:
            # A late final response still wants its ACK.
            t.teC = Timeout(self.timerC, TIMEOUT, 1, t)
            self._deliver_own(t, 408, "Request Timeout")
        else:
            self.tclient.pop(t.tid, None)
            self._deliver_own(t, 408, "Request Timeout")
            t.cleanup()

    def timerG(self, t: Any) -> None:
        t.teG = None
        _log.error("the ACK of a delayed offer was never sent")
        self._drop_client(t)

    def _transport_failed(self, t: Any) -> None:
        _stop(t, "teA")
        _stop(t, "teB")
        self.tclient.pop(t.tid, None)
        self._deliver_own(t, 503, "Service Unavailable")
        t.cleanup()

    def _drop_client(self, t: Any) -> None:
        self.tclient.pop(t.tid, None)
        t.cleanup()

    def _deliver_own(self, t: Any, status: int, reason: str) -> None:
        if t.resp_cb is not None:
            t.r408.setSCode(status, reason)
            self._deliver(t, t.r408)

    def _deliver(self, t: Any, msg: Any) -> None:
        if t.resp_cb is not None:
            _contained(t.resp_cb, msg)

    # -- server transactions

    def _new_request(self, request: Any, t: Any) -> tuple[None, Any, Any]:
        """sippy's callback for a new request; it wants the callbacks for CANCEL and a missing ACK."""
        t.source = self._source
        t.key = self._key
        t.local_tag, t.status, t.face = None, 0, None
        _stop(t, "teE")
        lifetime = TIMEOUT
        if t.needack:
            wanted = [body.getNum() for body in request.getHFBodys("expires")]
            lifetime = min(wanted[0], LONGEST_INVITE) if wanted and wanted[0] > 0 else LONGEST_INVITE
        t.teE = Timeout(self.timerE, lifetime, 1, t)
        self.open.add(t)
        self._user.request_arrived(request, t)
        return None, t.cancel_cb, t.noack_cb

    def _receive_cancel(self, request: Any, key: tuple[Any, str], path: LocalPath) -> None:
        t = self.tserver.get(key[0]) or self._answered.get(key)
        if t is None or t.key != key or t.source[0] != self._source[0]:
            self.transmitMsg(path, request.genResponse(481, "Call/Transaction Does Not Exist"), None, None)
            return
        answer = request.genResponse(200, "OK")
        # The same To tag as the INVITE's responses have (RFC 3261, section 9.2).
        self._tag(answer, t)
        self.transmitMsg(path, answer, None, None)
        if t.state in (TRYING, RINGING):
            self.doCancel(t, request.rtime, request)

    def _tag(self, response: Any, t: Any) -> None:
        to = response.getHFBody("to")
        if to.getTag() is not None:
            t.local_tag = to.getTag()
        elif t.local_tag is not None:
            to.setTag(t.local_tag)
        else:
            to.genTag()
            t.local_tag = to.getTag()

    def sendResponse(
        self, resp: Any, t: Any = None, retrans: bool = False, ack_cb: Any = None, lossemul: int = 0
    ) -> None:
        """Send a response of a server transaction, to where its request came from.

        @raise ValueError: it has had its final response.
        """
        if t.state not in (TRYING, RINGING):
            raise ValueError("the transaction has had its final response")
        status = resp.getSCode()[0]
        if status > 100:
            self._tag(resp, t)
        self._name_server(resp)
        t.status = status
        t.data = resp.localStr(t.userv.getSIPaddr())
        t.address = t.source
        self.transmitData(t.userv, t.data, t.address)
        if status < 200:
            t.state = RINGING
            if t.needack and status > 100:
                _restart(t, "teF", self.timerF, self.provisional_retr)
            return
        t.state = COMPLETED
        _stop(t, "teE")
        _stop(t, "teF")
        self._closed(t)
        if not t.needack:
            self._memory[t.key] = t.data, t.address
            self._drop_server(t)
            return
        t.ack_cb = lambda ack: self._acknowledged(t, ack_cb, ack)
        t.teD = Timeout(self.timerD, TIMEOUT, 1, t)
        # From here on the ACK finds it by the To tag, whatever its branch; a retransmitted INVITE by its key.
        del self.tserver[t.tid]
        t.tid = (*t.tid[:-1], resp.getHFBody("to").getTag())
        self.tserver[t.tid] = t
        self._answered[t.key] = t
        t.tout = 0.5
        t.teA = Timeout(self.timerA, t.tout, 1, t)

    def _acknowledged(self, t: Any, ack_cb: Callable[[Any], None] | None, ack: Any) -> None:
        """sippy has removed the transaction already."""
        self._answered.pop(t.key, None)
        self._memory[t.key] = None
        if ack_cb is not None and t.status < 300:
            _contained(ack_cb, ack)

    def timerD(self, t: Any) -> None:
        t.teD = None
        _stop(t, "teA")
        silent = t.noack_cb if t.state != CONFIRMED and t.status < 300 else None
        self._answered.pop(t.key, None)
        self._memory[t.key] = None
        self._drop_server(t)
        if silent is not None:
            _contained(silent)

    def timerE(self, t: Any) -> None:
        if t.r487 is None:
            # A request other than INVITE that nobody answered in 64 * T1: too late now (RFC 4320).
            t.teE = None
            self._closed(t)
            self._drop_server(t)
            return
        super().timerE(t)

    def _closed(self, t: Any) -> None:
        if t in self.open:
            self.open.discard(t)
            self._user.request_finished(t)

    def _drop_server(self, t: Any) -> None:
        self.tserver.pop(t.tid, None)
        t.cleanup()

    # -- sending

    def _name_server(self, response: Any) -> None:
        if response.countHFs("server") == 0:
            response.appendHeader(SipHeader(name="server", bodys=self._server))

    def transmitMsg(self, userv: Any, msg: Any, address: Any, cachesum: Any, compact: bool = False) -> None:
        """A message without a transaction: a response goes to the source of what is being answered."""
        if isinstance(msg, SipResponse):
            address = self._source
            to = msg.getHFBody("to")
            if to.getTag() is None:
                to.genTag()
            self._name_server(msg)
        self.transmitData(userv, msg.localStr(userv.getSIPaddr()), address)

    def transmitData(self, userv: Any, data: str, address: Address, cachesum: Any = None, lossemul: int = 0) -> None:
        try:
            userv.send_to(data, address)
        except CannotSend as error:
            self._send_failed = True
            _log.debug("a SIP message was not sent: {reason}", reason=str(error))
        else:
            self._user.sent(address, data)


def _stop(t: Any, name: str) -> None:
    timer = getattr(t, name, None)
    if timer is not None:
        timer.cancel()
    setattr(t, name, None)


def _restart(t: Any, name: str, callback: Callable[[Any], None], delay: float) -> None:
    _stop(t, name)
    setattr(t, name, Timeout(callback, delay, 1, t))


def _set_routes(request: Any, routes: list[Any]) -> None:
    request.delHFs("route")
    request.appendHeaders([SipHeader(name="route", body=route.getCopy()) for route in routes])


def _contained(callback: Callable[..., object], *args: object) -> None:
    """Call the user; what it raises is its bug, and the transaction goes on."""
    try:
        callback(*args)
    except Exception:
        _log.failure("a SIP callback failed")
