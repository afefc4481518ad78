"""Bounds what an HTTP server can make us read: an agent to put under treq's.

treq decodes gzip without a limit: 305 kB became 314 MB. This agent asks for plain bodies, and decodes what comes
compressed all the same in small steps, with an end; treq above it sees a body without Content-Encoding.
"""

from __future__ import annotations

import re
import zlib
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Protocol
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.components import proxyForInterface
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.error import SchemeNotSupported
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IAgentEndpointFactory, IResponse
from zope.interface import implementer

MAX_BODY: Final = 1 << 20
"""Octets of a body, counted after decoding."""

STEP: Final = 64 * 1024

_END_OF_HEAD: Final = re.compile(rb"\r?\n\r?\n")
_INTERIM: Final = re.compile(rb"HTTP/1\.[01] 1")

_GZIP: Final = (b"gzip", b"x-gzip")
_PLAIN: Final = (b"", b"identity")


MAX_RECEIVED: Final = 4 << 20
"""Octets of a connection, whatever they are."""

MAX_HEAD: Final = 16 * 1024
"""Octets of status line and headers, those of interim answers included: twisted.web reads them without an end, and its
older versions need a time for headers of one name that grows with the square of their number.
"""


class TooLong(Exception):
    """The body is longer than what is read."""


class BadEncoding(Exception):
    """The body's Content-Encoding is unknown, or the body is not what it says."""


@implementer(IAgent)
class BoundedAgent:
    """Hands requests to another agent, without asking for compression."""

    def __init__(self, agent: Any) -> None:
        self._agent = agent

    def request(
        self, method: bytes, uri: bytes, headers: Headers | None = None, bodyProducer: Any = None
    ) -> Deferred[Any]:
        sent = Headers() if headers is None else headers.copy()
        sent.setRawHeaders(b"accept-encoding", [b"identity"])
        answered: Deferred[Any] = self._agent.request(method, uri, sent, bodyProducer)
        return answered.addCallback(_bounded)


def _bounded(response: Any) -> Any:
    encodings = b",".join(response.headers.getRawHeaders(b"content-encoding", [])).lower()
    names = [name.strip() for name in encodings.split(b",") if name.strip() not in _PLAIN]
    if not names:
        return response
    response.headers.removeHeader(b"content-encoding")
    return _Decoded(response, len(names) == 1 and names[0] in _GZIP)


class _Decoded(proxyForInterface(IResponse)):  # type: ignore[misc]
    """A response whose body is decoded as it comes."""

    def __init__(self, response: Any, known: bool) -> None:
        super().__init__(response)
        self.length = -1  # of the decoded body nobody has said it
        self._known = known

    def deliverBody(self, protocol: Any) -> None:
        self.original.deliverBody(_Gunzip(protocol) if self._known else _Refuse(protocol))


class _Refuse(Protocol):
    """Reads nothing."""

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol

    def connectionMade(self) -> None:
        abort(self.transport)
        self._protocol.connectionLost(Failure(BadEncoding("an encoding that was not asked for")))  # type: ignore[no-untyped-call]


class _Gunzip(Protocol):
    """Decodes in steps of L{STEP} octets, so that the reader can stop us before memory is gone."""

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol
        self._zlib = zlib.decompressobj(16 + zlib.MAX_WBITS)
        self._over = False

    def connectionMade(self) -> None:
        self._protocol.makeConnection(self.transport)

    def dataReceived(self, data: bytes) -> None:
        while data and not self._over:
            try:
                decoded = self._zlib.decompress(data, STEP)
            except zlib.error:
                return self._end(BadEncoding("no gzip"))
            data = self._zlib.unconsumed_tail
            self._protocol.dataReceived(decoded)
            # The reader has had enough: it closes the connection, and wants no more of this.
            self._over = self._over or getattr(self._protocol, "over", False)
        return None

    def connectionLost(self, reason: Failure = Failure(ResponseDone())) -> None:  # type: ignore[no-untyped-call] # noqa: B008
        if self._over:
            return None
        if isinstance(reason.value, ResponseDone) and not self._zlib.eof:
            return self._end(BadEncoding("the end is missing"))
        self._over = True
        self._protocol.connectionLost(reason)
        return None

    def _end(self, error: Exception) -> None:
        self._over = True
        abort(self.transport)
        self._protocol.connectionLost(Failure(error))  # type: ignore[no-untyped-call]


