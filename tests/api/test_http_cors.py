"""What browsers are told by the HTTP API."""

from __future__ import annotations

from neon.api.approvals import Answer
from neon.commands import Command, Commands, Context, Data, Needs
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
        """A page that was not approved is 403 with code 602, which it may read, and runs nothing; the user is asked."""
        token = self.authenticate()
        self.world.registered()
        for method in ("GET", "POST"):
            reply = self.asked(method, f"/Command?action=startcall&number=1&token={token}", "https://shop.example")
            self.assertEqual((reply.status, reply.code), (403, 602))
            self.assertEqual(reply.header("Access-Control-Allow-Origin"), "https://shop.example")
            self.assertEqual(reply.header("Vary"), "Origin")
        self.assertEqual(self.world.signalling.calls, [])
        self.assertEqual([question.origin for question in self.approvals.pending], ["https://shop.example"])

    def test_approved_meanwhile(self) -> None:
        """Once the user has said yes the same request is carried out."""
        self.assertEqual(self.asked("GET", "/Command?action=listcalls", "https://shop.example").status, 403)
        self.origins.decide("https://shop.example", Answer.ALLOW)
        self.assertEqual(self.asked("GET", "/Command?action=listcalls", "https://shop.example").status, 200)

    def test_blocked_page(self) -> None:
        """A page that was blocked may not even read that."""
        self.origins.decide("https://evil.example", Answer.BLOCK)
        reply = self.asked("GET", "/Command?action=listcalls", "https://evil.example")
        self.assertEqual((reply.status, reply.code), (403, 602))
        self.assertIsNone(reply.header("Access-Control-Allow-Origin"))
        self.assertEqual(reply.header("Vary"), "Origin")

    def test_other_sites(self) -> None:
        """Images, links and forms of other sites, which name no Origin, run nothing."""
        token = self.authenticate()
        self.world.registered()
        for site in ("cross-site", "same-site", "nonsense"):
            path = f"/Command?action=startcall&number=1&token={token}"
            self.assertEqual(self.asked("GET", path, None, Sec_Fetch_Site=site).status, 403, site)
        self.assertEqual(self.world.signalling.calls, [])
        self.assertEqual(self.asked("GET", "/Command?action=listcalls", None, Sec_Fetch_Site="none").status, 200)

    def test_origin_of_a_command(self) -> None:
        """A command knows which page it came from."""
        seen: list[str | None] = []

        def look(context: Context) -> Data:
            seen.append(context.client.origin)
            return {}

        row = Command("look", look, needs=Needs.NOTHING)
        self.root.commands = Commands(self.world.phone, self.sessions, self.applications, [row])
        self.asked("GET", "/Command?action=look")
        self.asked("GET", "/Command?action=look", None)
        self.asked("GET", "/Command?action=look", None, Sec_Fetch_Site="same-origin")
        self.assertEqual(seen, [CRM, None, f"http://localhost:{PORT}"])

    def test_wrong_host(self) -> None:
        """A name that was rebound to this machine is 421, whatever the method."""
        for method in ("GET", "POST", "OPTIONS", "HEAD"):
            self.assertEqual(self.asked(method, "/Command", None, Host="evil.example").status, 421, method)
        server, transport = self.raw()
        server.dataReceived(b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n")
        self.assertTrue(transport.value().startswith(b"HTTP/1.1 421 Misdirected Request\r\n"))

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
        """A page that nobody has decided about may ask, for it is the answer that tells it what to do; nobody is asked
        because of a preflight."""
        reply = self.asked(
            "OPTIONS", "/Command", "https://shop.example", Access_Control_Request_Private_Network="true"
        )
        self.assertEqual((reply.status, reply.header("Access-Control-Allow-Private-Network")), (204, "true"))
        self.assertEqual(self.approvals.pending, ())

    def test_preflight_of_blocked_page(self) -> None:
        """A page that was blocked, and one without an origin, are told nothing."""
        self.origins.decide("https://evil.example", Answer.BLOCK)
        for origin in ("https://evil.example", "null", "nonsense"):
            reply = self.asked("OPTIONS", "/Command", origin, Access_Control_Request_Private_Network="true")
            self.assertEqual(reply.status, 204)
            names = ("Allow-Origin", "Allow-Methods", "Allow-Headers", "Allow-Private-Network", "Max-Age")
            self.assertEqual([reply.header(f"Access-Control-{name}") for name in names], [None] * 5)

    def test_strange_preflight(self) -> None:
        """What is no list of header names is not sent back."""
        for names in ("a b", "x" * 1100, 'a"', "a,,b", ""):
            reply = self.asked("OPTIONS", "/Command", Access_Control_Request_Headers=names)
            self.assertIsNone(reply.header("Access-Control-Allow-Headers"), names)

    def test_doubled_headers(self) -> None:
        """A Host or an Origin that came twice equals nothing that is allowed."""
        for doubled, status in ((b"Host: localhost:15060", b" 421 "), (b"Origin: https://crm.example.com", b" 403 ")):
            server, transport = self.raw()
            server.dataReceived(
                b"GET /Command HTTP/1.1\r\nHost: localhost:15060\r\nOrigin: https://crm.example.com\r\n"
                + doubled
                + b"\r\n\r\n"
            )
            self.assertIn(status, transport.value())
