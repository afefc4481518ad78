"""The bounds of the HTTP server."""

from __future__ import annotations

from urllib.parse import quote

from twisted.internet.testing import StringTransportWithDisconnection

from neon.api import site
from tests.api.web import CRM, PORT, HttpCase


class ServerTests(HttpCase):
    """The bounds of the server."""

    HEAD = f"Host: localhost:{PORT}\r\n".encode()

    def assert_cut(self, transport: StringTransportWithDisconnection) -> None:
        self.assertFalse(transport.connected)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_silent(self) -> None:
        """A connection that says nothing is cut after ten seconds."""
        _, transport = self.raw()
        self.clock.advance(9.9)
        self.assertTrue(transport.connected)
        self.clock.advance(0.2)
        self.assert_cut(transport)

    def test_slow_headers(self) -> None:
        """So is one whose headers come a line at a time."""
        server, transport = self.raw()
        server.dataReceived(b"GET /Command HTTP/1.1\r\n")
        for number in range(20):
            if transport.connected:
                server.dataReceived(b"X-%d: y\r\n" % number)
            self.clock.advance(0.6)
        self.assert_cut(transport)

    def test_slow_body(self) -> None:
        """And one whose body does not come to its end."""
        server, transport = self.raw()
        server.dataReceived(b"POST /Command HTTP/1.1\r\n" + self.HEAD + b"Content-Length: 1000\r\n\r\n")
        for _ in range(20):
            if transport.connected:
                server.dataReceived(b"x")
            self.clock.advance(0.6)
        self.assert_cut(transport)

    def test_held_poll_is_not_slow(self) -> None:
        """A poll that is held is no slow request."""
        token = self.authenticate()
        server, transport = self.raw()
        server.dataReceived(f"GET /Events?token={token} HTTP/1.1\r\n".encode() + self.HEAD + b"\r\n")
        self.clock.advance(29)
        self.assertTrue(transport.connected)
        self.clock.advance(1)
        self.assertIn(b"<EventData>", transport.value())

    def test_sent_ahead(self) -> None:
        """Who sends on and on while a poll is held is not read until it is answered."""
        for whole in (True, False):
            server, transport = self.raw()
            poll = f"GET /Events?token={self.authenticate()} HTTP/1.1\r\n".encode() + self.HEAD + b"\r\n"
            more = 20 * (b"GET /nothing HTTP/1.1\r\nX: " + b"x" * 1000 + b"\r\n" + self.HEAD + b"\r\n")
            for data in (poll + more,) if whole else (poll, more):
                server.dataReceived(data)
            self.assertEqual((transport.producerState, transport.value()), ("paused", b""))
            self.clock.advance(30)
            self.assertEqual((transport.producerState, transport.value().count(b" 404 ")), ("producing", 20))

    def test_absolute_form(self) -> None:
        """A whole URL in the first line is taken as well, and its host is the one that has to be ours."""
        for host, status in ((f"localhost:{PORT}", b"200"), ("evil.example", b"421")):
            server, transport = self.raw()
            server.dataReceived(f"GET http://{host}/command?action=x HTTP/1.1\r\n".encode() + self.HEAD + b"\r\n")
            self.assertEqual(transport.value().split()[1], status)

    def test_too_fast(self) -> None:
        """More than fifty requests a second on one connection wait for their turn; none is lost."""
        server, transport = self.raw()
        server.dataReceived(70 * (b"GET /nothing HTTP/1.1\r\n" + self.HEAD + b"\r\n"))
        self.assertEqual(transport.value().count(b" 404 "), 50)
        self.clock.pump([0.01] * 21)
        self.assertEqual(transport.value().count(b" 404 "), 60)
        self.clock.pump([0.01] * 25)
        self.assertEqual(transport.value().count(b" 404 "), 70)

    def test_too_fast_and_gone(self) -> None:
        """Who goes while its request waits leaves nothing behind."""
        server, transport = self.raw()
        server.dataReceived(60 * (b"GET /nothing HTTP/1.1\r\n" + self.HEAD + b"\r\n"))
        transport.abortConnection()
        self.assert_cut(transport)

    def test_second_request_is_timed(self) -> None:
        """The ten seconds hold for the second request of a connection as for the first."""
        server, transport = self.raw()
        server.dataReceived(b"GET /nothing HTTP/1.1\r\n" + self.HEAD + b"\r\n")
        self.clock.advance(30)
        self.assertTrue(transport.connected)
        server.dataReceived(b"GET /nothing HTTP/1.1\r\n")
        self.clock.advance(10)
        self.assert_cut(transport)

    def test_idle(self) -> None:
        """A connection that is kept open for nothing is closed after a minute."""
        server, transport = self.raw()
        server.dataReceived(b"GET /nothing HTTP/1.1\r\n" + self.HEAD + b"\r\n")
        self.clock.advance(61)
        self.assertFalse(transport.connected)

    def test_too_many(self) -> None:
        """The 65th connection is told 503; when one of the others goes there is room again."""
        connections = [self.raw() for _ in range(self.guard.limits.connections)]
        _, transport = self.raw()
        self.assertTrue(transport.value().startswith(b"HTTP/1.1 503 "))
        self.assertFalse(transport.connected)
        connections[0][1].loseConnection()
        server, transport = self.raw()
        server.dataReceived(b"GET /nothing HTTP/1.1\r\n" + self.HEAD + b"\r\n")
        self.assertTrue(transport.value().startswith(b"HTTP/1.1 404 "))

    def test_strangers(self) -> None:
        """Whoever is not on this machine is told 403 and nothing else, whatever he asks."""
        _, transport = self.raw(peer="192.0.2.1")
        self.assertTrue(transport.value().startswith(b"HTTP/1.1 403 "))
        self.assertFalse(transport.connected)

    def test_too_long_body(self) -> None:
        """A body over 64 kB is not kept, but read to its end and answered with 100; the connection goes on."""
        server, transport = self.raw()
        head = b"POST /Command HTTP/1.1\r\n" + self.HEAD + b"Content-Type: application/x-www-form-urlencoded\r\n"
        server.dataReceived(head + b"Content-Length: 100000\r\n\r\n" + b"x" * 100000)
        self.assertIn(b"<Code>100</Code>", transport.value())
        transport.clear()
        server.dataReceived(b"GET /Events HTTP/1.1\r\n" + self.HEAD + b"\r\n")
        self.assertIn(b"<Code>600</Code>", transport.value())

    def test_chunked_body(self) -> None:
        """The same where the length is not said before."""
        server, transport = self.raw()
        server.dataReceived(
            b"POST /Command HTTP/1.1\r\n" + self.HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
            b"20000\r\n" + b"x" * 0x20000 + b"\r\n0\r\n\r\n"
        )
        self.assertIn(b"<Code>100</Code>", transport.value())

    def test_endless_body(self) -> None:
        """A body over 1 MB is read no further."""
        server, transport = self.raw()
        server.dataReceived(b"POST /Command HTTP/1.1\r\n" + self.HEAD + b"Content-Length: 9999999999\r\n\r\n")
        for _ in range(20):
            if transport.connected:
                server.dataReceived(b"x" * 65536)
        self.assert_cut(transport)

    def test_huge_head(self) -> None:
        """More than 16 kB of headers, or more than 64 of them, are 400."""
        for head in (b"X: " + b"x" * 17000 + b"\r\n", b"X: y\r\n" * 65, (b"X: " + b"x" * 5000 + b"\r\n") * 4):
            server, transport = self.raw()
            server.dataReceived(b"GET /Command HTTP/1.1\r\n" + self.HEAD + head + b"\r\n")
            self.assertNotIn(b" 200 ", transport.value())
            self.assertFalse(transport.connected)

    def test_no_parsing_before_us(self) -> None:
        """A torn multipart body, which Twisted itself would answer without CORS headers, is our error 100."""
        server, transport = self.raw()
        server.dataReceived(
            b"POST /Command HTTP/1.1\r\n" + self.HEAD + b"Origin: https://crm.example.com\r\n"
            b"Content-Type: multipart/form-data; boundary=XX\r\nContent-Length: 4\r\n\r\n--XX"
        )
        self.assertIn(b"<Code>100</Code>", transport.value())
        self.assertIn(b"Access-Control-Allow-Origin: https://crm.example.com\r\n", transport.value())

    def test_log(self) -> None:
        """The line about a request has neither query nor Referer nor body in it."""
        lines: list[str] = []

        class Log:
            def debug(self, template: str, line: str) -> None:
                lines.append(line)

        self.patch(site.HttpSite, "_log", Log())
        headers = {"Referer": "http://x/?token=hunter2", "Authorization": "hunter2"}
        self.request("GET", "/Command?action=authenticate&user=crm&password=hunter2", headers=headers)
        self.request("POST", "/Command?token=hunter2", data={"password": "hunter2"}, headers=headers)
        self.request("GET", f"/{quote('token=x')}?token=hunter2")
        self.assertEqual([line[:16] for line in lines][:2], ["GET /Command 200", "POST /Command 20"])
        self.assertNotIn("hunter2", "".join(lines))

    def test_broken_policy(self) -> None:
        """A bug in what decides about origins lets nobody in, and is answered."""

        self.origins.standing = None  # type: ignore[method-assign,assignment]  # on purpose
        headers = {"Origin": CRM}
        reply = self.get("/Command", {"action": "authenticate", "user": "crm", "password": "secret"}, headers=headers)
        self.assertEqual(reply.status, 500)
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)
        self.assertEqual(len(self.sessions), 0)
