"""What NEON's own code does for a call, and where: the whole daemon in this process, driven one turn at a time.

    python -m bench.callpath            about half a minute
    python -m bench.callpath --quick    five seconds
    python -m bench.callpath --json     the figures for programs

A command becomes an INVITE, an INVITE becomes an event, and a call comes in, is answered and hung up, with real
sockets, frames, files and threads. Only the turns of the reactor are timed, by the CPU time of this thread, so that
neither the client nor the far end counts. Of several batches the cheapest one counts: whatever else the machine does
can only add. "Warm" is one call after the other, "cold" with 10 ms of sleep between two, as in C{bench.api}. The
functions that were called are counted in a round of its own; that number is nearly the same on any machine. "Later" are
those that are called after that: what ends the call, and what was put off (the ladder, the journal, the call log). It
also says which part of the daemon the time goes to, as the profiler sees it.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import select
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet.epollreactor import EPollReactor
from twisted.logger import LogLevel, globalLogBeginner

from bench.fanout import HOST, RawWebSocket
from bench.latency import CONFIGURATION, GAP, PATIENCE, SDP, Message, NeonPhone, Proxy
from neon import config, log
from neon.tap import Neon, use_monotonic_time

REST = 0.06
"""Seconds after which almost everything that was put off is done: else it would count for the next round."""

TRACED = 20
"""Rounds whose function calls are counted, and looked at by the profiler."""

LAYERS = (
    ("neon/sip", "SIP"), ("sippy", "SIP (sippy)"), ("neon/api", "API"), ("autobahn", "API"), ("neon/media", "media"),
    ("neon/model", "model"), ("automat", "model"), ("neon/commands", "commands"), ("twisted", "Twisted"),
    ("neon", "phone, bus and their hearers"),
)  # fmt: skip


class Daemon:
    """The daemon on a reactor of its own, which turns when somebody waits."""

    def __init__(self, folder: Path) -> None:
        use_monotonic_time()
        (folder / "bench.conf").write_text(CONFIGURATION)
        self.reactor: Any = EPollReactor()  # type: ignore[no-untyped-call]
        self.seconds = 0.0
        """CPU time of the turns so far."""
        self.profiler: cProfile.Profile | None = None
        loaded = config.load(folder / "bench.conf")
        self.neon = Neon(self.reactor, loaded, folder, "info", control=folder / "ctl.sock")
        self.reactor.startRunning()
        self.neon.startService()

    def turn(self) -> None:
        """Let the reactor look once at everything."""
        began = time.thread_time()
        if self.profiler is None:
            self.reactor.iterate(0)
        else:
            self.profiler.runcall(self.reactor.iterate, 0)
        self.seconds += time.thread_time() - began

    def until(self, done: Callable[[], bool]) -> None:
        """Turn until that is so."""
        end = time.monotonic() + PATIENCE
        while not done():
            if time.monotonic() > end:
                raise TimeoutError("the daemon did not do what it was to do")
            self.turn()

    def readable(self, socket: Any) -> None:
        """Turn until the daemon has written there."""
        self.until(lambda: bool(select.select([socket], [], [], 0)[0]))

    def close(self) -> None:
        """Nobody is told that it ends."""
        self.neon.media.engine.stop()
        self.reactor.fireSystemEvent("shutdown")


class OurProxy(Proxy):
    """The far end, in whose waiting the daemon works."""

    def __init__(self, daemon: Daemon) -> None:
        super().__init__()
        self._daemon = daemon

    def wait(self, wanted: Callable[[Message], bool]) -> Message:
        while True:
            self._daemon.readable(self.socket)
            message = super().wait(lambda message: True)
            if wanted(message):
                return message


    def call_up(self, answer: Callable[[], None]) -> None:
        """Call, have C{answer} answer, and hang up."""
        call_id = f"{next(self._numbers)}x{time.monotonic_ns()}@bench"

        def send(method: str, number: int, tag: str = "", body: str = "") -> None:
            kind = "Content-Type: application/sdp\r\n" if body else ""
            lines = (
                f"{method} {self.contact} SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP {self.domain};branch=z9hG4bK{number}{method}{call_id[:-6]}\r\n"
                f"Max-Forwards: 70\r\nFrom: <sip:2002@{self.domain}>;tag=b\r\nTo: <sip:2001@{self.domain}>{tag}\r\n"
                f"Call-ID: {call_id}\r\nCSeq: {number} {method}\r\nContact: <sip:2002@{self.domain}>\r\n{kind}"
                f"Content-Length: {len(body)}\r\n\r\n{body}"
            )
            self.socket.sendto(lines.encode(), self.address)

        send("INVITE", 1, body=SDP.format(host=HOST))
        self.wait(lambda message: message.status == 180)
        answer()
        answered = self.wait(lambda message: message.status == 200)
        tag = ";tag=" + answered.headers("To", "t")[0].split(";tag=")[1]
        send("ACK", 1, tag)
        send("BYE", 2, tag)
        self.wait(lambda message: message.status == 200 and message.method == "BYE")


class OurSocket(RawWebSocket):
    """The client's end, likewise."""

    def __init__(self, daemon: Daemon, port: int) -> None:
        self._daemon = daemon
        super().__init__(port)

    def _more(self) -> bytes:
        self._daemon.readable(self.socket)
        return super()._more()


