"""A WebSocket at a path of the HTTP server: the connection is handed over to another protocol (RFC 6455, section 1.7).

Twisted's way of that is for its own reverse proxies, and autobahn's for a resource of its own; both leave behind what
the bounds of L{neon.api.site} have set up.
"""

from __future__ import annotations

from typing import Any, Protocol


class Factory(Protocol):
    """Makes the protocol for a connection."""

    def connection(self, addr: Any) -> Any: ...


def is_wanted(request: Any) -> bool:
    """Whether this request asks for a WebSocket."""
    words: bytes = request.getHeader(b"upgrade") or b""
    return request.method == b"GET" and words.strip().lower() == b"websocket"


def hand_over(request: Any, factory: Factory) -> None:
    """Let a new protocol have the connection, as if it had read the request itself; the request is not answered."""
    channel = request.channel
    transport = channel.let_go()
    head = [b" ".join((request.method, request.uri, request.clientproto))]
    for name, values in request.requestHeaders.getAllRawHeaders():
        head += [name + b": " + value for value in values]
    protocol = factory.connection(transport.getPeer())
    transport.protocol = protocol
    protocol.makeConnection(transport)
    # Twisted reads nothing while a request is answered.
    transport.resumeProducing()
    protocol.dataReceived(b"\r\n".join((*head, b"", b"")))
