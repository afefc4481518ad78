"""The test operator's HTTP server, over a transport in memory: requests arrive whole, and none costs too much."""

from __future__ import annotations

import base64
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from neon.testbed.site import MAX_BODY, MAX_CONNECTIONS, REQUEST_SECONDS, site
from tests.testbed.test_operator import SECRET, OperatorCase

SIGNED = base64.b64encode(f"neon:{SECRET}".encode()).decode()


class Transport(StringTransport):
    """It can be aborted, as a connection of TCP can."""

    aborted = False

    def abortConnection(self) -> None:
        self.aborted = True


class SiteTests(OperatorCase):
    def setUp(self) -> None:
        super().setUp()
        self.clock = Clock()
        self.factory = site(self.operator, self.clock)

    def connect(self) -> tuple[Any, Transport]:
        protocol = self.factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 5))
        transport = Transport()
        if protocol is not None:
            protocol.callLater = self.clock.callLater
            protocol.makeConnection(transport)
        return protocol, transport

    def request(self, head: str, body: bytes = b"") -> bytes:
        protocol, transport = self.connect()
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        protocol.dataReceived(f"{head}\r\nHost: x\r\nAuthorization: Basic {SIGNED}\r\n{length}\r\n".encode() + body)
        value: bytes = transport.value()
        return value

    def test_requests(self) -> None:
        """A resource and a form are answered; what they hold is kept by nobody."""
        answer = self.request("GET /accounts/1000/balance HTTP/1.1")
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 OK\r\n"), answer)
        self.assertIn(b'"balance": "20.15"', answer)
        self.assertIn(b"no-store", answer)
        form = "POST /GetBalance HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded"
        self.assertIn(b"<Balance>20.15</Balance>", self.request(form, b"Number=1000"))

    def test_pieces(self) -> None:
        """A body that comes in pieces is one body."""
        protocol, transport = self.connect()
        head = f"POST /customers HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {SIGNED}\r\nContent-Length: 40\r\n\r\n"
        for octet in head.encode() + b'{"login": "ana", "password": "hidden-1"}':
            protocol.dataReceived(bytes([octet]))
        self.assertIn(b"201 Created", transport.value())

    def test_too_long(self) -> None:
        """A body without an end closes the connection, announced or in chunks; nothing of it is kept."""
        signed = f"Host: x\r\nAuthorization: Basic {SIGNED}\r\n"
        for more, chunk in (
            (f"Content-Length: {10 * MAX_BODY}", b"x" * 10_000),
            ("Transfer-Encoding: chunked", b"2710\r\n" + b"x" * 10_000 + b"\r\n"),
        ):
            protocol, transport = self.connect()
            protocol.dataReceived(f"POST /customers HTTP/1.1\r\n{signed}{more}\r\n\r\n".encode())
            for _ in range(MAX_BODY // 10_000 + 2):
                self.assertFalse(transport.aborted)
                protocol.dataReceived(chunk)
                if transport.aborted:
                    break
            self.assertTrue(transport.aborted)

    def test_silence(self) -> None:
        """A connection that says nothing is closed, and so is one that says it drop by drop."""
        _, transport = self.connect()
        slow, drop = self.connect()
        for octet in b"GET / HTTP/1.1\r\nX-Y: " + b"z" * 30:
            slow.dataReceived(bytes([octet]))
            self.clock.advance(REQUEST_SECONDS / 40)
        for one in (transport, drop):
            self.assertTrue(one.disconnecting or one.aborted)

    def test_too_many(self) -> None:
        """So many connections and no more."""
        made = [self.connect() for _ in range(MAX_CONNECTIONS)]
        self.assertTrue(self.connect()[1].aborted)
        self.assertFalse(any(transport.aborted for _, transport in made))
        self.factory.connections -= 1  # the aborted one
        made[0][0].connectionLost(Failure(ConnectionDone()))
        self.assertFalse(self.connect()[1].aborted)
