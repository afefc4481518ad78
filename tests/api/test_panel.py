"""The panel's page, its sign-in, and the commands that only it has, through the real HTTP server."""

from __future__ import annotations

import io
from typing import Any

from twisted.internet.defer import Deferred, succeed

from neon.access import Applications
from neon.api.administration import OriginDecisions
from neon.api.audit import Audit
from neon.api.keeper import Keeper
from neon.api.panel import OWN, Panel, PanelAddress, PanelCommands
from neon.api.toll import Tariff, TollGuard
from neon.commands import TABLE, Command, Commands, Data
from neon.config import LOCAL, PANEL
from neon.panel.tickets import Tickets
from tests.api.web import CRM, PORT, HttpCase, Reply
from tests.test_access import cheap

OWN_ORIGIN = f"http://localhost:{PORT}"
NEW = "https://new.example.com"


class PanelCase(HttpCase):
    def setUp(self) -> None:
        super().setUp()
        self.websocket: str | None = "127.0.0.1:15070"
        self.root.pages.update(Panel(lambda: self.websocket).pages())
        self.origins.own.add(OWN_ORIGIN)
        self.tickets = Tickets(self.clock)
        known = Applications(self.at_once, {LOCAL: cheap("local secret"), "crm": cheap("secret")})
        known.put_tickets(PANEL, self.tickets.redeem)
        toll = TollGuard(self.clock, Tariff())
        keeper = Keeper(self.clock, known, toll, Audit(io.StringIO()), self.origins.own)
        control = OriginDecisions(self.origins, self.approvals).rows()
        rows = PanelCommands(self.find).rows(control)
        self.root.commands = Commands(self.world.phone, self.sessions, known, (*TABLE, *rows), gate=keeper)

    def at_once(self, function: Any, *args: object) -> Deferred[Any]:
        return succeed(function(*args))

    def find(self, word: str) -> Data | None:
        if word != "7":
            return None
        return {"kind": "call", "SIPError": 486, "reason": "", "type": "outgoing", "ended": "x", "answered": None}

    def told(self, page: str | None, action: str, /, **fields: str) -> Reply:
        headers = {} if page is None else {"Origin": page}
        return self.request("POST", "/Command", headers=headers, data={"action": action, **fields})

    def token(self, origin: str | None, user: str, password: str) -> str:
        return self.told(origin, "authenticate", user=user, password=password).text("Data/Token") or ""


class PageTests(PanelCase):
    def test_page(self) -> None:
        """The page says where the WebSocket server is, and its policy allows that and itself, and nothing else."""
        for path in ("/", "/panel"):
            reply = self.request("GET", path)
            self.assertEqual((reply.status, reply.header("Content-Type")), (200, "text/html; charset=utf-8"))
            self.assertIn(b'content="ws://localhost:15070/"', reply.body)
            policy = dict(part.split(" ", 1) for part in (reply.header("Content-Security-Policy") or "").split("; "))
            self.assertEqual(policy["default-src"], "'none'")
            self.assertEqual(policy["connect-src"], "'self' ws://localhost:15070")
            self.assertEqual(policy["frame-ancestors"], "'none'")
            self.assertEqual({policy[f"{kind}-src"] for kind in ("script", "style", "frame")}, {"'self'"})
            self.assertEqual(reply.header("X-Frame-Options"), "DENY")
            self.assertEqual(reply.header("Referrer-Policy"), "no-referrer")

    def test_other_port(self) -> None:
        """Wherever that server is, and also where there is none."""
        self.websocket = "127.0.0.1:4711"
        self.assertIn(b'content="ws://localhost:4711/"', self.get("/").body)
        self.websocket = None
        reply = self.get("/")
        self.assertIn(b'name="neon-websocket" content=""', reply.body)
        self.assertIn("connect-src 'self';", reply.header("Content-Security-Policy") or "")

    def test_files(self) -> None:
        """Everything that the page and its modules name is served, with its type."""
        pages = Panel(lambda: None).pages()
        names = [path for path in pages if path.startswith("/panel/")]
        self.assertGreater(len(names), 10)
        for path in names:
            kind = "text/css" if path.endswith(".css") else "text/javascript"
            reply = self.get(path)
            self.assertEqual((reply.status, reply.header("Content-Type")), (200, f"{kind}; charset=utf-8"))
            for line in reply.body.decode().splitlines():
                if line.startswith("import ") and '"./' in line:
                    self.assertIn("/panel/" + line.split('"./')[1].split('"')[0], pages, path)

    def test_no_inline(self) -> None:
        """Nothing in the page would need a wider policy."""
        html = self.get("/").body.decode()
        for word in ("<style", "style=", "onclick", "javascript:", "https://", "http://www.w3.org/1999"):
            self.assertNotIn(word, html)
        self.assertEqual(html.count("<script"), 1)

    def test_size(self) -> None:
        """All of it, with the client's module, is at most 120 kB."""
        pages = Panel(lambda: None).pages()
        size = sum(len(self.get(path or "/").body) for path in pages if path != "/panel")
        self.assertLess(size + 22_000, 120_000)


