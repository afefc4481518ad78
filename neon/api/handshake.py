"""The opening of a WebSocket (RFC 6455, section 4.2) as the guard wants it (L{neon.api.guard}).

A connection is looked at before it has said anything, a handshake before it is answered; one from a page that nobody
has decided about is held while the user is asked.
"""

from __future__ import annotations

import socket
from typing import Any, Final

from autobahn.websocket.types import ConnectionDeny
from twisted.internet.defer import Deferred
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from neon.api import wholeframe
from neon.api.cors import Verdict, Visitor
from neon.api.guard import Guard, response
from neon.api.lag import SEND_BUFFER
from neon.api.paced import Paced

MAX_HANDSHAKE_BYTES: Final = 16 * 1024
MAX_URL: Final = 8 * 1024


class Handshake(Paced):
    """A WebSocket up to where it is open; C{origin} is whose it is then."""

    _log = Logger()

    factory: Any
    transport: Any

    def __init__(self) -> None:
        super().__init__()
        self.origin: str | None = None
        self._turned_away = False
        self._asking: Deferred[Verdict] | None = None

    @property
    def _guard(self) -> Guard:
        guard: Guard = self.factory.guard
        return guard

    def connectionMade(self) -> None:
        super().connectionMade()
        # autobahn sets this before it has its options, and so never; without it an event waits 25 ms for an ACK.
        if hasattr(self.transport, "setTcpNoDelay"):
            self.transport.setTcpNoDelay(True)
        if hasattr(self.transport, "socket"):
            self.transport.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        try:
            here, there = self.transport.getHost(), self.transport.getPeer()
            verdict = self._guard.entered(self, (there.host, there.port), (here.host, here.port))
        except Exception:
            self._log.failure("a connection could not be judged")
            verdict = Verdict(500, "internal error")
        if not verdict.admitted:
            self._turned_away = True
            self.transport.write(response(verdict))
            self.transport.loseConnection()
            return
        self.welcome()

    def welcome(self) -> None:
        """The connection was let in; nothing was read yet."""

    def dataReceived(self, data: bytes) -> None:
        if self._turned_away:
            return
        if self._asking is not None:
            # It has to wait for our answer (RFC 6455, section 4.1); autobahn would take this for another handshake.
            self.transport.abortConnection()
            return
        begin = 0
        while self._is_between_messages() and (frame := wholeframe.unpack(data, begin)) is not None:
            payload, end = frame
            self.onMessage(payload, data[begin] == wholeframe.BINARY)
            begin = end
        if begin == 0 or begin < len(data):
            # What dataReceived does beside formatting a log line, whether that is wanted or not.
            self._dataReceived(data[begin:])
        if self.state == self.STATE_CONNECTING and len(self.data) > MAX_HANDSHAKE_BYTES:
            self.transport.abortConnection()

    def _is_between_messages(self) -> bool:
        """Whether the next octet begins a message or a control frame, and no pong is waited for.

        (What comes in the place of a pong shows autobahn that the client lives.)
        """
        protocol: Any = self  # autobahn's annotations say what these attributes begin with, not what they become
        if self.state != self.STATE_OPEN or protocol.data:
            return False
        return protocol.current_frame is None and not protocol.inside_message and not protocol.autoPingTimeoutCall

    # Any: autobahn's own annotation forgets the Deferred that its documentation allows.
    def onConnect(self, request: Any) -> Any:
        try:
            return self._judge(request)
        except ConnectionDeny:
            raise
        except Exception:
            self._log.failure("handshake failed")
            raise ConnectionDeny(500, "internal error") from None

    def onOpenHandshakeTimeout(self) -> None:
        if self._asking is None:
            super().onOpenHandshakeTimeout()
        else:
            # The client did its part; the question has a time-out of its own.
            self.openHandshakeTimeoutCall = None

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._guard.left(self)
        asking, self._asking = self._asking, None
        if asking is not None:
            asking.cancel()
        super().connectionLost(reason)

    def _judge(self, request: Any) -> Deferred[None] | None:
        if len(self.http_request_uri) > MAX_URL:
            raise ConnectionDeny(414, "the URL is too long")
        here, there = self.transport.getHost(), self.transport.getPeer()
        headers = request.headers
        visitor = Visitor(
            peer=(there.host, there.port),
            local=(here.host, here.port),
            host=headers.get("host"),
            # Before version 13 it was called otherwise (RFC 6455, appendix to section 4.1).
            origin=headers.get("origin", headers.get("sec-websocket-origin")),
            fetch_site=headers.get("sec-fetch-site"),
            connection=self,
        )
        verdict = self._guard.hold(visitor)
        if not isinstance(verdict, Deferred):
            self._settle(verdict)
            return None
        held: Deferred[None] = Deferred()
        self._asking = verdict
        verdict.addCallback(self._user_decided, held).addErrback(self._broken, held)
        return held

    def _user_decided(self, verdict: Verdict, held: Deferred[None]) -> None:
        if self._asking is None:
            return  # the connection is gone: nobody is left to be answered
        self._asking = None
        try:
            self._settle(verdict)
        except ConnectionDeny:
            held.errback()
        else:
            held.callback(None)

    def _broken(self, failure: Failure, held: Deferred[None]) -> None:
        self._log.failure("handshake failed", failure)
        self.transport.abortConnection()

    def _settle(self, verdict: Verdict) -> None:
        if not verdict.admitted:
            raise ConnectionDeny(verdict.status, verdict.reason)
        self.origin = verdict.origin
