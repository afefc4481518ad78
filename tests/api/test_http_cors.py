"""What browsers are told by the HTTP API."""

from __future__ import annotations

from tests.api.web import CRM, PORT, HttpCase, Reply


class CorsTests(HttpCase):
    """What browsers are told (Fetch standard)."""

    def asked(self, method: str, path: str, origin: str | None = CRM, **headers: str) -> Reply:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if origin is not None:
            sent["Origin"] = origin
        return self.request(method, path, headers=sent)

    def test_every_answer(self) -> None:
        """An approved page may read every answer, errors of every kind included."""
        token = self.authenticate()
        for method, path in (
            ("GET", f"/Command?action=listcalls&token={token}"),
            ("GET", "/Command?action=listcalls"),
            ("GET", "/Command?action=%"),
            ("GET", "/Command?a=" + "x" * 8192),
            ("GET", "/Events"),
            ("GET", "/nothing"),
            ("PUT", "/Command"),
            ("HEAD", "/Command"),
            ("OPTIONS", "/Command"),
        ):
            reply = self.asked(method, path)
            self.assertEqual(reply.header("Access-Control-Allow-Origin"), CRM, path)
            self.assertEqual(reply.header("Vary"), "Origin")
            self.assertEqual(reply.header("Access-Control-Expose-Headers"), "X-NEON-Discarded")
            self.assertEqual(reply.header("Cache-Control"), "no-store")
            self.assertEqual(reply.header("X-Content-Type-Options"), "nosniff")

    def test_held_poll(self) -> None:
        """Held polls, too."""
        poll = self.begin("GET", "/Events", params={"token": self.authenticate()}, headers={"Origin": CRM})
        self.clock.advance(30)
        self.http.flush()
        self.assertEqual(self.successResultOf(poll).header("Access-Control-Allow-Origin"), CRM)

    def test_unknown_page(self) -> None:
        """A page that was not approved is 403 with code 602, may not read that, and runs nothing."""
        token = self.authenticate()
        self.world.registered()
        for method in ("GET", "POST"):
            reply = self.asked(method, f"/Command?action=startcall&number=1&token={token}", "https://evil.example")
            self.assertEqual((reply.status, reply.code), (403, 602))
            self.assertIsNone(reply.header("Access-Control-Allow-Origin"))
            self.assertEqual(reply.header("Vary"), "Origin")
        self.assertEqual(self.world.signalling.calls, [])

    def test_wrong_host(self) -> None:
        """A name that was rebound to this machine is 421, whatever the method."""
        for method in ("GET", "POST", "OPTIONS", "HEAD"):
            self.assertEqual(self.asked(method, "/Command", None, Host="evil.example").status, 421, method)

    def test_program(self) -> None:
        """A program that names no origin gets no CORS headers, but the Vary."""
        reply = self.get("/Command")
        self.assertIsNone(reply.header("Access-Control-Allow-Origin"))
        self.assertEqual(reply.header("Vary"), "Origin")

    def test_preflight(self) -> None:
        """The question before a request is answered: methods, the headers asked for, for ten minutes."""
        reply = self.asked(
            "OPTIONS",
            "/Command",
            Access_Control_Request_Method="POST",
            Access_Control_Request_Headers="content-type, x-requested-with",
        )
        self.assertEqual(reply.status, 204)
        self.assertEqual(reply.header("Access-Control-Allow-Methods"), "GET, POST, HEAD, OPTIONS")
        self.assertEqual(reply.header("Access-Control-Allow-Headers"), "content-type, x-requested-with")
        self.assertEqual(reply.header("Access-Control-Max-Age"), "600")

    def test_private_network(self) -> None:
        """The question whether a public page may talk to this machine is answered, where it is asked."""
        for network in ("Private", "Local"):
            reply = self.asked("OPTIONS", "/Command", **{f"Access-Control-Request-{network}-Network": "true"})
            self.assertEqual(reply.header(f"Access-Control-Allow-{network}-Network"), "true")
        self.assertIsNone(self.asked("OPTIONS", "/Command").header("Access-Control-Allow-Private-Network"))

    def test_preflight_of_unknown_page(self) -> None:
        """A page that was not approved is told nothing."""
        reply = self.asked(
            "OPTIONS", "/Command", "https://evil.example", Access_Control_Request_Private_Network="true"
        )
        self.assertEqual(reply.status, 204)
        names = ("Allow-Origin", "Allow-Methods", "Allow-Headers", "Allow-Private-Network", "Max-Age")
        self.assertEqual([reply.header(f"Access-Control-{name}") for name in names], [None] * 5)

    def test_strange_preflight(self) -> None:
        """What is no list of header names is not sent back."""
        for names in ("a b", "x" * 1100, 'a"', "a,,b", ""):
            reply = self.asked("OPTIONS", "/Command", Access_Control_Request_Headers=names)
            self.assertIsNone(reply.header("Access-Control-Allow-Headers"), names)

    def test_what_is_decided_on(self) -> None:
        """The policy sees peer, port, Host, Origin and Sec-Fetch-Site; a header that came twice equals nothing."""
        server, _ = self.raw(peer="127.0.0.9")
        server.dataReceived(
            b"OPTIONS /Command HTTP/1.1\r\nHost: localhost:15060\r\nhost: evil\r\nOrigin: https://a\r\n"
            b"Sec-Fetch-Site: cross-site\r\n\r\n"
        )
        visitor = self.policy.visitors[-1]
        self.assertEqual((visitor.peer, visitor.local), (("127.0.0.9", 40000), ("127.0.0.1", PORT)))
        self.assertEqual((visitor.host, visitor.origin), ("localhost:15060, evil", "https://a"))
        self.assertEqual((visitor.fetch_site, visitor.preflight), ("cross-site", True))
