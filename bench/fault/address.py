"""The machine's address changes in a call: how soon the registrar and the far end of the call know the new one.

The daemon lives in a network namespace of its own, whose address is taken away and replaced, as a DHCP server would;
the registrar, which also answers the call, is a socket in another namespace, joined to it by a virtual cable.
"""

from __future__ import annotations

import json
import re
import socket
import sys
import time
from typing import Any

from autobahn.twisted.websocket import WebSocketClientFactory, connectWS
from twisted.internet import reactor as global_reactor
from twisted.internet.protocol import DatagramProtocol

from bench.fault.harness import Bench, Row
from bench.fault.pinger import granted
from tests.integration.daemon import ROOT, Client, Daemon
from tests.integration.netns import Namespace, make_network
from tests.integration.processes import pause, until

reactor: Any = global_reactor
FAR = "198.18.0.10"
PORT = 5060

CONFIGURATION = """\
[sip]
bind = 0.0.0.0
port = 5060

[media]
bind = 0.0.0.0
capture = null
playback = null
silence-seconds = 0

[websocket]
host = 127.0.0.1
port = 0

[http]
enabled = no

[account main]
domain = {far}:{port}
number = 2001
password = one
"""

SDP = (
    "v=0\r\no=- 1 1 IN IP4 {far}\r\ns=-\r\nc=IN IP4 {far}\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n"
    "a=rtpmap:8 PCMA/8000\r\n"
)


class FarEnd(DatagramProtocol):
    """Says yes to everything, and remembers when it heard what from where."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, str, str]] = []

    def first(self, what: str, host: str) -> float | None:
        """When C{what} came first from C{host}."""
        return next((at for at, seen, source in self.heard if (seen, source) == (what, host)), None)

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        text = datagram.decode("latin-1")
        method = text.partition(" ")[0]
        if not text.strip() or method in ("SIP/2.0", "ACK"):
            return
        within = re.search(r"^To:.*;tag=", text, re.MULTILINE) is not None
        self.heard.append((time.monotonic(), f"re-{method}" if within else method, addr[0]))
        transport: Any = self.transport
        transport.write(self._answer(text, method), addr)

    @staticmethod
    def _answer(text: str, method: str) -> bytes:
        if method not in ("INVITE", "UPDATE"):
            return granted(text if "\r\nContact:" in text else text.replace("\r\n\r\n", "\r\nContact: *\r\n\r\n", 1))
        lines = text.split("\r\n")
        kept = [line for line in lines if line.partition(":")[0] in ("Via", "From", "Call-ID", "CSeq")]
        to = next(line for line in lines if line.startswith("To:"))
        body = SDP.format(far=FAR)
        more = [to if ";tag=" in to else f"{to};tag=far", f"Contact: <sip:far@{FAR}:{PORT}>"]
        more += ["Content-Type: application/sdp", f"Content-Length: {len(body)}", "", body]
        return "\r\n".join(["SIP/2.0 200 OK", *kept, *more]).encode()


async def measure(bench: Bench, quick: bool) -> list[Row]:
    """Seconds from when the new address is there to the first REGISTER, and to the first re-INVITE, from it."""
    network = make_network(bench)
    network.near.add(f"{address(0)}/24")
    network.far.add(f"{FAR}/24")
    far = FarEnd()
    with network.far, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.bind((FAR, PORT))
        wire.setblocking(False)
        port = reactor.adoptDatagramPort(wire.fileno(), socket.AF_INET, far)
    bench.at_end(port.stopListening)
    daemon = await _start(bench, network.near)
    client = await _connect(daemon, network.near)
    await _when(far, ("REGISTER",), address(0))
    call = await client.call("600")
    await client.event("OnAcceptCall", callId=call)
    registered, invited = [], []
    for turn in range(1, 3 if quick else 13):
        await pause(1.5)
        network.near.remove(f"{address(turn - 1)}/24")
        network.near.add(f"{address(turn)}/24")
        began = time.monotonic()
        registered.append(await _when(far, ("REGISTER",), address(turn)) - began)
        invited.append(await _when(far, ("re-INVITE", "re-UPDATE"), address(turn)) - began)
    up = len((await client.command("listcalls"))["calls"])
    await client.command("finalizecall", callid=call)
    over = await client.event("OnFinalizedCall", callId=call)
    changes = len(registered)
    return [
        Row("address change", f"REGISTER from the new one, slowest of {changes}", f"{max(registered):.2f} s", "<= 3 s",
            max(registered) <= 3),
        Row("address change", f"re-INVITE from the new one, slowest of {changes}", f"{max(invited):.2f} s", "<= 5 s",
            max(invited) <= 5),
        Row("address change", "the call goes on, and ends when we hang up", f"{up}; {over['SIPError']}", "1; 0",
            (up, over["SIPError"]) == (1, 0)),
    ]  # fmt: skip


def address(turn: int) -> str:
    """The daemon's address after so many changes."""
    return f"198.18.0.{20 + turn}"


async def _when(far: FarEnd, what: tuple[str, ...], host: str) -> float:
    """When the first of these came from there."""

    def look() -> float | None:
        times = [at for name in what if (at := far.first(name, host)) is not None]
        return min(times, default=None)

    return await until(look, f"{what[0]} from {host}", 20)


async def _start(bench: Bench, near: Namespace) -> Daemon:
    state_dir = bench.folder / "neon"
    state_dir.mkdir(mode=0o700)
    configuration = state_dir / "test.conf"
    configuration.write_text(CONFIGURATION.format(far=FAR, port=PORT))
    configuration.chmod(0o600)
    twistd = [sys.executable, "-m", "tests.integration.census", str(state_dir / "census"), "-n", "--pidfile=", "neon"]
    arguments = ["--config", str(configuration), "--state-dir", str(state_dir), "--log-level", "debug"]
    program = bench.start("neon", *near.argv(*twistd, *arguments), env={"PYTHONPATH": str(ROOT)})
    access = state_dir / "access.json"

    def ready() -> bool:
        if not program.running:
            raise AssertionError(f"the daemon did not start:\n{program.output[-3000:]}")
        return access.exists()

    await until(ready, "access.json")
    return Daemon(program, state_dir, PORT, json.loads(access.read_text()))


async def _connect(daemon: Daemon, near: Namespace) -> Client:
    """A WebSocket whose socket is made in there."""
    client = Client()
    factory = WebSocketClientFactory(daemon.access["websocket"])
    factory.protocol = lambda: client  # type: ignore[assignment]  # anything that makes one
    with near:
        connectWS(factory)
    await until(lambda: client.opened, "the WebSocket")
    told = await client.command("authenticate", user=daemon.access["user"], password=daemon.access["password"])
    client.token = told["token"]
    return client
