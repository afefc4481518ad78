"""The test operator's HTTP server: Twisted's, with bounds on what a request and how many connections may cost."""

from __future__ import annotations

from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from neon.plainrequest import PlainRequest
from neon.testbed.operator import Asked, Operator, Told

MAX_BODY: Final = 64 * 1024
MAX_CONNECTIONS: Final = 64
REQUEST_SECONDS: Final = 20.0
"""So long a request may take to arrive, from the end of the one before."""


class _Request(PlainRequest):
    """A request with a bound on its body."""

    def handleContentChunk(self, data: bytes) -> None:
        if self.received + len(data) > MAX_BODY:
            self.channel.transport.abortConnection()
        else:
            super().handleContentChunk(data)


class _Root(Resource):
    isLeaf = True

    def __init__(self, operator: Operator) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._operator = operator

    def render(self, request: Any) -> Any:
        """Ask the operator."""
        path, _, query = request.uri.decode("latin-1").partition("?")
        gone: list[object] = []
        request.notifyFinish().addErrback(gone.append)
        answered: Deferred[Told] = self._operator.answer(
            Asked(
                request.method.decode("latin-1"),
                path,
                query,
                request.getHeader("content-type") or "",
                request.getHeader("authorization") or "",
                request.content.read(MAX_BODY),
            )
        )

        def send(told: Told) -> None:
            if gone:
                return
            request.setResponseCode(told.status)
            for name, value in {
                "Content-Type": told.content_type,
                "Content-Length": str(len(told.body)),
                "Cache-Control": "no-store",
                "X-Content-Type-Options": "nosniff",
                "Server": "NEON testbed",
                **told.headers,
            }.items():
                request.setHeader(name, value)
            request.write(told.body)
            request.finish()

        answered.addCallback(send)
        return NOT_DONE_YET


class _Channel(HTTPChannel):
    """One connection, of which the factory counts how many there are."""

    factory: _Site
    transport: Any

    def connectionMade(self) -> None:
        super().connectionMade()  # type: ignore[no-untyped-call]
        self.factory.connections += 1
        if self.factory.connections > MAX_CONNECTIONS:
            self.transport.abortConnection()

    def resetTimeout(self) -> None:
        """Not when something comes: the time is for a whole request."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.factory.connections -= 1
        super().connectionLost(reason)  # type: ignore[no-untyped-call]


class _Site(Site):
    protocol: Any = _Channel
    displayTracebacks = False
    noisy = False
    connections = 0

    def startFactory(self) -> None:
        """No log file to open, and no clock to keep for it, which would wake the daemon every second."""

    def stopFactory(self) -> None:
        """As little to close."""

    def log(self, request: Any) -> None:
        """Nothing: a form's URL may have a password in it."""


def site(operator: Operator, reactor: Any) -> Any:
    """A factory to listen with."""
    return _Site(_Root(operator), requestFactory=_Request, timeout=REQUEST_SECONDS, reactor=reactor)  # type: ignore[no-untyped-call]