class TicketTests(PanelCase):
    def test_sign_in(self) -> None:
        """A ticket gives NEON's own page a session, once."""
        ticket = self.tickets.issue()
        self.assertTrue(self.token(OWN_ORIGIN, PANEL, ticket))
        self.assertEqual(self.told(OWN_ORIGIN, "authenticate", user=PANEL, password=ticket).code, 600)

    def test_only_our_page(self) -> None:
        """Other pages and programs get nothing for it, and do not spend it."""
        ticket = self.tickets.issue()
        for origin in (None, CRM, "http://localhost:1"):
            self.assertEqual(self.token(origin, PANEL, ticket), "")
        self.assertTrue(self.token(OWN_ORIGIN, PANEL, ticket))

    def test_token_stays(self) -> None:
        """The session's token is of no use anywhere else."""
        token = self.token(OWN_ORIGIN, PANEL, self.tickets.issue())
        self.assertEqual(self.told(OWN_ORIGIN, "listcalls", token=token).code, 0)
        for origin in (None, CRM):
            self.assertEqual(self.told(origin, "listcalls", token=token).code, 600)

    def test_guessing(self) -> None:
        """Whoever guesses tickets has to wait like whoever guesses passwords."""
        codes = [self.told(OWN_ORIGIN, "authenticate", user=PANEL, password=f"{n}").code for n in range(7)]
        self.assertEqual(codes, [600] * 5 + [602] * 2)


class OwnCommandTests(PanelCase):
    def test_owner(self) -> None:
        """The owner decides about web pages in the panel, signed in by ticket or by the password of access.json."""
        for user, password in ((PANEL, self.tickets.issue()), (LOCAL, "local secret")):
            token = self.token(OWN_ORIGIN, user, password)
            self.approvals.ask(NEW)
            self.assertIn(NEW.encode(), self.told(OWN_ORIGIN, "originpending", token=token).body)
            allowed = self.told(OWN_ORIGIN, "originallow", token=token, origin=NEW, once="true")
            self.assertEqual(allowed.code, 0)
            self.assertEqual(self.approvals.pending, ())
            self.assertEqual(self.told(OWN_ORIGIN, "originforget", token=token, origin=NEW).code, 0)

    def test_nobody_else(self) -> None:
        """Programs, approved pages, and applications that sign in at NEON's page do not."""
        tokens = (
            (None, self.token(None, LOCAL, "local secret")),
            (CRM, self.token(CRM, LOCAL, "local secret")),
            (OWN_ORIGIN, self.token(OWN_ORIGIN, "crm", "secret")),
        )
        for origin, token in tokens:
            self.assertEqual(self.told(origin, "listcalls", token=token).code, 0)
            for action in (*OWN, "explain"):
                if action != "operatorlist":
                    refused = self.told(origin, action, token=token, origin=NEW, case="7")
                    self.assertEqual(refused.code, 602, (origin, action))

    def test_explain(self) -> None:
        """A call is explained in the person's language; one that is not remembered has no words."""
        token = self.token(OWN_ORIGIN, PANEL, self.tickets.issue())
        told = {
            language: self.told(OWN_ORIGIN, "explain", token=token, case="7", language=language).text("Data/What")
            for language in ("pt", "es", "en")
        }
        self.assertEqual(len({*told.values()}), 3, told)
        self.assertFalse(self.told(OWN_ORIGIN, "explain", token=token, case="8").text("Data/What"))

    def test_address(self) -> None:
        """The control socket makes addresses with tickets, while the page is served."""
        row: Command = PanelAddress(lambda: "http://localhost:1/#ticket=x", 60.0).rows()[0]
        context: Any = None
        self.assertEqual(row.function(context), {"url": "http://localhost:1/#ticket=x", "seconds": 60.0})
        with self.assertRaisesRegex(Exception, "switched off"):
            PanelAddress(lambda: None, 60.0).ticket(context)
        self.assertNotIn(row.name, {command.name for command in TABLE})
