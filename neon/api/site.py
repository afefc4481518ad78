"""The HTTP server under L{neon.api.http}: Twisted's, with bounds (robustness.md, "Local APIs").

Twisted reads bodies of any size, parses forms by its own lights and gives a request all the time it wants as long as
a line comes now and then. Here a body is kept up to 64 kB and read up to 1 MB, a request has ten seconds for its
headers and ten for its body, and nobody but L{neon.api.form} looks into a form.
"""

from __future__ import annotations

import socket
from typing import Any, Final

from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.resource import Resource
from twisted.web.server import Site

from neon.api import form, guard
from neon.api.cors import OriginPolicy
from neon.plainrequest import PlainRequest
from neon.ports import Timer

MAX_HEADERS: Final = 64
HEADER_SECONDS: Final = 10.0
BODY_SECONDS: Final = 10.0
IDLE_SECONDS: Final = 60.0
HARD_LIMIT_BYTES: Final = 1 << 20
"""A longer body than L{form.MAX_BODY} is answered with 100; one longer than this closes the connection."""

MAX_AHEAD_BYTES: Final = 16 * 1024
"""A client that sends more than this while its request is being answered is not read until then."""


class ApiRequest(PlainRequest):
    """C{too_long}: its body was more than a form may have."""

    too_long = False

    def handleContentChunk(self, data: bytes) -> None:
        if self.received + len(data) <= form.MAX_BODY:
            super().handleContentChunk(data)
            return
        self.received += len(data)
        self.too_long = True
        if self.received > HARD_LIMIT_BYTES:
            self.channel.cut("a body without an end")

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        scheme, absolute, rest = path.partition(b"://")
        if absolute and scheme.lower() == b"http":
            # The absolute form, which a server has to take as well; its authority counts, not Host (RFC 9112, 3.2.2).
            authority, _, rest = rest.partition(b"/")
            self.requestHeaders.setRawHeaders(b"host", [authority])
            path = b"/" + rest
        super().requestReceived(command, path, version)

    def arrived(self) -> None:
        """Go on, at once unless there were too many requests on this connection in the last second."""
        wait = self.channel.bucket.take()
        if wait == 0.0:
            self.process()  # type: ignore[no-untyped-call]
            return
        timer: Timer = self.channel.callLater(wait, self.arrived)
        self.notifyFinish().addErrback(lambda _: timer.cancel() if timer.active() else None)


class Channel(HTTPChannel):
    """One connection."""

    _log = Logger()

    maxHeaders = MAX_HEADERS

    factory: HttpSite
    transport: Any
    callLater: Any
    _networkProducer: Any

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._deadline: Timer | None = None
        self._closing = False

    def connectionMade(self) -> None:
        super().connectionMade()  # type: ignore[no-untyped-call]
        self.bucket = self.factory.policy.bucket()
        if refusal := self.factory.entered(self):
            self.transport.write(refusal)
            self.loseConnection()
            return
        self._within(HEADER_SECONDS)

    def dataReceived(self, data: bytes) -> None:
        if self._deadline is None and not self._handlingRequest:
            self._within(HEADER_SECONDS)
        super().dataReceived(data)  # type: ignore[no-untyped-call]

    def lineReceived(self, line: bytes) -> None:
        # A request that got its 400 is not carried out because of what comes after.
        if not self._closing:
            super().lineReceived(line)  # type: ignore[no-untyped-call]

    def loseConnection(self) -> None:
        if not self._closing:
            self._closing = True
            super().loseConnection()  # type: ignore[no-untyped-call]

    def allHeadersReceived(self) -> None:
        super().allHeadersReceived()  # type: ignore[no-untyped-call]
        self._within(BODY_SECONDS)

    def allContentReceived(self) -> None:
        self._within(None)
        # What came with this request waits until it is answered; Twisted before 23.10 would answer it out of turn
        # (CVE-2023-46137).
        self.setRawMode()  # type: ignore[no-untyped-call]
        super().allContentReceived()  # type: ignore[no-untyped-call]

    def rawDataReceived(self, data: bytes) -> None:
        if self._handlingRequest:
            self._dataBuffer.append(data)
            if sum(map(len, self._dataBuffer)) > MAX_AHEAD_BYTES and not self._waitingForTransport:
                self._networkProducer.pauseProducing()
        else:
            super().rawDataReceived(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._within(None)
        self.factory.left(self)
        super().connectionLost(reason)  # type: ignore[no-untyped-call]

    def cut(self, why: str) -> None:
        """End the connection, whatever it was doing."""
        self._within(None)
        self._log.info("HTTP connection cut: {why}", why=why)
        self.transport.abortConnection()

    def let_go(self) -> Any:
        """The transport, for another protocol (L{neon.api.upgrade}); this channel has no part in it from now on."""
        transport = self.transport
        self._within(None)
        self.setTimeout(None)  # type: ignore[no-untyped-call]
        self.factory.left(self)
        transport.unregisterProducer()
        self.transport = None
        return transport

    def _within(self, seconds: float | None) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._deadline = None
        if seconds is not None:
            self._deadline = self.callLater(seconds, self.cut, "a request that does not come to its end")

    # Whether somebody is there. The next look of the reactor at this socket may be too late for an event.

    def is_there(self) -> bool:
        """Whether the client has not closed, as far as this machine knows at this very moment."""
        if not ITCPTransport.providedBy(self.transport) or not hasattr(self.transport, "socket"):
            return True
        try:
            return bool(self.transport.socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except BlockingIOError:
            return True
        except OSError:
            return False

    def flushed(self) -> bool:
        """Hand what was written to the system now; whether it took it, or is only busy."""
        if not ITCPTransport.providedBy(self.transport) or not hasattr(self.transport, "doWrite"):
            return True
        # What the reactor itself would do at its next turn, and again if this was no success.
        return not isinstance(self.transport.doWrite(), Exception)


class HttpSite(Site):
    """Makes channels, as many as the guard lets in, and logs requests without what is secret in them."""

    protocol: Any = Channel
    requestFactory: Any = ApiRequest
    noisy = False

    _log = Logger()

    def __init__(self, resource: Resource, *, policy: OriginPolicy, reactor: Any) -> None:
        super().__init__(resource, reactor=reactor, timeout=IDLE_SECONDS)  # type: ignore[no-untyped-call]
        self.policy = policy
        self._channels: set[Channel] = set()

    def startFactory(self) -> None:
        """No log file to open and no clock to keep for it."""

    def stopFactory(self) -> None:
        """As little to close."""

    def entered(self, channel: Channel) -> bytes | None:
        """A connection was made; what to say before it is closed at once, if that is what it is."""
        self._channels.add(channel)
        here, there = channel.transport.getHost(), channel.transport.getPeer()
        verdict = self.policy.entered(channel, (there.host, there.port), (here.host, here.port))
        return None if verdict.admitted else guard.response(verdict)

    def left(self, channel: Channel) -> None:
        """A connection is gone."""
        self._channels.discard(channel)
        self.policy.left(channel)

    def log(self, request: Any) -> None:
        self._log.debug("{line}", line=access_line(request))

    def close(self) -> None:
        """End every connection, after what was written to it."""
        for channel in tuple(self._channels):
            channel.loseConnection()


def access_line(request: Any) -> str:
    """A request for the log: never its query, body or Referer, which hold passwords and tokens."""
    path = request.path[:64].decode("ascii", "replace")
    return f"{request.method[:16].decode('ascii', 'replace')} {path} {request.code} {request.sentLength}"
