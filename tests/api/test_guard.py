"""Who is let in: connections, Hosts, Origins and Sec-Fetch-Site, as tables; for the guard and for both skins."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, cast

import txaio
from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransportWithDisconnection
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from neon.api import peers
from neon.api.approvals import Answer, ApprovalRequests
from neon.api.cors import Verdict, Visitor
from neon.api.guard import Guard, Limits, PeerRule, response
from neon.api.origins import Origins, Policy
from neon.api.websocket import Connection
from neon.values import Address
from tests.api import web, websockets
from tests.api.websockets import PORT

autobahn_timers: Any = vars(txaio)["config"]

CRM = "https://crm.example.com"
EVIL = "https://evil.example"
NEW = "https://new.example"

HOSTS: tuple[tuple[str, bool], ...] = (
    (f"localhost:{PORT}", True),
    (f"127.0.0.1:{PORT}", True),
    (f"[::1]:{PORT}", True),
    (f"LOCALHOST:{PORT}", True),
    ("localhost", False),
    (f"localhost:{PORT + 1}", False),
    (f"localhost:0{PORT}", False),
    (f"localhost.:{PORT}", False),
    (f"127.0.0.2:{PORT}", False),
    (f"127.1:{PORT}", False),
    (f"[::ffff:127.0.0.1]:{PORT}", False),
    (f"[0:0:0:0:0:0:0:1]:{PORT}", False),
    (f"evil.example:{PORT}", False),
    (f"localhost.evil.example:{PORT}", False),
    (f"localhost:{PORT}, localhost:{PORT}", False),
    (f"user@localhost:{PORT}", False),
    (f"localhost :{PORT}", False),
)

ORIGINS: tuple[tuple[str | None, dict[Policy, int]], ...] = (
    (None, dict.fromkeys(Policy, 200)),
    (CRM, dict.fromkeys(Policy, 200)),
    (CRM.upper(), dict.fromkeys(Policy, 200)),
    (CRM + ":443", dict.fromkeys(Policy, 200)),
    (NEW, {Policy.ASK: 403, Policy.LIST: 403, Policy.ANY: 200}),
    ("http://crm.example.com", {Policy.ASK: 403, Policy.LIST: 403, Policy.ANY: 200}),
    (CRM + ".evil.example", {Policy.ASK: 403, Policy.LIST: 403, Policy.ANY: 200}),
    (f"http://localhost:{PORT + 1}", {Policy.ASK: 403, Policy.LIST: 403, Policy.ANY: 200}),
    ("chrome-extension://abcdefgh", {Policy.ASK: 403, Policy.LIST: 403, Policy.ANY: 200}),
    (EVIL, dict.fromkeys(Policy, 403)),
    ("null", dict.fromkeys(Policy, 403)),
    ("file://", dict.fromkeys(Policy, 403)),
    ("", dict.fromkeys(Policy, 403)),
    ("*", dict.fromkeys(Policy, 403)),
    (f"{CRM}, {CRM}", dict.fromkeys(Policy, 403)),
    (f"{CRM} {EVIL}", dict.fromkeys(Policy, 403)),
    (CRM + "/", dict.fromkeys(Policy, 403)),
)

SITES: tuple[tuple[str | None, bool], ...] = (
    (None, True),
    ("none", True),
    ("same-origin", True),
    ("same-site", False),
    ("cross-site", False),
    ("CROSS-SITE", False),
    ("", False),
    ("same-origin, same-origin", False),
    ("unheard-of", False),
)


def matrix(policy: Policy) -> Iterator[tuple[str, str | None, str | None, int]]:
    """Every Host with every Origin and every Sec-Fetch-Site, and the status that the documents want."""
    for (host, local), (origin, statuses), (site, near) in itertools.product(HOSTS, ORIGINS, SITES):
        status = statuses[policy] if origin is not None or near else 403
        yield host, origin, site, status if local else 421


class FakeConnection:
    """A connection that can be cut."""

    def __init__(self) -> None:
        self.transport = self
        self.cut = False

    def abortConnection(self) -> None:
        self.cut = True


class GuardCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.uids: dict[Address, int | None] = {}
        self.made = self.guard()

    def guard(self, policy: Policy = Policy.ASK, limits: Limits | None = None, rule: PeerRule | None = None) -> Guard:
        origins = Origins(policy, configured=[CRM], remembered={EVIL: False})
        requests = ApprovalRequests(self.clock, origins.decide)
        self.addCleanup(requests.stop)
        return Guard(self.clock, origins, requests, limits, rule, self.uid)

    def uid(self, peer: Address, local: Address) -> int | None:
        if peer not in self.uids:
            raise peers.CannotTell
        return self.uids[peer]

    def visitor(self, **changes: Any) -> Visitor:
        fixed: dict[str, Any] = {
            "peer": ("127.0.0.1", 40000),
            "local": ("127.0.0.1", PORT),
            "host": f"localhost:{PORT}",
            "origin": None,
            "fetch_site": None,
        }
        return Visitor(**fixed | changes)


class RequestTests(GuardCase):
    def test_matrix(self) -> None:
        """Host, Origin and Sec-Fetch-Site, all with all, for every policy."""
        for policy in Policy:
            guard = self.guard(policy, Limits(messages_per_second=0))
            for host, origin, site, status in matrix(policy):
                verdict = guard.decide(self.visitor(host=host, origin=origin, fetch_site=site))
                self.assertEqual(verdict.status, status, (policy, host, origin, site))

    def test_no_host(self) -> None:
        """A request without Host is for nobody."""
        self.assertEqual(self.made.decide(self.visitor(host=None)).status, 421)

    def test_whose(self) -> None:
        """The verdict says who it is: a page by its normal origin, our own page, or a program."""
        for origin, site, whose in (
            (CRM.upper(), "cross-site", CRM),
            (None, "same-origin", f"http://localhost:{PORT}"),
            (None, "none", None),
            (None, None, None),
        ):
            self.assertEqual(self.made.decide(self.visitor(origin=origin, fetch_site=site)).origin, whose)

    def test_cors(self) -> None:
        """An approved page may read its answers, an unknown one the refusal that says what to do, others nothing."""
        for origin, readable in ((CRM, CRM), (NEW, NEW), (EVIL, None), ("null", None), ("*", None), (None, None)):
            self.assertEqual(self.made.decide(self.visitor(origin=origin)).allow_origin, readable)

    def test_null_allowed(self) -> None:
        """The setting lets pages without an origin in."""
        origins = Origins(Policy.ASK, allow_null=True)
        guard = Guard(self.clock, origins, ApprovalRequests(self.clock, origins.decide))
        self.assertEqual(guard.decide(self.visitor(origin="null")), Verdict(200, "", "null", "null"))

    def test_asked(self) -> None:
        """An unknown page is refused at once by a skin that cannot wait, and the user is asked; after a yes it may."""
        self.assertEqual(self.made.decide(self.visitor(origin=NEW, preflight=True)).status, 403)
        self.assertEqual(self.made.approvals.pending, ())
        self.assertEqual(self.made.decide(self.visitor(origin=NEW)).status, 403)
        (question,) = self.made.approvals.pending
        self.made.approvals.answer(question.id, Answer.ALLOW_ONCE)
        self.assertEqual(self.made.decide(self.visitor(origin=NEW)).status, 200)

    def test_never_asked(self) -> None:
        """Nobody is asked about a blocked page, a page under another Host, or under another policy."""
        self.made.decide(self.visitor(origin=EVIL))
        self.made.decide(self.visitor(origin=NEW, host="evil.example"))
        self.made.decide(self.visitor(origin="null"))
        self.assertEqual(self.made.approvals.pending, ())
        listed = self.guard(Policy.LIST)
        listed.decide(self.visitor(origin=NEW))
        self.assertEqual(listed.approvals.pending, ())

    def test_rate(self) -> None:
        """A page may ask so often a second; another page, and a program, at any time."""
        statuses = [self.made.decide(self.visitor(origin=CRM)).status for _ in range(60)]
        self.assertEqual((statuses.count(200), statuses.count(429)), (50, 10))
        self.assertEqual({self.made.decide(self.visitor()).status for _ in range(200)}, {200})
        self.clock.advance(1)
        self.assertEqual(self.made.decide(self.visitor(origin=CRM)).status, 200)

    def test_log(self) -> None:
        """A page that knocks all day long does not fill the log."""
        lines: list[Any] = []
        observer = cast(Any, lines.append)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        for _ in range(1000):
            self.made.decide(self.visitor(origin=EVIL))
        self.clock.advance(1.1)
        self.made.decide(self.visitor(origin=EVIL))
        told = [line for line in lines if line.get("log_namespace") == "neon.api.guard.Guard"]
        self.assertEqual([line["more"] for line in told], [0, 999])


class ConnectionTests(GuardCase):
    def enter(self, guard: Guard, host: str = "127.0.0.1", port: int = 40000) -> tuple[FakeConnection, int]:
        connection = FakeConnection()
        return connection, guard.entered(connection, (host, port), ("127.0.0.1", PORT)).status

    def test_loopback(self) -> None:
        """Only this machine, whatever the sockets are bound to."""
        for host in ("127.0.0.1", "127.9.9.9", "::1"):
            self.assertEqual(self.enter(self.made, host)[1], 200, host)
        for host in ("192.0.2.1", "fe80::1", "2001:db8::1", "0.0.0.0"):
            self.assertEqual(self.enter(self.made, host)[1], 403, host)

    def test_room(self) -> None:
        """64 connections; one that goes makes room, also one that was refused."""
        entered = [self.enter(self.made) for _ in range(70)]
        self.assertEqual([status for _, status in entered].count(200), 64)
        for connection, _ in entered[60:]:
            self.made.left(connection)
        self.assertEqual([self.enter(self.made)[1] for _ in range(5)], [200, 200, 200, 200, 503])

    def test_room_of_a_page(self) -> None:
        """16 connections of one page; programs may have all."""
        guard = self.made
        connections = [self.enter(guard)[0] for _ in range(20)]
        verdicts = [guard.decide(self.visitor(origin=CRM, connection=one)) for one in connections]
        self.assertEqual([verdict.status for verdict in verdicts], [200] * 16 + [503] * 4)
        self.assertEqual(guard.decide(self.visitor(origin=CRM, connection=connections[0])).status, 200)
        self.assertEqual({guard.decide(self.visitor(connection=one)).status for one in connections}, {200})
        guard.left(connections[0])
        self.assertEqual(guard.decide(self.visitor(origin=CRM, connection=connections[19])).status, 200)

    def test_room_of_our_own_page(self) -> None:
        """NEON's own pages are counted with everybody, and not on their own: browsers open six connections each."""
        own = "http://localhost:15060"
        self.made.origins.own.add(own)
        connections = [self.enter(self.made)[0] for _ in range(20)]
        verdicts = [self.made.decide(self.visitor(origin=own, connection=one)) for one in connections]
        self.assertEqual({verdict.status for verdict in verdicts}, {200})

    def test_another_page(self) -> None:
        """A connection that a browser uses for another page counts for that one."""
        guard = self.guard(Policy.ANY, Limits(connections_per_origin=1))
        first, second = self.enter(guard)[0], self.enter(guard)[0]
        self.assertEqual(guard.decide(self.visitor(origin=CRM, connection=first)).status, 200)
        self.assertEqual(guard.decide(self.visitor(origin=CRM, connection=second)).status, 503)
        self.assertEqual(guard.decide(self.visitor(origin=NEW, connection=first)).status, 200)
        self.assertEqual(guard.decide(self.visitor(origin=CRM, connection=second)).status, 200)

    def test_cut(self) -> None:
        """The connections of a page whose approval ended are cut, and no others."""
        page, program = self.enter(self.made)[0], self.enter(self.made)[0]
        self.made.decide(self.visitor(origin=CRM, connection=page))
        self.made.decide(self.visitor(connection=program))
        self.made.cut(CRM)
        self.assertEqual((page.cut, program.cut), (True, False))

    def test_users(self) -> None:
        """The user's own programs and root's; nobody else's, and nobody's that is gone already."""
        guard = self.guard(rule=PeerRule.of(True, 1000))
        self.uids = {("127.0.0.1", 1): 1000, ("127.0.0.1", 2): 0, ("127.0.0.1", 3): 1001, ("127.0.0.1", 4): None}
        statuses = [self.enter(guard, port=port)[1] for port in range(1, 6)]
        self.assertEqual(statuses, [200, 200, 403, 403, 403])

    def test_cannot_tell(self) -> None:
        """Where the machine does not say whose a socket is, only an explicit yes refuses."""
        automatic = PeerRule.of(None, 1000)
        assert automatic is not None
        self.assertEqual(self.enter(self.guard(rule=automatic))[1], 200)
        self.assertEqual(self.enter(self.guard(rule=PeerRule.of(True, 1000)))[1], 403)

    def test_automatic(self) -> None:
        """The check is for daemons that a person runs."""
        found = {uid: PeerRule.of(None, uid) is not None for uid in (0, 33, 999, 1000, 65534, 100000)}
        self.assertEqual(found, {0: False, 33: False, 999: False, 1000: True, 65534: False, 100000: True})
        self.assertIsNone(PeerRule.of(False, 1000))

    def test_response(self) -> None:
        """What a connection is told that may not say anything itself."""
        answer = response(Verdict(503, "too many connections"))
        self.assertTrue(answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\n"))
        self.assertTrue(answer.endswith(b"\r\nContent-Length: 20\r\n\r\ntoo many connections"))


class WebSocketTests(websockets.WebSocketCase):
    """The same table through handshakes."""

    def setUp(self) -> None:
        super().setUp()
        self.use(Policy.ASK)

    def use(self, policy: Policy, limits: Limits | None = None) -> None:
        self.origins = Origins(policy, configured=[CRM], remembered={EVIL: False})
        self.approvals = ApprovalRequests(self.clock, self.origins.decide)
        self.addCleanup(self.approvals.stop)
        self.guard = self.api.guard = Guard(self.clock, self.origins, self.approvals, limits)

    def shake(
        self, host: str, origin: str | None, site: str | None = None, more: bytes = b"", path: str = "/"
    ) -> tuple[Connection, StringTransportWithDisconnection]:
        server = self.server()
        transport = StringTransportWithDisconnection(
            IPv4Address("TCP", "127.0.0.1", PORT), IPv4Address("TCP", "127.0.0.1", 40000)
        )
        transport.protocol = cast(Any, server)
        server.makeConnection(cast(Any, transport))
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: {host}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: MDEyMzQ1Njc4OTAxMjM0NQ==",
            "Sec-WebSocket-Version: 13",
            *([] if origin is None else [f"Origin: {origin}"]),
            *([] if site is None else [f"Sec-Fetch-Site: {site}"]),
        ]
        server.dataReceived("\r\n".join([*lines, "", ""]).encode() + more)
        return server, transport

    def status(self, transport: StringTransportWithDisconnection) -> int | None:
        return int(transport.value().split()[1]) if transport.value() else None

    def test_matrix(self) -> None:
        """Only what the table lets through is a WebSocket; an unknown page waits, everybody else is refused."""
        for policy in (Policy.LIST, Policy.ASK):
            self.use(policy, Limits(connections_per_origin=10_000))
            for host, origin, site, wanted in matrix(policy):
                _, transport = self.shake(host, origin, site)
                status = self.status(transport)
                case = (policy, host, origin, site, status)
                if wanted == 200:
                    self.assertEqual(status, 101, case)
                elif status is None:
                    # The only one that waits.
                    self.assertEqual((policy, wanted), (Policy.ASK, 403), case)
                else:
                    # autobahn itself takes some headers for malformed.
                    self.assertIn(status, (wanted, 400), case)
                if not transport.disconnected:
                    transport.loseConnection()

    def test_duplicate_headers(self) -> None:
        """Two Origins, or two Hosts, are none."""
        self.assertEqual(self.status(self.shake(f"localhost:{PORT}\r\nHost: localhost:{PORT}", None)[1]), 400)
        self.assertEqual(self.status(self.shake(f"localhost:{PORT}", f"{CRM}\r\nOrigin: {CRM}")[1]), 400)

    def test_null(self) -> None:
        """Pages without an origin are refused, until the setting lets them in."""
        for allowed, status in ((False, 403), (True, 101)):
            self.guard.origins = Origins(Policy.ASK, allow_null=allowed)
            for origin in ("null", "file://"):
                self.assertEqual(self.status(self.shake(f"localhost:{PORT}", origin)[1]), status)

    def test_held(self) -> None:
        """The handshake of an unknown page waits for the user, and goes on with a yes."""
        server, transport = self.shake(f"localhost:{PORT}", NEW)
        self.assertEqual((transport.value(), transport.disconnected), (b"", False))
        (question,) = self.approvals.pending
        self.assertEqual(question.origin, NEW)
        self.approvals.answer(question.id, Answer.ALLOW)
        self.assertEqual((self.status(transport), server.origin), (101, NEW))

    def test_denied(self) -> None:
        """With a no it is refused with 403."""
        _, transport = self.shake(f"localhost:{PORT}", NEW)
        self.approvals.decide(NEW, Answer.BLOCK)
        self.assertEqual((self.status(transport), transport.connected), (403, False))

    def test_fifteen_seconds(self) -> None:
        """It waits for fifteen seconds, longer than a handshake may take to arrive, and is refused with 403."""
        self.patch(autobahn_timers, "loop", self.clock)
        _, transport = self.shake(f"localhost:{PORT}", NEW)
        self.clock.pump([1.0] * 14)
        self.assertEqual((transport.value(), transport.disconnected), (b"", False))
        self.clock.pump([1.0] * 2)
        self.assertEqual((self.status(transport), transport.connected), (403, False))

    def test_gone_while_held(self) -> None:
        """A page that goes while it waits leaves nothing to answer."""
        _, transport = self.shake(f"localhost:{PORT}", NEW)
        transport.loseConnection()
        self.approvals.decide(NEW, Answer.ALLOW)
        self.assertEqual(transport.value(), b"")

    def test_talks_while_held(self) -> None:
        """Who does not wait for the answer is cut off; it would be taken for a second handshake."""
        server, transport = self.shake(f"localhost:{PORT}", NEW)
        server.dataReceived(b"GET / HTTP/1.1\r\n\r\n")
        self.assertTrue(transport.disconnected)
        self.assertEqual(transport.value(), b"")

    def test_early_frame(self) -> None:
        """A frame that came in one piece with the handshake is read when the user has said yes, not before."""
        payload = b'{"id": 1, "action": "listcalls"}'
        mask = b"\x00\x00\x00\x00"
        _, transport = self.shake(f"localhost:{PORT}", NEW, more=bytes([0x81, 0x80 | len(payload)]) + mask + payload)
        self.assertEqual(transport.value(), b"")
        self.approvals.decide(NEW, Answer.ALLOW_ONCE)
        self.assertIn(b'"code":602', transport.value())

    def test_url(self) -> None:
        """A URL may have 8 kB."""
        _, transport = self.shake(f"localhost:{PORT}", None, path="/?" + "x" * 8200)
        self.assertEqual(self.status(transport), 414)

    def test_too_many_of_a_page(self) -> None:
        """The 17th connection of one page is refused, held or not."""
        for origin in (CRM, NEW):
            statuses = [self.status(self.shake(f"localhost:{PORT}", origin)[1]) for _ in range(17)]
            self.assertEqual(statuses[16], 503)
            self.assertEqual(set(statuses[:16]), {101 if origin == CRM else None})

    def test_withdrawn(self) -> None:
        """A page that is blocked while it is connected is cut off."""
        self.origins.on_withdrawn.append(self.guard.cut)
        _, transport = self.shake(f"localhost:{PORT}", CRM)
        self.approvals.decide(CRM, Answer.BLOCK)
        self.assertTrue(transport.disconnected)

    def test_throttled(self) -> None:
        """Fifty messages a second; the next ones wait, and none is lost."""
        client = self.connected()
        for number in range(120):
            client.send({"id": number, "action": "listcalls"})
        self.assertEqual(len(client.take()), 50)
        self.clock.pump([0.1] * 10)
        self.assertIn(len(client.take()), range(48, 53))
        self.clock.pump([0.1] * 10)
        client.send({"id": "last", "action": "listcalls"})
        self.clock.pump([0.1] * 2)
        self.assertEqual(client.take()[-1]["id"], "last")

    def test_throttled_and_gone(self) -> None:
        """A client that floods and goes leaves no timer."""
        client = self.connected()
        for number in range(120):
            client.send({"id": number, "action": "listcalls"})
        client.drop()
        self.clock.pump([0.1] * 30)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class HttpTests(web.HttpCase):
    """The same table through HTTP."""

    def test_matrix(self) -> None:
        """A command runs for those whom the table lets through, and for nobody else."""
        for host, origin, site, wanted in matrix(Policy.ASK):
            self.clock.advance(1)
            server, transport = self.raw()
            lines = [
                "GET /Command?action=authenticate&user=crm&password=secret HTTP/1.1",
                f"Host: {host.replace(str(PORT), str(web.PORT)).replace(str(PORT + 1), str(web.PORT + 1))}",
                *([] if origin is None else [f"Origin: {origin}"]),
                *([] if site is None else [f"Sec-Fetch-Site: {site}"]),
            ]
            before = len(self.sessions)
            server.dataReceived("\r\n".join([*lines, "", ""]).encode())
            status = int(transport.value().split()[1])
            case = (host, origin, site)
            self.assertEqual(len(self.sessions) - before, int(wanted == 200), case)
            # Twisted itself takes some Hosts for malformed.
            self.assertIn(status, (wanted,) if wanted != 421 else (421, 400), case)
            for session in self.sessions:
                self.sessions.close(session)
            transport.loseConnection()
