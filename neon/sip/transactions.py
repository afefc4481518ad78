"""sippy's transaction layer, with the edges of RFC 3261, section 17, that it rounds off.

What is ours: the ways to send; answers go to the packet's source; T2 caps every retransmission;
retransmissions are recognised by transaction and not by checksum, in tables of bounded size; the ACK of a
failure follows its INVITE (section 17.1.1.3) and every ACK carries the INVITE's credentials (22.1); what a
callback raises is contained. The two halves are in L{neon.sip.clientside} and L{neon.sip.serverside}.
"""

from __future__ import annotations

from typing import Any

from sippy.Exceptions.SipParseError import SipParseError
from twisted.logger import Logger

from neon.sip.clientside import ClientSide
from neon.sip.serverside import ServerSide
from neon.values import Destination

_log = Logger()


class Transactions(ClientSide, ServerSide):
    """sippy's transaction manager on ways of ours: what arrives finds its transaction here."""

    def receive_request(self, request: Any, key: tuple[Any, str], source: Destination, path: Any) -> None:
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
                    self.transmitData(*last)
                return
        if key[1] != "ACK" and key[0] not in self.tserver:
            self._begin(request, path)
            return
        try:
            self.incomingRequest(request, None, (), path)
        except SipParseError as error:
            raise ValueError("a header field is not well formed") from error

    def receive_response(self, response: Any, source: Destination) -> None:
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
        key = (tid, response.to_tag)
        if key in self._memory:
            ack = self._memory[key]
            if ack is not None and code >= 200:
                self.transmitData(*ack)
        elif 200 <= code < 300 and tid[3] == "INVITE":
            self._user.stray_response(response, source)

    def knows(self, key: tuple[Any, str]) -> bool:
        """Whether the request is a retransmission, or belongs to a transaction that exists."""
        return key[0] in self.tserver or key in self._answered or key in self._memory

    @staticmethod
    def key(request: Any) -> tuple[Any, str]:
        """What a request and its retransmissions have in common."""
        return request.getTId(wBRN=True), request.getMethod()
