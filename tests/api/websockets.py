"""A WebSocket client in the tests' own process: real handshakes and frames over a transport in memory."""

from __future__ import annotations

import json
from typing import Any

from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.internet.address import IPv4Address
from twisted.internet.testing import MemoryReactorClock
from twisted.test import iosim

from neon.api.websocket import Api, Connection
from tests.api.world import ApiCase

PORT = 15070


class ClientProtocol(WebSocketClientProtocol):
    """Keeps what arrives."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived: list[bytes] = []
        self.closing: tuple[int | None, str | None] | None = None
        self.opened = False
        self.deaf = False

    def onPing(self, payload: bytes) -> None:
        if not self.deaf:
            super().onPing(payload)

    def onOpen(self) -> None:
        self.opened = True

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        assert not isBinary
        self.arrived.append(payload)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        self.closing = (code, reason)


class Client:
    """One connection, with its pump."""

    def __init__(self, server: Connection, client: ClientProtocol, pump: Any) -> None:
        self.server = server
        self.protocol = client
        self.pump = pump
        self.token: str | None = None

    def send(self, message: object, binary: bool = False) -> None:
        """Send bytes as they are, or anything else as JSON."""
        payload = message if isinstance(message, bytes) else json.dumps(message).encode()
        self.protocol.sendMessage(payload, binary)
        self.pump.flush()

    def take(self) -> list[Any]:
        """Everything that came since the last time."""
        self.pump.flush()
        arrived, self.protocol.arrived = self.protocol.arrived, []
        return [json.loads(payload) for payload in arrived]

    def ask(self, message: object, binary: bool = False) -> Any:
        """The one message that comes back."""
        self.send(message, binary)
        arrived = self.take()
        assert len(arrived) == 1, arrived
        return arrived[0]

    def command(self, action: str, **parameters: object) -> Any:
        """The answer to a command, with the token if there is one."""
        token = {} if self.token is None else {"token": self.token}
        return self.ask({"id": 1, **token, "action": action, **parameters})

    def authenticate(self, **extra: object) -> str:
        answer = self.command("authenticate", user="crm", password="secret", **extra)
        token = self.token = str(answer["data"]["token"])
        return token

    def drop(self) -> None:
        """The TCP connection breaks."""
        self.pump.server.disconnectReason = None
        self.server.transport.abortConnection()
        self.pump.flush()


class WebSocketCase(ApiCase):
    """Talks WebSocket."""

    def setUp(self) -> None:
        super().setUp()
        self.api = Api(
            self.commands, self.sessions, self.autodisconnect, self.world.bus, MemoryReactorClock(), self.guard
        )

    def server(self) -> Connection:
        """A protocol as the listening port would get it."""
        server: Any = self.api.buildProtocol(None)
        assert isinstance(server, Connection)
        return server

    def connect(
        self, host: str = f"localhost:{PORT}", peer: str = "127.0.0.1", headers: dict[str, str] | None = None
    ) -> Client:
        """Shake hands; C{client.protocol.opened} tells whether that went well."""
        server = self.server()
        factory = WebSocketClientFactory(f"ws://{host}/", headers=headers or {}, reactor=MemoryReactorClock())
        factory.protocol = ClientProtocol
        client = ClientProtocol()
        client.factory = factory
        here, there = IPv4Address("TCP", "127.0.0.1", PORT), IPv4Address("TCP", peer, 40000)
        transport = iosim.FakeTransport(server, True, hostAddress=here, peerAddress=there)
        pump = iosim.connect(server, transport, client, iosim.makeFakeClient(client))
        pump.flush()
        return Client(server, client, pump)

    def connected(self) -> Client:
        client = self.connect()
        self.assertTrue(client.protocol.opened)
        return client

    def authenticated(self) -> Client:
        client = self.connected()
        client.authenticate()
        return client
