"""Many desks through an MQTT broker to a hub with supervisors: how late they see what happens, and what it costs.

Simulated desks, each with a connection of its own to a real Mosquitto, publish the calls of an extension with NEON's
own publisher; a real hub (C{twistd neon} in the role hub) shows them to supervisors over its feed. Latency is from the
moment a desk's switchboard changes to the moment a supervisor has the message. CPU is the hub's and the broker's.

    python bench/feed.py            100 and 1,000 desks
    python bench/feed.py --quick    50 and 200 desks, in less than 45 seconds
    python bench/feed.py --json
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol, connectWS
from twisted.internet import defer, task
from twisted.internet.endpoints import HostnameEndpoint

from neon.ctl.connection import connect
from neon.desks import topics
from neon.desks.link import Credentials, Link, Will
from neon.desks.publisher import Publisher
from neon.switchboard import Board, CallPicture, ExtensionPicture, Phase
from neon.values import Direction

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
SUPERVISORS = 20
TICKS = os.sysconf("SC_CLK_TCK")

HUB = """\
[sip]
bind = 127.0.0.1
port = 0
[media]
bind = 127.0.0.1
capture = null
playback = null
[websocket]
enabled = no
[http]
enabled = no
[feed]
enabled = yes
name = hub
port = 0
tls = no
[broker]
role = hub
host = 127.0.0.1
port = {port}
tls = no
"""


@dataclass
class Row:
    """C{cpu} is in ms of one core for each event, which every supervisor gets; memory in bytes for an extension.

    C{right_after_broker_s}: seconds from the new start of a broker that was killed until every supervisor is right;
    C{right_after_desks_s}: from the death of a tenth of the desks.
    """

    desks: int
    events_per_second: float
    p50_ms: float
    p99_ms: float
    hub_cpu_ms: float
    broker_cpu_ms: float
    bytes_per_extension: float
    right_after_broker_s: float
    right_after_desks_s: float


class Supervisor(WebSocketClientProtocol):
    """Notes when which call was heard of; C{extensions} are those of C{init}, or that came later."""

    heard: Callable[[str], None]
    password: str

    def __init__(self) -> None:
        super().__init__()
        self.extensions: set[str] = set()
        self.status: dict[str, str] = {}
        self.ready = False

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        if b'"new-call"' in payload:
            self.heard(json.loads(payload)["phoneb"])
            return
        if b'"hangup"' in payload or b'"call-state"' in payload:
            return
        message = json.loads(payload)
        if message["type"] == "welcome":
            login = {"type": "auth-plain", "user": "bench", "passwd": self.password}
            self.sendMessage(json.dumps(login).encode())  # type: ignore[no-untyped-call]
        elif message["type"] == "init":
            self.ready = True
            self.extensions |= {item["Extension"] for item in message["data"] if item["Status"] != "unavailable"}
            self.status = {item["Extension"]: item["Status"] for item in message["data"]}
        elif message.get("action") == "extension-status":
            self.extensions.add(message["extension"])
            self.status[message["extension"]] = message["status"]


class Cable:
    """The way to the broker, which can be cut: implements IStreamClientEndpoint as far as a link needs it."""

    def __init__(self, endpoint: Any) -> None:
        self._endpoint = endpoint
        self._cut = False
        self._protocol: Any = None

    def connect(self, factory: Any) -> defer.Deferred[Any]:
        if self._cut:
            return defer.fail(ConnectionError("cut"))
        connected: defer.Deferred[Any] = self._endpoint.connect(factory)
        return connected.addCallback(self._connected)

    def _connected(self, protocol: Any) -> Any:
        self._protocol = protocol
        return protocol

    def cut(self) -> None:
        """As if the desk were killed: the kernel closes its connection."""
        self._cut = True
        self._protocol.transport.abortConnection()


class Desk:
    """A desk with one extension."""

    def __init__(self, reactor: Any, number: int, port: int) -> None:
        self.name = f"d{number}"
        self.idle = ExtensionPicture(f"{1000 + number}", f"sip:{1000 + number}@bench.example", registered=True)
        self.board = Board()
        self.board.put(self.idle)
        self._calls = 0
        self.cable = Cable(HostnameEndpoint(reactor, HOST, port))
        will = Will(topics.state("default", self.name), topics.alive(False))
        self.publisher = Publisher(
            reactor,
            self.board,
            "default",
            self.name,
            lambda publisher: Link(reactor, self.cable, Credentials(self.name), publisher, will=will),
        )

    def toggle(self, marker: str) -> bool:
        """Begin a call that is known by C{marker}, or end it; whether it began."""
        if self.board.pictures()[0].calls:
            self.board.put(self.idle)
            return False
        self._calls += 1
        call = CallPicture(self._calls, Direction.OUTGOING, self.idle.name, marker, phase=Phase.DIALING)
        self.board.put(replace(self.idle, calls=(call,)))
        return True


class Process:
    """A program, its CPU time and its memory."""

    def __init__(self, *argv: str, folder: Path) -> None:
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(
            argv, cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def cpu(self) -> float:
        """Seconds."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory(self) -> int:
        """Resident bytes."""
        return int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)


async def until(reactor: Any, look: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    """Wait until it is so."""
    end = time.monotonic() + seconds
    while not look():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds:.0f} s")
        await task.deferLater(reactor, 0.05, lambda: None)