class OurPhone(NeonPhone):
    """The daemon as a phone under measurement."""

    def __init__(self, daemon: Daemon, folder: Path) -> None:
        self.proxy: OurProxy = OurProxy(daemon)
        told = json.loads((folder / "access.json").read_text())
        self._socket = OurSocket(daemon, int(told["websocket"].rstrip("/").rpartition(":")[2]))
        self._token = self._command("authenticate", user=told["user"], password=told["password"])["token"]
        self.register("2001")
        self._event("OnSIPRegister")

    def answer(self) -> None:
        """Answer the call that rings."""
        while (told := self.receive()).get("name") != "OnNewCall":
            pass
        self.send("acceptcall", callid=told["data"]["callId"])

    def close(self) -> None:
        self._socket.close()


@dataclass
class Row:
    """Of one exchange: CPU in microseconds, one after the other and with pauses; functions called then, and later."""

    what: str
    warm_us: float
    cold_us: float
    calls: int
    later: int
    layers: dict[str, float]


class Exchange:
    """What is measured, and what has to happen after it unmeasured."""

    def __init__(self, daemon: Daemon, phone: OurPhone) -> None:
        self._daemon = daemon
        self._phone = phone
        self._end: Callable[[], Any] = lambda: None

    def command_to_invite(self) -> None:
        self._phone.dial()
        invite = self._phone.proxy.wait(lambda message: message.first.startswith("INVITE "))
        self._end = partial(self._refuse, invite)

    def _refuse(self, invite: Message) -> None:
        self._phone.proxy.refuse(invite)
        self._phone.over()

    def invite_to_event(self) -> None:
        _, end = self._phone.proxy.invite()
        self._phone.rung()
        self._end = partial(self._cancel, end)

    def _cancel(self, end: Callable[[], None]) -> None:
        end()
        self._phone.over()

    def whole_call(self) -> None:
        """As in C{bench.calls}: it comes in, is answered by the client and hung up by the caller."""
        self._phone.proxy.call_up(self._phone.answer)
        self._phone.over()
        self._end = lambda: None

    def settle(self) -> None:
        """End the call, and let the daemon do what it has put off."""
        self._end()
        for _ in range(3):
            self._daemon.turn()


def cpu(daemon: Daemon, exchange: Exchange, go: Callable[[], None], times: int, gap: float = 0.0) -> float:
    """Microseconds of CPU for one, with a C{gap} in seconds before each."""
    spent = 0.0
    for _ in range(times):
        time.sleep(gap)
        daemon.seconds = 0.0
        go()
        spent += daemon.seconds
        exchange.settle()
    return spent / times * 1e6


def profile(daemon: Daemon, exchange: Exchange, go: Callable[[], None]) -> tuple[pstats.Stats, pstats.Stats]:
    """What L{TRACED} of them call, and what is called later."""
    now, later = (cProfile.Profile(time.thread_time) for _ in range(2))
    for _ in range(TRACED):
        daemon.profiler = now
        go()
        daemon.profiler = later
        exchange.settle()
        time.sleep(REST)
        daemon.turn()
        daemon.profiler = None
    return pstats.Stats(now), pstats.Stats(later)


def layers(stats: Any) -> dict[str, float]:
    """Each part's share of the time, in per cent; what is written in C counts for whoever calls it."""
    spent: Counter[str] = Counter()
    for (path, _, _), (_, _, own, _, callers) in stats.stats.items():
        if path == "~":
            for (caller, _, _), (_, _, part, _) in callers.items():
                spent[_layer(caller)] += part
        else:
            spent[_layer(path)] += own
    total = sum(spent.values())
    return {name: round(100 * part / total, 1) for name, part in spent.most_common()}


def _layer(path: str) -> str:
    return next((name for folder, name in LAYERS if f"/{folder}/" in path), "the rest")


def measure(folder: Path, batches: int, times: int, show: int = 0) -> list[Row]:
    """Every row; with C{show} that many lines of each profile are printed."""
    observer: Any = log.observer(LogLevel.info.name, (folder / "log").open("w"))
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
    daemon = Daemon(folder)
    phone = OurPhone(daemon, folder)
    exchange = Exchange(daemon, phone)
    rows = []
    for what, go in (
        ("command to INVITE", exchange.command_to_invite),
        ("INVITE to event", exchange.invite_to_event),
        ("a whole call", exchange.whole_call),
    ):
        cpu(daemon, exchange, go, times)  # warms up
        warm = min(cpu(daemon, exchange, go, times) for _ in range(batches))
        cold = min(cpu(daemon, exchange, go, times // 4, GAP) for _ in range(batches))
        stats: Any
        later: Any
        stats, later = profile(daemon, exchange, go)
        then, after = (round(each.total_calls / TRACED) for each in (stats, later))
        rows.append(Row(what, round(warm, 1), round(cold, 1), then, after, layers(stats)))
        if show:
            stats.sort_stats("tottime").print_stats(show)
            stats.sort_stats("cumtime").print_stats(show)
    phone.close()
    daemon.close()
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds, five seconds")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--show", type=int, default=0, help="print so many lines of each profile")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="neon-bench-") as folder:
        rows = measure(Path(folder), *((5, 40) if options.quick else (25, 100)), show=options.show)
    if options.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
        return
    print(f"{'what':20} {'warm us':>8} {'cold us':>8} {'functions':>10} {'later':>6}  share of the time, %")
    for row in rows:
        shares = ", ".join(f"{name} {share}" for name, share in row.layers.items())
        print(f"{row.what:20} {row.warm_us:8.1f} {row.cold_us:8.1f} {row.calls:10} {row.later:6}  {shares}")


if __name__ == "__main__":
    main()
