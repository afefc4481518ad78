"""Ten thousand calls with 32 clients listening: what grows, and what is left."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

from bench.fault.harness import Acceptor, Bench, Row, rss_mb, vitals
from tests.integration.daemon import Daemon, start_daemon
from tests.integration.kamailio import start_kamailio
from tests.integration.processes import pause, until
from tests.integration.sipp import start_sipp

ROOT = Path(__file__).parent.parent.parent
CLIENTS = 32
RATE = 10
"""Calls a second: what two cores can do that have other work as well."""

WARM_UP = 9_000
"""Calls before anything is counted: SQLite's cache is full after 8,000 (2 MB), what is kept of the last calls sooner,
and the most that is ever in use at once has been seen by then."""

OBLIVION = 36.0
"""Seconds after which RFC 3261's timers and what NEON remembers of calls are over."""

REST = 600.0
"""Seconds for which the daemon, its clients connected and its account registered, is watched after the last call."""

RAMP = 60.0
"""Seconds until as many calls are remembered as will be, and until what was free was given back afterwards: no slope
begins before."""

LEAK_OCTETS, LEAK_BLOCKS = 20.0, 0.5
"""A call, that are no leak yet: what is kept of the last calls, and in caches that have a bound, is not always the same
size. Whatever stays of every call is one block at least."""

REGISTERED = 1
"""Of each class, as many as there are accounts may be new: somebody has read their last registration since."""
LATE_THREADS = 1
"""The state's own thread starts when the first block of call numbers runs low."""
DIALOGS = ("neon.sip.", "sippy.")


async def measure(bench: Bench, quick: bool) -> list[Row]:
    """What is counted begins after a warm-up."""
    count, warm_up = (50, 25) if quick else (10_000, WARM_UP)
    proxy = await start_kamailio(bench, {"2001": "one"})
    daemon = await start_daemon(bench, max_calls=100)
    client = await daemon.connect()
    await client.register(proxy.domain, "2001", "one")
    crowd = _crowd(daemon)
    bench.at_end(crowd.kill)
    assert crowd.stdout is not None and crowd.stdin is not None
    ready: list[str] = []
    _reader(crowd, ready)
    await until(lambda: ready, "the crowd", 60)
    acceptor = Acceptor(client)
    samples: list[tuple[float, float]] = []
    await _calls(bench, daemon, acceptor, warm_up, [])  # whatever is made once and kept is made by these
    if not quick:
        await pause(OBLIVION)
    before = vitals(daemon)
    lived, used = await daemon.census(), await daemon.memory()
    await _calls(bench, daemon, acceptor, count, samples)
    if not quick:
        await pause(OBLIVION)
    after = vitals(daemon)
    uses = await daemon.memory()  # collects, too, so the rest begins with nothing that waits for it
    rest = [] if quick else await _rest(daemon)
    left = {
        kind: number - lived.get(kind, 0)
        for kind, number in (await daemon.census()).items()
        if number > lived.get(kind, 0) + REGISTERED and kind.startswith(DIALOGS)
    }
    crowd.stdin.close()
    await until(lambda: crowd.poll() is not None, "the crowd's end", 60)
    fewest, most = (int(word) for word in ready[-1].split())
    name = f"soak, {count:,} calls, {CLIENTS} clients"
    complete = acceptor.finalized - warm_up
    rows = [
        Row(name, "calls complete", f"{complete:,} of {count:,}", "every one", complete == count),
        Row(name, "messages to a client, fewest and most", f"{fewest:,} and {most:,}", "the same", fewest == most),
        Row(name, "descriptors", f"{before[0]}, then {after[0]}", "constant", after[0] <= before[0]),
        Row(name, "threads", f"{before[1]}, then {after[1]}", "constant", after[1] <= before[1] + LATE_THREADS),
    ]
    if quick:
        return rows
    octets, blocks = uses.octets - used.octets, uses.blocks - used.blocks
    leaks = octets > LEAK_OCTETS * count or blocks > LEAK_BLOCKS * count
    figure = f"memory in use with no call up, of {used.octets / 1e6:.1f} MB and {used.blocks:,} blocks"
    rows.append(Row(name, figure, f"{octets / 1e3:+,.0f} kB, {blocks:+,} blocks", "no more", not leaks))
    samples, rest = _settled(samples), _settled(rest)
    minutes = (samples[-1][0] - samples[0][0]) / 60
    _, slope = _slope(samples)
    middle = len(samples) // 2
    first, second = (_slope(half)[0] for half in (samples[:middle], samples[middle:]))
    figure = f"RSS slope over {minutes:.0f} min ({first:+.2f} MB in the first half, {second:+.2f} in the second)"
    rows.append(Row(name, figure, f"{slope:.2f} MB/h", "<= 0.5 MB/h", slope <= 0.5))
    grown, slope = _slope(rest)
    figure = f"RSS slope at rest afterwards, over {(REST - RAMP) / 60:.0f} min ({grown:+.2f} MB)"
    rows.append(Row(name, figure, f"{slope:.2f} MB/h", "<= 0.5 MB/h", slope <= 0.5))
    rows.append(Row(name, "dialogs, transactions left", str(left or "none"), "none", not left))
    return rows


async def _calls(
    bench: Bench, daemon: Daemon, acceptor: Acceptor, count: int, samples: list[tuple[float, float]]
) -> None:
    sipp = await start_sipp(
        bench, "uac_call", "-s", "2001", "-d", "500", "-r", str(RATE), "-timeout", f"{count / RATE + 60:.0f}",
        target=daemon.sip_address, calls=count, trace=False,
    )  # fmt: skip

    def going_on() -> bool:
        if not samples or time.monotonic() - samples[-1][0] >= 1.0:
            samples.append((time.monotonic(), rss_mb(daemon.program.pid)))
        return sipp.program.running

    wanted = acceptor.finalized + count
    await acceptor.serve(going_on)
    await sipp.finished()

    def all_ended() -> bool:
        acceptor.look()
        return acceptor.finalized >= wanted

    await until(all_ended, "the end of every call")


async def _rest(daemon: Daemon) -> list[tuple[float, float]]:
    samples: list[tuple[float, float]] = []
    end = time.monotonic() + REST
    while time.monotonic() < end:
        await pause(2.0)
        samples.append((time.monotonic(), rss_mb(daemon.program.pid)))
    return samples


def _crowd(daemon: Daemon) -> subprocess.Popen[str]:
    port = urlsplit(daemon.access["websocket"]).port
    command = [sys.executable, "-m", "bench.fault.crowd", str(port), daemon.access["user"], str(CLIENTS - 1)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    crowd = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert crowd.stdin is not None
    crowd.stdin.write(daemon.access["password"] + "\n")
    crowd.stdin.flush()
    return crowd


def _reader(crowd: subprocess.Popen[str], lines: list[str]) -> None:
    """Collect what the crowd prints, beside the reactor."""
    def read() -> None:
        assert crowd.stdout is not None
        lines.extend(crowd.stdout)

    threading.Thread(target=read, daemon=True).start()


def _settled(samples: list[tuple[float, float]]) -> list[tuple[float, float]]:
    return [sample for sample in samples if sample[0] > samples[0][0] + RAMP]


def _slope(samples: list[tuple[float, float]]) -> tuple[float, float]:
    """How many MB more at the end than at the start, and MB an hour by least squares."""
    n = len(samples)
    mean_x, mean_y = sum(x for x, _ in samples) / n, sum(y for _, y in samples) / n
    spread = sum((x - mean_x) ** 2 for x, _ in samples)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in samples) / spread
    return samples[-1][1] - samples[0][1], slope * 3600
