"""How many two-way G.711 streams a core carries, how punctually packets leave, and what the codec kernels cost.

    python bench/media.py            about two minutes
    python bench/media.py --quick    under 45 seconds
    python bench/media.py --json     the figures for programs

C{bench.codecs} compares coders with ffmpeg's and spandsp's, C{bench.ordinarycall} one call with baresip's and pjsua's,
C{bench.mouthtoear} measures the delay.

Each stream sends and receives 50 packets a second over loopback, encoding and decoding all of them, with the jitter
buffer and RTCP. The far ends are as many streams of a second engine in a child process. Only the CPU time of the
measured thread counts (CLOCK_THREAD_CPUTIME_ID), so the load generator is not in the figures; its own is printed
beside them. A row is measured with the reactor idle, or with the reactor's thread spinning 50 ms at a time. For the
ratio the same streams are carried by the reactor: one DatagramProtocol each, our own kernels, no jitter buffer.

"bare" is what the kernel alone takes in the same run for the same packets, a send and a receive each, in a loop that
does nothing else: no engine with a socket for every stream can be below it on this machine.
"late" is the time from the deadline of a packet's phase to the return of its send; streams that share a phase leave
one after the other. "seen" is the send-time error: how far ten streams' packets are from their regular times, by the
kernel's receive time stamps in the child.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import socket
import struct
import subprocess
import sys
import threading
import time
import timeit
from array import array
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import LoopingCall, deferLater

from neon.media import _engine
from neon.media.engine import Engine, Tone
from neon.values import Codec, MediaAgreement

reactor: Any = global_reactor
HOST = "127.0.0.1"
OURS, THEIRS = range(20000, 29000), range(30000, 39000)
PROBES = 10
SO_TIMESTAMPNS = 35  # asm-generic/socket.h
FRAME_S = 0.02
VOICE = array("h", (int(9000 * math.sin(i / 7) * math.sin(i / 301)) for i in range(8000))).tobytes()


def agreement(port: int) -> MediaAgreement:
    return MediaAgreement((HOST, port), Codec.PCMA, 8, 8)


def raise_descriptor_limit() -> None:
    import resource

    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


# -- the child ---------------------------------------------------------------------------------------------------------


class Probe(threading.Thread):
    """Notes when packets arrive at plain sockets, by the kernel's clock, while somebody else does the work."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(PROBES)]
        self.times: list[list[tuple[int, float]]] = [[] for _ in self.sockets]
        for sock in self.sockets:
            sock.bind((HOST, 0))
            sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)

    def run(self) -> None:
        import select

        poll = select.epoll()
        for sock in self.sockets:
            poll.register(sock, select.EPOLLIN)
            sock.setblocking(False)
        by_fd = {sock.fileno(): number for number, sock in enumerate(self.sockets)}
        while True:
            for fd, _ in poll.poll():
                number = by_fd[fd]
                data, control, _, _ = self.sockets[number].recvmsg(2000, 64)
                seconds, nanoseconds = struct.unpack("qq", control[0][2])
                sequence = struct.unpack("!H", data[2:4])[0]
                self.times[number].append((sequence, seconds + nanoseconds * 1e-9))

    def clear(self) -> None:
        self.times = [[] for _ in self.sockets]

    def deviations(self) -> list[float]:
        """Of every packet from its stream's regular times, in seconds; a stream's median packet is punctual."""
        found = []
        for arrivals in self.times:
            if len(arrivals) < 20:
                continue
            first = arrivals[0]
            offsets = [at - first[1] - ((number - first[0]) & 0xFFFF) * FRAME_S for number, at in arrivals]
            middle = sorted(offsets)[len(offsets) // 2]
            found += [abs(offset - middle) for offset in offsets]
        return found


def child() -> None:
    """Serve commands on standard input: open N, start PORTS, mark, end; answers are JSON lines."""
    raise_descriptor_limit()
    probe = Probe()
    probe.start()
    engine = Engine()
    engine.start()
    streams = []
    cpu = 0.0
    for line in sys.stdin:
        command, *arguments = line.split(maxsplit=1)
        answer: object = None
        if command == "open":
            streams = [engine.open_stream(HOST, THEIRS) for _ in range(int(arguments[0]))]
            answer = [[stream.local_port for stream in streams], [sock.getsockname()[1] for sock in probe.sockets]]
        elif command == "start":
            for stream, port in zip(streams, json.loads(arguments[0]), strict=True):
                stream.set_source(Tone(300 + port % 1000))
                stream.start(agreement(port))
        elif command == "mark":
            probe.clear()
            cpu = engine.thread_cpu_seconds()
        elif command == "end":
            lost = sum(stream.statistics().packets_lost for stream in streams)
            answer = [engine.thread_cpu_seconds() - cpu, probe.deviations(), lost]
            for stream in streams:
                stream.close()
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    engine.stop()


class Child:
    """The far ends, seen from here."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), "--child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )

    def ask(self, command: str) -> Any:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(10)


# -- the rows ----------------------------------------------------------------------------------------------------------


@dataclass
class Row:
    """One measurement; microseconds of CPU per stream and second, milliseconds of lateness."""

    who: str
    streams: int
    reactor: str
    cpu_us: float
    streams_per_core: int
    late_p50_ms: float
    late_p99_ms: float
    seen_p99_ms: float
    lost: int
    generator_cpu_us: float


def quantile(values: list[float], part: float) -> float:
    return sorted(values)[min(int(len(values) * part), len(values) - 1)] if values else float("nan")


def histogram_quantile(counts: list[int], part: float) -> float:
    """In milliseconds, the upper end of the 10 µs bucket."""
    left = sum(counts) * part
    for number, count in enumerate(counts):
        left -= count
        if left <= 0:
            return (number + 1) / 100
    return float("inf")


@contextmanager
def blocked_reactor(block: bool) -> Iterator[None]:
    """Let the reactor's thread hold the GIL 50 ms at a time."""

    def spin() -> None:
        end = time.perf_counter() + 0.05
        while time.perf_counter() < end:
            pass

    loop = LoopingCall(spin)
    if block:
        loop.start(0.055, now=False)
    try:
        yield
    finally:
        if loop.running:
            loop.stop()


@inlineCallbacks
def engine_row(streams: int, seconds: float, block: bool) -> Generator[Deferred[Any], Any, Row]:
    peer = Child()
    engine = Engine()
    engine.start()
    theirs, probes = peer.ask(f"open {streams}")
    pairs = [engine.open_stream(HOST, OURS) for _ in range(streams)]
    for stream, port in zip(pairs, theirs, strict=True):
        stream.set_source(Tone(300 + port % 1000))
        stream.start(agreement(port))
    peer.ask("start " + json.dumps([stream.local_port for stream in pairs]))
    extra = [engine.open_stream(HOST, OURS) for _ in probes]
    for stream, port in zip(extra, probes, strict=True):
        stream.start(agreement(port))
    # The first two seconds differ: sources are not locked yet, and memory is touched for the first time.
    yield deferLater(reactor, 1.0)
    with blocked_reactor(block):
        yield deferLater(reactor, 0.3)
        peer.ask("mark")
        counts, cpu, start = engine.send_lateness(), engine.thread_cpu_seconds(), time.perf_counter()
        yield deferLater(reactor, seconds)
        took = time.perf_counter() - start
        cpu = engine.thread_cpu_seconds() - cpu
        counts = [after - before for after, before in zip(engine.send_lateness(), counts, strict=True)]
    generator, deviations, lost = peer.ask("end")
    lost += sum(stream.statistics().packets_lost for stream in pairs)
    engine.stop()
    peer.end()
    each = cpu / took / (streams + len(extra)) * 1e6
    return Row(
        f"engine ({engine.priority})",
        streams,
        "blocked 50 ms" if block else "idle",
        round(each, 1),
        round(1e6 / each),
        histogram_quantile(counts, 0.5),
        histogram_quantile(counts, 0.99),
        round(quantile(deviations, 0.99) * 1000, 3),
        lost,
        round(generator / took / streams * 1e6, 1),
    )


class TwistedStream(DatagramProtocol):
    """What the engine does for a stream, on the reactor, in Python: encode, send, receive, decode."""

    def __init__(self, port: int) -> None:
        self.remote = (HOST, port)
        self.sequence = 0
        self.last = b""

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        if len(datagram) > 12 and datagram[0] == 0x80 and datagram[1] & 0x7F == 8:
            self.last = _engine.alaw_decode(datagram[12:])

    def send(self) -> None:
        begin = self.sequence % 50 * 320
        header = struct.pack("!BBHII", 0x80, 8, self.sequence & 0xFFFF, self.sequence * 160 & 0xFFFFFFFF, 0xFEED)
        transport: Any = self.transport
        transport.write(header + _engine.alaw_encode(VOICE[begin : begin + 320]), self.remote)
        self.sequence += 1


class TwistedPacer:
    """Serves its streams by absolute deadlines, spread over the 20 ms, with one timer of the reactor."""

    def __init__(self, streams: list[TwistedStream]) -> None:
        self.streams = streams
        self.start = reactor.seconds()
        self.number = 0
        self.late: list[float] = []
        self.call: Any = None
        self.step()

    def step(self) -> None:
        count = len(self.streams)
        while True:
            deadline = self.start + self.number * FRAME_S / count
            now = reactor.seconds()
            if deadline > now:
                break
            self.streams[self.number % count].send()
            self.late.append(reactor.seconds() - deadline)
            self.number += 1
        self.call = reactor.callLater(max(0, deadline - reactor.seconds()), self.step)


@inlineCallbacks
def twisted_row(streams: int, seconds: float, block: bool) -> Generator[Deferred[Any], Any, Row]:
    peer = Child()
    theirs, probes = peer.ask(f"open {streams}")
    protocols = [TwistedStream(port) for port in theirs + probes]
    ports = [reactor.listenUDP(0, protocol, interface=HOST) for protocol in protocols]
    peer.ask("start " + json.dumps([port.getHost().port for port in ports[:streams]]))
    pacer = TwistedPacer(protocols)
    yield deferLater(reactor, 1.0)
    idle = time.thread_time()
    with blocked_reactor(block):
        yield deferLater(reactor, 0.3)
        peer.ask("mark")
        pacer.late.clear()
        cpu, start = time.thread_time(), time.perf_counter()
        yield deferLater(reactor, seconds)
        took = time.perf_counter() - start
        cpu = time.thread_time() - (idle if cpu < idle else cpu)
    pacer.call.cancel()
    generator, deviations, lost = peer.ask("end")
    for port in ports:
        yield port.stopListening()
    peer.end()
    each = cpu / took / len(protocols) * 1e6
    return Row(
        "pure Twisted",
        streams,
        "blocked 50 ms" if block else "idle",
        float("nan") if block else round(each, 1),  # the spinning is in it
        0 if block else round(1e6 / each),
        round(quantile(pacer.late, 0.5) * 1000, 3),
        round(quantile(pacer.late, 0.99) * 1000, 3),
        round(quantile(deviations, 0.99) * 1000, 3),
        lost,
        round(generator / took / streams * 1e6, 1),
    )


# -- the kernels -------------------------------------------------------------------------------------------------------


def nanoseconds(call: Callable[[Any], object], argument: Any) -> float:
    number = 200_000
    names = {"call": call, "argument": argument}
    return min(timeit.repeat("call(argument)", globals=names, number=number, repeat=7)) / number * 1e9


def kernel_rows() -> dict[str, float]:
    frame = VOICE[:320]
    codes = _engine.alaw_encode(frame)
    return {
        "bytes copy of 160 samples": nanoseconds(bytes, bytearray(frame)),
        "ulaw_encode": nanoseconds(_engine.ulaw_encode, frame),
        "alaw_encode": nanoseconds(_engine.alaw_encode, frame),
        "ulaw_decode": nanoseconds(_engine.ulaw_decode, codes),
        "alaw_decode": nanoseconds(_engine.alaw_decode, codes),
    }


def bare_us(streams: int, rounds: int = 50) -> float:
    """CPU microseconds a stream and second of sends and receives alone, Python's 0.1 us a call included."""
    pairs = []
    for _ in range(streams):
        one, other = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) for _ in range(2))
        for sock in (one, other):
            sock.bind((HOST, 0))
            sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        one.connect(other.getsockname())
        pairs.append((one, other))
    packet, buffer = bytes(172), bytearray(1500)
    cpu = time.thread_time()
    for _ in range(rounds):
        for one, _ in pairs:
            one.send(packet)
        for _, other in pairs:
            other.recv_into(buffer)
    cpu = time.thread_time() - cpu
    for pair in pairs:
        for sock in pair:
            sock.close()
    return cpu / (rounds * FRAME_S) / streams * 1e6


