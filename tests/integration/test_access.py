"""Who may use the APIs of a running daemon: by raw sockets, as hostile pages, other users and slow readers do."""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
import urllib.parse
from typing import Any

from twisted.internet import reactor
from twisted.internet.protocol import ClientCreator, Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SkipTest

from tests.integration.daemon import ROOT, Client, start_again, start_daemon
from tests.integration.processes import IntegrationCase, pause, until

CRM = "https://crm.example.com"
EVIL = "https://evil.example"

KEY = "Sec-WebSocket-Key: MDEyMzQ1Njc4OTAxMjM0NQ=="
UPGRADE = ("Upgrade: websocket", "Connection: Upgrade", KEY, "Sec-WebSocket-Version: 13")

NOBODY = 65534

AS_NOBODY = f"""\
import os, socket, sys
os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
made = socket.socket()
made.connect(("127.0.0.1", int(sys.argv[1])))
sys.stdout.write(made.recv(4096).decode())
"""


class Raw(Protocol):
    """A connection that keeps what arrives; C{transport} is to write to."""

    transport: Any

    def __init__(self) -> None:
        self.closed = False
        self.arrived = b""

    def dataReceived(self, data: bytes) -> None:
        self.arrived += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.closed = True

    @property
    def status(self) -> int | None:
        """The status of the answer, once it has begun."""
        return int(self.arrived.split()[1]) if b"\r\n" in self.arrived else None

    async def answered(self) -> int:
        return await until(lambda: self.status, "an answer")


class AccessCase(IntegrationCase):
    async def started(self, more: str = "", limits: str = "", name: str = "neon") -> None:
        self.daemon = await start_daemon(self, testbed=True, max_calls=100, more=more, limits=limits, name=name)
        self.ws_port = int(urllib.parse.urlsplit(self.daemon.access["websocket"]).port or 0)
        self.http_port = int(urllib.parse.urlsplit(self.daemon.access["http"]).port or 0)

    async def open(self, port: int, host: str = "127.0.0.1") -> Raw:
        """A connection."""
        connecting: Any = ClientCreator(reactor, Raw).connectTCP(host, port)
        made: Raw = await connecting
        self.at_end(made.transport.abortConnection)
        return made

    async def ask(self, port: int, first: str, *headers: str) -> Raw:
        """A connection with a request."""
        made = await self.open(port)
        made.transport.write("\r\n".join([first, *headers, "", ""]).encode())
        return made

    async def shake(self, origin: str | None, *headers: str, host: str | None = None) -> Raw:
        """A WebSocket handshake."""
        origins = () if origin is None else (f"Origin: {origin}",)
        local = f"Host: {host or f'localhost:{self.ws_port}'}"
        return await self.ask(self.ws_port, "GET / HTTP/1.1", local, *origins, *UPGRADE, *headers)

    async def neonctl(self, *arguments: str) -> str:
        """What neonctl prints."""
        program = self.start(
            "neonctl",
            *(sys.executable, "-m", "neon.ctl.main", "--state-dir", str(self.daemon.state_dir), *arguments),
            env={"PYTHONPATH": str(ROOT)},
        )
        self.assertEqual(await program.ended(), 0, program.output)
        return program.output


