"""What it costs to send one event to many WebSocket clients: NEON's API beside a bare autobahn broadcast.

Both servers run in one child process, one after the other, with the same loop, the same bytes and the same pace; the
clients are plain sockets in the parent. What counts is the child's CPU time, per event and client.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import selectors
import socket
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

HOST = "127.0.0.1"
WARM_UP = 50


class RawWebSocket:
    """A client's end: blocking, and no more than the protocol (RFC 6455) needs."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((HOST, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET / HTTP/1.1\r\nHost: {HOST}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self._rest = b""
        self._ready: list[bytes] = []
        while b"\r\n\r\n" not in self._rest:
            self._rest += self._more()
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        if b" 101 " not in head:
            raise ConnectionError(head.decode("latin-1"))

    def send(self, message: object) -> None:
        """Send a JSON text frame."""
        payload = json.dumps(message).encode()
        length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack("!H", len(payload))
        # A mask of zeros is a mask.
        self.socket.sendall(b"\x81" + length + bytes(4) + payload)

    def receive(self) -> Any:
        """Wait for a message."""
        while not (messages := self.take()):
            self._rest += self._more()
        first, *others = messages
        self._ready = others
        return json.loads(first)

    def read(self) -> int:
        """Take what has come; return how many messages that completed."""
        self._rest += self._more()
        return len(self.take())

    def take(self) -> list[bytes]:
        """The complete messages that are here."""
        messages, self._ready = self._ready, []
        while len(self._rest) >= 2:
            length, start = self._rest[1], 2
            if length == 126:
                if len(self._rest) < 4:
                    break
                length, start = struct.unpack("!H", self._rest[2:4])[0], 4
            if len(self._rest) < start + length:
                break
            if self._rest[0] & 0x0F == 1:
                messages.append(self._rest[start : start + length])
            elif self._rest[0] & 0x0F == 9:
                # A ping; whoever does not answer is taken for dead.
                self.socket.sendall(bytes([0x8A, 0x80 | length]) + bytes(4) + self._rest[start : start + length])
            self._rest = self._rest[start + length :]
        return messages

    def _more(self) -> bytes:
        data = self.socket.recv(1 << 18)
        if not data:
            raise ConnectionError("closed by the server")
        return data

    def close(self) -> None:
        self.socket.close()


# -- the child ---------------------------------------------------------------------------------------------------------


