"""The client half of the transaction layer: requests of ours, their CANCELs and ACKs (RFC 3261, section 17.1)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from sippy.SipTransactionManager import COMPLETED, RINGING, TERMINATED, TRYING, UACK, SipTransaction
from sippy.Time.Timeout import Timeout
from twisted.logger import Logger

from neon.sip.messages import numeric_destination
from neon.sip.transactionbase import T1, T2, TIMEOUT, TransactionBase, contained, patience, restart, stop
from neon.sip.written import Field, WrittenRequest, url_text
from neon.values import Destination

_log = Logger()


class ClientTransactionState(SipTransaction):  # type: ignore[misc]
    """sippy's client transaction, with C{cancelled}, C{routes} (the INVITE's), C{within} (whether it is a re-INVITE),
    C{remote_tag} (of the final response), C{ack_by} (the way and the destination of its ACK) and C{otherwise} (the
    way, and the request as it goes that way, that is left when the first one does not lead anywhere).

    Its ACK is made when there is a final response, its CANCEL when asked for, which is mostly never.
    """

    cancelled = False
    cancelPending = False
    remote_tag: str | None = None
    ack_by: tuple[Any, Destination] | None = None
    otherwise: tuple[Any, str] | None = None
    ack: WrittenRequest

    def __init__(self, request: Any) -> None:
        self.request = request
        self.method = request.getMethod()
        self.needack = self.method == "INVITE"
        self.routes = request.getHFs("route")
        self.within = request.to_tag is not None
        self.teA = self.teB = self.teC = self.teG = None

    @cached_property
    def cancel(self) -> Any:
        return self.request.genCANCEL()


class ClientSide(TransactionBase):
    """Client transactions."""

    def newTransaction(
        self,
        msg: Any,
        resp_cb: Callable[[Any], None] | None = None,
        *,
        userv: Any,
        destination: Destination,
        roomier: Callable[[int], Any | None] = lambda length: None,
    ) -> Any:
        """Send a request, and again until it is answered. sippy's own would make a CANCEL and a 408 before it sends.

        C{roomier} is asked for another way when the length of the request is known; if that one is not there after
        all, the request goes by the first.
        """
        t = ClientTransactionState(msg)
        t.tid = msg.getTId(True, True)
        if t.tid in self.tclient:
            raise ValueError("a transaction with this branch exists")
        t.expires = patience(msg) if t.needack else TIMEOUT
        t.resp_cb, t.userv, t.address = resp_cb, userv, destination
        t.data = self._text(msg, userv)
        other = roomier(len(t.data))
        if other is not None:
            t.otherwise = userv, t.data
            t.userv, t.data = other, self._text(msg, other)
        t.state = TRYING
        self.tclient[t.tid] = t
        trouble = self._try(t)
        if trouble is not None and self._try_otherwise(t) is not None:
            # Told later: never from inside the call that sent it.
            t.teB = Timeout(self._transport_failed, 0.0, 1, t, trouble)
        return t

    def _try(self, t: Any) -> str | None:
        """Send the request by the way it has, and start its timers; why it did not leave, None if it did."""
        trouble = self.transmitData(t.userv, t.data, t.address)
        if trouble is not None:
            return trouble
        t.tout = T1
        if not t.userv.reliable:
            t.teA = Timeout(self.timerA, t.tout, 1, t)
        restart(t, "teB", self.timerB, TIMEOUT)
        return None

    def _try_otherwise(self, t: Any) -> str | None:
        if t.otherwise is None:
            return "there is no other way"
        (t.userv, t.data), t.otherwise = t.otherwise, None
        return self._try(t)

    def way_lost(self, path: Any, reason: str, opened: bool) -> None:
        """A connection is gone: what waits for an answer by it has none (RFC 3261, section 18.4).

        C{opened}: it had been there, so that requests may have arrived.
        """
        for t in [t for t in self.tclient.values() if t.userv is path and t.state in (TRYING, RINGING)]:
            if opened or self._try_otherwise(t) is not None:
                self._transport_failed(t, reason)

    def cancelTransaction(self, t: Any, extra_headers: Any = None) -> None:
        """CANCEL now, or as soon as a provisional response came (RFC 3261, section 9.1); once."""
        if t.cancelled or t.state not in (TRYING, RINGING):
            return
        if t.state == TRYING:
            t.cancelPending = True
            return
        t.cancelPending = False
        t.cancelled = True
        self.newTransaction(t.cancel, userv=t.userv, destination=t.address)
        # No final response within 64 * T1: the INVITE counts as cancelled.
        restart(t, "teB", self.timerB, TIMEOUT)

    def incomingResponse(self, msg: Any, t: Any, checksum: Any) -> None:
        code = msg.getSCode()[0]
        if t.state == UACK or (t.state == TERMINATED and code < 300):
            # A second 2xx while our user makes up the ACK of the first, or after it was told of a time-out.
            late = t.state == TERMINATED or msg.to_tag != t.remote_tag
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
                stop(t, "teA")
            else:
                t.tout = T2  # RFC 3261, section 17.1.2.2: a request other than INVITE goes on, slowly
            if t.cancelPending:
                self.cancelTransaction(t)
        if t.needack and not t.cancelled:
            restart(t, "teB", self.timerB, t.expires)
        self._deliver(t, msg)

    def _final(self, t: Any, msg: Any, code: int) -> None:
        stop(t, "teA")
        stop(t, "teB")
        t.remote_tag = msg.to_tag
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
        hop = None
        contacts = [body for body in msg.getHFBodys("contact") if not body.asterisk]
        target = contacts[0].getUrl().getCopy() if contacts else None
        if t.within and t.routes:
            self._prepare_routed_ack(t, target)
            return
        if target is not None:
            target.headers = None
        # The 2xx to a re-INVITE does not change the route set, whatever it says (RFC 3261, section 12.2).
        recorded = [] if t.within else reversed(msg.getHFs("record-route"))
        routes = [Field("route", field.text) for field in recorded]
        if routes and not routes[0].getBody().getUrl().lr:
            if target is not None:
                routes.append(Field("route", f"<{url_text(target)}>"))
            target = hop = routes.pop(0).getBody().getUrl()
        elif routes:
            hop = routes[0].getBody().getUrl()
        else:
            hop = target
        t.ack = t.request.acknowledge(t.remote_tag, target, routes=routes, anew=True)
        # A name cannot be resolved here; whoever answered is reachable by the way that the INVITE took.
        destination = None if hop is None else numeric_destination(hop, t.address)
        if destination is None or destination == t.address:
            t.ack_by = t.userv, t.address
        else:
            t.ack_by = self._user.path(destination), destination

    def _prepare_routed_ack(self, t: Any, target: Any) -> None:
        """The ACK of a re-INVITE's 2xx takes the way of the re-INVITE; the proxies need not record theirs again."""
        if target is not None and not t.routes[0].getBody().getUrl().lr:
            target = None
        if target is not None:
            target.headers = None
        t.ack = t.request.acknowledge(t.remote_tag, target, routes=t.routes, anew=True)
        t.ack_by = t.userv, t.address

    def _send_ack(self, t: Any) -> None:
        path, destination = t.ack_by
        data = self._text(t.ack, path)
        self._memory[(t.tid, t.remote_tag)] = path, data, destination
        self.transmitData(path, data, destination)

    def _acknowledge_failure(self, t: Any, msg: Any) -> None:
        """The ACK of a 3xx-6xx: the INVITE's Request-URI, branch, Route and destination."""
        tag = msg.to_tag
        t.ack = t.request.acknowledge(tag, routes=t.routes, anew=False)
        t.remote_tag, t.ack_by = tag, (t.userv, t.address)
        self._send_ack(t)

    def sendACK(self, t: Any) -> None:
        """The user's own ACK of a 2xx; its body is in place."""
        if t.state != UACK:
            return
        stop(t, "teG")
        self._send_ack(t)
        self._drop_client(t)

    def timerA(self, t: Any) -> None:
        t.teA = None
        client = self.tclient.get(t.tid) is t
        trouble = self.transmitData(t.userv, t.data, t.address)
        if client and trouble is not None:
            self._transport_failed(t, trouble)
            return
        t.tout = min(2 * t.tout, T2)
        t.teA = Timeout(self.timerA, t.tout, 1, t)

    def timerB(self, t: Any) -> None:
        t.teB = None
        stop(t, "teA")
        if t.needack and t.state == RINGING and not t.cancelled:
            self.cancelTransaction(t)  # it rings there still
            stop(t, "teB")
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

    def _transport_failed(self, t: Any, reason: str | None = None) -> None:
        stop(t, "teA")
        stop(t, "teB")
        self.tclient.pop(t.tid, None)
        # What a connection failed of is worth knowing; a datagram only ever fails of the network.
        self._deliver_own(t, 503, reason if reason and t.userv.reliable else "Service Unavailable")
        t.cleanup()

    def _drop_client(self, t: Any) -> None:
        self.tclient.pop(t.tid, None)
        t.cleanup()

    def _deliver_own(self, t: Any, status: int, reason: str) -> None:
        if t.resp_cb is not None:
            self._deliver(t, t.request.genResponse(status, reason))

    def _deliver(self, t: Any, msg: Any) -> None:
        if t.resp_cb is not None:
            contained(t.resp_cb, msg)