class MatrixTests(AccessCase):
    async def test_matrix(self) -> None:
        """Host, Origin and Sec-Fetch-Site by raw sockets: no command runs, and no WebSocket opens, for who may not."""
        await self.started(f"[origins]\npolicy = list\nallow = {CRM}\n")
        access = self.daemon.access
        fields = urllib.parse.urlencode(
            {"action": "authenticate", "user": access["user"], "password": access["password"]}
        )
        here, elsewhere = ("localhost", "127.0.0.1", "[::1]"), ("evil.example", "127.0.0.2")
        names = (*((name, True) for name in here), *((name, False) for name in elsewhere))
        origins = ((None, True), (CRM, True), (EVIL, False), ("null", False), (CRM + ".evil.example", False))
        sites = ((None, True), ("none", True), ("same-origin", True), ("same-site", False), ("cross-site", False))
        for (name, local), (origin, known), (site, near) in itertools.product(names, origins, sites):
            allowed = local and (near if origin is None else known)
            status = 200 if allowed else 403 if local else 421
            headers = [
                *([] if origin is None else [f"Origin: {origin}"]),
                *([] if site is None else [f"Sec-Fetch-Site: {site}"]),
            ]
            case = (name, origin, site)
            port = self.http_port
            http = await self.ask(port, f"GET /Command?{fields} HTTP/1.1", f"Host: {name}:{port}", *headers)
            self.assertEqual(await http.answered(), status, case)
            await until(lambda http=http: b"</ReturnData>" in http.arrived, "the body")  # type: ignore[misc]
            self.assertEqual(b"<Token>" in http.arrived, allowed, case)
            self.assertEqual(b"<Code>602</Code>" in http.arrived, not allowed, case)
            shaken = await self.shake(origin, *headers[origin is not None :], host=f"{name}:{self.ws_port}")
            self.assertEqual(await shaken.answered(), 101 if allowed else status, case)
            http.transport.abortConnection()
            shaken.transport.abortConnection()
        self.assertEqual(self.daemon.complaints(), [])

    async def test_connections(self) -> None:
        """The 65th connection is told so; one that goes makes room; a silent one is cut after ten seconds."""
        await self.started()
        silent = [await self.open(self.ws_port) for _ in range(64)]
        # The system completes connections before the daemon takes them, but hands them over in turn on one port:
        # once the 65th of this one is answered, the daemon has the 64, and the other port knows.
        for port in (self.ws_port, self.http_port):
            late = await self.open(port)
            self.assertEqual(await late.answered(), 503, port)
        silent[0].transport.abortConnection()
        # Whether the daemon learns of this end or of the next beginning first is nobody's promise.
        for _ in range(30):
            if (status := await (await self.shake(None)).answered()) == 101:
                break
            await pause(0.1)
        self.assertEqual(status, 101)
        await until(lambda: all(one.closed for one in silent), "the end of silent connections", 20)


class ApprovalTests(AccessCase):
    async def test_held_until_approved(self) -> None:
        """An unknown page's handshake waits until the user allows it by neonctl; a restart has not forgotten that."""
        await self.started()
        held = await self.shake(CRM)
        self.assertIn(CRM, await until_printed(self, "origin", "pending"))
        self.assertEqual((held.arrived, held.closed), (b"", False))
        await self.neonctl("origin", "allow", CRM)
        self.assertEqual(await held.answered(), 101)
        other = await self.shake(EVIL)
        await until_printed(self, "origin", "pending")
        await self.neonctl("origin", "block", EVIL)
        self.assertEqual(await other.answered(), 403)
        await self.daemon.program.stop()
        self.daemon = await start_again(self, self.daemon)
        self.ws_port = int(urllib.parse.urlsplit(self.daemon.access["websocket"]).port or 0)
        self.assertEqual(await (await self.shake(CRM)).answered(), 101)
        self.assertEqual(await (await self.shake(EVIL)).answered(), 403)

    async def test_nobody_answers(self) -> None:
        """Without an answer a handshake is refused after the time that is set; HTTP is at once, with 602 to read."""
        await self.started("[origins]\nask-seconds = 2\n")
        held = await self.shake(CRM)
        port = self.http_port
        http = await self.ask(port, "GET /Command?action=x HTTP/1.1", f"Host: localhost:{port}", f"Origin: {CRM}")
        self.assertEqual(await http.answered(), 403)
        await until(lambda: b"<Code>602</Code>" in http.arrived, "the code")
        self.assertIn(f"Access-Control-Allow-Origin: {CRM}".encode().lower(), http.arrived.lower())
        self.assertEqual(held.arrived, b"")
        self.assertEqual(await held.answered(), 403)

    async def test_directory(self) -> None:
        """An administrator's file counts at once."""
        directory = self.folder / "origins.d"
        directory.mkdir()
        await self.started(f"[origins]\npolicy = list\ndirectory = {directory}\n")
        self.assertEqual(await (await self.shake(CRM)).answered(), 403)
        (directory / "crm.conf").write_text(f"# ours\n{CRM}\n")
        self.assertEqual(await (await self.shake(CRM)).answered(), 101)


