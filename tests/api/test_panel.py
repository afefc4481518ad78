"""The panel's page, its sign-in, and the commands that only it has, through the real HTTP server."""

from __future__ import annotations

import io
import json
import re
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.testing import MemoryReactorClock, StringTransportWithDisconnection

from neon.access import Applications
from neon.api.administration import OriginDecisions
from neon.api.audit import Audit
from neon.api.keeper import Keeper
from neon.api.panel import OWN, SOCKET, Panel, PanelAddress, PanelCommands
from neon.api.toll import Tariff, TollGuard
from neon.api.websocket import Api
from neon.commands import TABLE, Command, Commands, Data
from neon.config import LOCAL, PANEL
from neon.panel.tickets import Tickets
from neon.values import RegistrationState
from tests.api.web import CRM, PORT, HttpCase, Reply
from tests.test_access import cheap

OWN_ORIGIN = f"http://localhost:{PORT}"
NEW = "https://new.example.com"


class PanelCase(HttpCase):
    def setUp(self) -> None:
        super().setUp()
        self.origins.own.add(OWN_ORIGIN)
        reactor = MemoryReactorClock()
        self.api = Api(self.commands, self.sessions, self.autodisconnect, self.world.bus, reactor, self.guard)
        panel = self.panel = Panel(self.origins.own, self.api)
        self.root.pages.update(panel.pages())
        self.root.sockets[SOCKET] = panel.socket
        self.tickets = Tickets(self.clock)
        known = Applications(self.at_once, {LOCAL: cheap("local secret"), "crm": cheap("secret")})
        known.put_tickets(PANEL, self.tickets.redeem)
        toll = TollGuard(self.clock, Tariff())
        keeper = Keeper(self.clock, known, toll, Audit(io.StringIO()), self.origins.own)
        # Those that are made by others, and are looked at there.
        names = ("operatorlist", "websocketserver", "switchboard", "keepaccount")
        elsewhere = (Command(name, dict, once=False) for name in names)
        control = (*OriginDecisions(self.origins, self.approvals).rows(), *elsewhere)
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
        """Its policy allows the page itself and its own socket, and nothing else."""
        for path in ("/", "/panel"):
            reply = self.request("GET", path)
            self.assertEqual((reply.status, reply.header("Content-Type")), (200, "text/html; charset=utf-8"))
            policy = dict(part.split(" ", 1) for part in (reply.header("Content-Security-Policy") or "").split("; "))
            self.assertEqual(policy["default-src"], "'none'")
            self.assertEqual(policy["connect-src"], f"'self' ws://localhost:{PORT}")
            self.assertEqual(policy["frame-ancestors"], "'none'")
            self.assertEqual({policy[f"{kind}-src"] for kind in ("script", "style", "frame")}, {"'self'"})
            self.assertEqual(reply.header("X-Frame-Options"), "DENY")
            self.assertEqual(reply.header("Referrer-Policy"), "no-referrer")

    def test_ipv6(self) -> None:
        """A policy cannot name an IPv6 address; what the page itself came from is enough for its socket then."""
        reply = self.request("GET", "/", headers={"Host": f"[::1]:{PORT}"})
        self.assertIn("connect-src 'self';", reply.header("Content-Security-Policy") or "")

    def test_files(self) -> None:
        """Everything that the page and its modules name is served, with its type."""
        pages = self.panel.pages()
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
        """All of it is half of 120 kB for a browser, which takes it compressed; a program can have it as it is."""
        paths = [path or "/" for path in self.panel.pages() if path != "/panel"]
        plain = sum(len(self.get(path, headers={"Accept-Encoding": "identity"}).body) for path in paths)
        replies = [self.request("GET", path, headers={"Accept-Encoding": "br, gzip"}) for path in paths]
        self.assertEqual({reply.header("Vary") for reply in replies}, {"Accept-Encoding"})
        small = sum(int(reply.header("Content-Length") or 0) for reply in replies)
        self.assertLess(small, 60_000)
        self.assertGreater(plain, 2 * small)