# -- the whole ---------------------------------------------------------------------------------------------------------


@inlineCallbacks
def measure(seconds: float, report: Callable[[Row], None]) -> Generator[Deferred[Any], Any, None]:
    for streams, block in ((100, False), (1000, False), (1000, True), (2000, False)):
        report((yield engine_row(streams, seconds, block)))
    for block in (False, True):
        report((yield twisted_row(100, seconds, block)))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="shorter rows, under 45 seconds in all")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child()
        return
    raise_descriptor_limit()
    rows: list[Row] = []

    def report(row: Row) -> None:
        rows.append(row)
        if not options.json:
            print(
                f"{row.who:15} {row.streams:7} {row.reactor:>13} {row.cpu_us:8} {row.streams_per_core or '-':>9} "
                f"{row.late_p50_ms:8} {row.late_p99_ms:8} {row.seen_p99_ms:8} {row.lost:5} {row.generator_cpu_us:9}"
            )

    kernels = kernel_rows()
    bare = {streams: round(bare_us(streams), 1) for streams in (100, 1000, 2000)}
    if not options.json:
        floor = kernels["bytes copy of 160 samples"]
        for name, cost in kernels.items():
            print(f"{name:26} {cost:6.1f} ns {cost / floor:5.2f}")
        print("\nbare " + ", ".join(f"{cost} us at {streams} streams" for streams, cost in bare.items()))
        print(
            f"\n{'who':15} {'streams':>7} {'reactor':>13} {'CPU us':>8} {'per core':>9} {'late p50':>8} {'p99 ms':>8} "
            f"{'seen p99':>8} {'lost':>5} {'generator':>9}"
        )
    done: Deferred[None] = measure(3.0 if options.quick else 15.0, report)
    failures: list[Any] = []
    done.addErrback(failures.append)
    done.addBoth(lambda _: reactor.stop())
    reactor.run()
    if failures:
        failures[0].printTraceback()
        sys.exit(1)
    if options.json:
        print(json.dumps({"kernels_ns": kernels, "bare_us": bare, "rows": [asdict(row) for row in rows]}, indent=2))


if __name__ == "__main__":
    main()
