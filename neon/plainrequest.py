"""An HTTP request whose body is what arrived, kept in memory; nobody looks into it, its query or its cookies."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from twisted.web.server import Request


class PlainRequest(Request):
    """Twisted's own parses query and body itself, writes long bodies to files, and answers bad ones by itself.

    Whoever inherits bounds the body, in C{handleContentChunk}.
    """

    channel: Any
    content: Any
    received = 0
    """Octets of the body so far."""

    def gotLength(self, length: int | None) -> None:
        self.content = BytesIO()

    def parseCookies(self) -> None:
        """We have none, and look at nobody else's."""

    def handleContentChunk(self, data: bytes) -> None:
        """A piece of the body."""
        self.received += len(data)
        self.content.write(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        self.content.seek(0)
        self.args = {}
        self.method, self.uri, self.clientproto = command, path, version
        self.path = path.partition(b"?")[0]
        self.arrived()

    def arrived(self) -> None:
        """The whole request is here."""
        self.process()  # type: ignore[no-untyped-call]