class UserTests(AccessCase):
    async def test_other_user(self) -> None:
        """A program of another user is refused before it has said anything; one of ours is not."""
        if os.getuid() != 0:
            raise SkipTest("only root can be another user")
        await self.started(limits="[api]\ncheck-peer-user = yes\n")
        for port in (self.ws_port, self.http_port):
            other = self.start(f"nobody-{port}", sys.executable, "-c", AS_NOBODY, str(port))
            self.assertEqual(await other.ended(), 0, other.output)
            self.assertTrue(other.output.startswith("HTTP/1.1 403 "), other.output)
        self.assertEqual(await (await self.shake(None)).answered(), 101)


class AuditTests(AccessCase):
    async def test_log(self) -> None:
        """Every command leaves a line in audit.log, which only the daemon's user can read, and no secret."""
        await self.started()
        client = await self.daemon.connect()
        sip = self.daemon.access["sip"]
        await client.register(sip["domain"], sip["number"], sip["password"])
        await client.call("604")
        path = self.daemon.state_dir / "audit.log"
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        self.assertEqual([line["action"] for line in lines], ["authenticate", "sipregister", "startcall"])
        self.assertEqual({line["application"] for line in lines}, {"local"})
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        for secret in (sip["password"], self.daemon.access["password"], str(client.token), "604"):
            self.assertNotIn(secret, path.read_text())


class SlowReaderTests(AccessCase):
    async def test_stalled(self) -> None:
        """A reader that stalls is cut at its bound, while sixteen others get answers and events as ever."""
        await self.started(limits="[api]\nmessages-per-second = 0\n[toll]\ncalls-per-minute = 0\ncalls-at-once = 0\n")
        others = [await self.daemon.connect() for _ in range(16)]
        sip = self.daemon.access["sip"]
        await others[0].register(sip["domain"], sip["number"], sip["password"])
        stalled = await self.daemon.connect()
        stalled.transport.pauseProducing()  # type: ignore[union-attr]
        before = self.memory()
        alone = [await self.round_trip(client) for _ in range(10) for client in others]
        beside: list[float] = []
        cut = False
        for turn in range(200):
            # An answer of some size for the one who does not read it.
            stalled.send_text(json.dumps({"token": stalled.token, "action": "help"}))
            if turn % 5 == 0:
                await others[0].call("603")
            beside += [await self.round_trip(client) for client in others]
            if cut := "does not read its events and is closed" in self.daemon.program.output:
                break
        self.assertTrue(cut)
        # The aim is 20 ms (docs/performance.rst has what was seen); here other tests may be running, and answers are
        # looked for every 10 ms. A reader that blocked the others would do so until it is cut.
        self.assertLess(self.p99(beside), 3 * self.p99(alone) + 2)
        self.assertLess(self.memory() - before, 8 << 20)
        await until(lambda: all(self.calls(client) for client in others), "the events of the calls")
        self.assertFalse(any(client.closed for client in others))

    async def round_trip(self, client: Client) -> float:
        """Seconds that a command takes."""
        began = time.perf_counter()
        await client.command("getversion")
        return time.perf_counter() - began

    def p99(self, times: list[float]) -> float:
        return sorted(times)[len(times) * 99 // 100]

    def calls(self, client: Client) -> bool:
        """Whether an event of a call came to a client."""
        return any(event["name"] == "OnFinalizedCall" for event in client.events)

    def memory(self) -> int:
        """The daemon's resident set, in bytes."""
        with open(f"/proc/{self.daemon.program.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def until_printed(test: AccessCase, *arguments: str) -> str:
    """What neonctl prints, once it is about some page."""
    for _ in range(10):
        if "://" in (printed := await test.neonctl(*arguments)):
            return printed
        await pause(0.2)
    raise AssertionError(printed)