class WordTests(PanelCase):
    def words(self, language: str) -> dict[str, str]:
        """What one of the tables says, by name."""
        lines = self.get(f"/panel/words-{language}.js").body.decode().splitlines()
        words: dict[str, str] = {}
        name = ""
        for line in lines:
            if found := re.match(r'  (?:(\w+)|"([\w -]+)"):(.*)', line):
                name, line = found[1] or found[2], found[3]
                self.assertNotIn(name, words, language)
                words[name] = ""
            if name and (text := re.fullmatch(r'\s*\+?\s*(".*"),?', line)):
                words[name] += json.loads(text[1])
        return words

    def test_tables(self) -> None:
        """English, Portuguese and Spanish say the same things, about the same values."""
        english, *others = (self.words(language) for language in ("en", "pt", "es"))
        self.assertGreater(len(english), 150)
        for other in others:
            self.assertEqual(list(other), list(english))
            for name, text in english.items():
                self.assertTrue(text and other[name], name)
                values = [set(re.findall(r"{(\w+)}", words)) for words in (text, other[name])]
                self.assertEqual(values[0], values[1], name)
        same = {name for name, text in english.items() if all(other[name] == text for other in others)}
        self.assertEqual({name for name in same if len(english[name].split()) > 1}, {"spoken"})

    def test_used(self) -> None:
        """Every word of the page has an entry, and every entry is used somewhere."""
        english = self.words("en")
        sources = {path: self.get(path or "/").body.decode() for path in self.panel.pages() if "words-" not in path}
        everything = "\n".join(sources.values())
        named = re.findall(r'data-(?:words|label|placeholder)="(\w+)"', sources[""])
        said = re.findall(r'\bsay\("([\w-]+)"', everything)
        self.assertGreater(len(said), 50)
        self.assertEqual([name for name in (*named, *said) if name not in english], [])
        # say(`sound${light}`) and its like.
        begun = tuple(found for found in re.findall(r"(?:say|knows)\(`([\w-]+)\${", everything))
        quoted = set(re.findall(r'"([\w-]+)"', everything)) | set(re.findall(r"^  (\w+): \{", everything, re.MULTILINE))
        states = {state.value for state in RegistrationState}
        unused = {name for name in english if name not in quoted | states and not name.startswith(begun)}
        self.assertEqual(unused, set())


class SocketTests(PanelCase):
    def shaken(self, *origin: str) -> StringTransportWithDisconnection:
        """A connection on which a WebSocket was asked for, by a page of that origin, or by a program."""
        server, transport = self.raw()
        lines = [
            f"GET {SOCKET} HTTP/1.1",
            f"Host: localhost:{PORT}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            *(f"Origin: {one}" for one in origin),
        ]
        server.dataReceived("\r\n".join((*lines, "", "")).encode())
        return transport

    def say(self, transport: StringTransportWithDisconnection, **message: object) -> None:
        payload = json.dumps(message).encode()
        # A masked text frame (RFC 6455, section 5.2), with a mask that changes nothing.
        protocol: Any = transport.protocol
        protocol.dataReceived(b"\x81" + bytes((0x80 | len(payload), 0, 0, 0, 0)) + payload)

    def test_own_page(self) -> None:
        """NEON's own page has the WebSocket API here, also while that server takes nobody."""
        self.api.accepts = False
        transport = self.shaken(OWN_ORIGIN)
        self.assertIn(b"101 Switching Protocols", transport.value())
        # The sample of RFC 6455, section 1.3.
        self.assertIn(b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", transport.value())
        transport.clear()
        self.say(transport, id=1, action="authenticate", user="crm", password="secret")
        self.assertIn(b'"success":true', transport.value().replace(b" ", b""))
        self.api.dismiss(self.origins.own)
        self.assertFalse(transport.disconnecting)
        self.api.dismiss(())
        self.assertIn(b"switched off", transport.value())
        transport.loseConnection()
        self.assertEqual([session for session in self.sessions if session.holders], [])

    def test_others(self) -> None:
        """Other pages, approved or not, and programs have none here."""
        for origin in ((CRM,), (NEW,), ()):
            transport = self.shaken(*origin)
            self.assertNotIn(b"101", transport.value().split(b"\r\n")[0])
        self.assertIn(b"404", transport.value())

    def test_not_asked(self) -> None:
        """Without an upgrade there is nothing at this path."""
        self.assertEqual(self.get(SOCKET, headers={"Origin": OWN_ORIGIN}).status, 404)

    def test_room(self) -> None:
        """A connection counts once, and no longer when it is gone; its time limits are not those of a request."""
        transports = [self.shaken(OWN_ORIGIN) for _ in range(self.guard.limits.connections)]
        self.assertIn(b"503", self.shaken(OWN_ORIGIN).value())
        self.clock.advance(90)
        self.assertFalse(any(transport.disconnecting for transport in transports))
        for transport in transports:
            transport.loseConnection()
        self.assertIn(b"101", self.shaken(OWN_ORIGIN).value())


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