class _Counted(ProtocolWrapper):
    """A connection that ends when too much has come."""

    def __init__(self, factory: Any, wrapped: Any) -> None:
        super().__init__(factory, wrapped)
        self._left = MAX_RECEIVED
        self._head: bytes | None = b""
        self._head_left = MAX_HEAD

    def dataReceived(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0 or not self._head_is_sane(data):
            abort(self.transport)
        else:
            super().dataReceived(data)  # type: ignore[no-untyped-call]


    def _head_is_sane(self, data: bytes) -> bool:
        """Look at what comes until the headers of the answer are over, and not at what comes behind them."""
        if self._head is None:
            return True
        self._head += data
        while (end := _END_OF_HEAD.search(self._head)) is not None:
            interim = _INTERIM.match(self._head)
            self._head_left -= end.end()
            if not interim:
                self._head = None
                return self._head_left >= 0
            self._head = self._head[end.end() :]
        return len(self._head) <= self._head_left


class _CountingFactory(WrappingFactory):
    protocol = _Counted
    noisy = False


@implementer(IStreamClientEndpoint)
class CountedEndpoint:
    """Another endpoint, whose connections bring L{MAX_RECEIVED} octets at most."""

    def __init__(self, endpoint: Any) -> None:
        self._endpoint = endpoint

    def connect(self, factory: Any) -> Deferred[Any]:
        factory.noisy = False  # a line in the log for each beginning and end of a question is two too many
        connected: Deferred[Any] = self._endpoint.connect(_CountingFactory(factory))  # type: ignore[no-untyped-call]
        return connected.addCallback(lambda wrapper: wrapper.wrappedProtocol)


@implementer(IAgentEndpointFactory)
class Endpoints:
    """Where twisted.web's Agent connects to: C{http} and C{https}, bounded."""

    def __init__(self, reactor: Any, policy: Any, timeout: float) -> None:
        self._reactor = reactor
        self._policy = policy
        self._timeout = timeout

    def endpointForURI(self, uri: Any) -> CountedEndpoint:
        endpoint: Any = HostnameEndpoint(self._reactor, uri.host, uri.port, timeout=self._timeout)
        if uri.scheme == b"https":
            endpoint = wrapClientTLS(self._policy.creatorForNetloc(uri.host, uri.port), endpoint)
        elif uri.scheme != b"http":
            raise SchemeNotSupported(f"unsupported scheme {uri.scheme!r}")
        return CountedEndpoint(endpoint)


class Collector(Protocol):
    """Gathers a body; C{body} fires with it, or fails with L{TooLong} as soon as it is too long.

    Cancelling C{body} closes the connection.
    """

    def __init__(self, limit: int = MAX_BODY) -> None:
        self.body: Deferred[bytes] = Deferred(lambda _: self._stop())
        self.over = False
        self._limit = limit
        self._parts: list[bytes] = []
        self._length = 0

    def dataReceived(self, data: bytes) -> None:
        if self.over:
            return
        self._length += len(data)
        if self._length > self._limit:
            self._stop()
            self.body.errback(TooLong(f"more than {self._limit} bytes"))
        else:
            self._parts.append(data)

    def connectionLost(self, reason: Failure = Failure(ResponseDone())) -> None:  # type: ignore[no-untyped-call] # noqa: B008
        if self.over:
            return
        self.over = True
        # A body whose length nobody said ends with the connection; who cut it short cannot be told from the server.
        if isinstance(reason.value, (ResponseDone, PotentialDataLoss)):
            self.body.callback(b"".join(self._parts))
        else:
            self.body.errback(reason)

    def _stop(self) -> None:
        self.over = True
        self._parts.clear()
        abort(self.transport)


def abort(transport: Any) -> None:
    """Close at once; the producer that twisted.web gives readers can do that since 17."""
    close = getattr(transport, "abortConnection", None) or getattr(transport, "loseConnection", None)
    if close is not None:
        close()
    elif transport is not None:
        transport.stopProducing()


