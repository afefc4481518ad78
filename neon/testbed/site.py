"""The test operator's HTTP server: Twisted's, with bounds on what a request and how many connections may cost."""

from __future__ import annotations

from io import BytesIO
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.protocols.policies import ThrottlingFactory
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from neon.testbed.operator import Asked, Operator, Told

MAX_BODY: Final = 64 * 1024
MAX_CONNECTIONS: Final = 64
IDLE_SECONDS: Final = 20.0


class _Request(Request):
    """A request whose body is kept in memory, up to a size, and looked into by nobody but the operator."""

    channel: Any
    content: Any
    _received = 0

    def gotLength(self, length: int | None) -> None:
        self.content = BytesIO()

    def parseCookies(self) -> None:
        """We have none."""

    def handleContentChunk(self, data: bytes) -> None:
        self._received += len(data)
        if self._received > MAX_BODY:
            self.channel.loseConnection()
        else:
            self.content.write(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        self.content.seek(0)
        self.args = {}
        self.method, self.uri, self.clientproto = command, path, version
        self.path = path.partition(b"?")[0]
        self.process()  # type: ignore[no-untyped-call]


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


class _Site(Site):
    displayTracebacks = False
    noisy = False

    def log(self, request: Any) -> None:
        """Nothing: a form's URL may have a password in it."""


def site(operator: Operator, reactor: Any) -> Any:
    """A factory to listen with."""
    made = _Site(_Root(operator), requestFactory=_Request, timeout=IDLE_SECONDS, reactor=reactor)  # type: ignore[no-untyped-call]
    limited = ThrottlingFactory(made, maxConnectionCount=MAX_CONNECTIONS)  # type: ignore[no-untyped-call]
    limited.noisy = False
    return limited