def child() -> None:
    """Serve; a line on standard input is C{KIND EVENTS RATE}, answered when so many events were sent, then C{end}."""
    from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
    from twisted.internet import reactor as global_reactor
    from twisted.internet.stdio import StandardIO
    from twisted.internet.task import LoopingCall
    from twisted.protocols.basic import LineReceiver
    from twisted.python.failure import Failure

    from neon.api import frames
    from neon.api.approvals import ApprovalRequests
    from neon.api.autodisconnect import Autodisconnect
    from neon.api.guard import Guard, Limits
    from neon.api.origins import Origins
    from neon.api.sessions import Sessions
    from neon.api.websocket import Api
    from neon.bus import Bus
    from neon.commands import Commands
    from neon.events import CallStarted
    from neon.values import Direction

    reactor: Any = global_reactor
    caller, callee = "sip:2342342@sip.acme.com", "sip:20719023@sip.acme.com"
    event = CallStarted(55, 1, Direction.INCOMING, caller, callee, None)
    bus = Bus(reactor)
    sessions = Sessions(reactor, 3600)
    nobody: Any = SimpleNamespace(bus=bus)
    origins = Origins()
    guard = Guard(reactor, origins, ApprovalRequests(reactor, origins.decide), Limits(1000, 1000, 0))
    autodisconnect = Autodisconnect(reactor, lambda _: None)
    api = Api(Commands(nobody, sessions, nobody), sessions, autodisconnect, bus, reactor, guard)
    token, _ = sessions.open("bench")
    example = frames.event(Bus(reactor).publish(event))
    listeners: set[Any] = set()

    class Bare(WebSocketServerProtocol):
        transport: Any

        def onOpen(self) -> None:
            self.transport.setTcpNoDelay(True)
            listeners.add(self)

        def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
            listeners.discard(self)

    bare = WebSocketServerFactory(reactor=reactor)
    bare.protocol = Bare

    def broadcast() -> None:
        prepared = bare.prepareMessage(example)
        for listener in tuple(listeners):
            listener.sendPreparedMessage(prepared)

    send = {"neon": lambda: bus.publish(event), "bare": broadcast}
    ports = {
        "neon": reactor.listenTCP(0, api, interface=HOST, backlog=256),
        "bare": reactor.listenTCP(0, bare, interface=HOST, backlog=256),
    }

    def failed(failure: Failure) -> None:
        failure.printTraceback(sys.stderr)  # type: ignore[no-untyped-call]
        reactor.stop()

    class Orders(LineReceiver):
        delimiter = b"\n"
        cpu = 0.0

        def lineReceived(self, line: bytes) -> None:
            words = line.decode().split()
            if words == ["end"]:
                self.answer(time.process_time() - self.cpu)
                return
            kind, events, rate = words[0], int(words[1]), float(words[2])
            self.cpu = time.process_time()
            numbers = itertools.count(1)

            def one() -> None:
                send[kind]()
                if next(numbers) == events:
                    loop.stop()

            loop = LoopingCall(one)
            loop.start(1 / rate).addErrback(failed)

        def answer(self, value: object) -> None:
            self.sendLine(json.dumps(value).encode())  # type: ignore[no-untyped-call]

        def connectionLost(self, reason: object = None) -> None:
            if reactor.running:
                reactor.stop()

    orders = Orders()
    StandardIO(orders)  # type: ignore[no-untyped-call]
    orders.answer({"token": token, **{kind: port.getHost().port for kind, port in ports.items()}})
    reactor.run()


# -- the parent --------------------------------------------------------------------------------------------------------


@dataclass
class Row:
    """Microseconds of the server's CPU for an event and client."""

    clients: int
    neon_us: float
    bare_us: float
    ratio: float


class Servers:
    """The child, seen from here."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from bench.fanout import child; child()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(["", *sys.path])},
        )
        self._ports = self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def _order(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def cost(self, kind: str, clients: int, events: int, rate: float) -> float:
        """Microseconds for an event and client."""
        sockets = [RawWebSocket(self._ports[kind]) for _ in range(clients)]
        try:
            if kind == "neon":
                for one in sockets:
                    one.send({"action": "getversion", "token": self._ports["token"]})
                    one.receive()
            time.sleep(0.1)  # whoever was there before is gone
            self._run(kind, sockets, WARM_UP, rate)
            return self._run(kind, sockets, events, rate) / events / clients * 1e6
        finally:
            for one in sockets:
                one.close()

    def _run(self, kind: str, sockets: list[RawWebSocket], events: int, rate: float) -> float:
        self._order(f"{kind} {events} {rate}")
        missing = events * len(sockets)
        with selectors.DefaultSelector() as selector:
            for one in sockets:
                selector.register(one.socket, selectors.EVENT_READ, one)
            while missing > 0:
                for key, _ in selector.select(10):
                    missing -= key.data.read()
        self._order("end")
        return float(self._answer())

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


PLAN = ((1, 400, 800.0), (10, 300, 500.0), (100, 100, 150.0))
"""Clients, events, and events a second: well below what either server can do."""


def measure(rounds: int) -> list[Row]:
    """Each figure is the median of so many rounds, the two servers taking turns."""
    servers = Servers()
    rows = []
    for clients, events, rate in PLAN:
        costs: dict[str, list[float]] = {"neon": [], "bare": []}
        for number in range(rounds):
            for kind in ("neon", "bare") if number % 2 else ("bare", "neon"):
                costs[kind].append(servers.cost(kind, clients, events, rate))
        neon, bare = (sorted(costs[kind])[rounds // 2] for kind in ("neon", "bare"))
        rows.append(Row(clients, round(neon, 1), round(bare, 1), round(neon / bare, 2)))
    servers.end()
    return rows
