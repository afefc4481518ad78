"""The server half of the transaction layer: requests of others and our responses (RFC 3261, section 17.2)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from sippy.SipTransactionManager import COMPLETED, CONFIRMED, RINGING, TRYING, SipTransaction
from sippy.Time.Timeout import Timeout

from neon.sip.messages import new_tag
from neon.sip.transactionbase import TIMEOUT, TransactionBase, contained, patience, restart, stop
from neon.values import Destination


class ServerTransactionState(SipTransaction):  # type: ignore[misc]
    """sippy's server transaction, with C{source}, C{key} (what a request and its retransmissions have in common),
    C{local_tag} and C{status} (of the last response).

    Its 487 is made of the INVITE when it is asked for, which is mostly never.
    """

    state = TRYING
    local_tag: str | None = None
    status = 0
    ack_cb = cancel_cb = noack_cb = None
    teA = teD = teE = teF = teG = None

    def __init__(self, request: Any, key: tuple[Any, str], source: Destination, path: Any) -> None:
        self.request = request
        self.key, self.source, self.userv = key, source, path
        self.tid = key[0]
        self.method = request.getMethod()
        self.needack = self.method == "INVITE"

    @cached_property
    def r487(self) -> Any:
        return self.request.genResponse(487, "Request Terminated") if self.needack else None


class ServerSide(TransactionBase):
    """Server transactions."""

    def _begin(self, request: Any, path: Any) -> None:
        """A new request other than ACK and CANCEL.

        sippy's own way would call it a loop when one account of ours calls another by way of the proxy. Loops are the
        proxies' to find.
        """
        t = ServerTransactionState(request, self._key, self._source, path)
        self.tserver[t.tid] = t
        self.open.add(t)
        self._user.request_arrived(request, t)
        if t in self.open:
            # Most requests other than INVITE have been answered by now.
            t.teE = Timeout(self.timerE, patience(request) if t.needack else TIMEOUT, 1, t)

    def _receive_cancel(self, request: Any, key: tuple[Any, str], path: Any) -> None:
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
        if response.to_tag is None:
            response.tag(t.local_tag or new_tag())
        t.local_tag = response.to_tag

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
        t.data = self._text(resp, t.userv)
        t.address = t.source
        self.transmitData(t.userv, t.data, t.address)
        if status < 200:
            t.state = RINGING
            if t.needack and status > 100:
                restart(t, "teF", self.timerF, self.provisional_retr)
            return
        t.state = COMPLETED
        stop(t, "teE")
        stop(t, "teF")
        self._closed(t)
        if not t.needack:
            self._memory[t.key] = t.userv, t.data, t.address
            self._drop_server(t)
            return
        t.ack_cb = lambda ack: self._acknowledged(t, ack_cb, ack)
        t.teD = Timeout(self.timerD, TIMEOUT, 1, t)
        # From here on the ACK finds it by the To tag, whatever its branch; a retransmitted INVITE by its key.
        del self.tserver[t.tid]
        t.tid = (*t.tid[:-1], resp.to_tag)
        self.tserver[t.tid] = t
        self._answered[t.key] = t
        if status >= 300 and t.userv.reliable:
            return  # only a 2xx, which must reach the other end of the call, is repeated all the same
        t.tout = 0.5
        t.teA = Timeout(self.timerA, t.tout, 1, t)

    def _acknowledged(self, t: Any, ack_cb: Callable[[Any], None] | None, ack: Any) -> None:
        """sippy has removed the transaction already."""
        self._answered.pop(t.key, None)
        self._memory[t.key] = None
        if ack_cb is not None and t.status < 300:
            contained(ack_cb, ack)

    def timerD(self, t: Any) -> None:
        t.teD = None
        stop(t, "teA")
        silent = t.noack_cb if t.state != CONFIRMED and t.status < 300 else None
        self._answered.pop(t.key, None)
        self._memory[t.key] = None
        self._drop_server(t)
        if silent is not None:
            contained(silent)

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
