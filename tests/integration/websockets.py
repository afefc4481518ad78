"""How tests connect to WebSockets."""

from __future__ import annotations

from typing import Any

from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol, connectWS


def connect(client: WebSocketClientProtocol, url: str, *, origin: str | None = None, ssl: Any = None) -> None:
    """Begin to connect; C{client} is told by its methods.

    None of autobahn's own time-outs is set: the tests have theirs, and autobahn's timers outlive what they were for,
    which trial takes for a mess.
    """
    factory = WebSocketClientFactory(url, origin=origin)
    factory.setProtocolOptions(openHandshakeTimeout=0, closeHandshakeTimeout=0, serverConnectionDropTimeout=0)
    factory.protocol = lambda: client  # type: ignore[assignment]  # anything that makes one
    connectWS(factory, ssl)