async def measure(reactor: Any, folder: Path, desks: int, rate: float, seconds: float) -> Row:
    """One floor."""
    folder.mkdir()  # noqa: ASYNC240 - nobody else waits
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    mosquitto = folder / "mosquitto.conf"
    mosquitto.write_text(f"listener {port} {HOST}\nallow_anonymous true\nmax_queued_messages 100000\n")
    (folder / "neon.conf").write_text(HUB.format(port=port))
    (folder / "neon.conf").chmod(0o600)
    broker = Process("mosquitto", "-c", str(mosquitto), folder=folder)
    state = folder / "state"
    hub = Process(
        sys.executable, "-c", "from twisted.scripts.twistd import run; run()", "-n", "--pidfile=", "neon",
        "--config", str(folder / "neon.conf"), "--state-dir", str(state), folder=folder,
    )  # fmt: skip
    floor = [Desk(reactor, number, port) for number in range(desks)]
    supervisors: list[Supervisor] = []
    try:
        access = state / "access.json"
        await until(reactor, access.exists, "the hub")
        document = json.loads(access.read_text())
        control = connect([Path(document["control"])], 10)
        Supervisor.password = control.command("supervisoradd", name="bench")["password"]
        control.close()
        sent: dict[str, float] = {}
        delays: list[float] = []
        Supervisor.heard = staticmethod(lambda marker: delays.append(time.monotonic() - sent[marker]))
        before = hub.memory()
        for desk in floor:
            desk.publisher.start()
        factory = WebSocketClientFactory(document["feed"]["ws"] + "ws")

        def build() -> Supervisor:
            supervisors.append(Supervisor())
            return supervisors[-1]

        factory.protocol = build  # type: ignore[assignment]
        for count in range(1, SUPERVISORS + 1):
            connectWS(factory)
            await until(reactor, lambda: len(supervisors) == count and supervisors[-1].ready, "a login")  # noqa: B023
        await until(
            reactor,
            lambda: all(len(one.extensions) == desks for one in supervisors),
            "every supervisor seeing every desk",
        )
        grown = hub.memory() - before
        cpu = hub.cpu(), broker.cpu()
        events = 0
        begun = time.monotonic()
        while (now := time.monotonic()) < begun + seconds:
            due = int((now - begun) * rate)
            while events < due:
                marker = str(events)
                sent[marker] = time.monotonic()
                floor[events % desks].toggle(marker)
                events += 1
            await task.deferLater(reactor, 0.005, lambda: None)
        await task.deferLater(reactor, 1.0, lambda: None)
        spent = hub.cpu() - cpu[0], broker.cpu() - cpu[1]
        Supervisor.heard = staticmethod(lambda marker: None)
        broker.kill()
        await task.deferLater(reactor, 1.0, lambda: None)
        for number, desk in enumerate(floor):
            if number % 10 == 0:
                desk.toggle(str(events))
        broker = Process("mosquitto", "-c", str(mosquitto), folder=folder)
        back = time.monotonic()
        truth = {desk.idle.name: desk.board.pictures()[0].status.value for desk in floor}
        await until(reactor, lambda: all(one.status == truth for one in supervisors), "the truth")
        right = time.monotonic() - back
        died = time.monotonic()
        for desk in floor[::10]:
            desk.cable.cut()
            truth[desk.idle.name] = "unavailable"
        await until(reactor, lambda: all(one.status == truth for one in supervisors), "the truth about dead desks")
        dead = time.monotonic() - died
        delays.sort()
        return Row(
            desks,
            rate,
            round(1000 * delays[len(delays) // 2], 1),
            round(1000 * delays[int(len(delays) * 0.99)], 1),
            round(1000 * spent[0] / events, 3),
            round(1000 * spent[1] / events, 3),
            round(grown / desks),
            round(right, 1),
            round(dead, 1),
        )
    finally:
        for supervisor in supervisors:
            supervisor.dropConnection(abort=True)
        await defer.gatherResults([desk.publisher.stop() for desk in floor])
        hub.stop()
        broker.stop()


async def run(reactor: Any, options: argparse.Namespace) -> None:
    folder = Path(tempfile.mkdtemp(prefix="neon-bench-"))
    folder.chmod(0o755)  # noqa: ASYNC240
    sizes = (50, 200) if options.quick else (100, 1000)
    try:
        rows = [
            await measure(reactor, folder / str(desks), desks, 100.0, 5.0 if options.quick else 20.0) for desks in sizes
        ]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if options.json:
        sys.stdout.write(json.dumps([asdict(row) for row in rows], indent=2) + "\n")
        return
    sys.stdout.write(f"{SUPERVISORS} supervisors, each told of every event\n")
    titles = "desks  events/s  p50 ms  p99 ms  hub ms/event  broker ms/event  bytes/extension"
    sys.stdout.write(f"{titles}  right again s  dead desks s\n")
    for row in rows:
        sys.stdout.write(
            f"{row.desks:5}  {row.events_per_second:8.0f}  {row.p50_ms:6.1f}  {row.p99_ms:6.1f}  {row.hub_cpu_ms:12.3f}"
            f"  {row.broker_cpu_ms:15.3f}  {row.bytes_per_extension:15.0f}  {row.right_after_broker_s:13.1f}"
            f"  {row.right_after_desks_s:12.1f}\n"
        )
    growth = rows[-1].hub_cpu_ms / rows[0].hub_cpu_ms
    span = f"from {rows[0].desks} to {rows[-1].desks} desks"
    sys.stdout.write(f"the hub's cost of an event grows by {growth:.2f} {span}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="smaller floors, less than 45 seconds")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    task.react(lambda reactor: defer.Deferred.fromCoroutine(run(reactor, options)))


if __name__ == "__main__":
    main()
