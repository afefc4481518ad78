"""10,000 packets of garbage a second, while the registrar asks with OPTIONS and expects its answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from bench.fault.harness import Bench, Row, cpu_seconds, percentile, rss_mb
from tests.integration.daemon import start_daemon
from tests.integration.processes import free_port, pause, until

ROOT = Path(__file__).parent.parent.parent
RATE = 10_000
ASKED = 50.0
"""OPTIONS a second."""


async def measure(bench: Bench, quick: bool) -> list[Row]:
    """First strangers' garbage, then garbage that bears the registrar's own address (which no door can tell)."""
    daemon = await start_daemon(bench)
    client = await daemon.connect()
    port = free_port()
    answers = bench.folder / "answers.json"
    pinger = _start_pinger(port, answers)
    bench.at_end(pinger.kill)
    await client.register(f"127.0.0.2:{port}", "2001", "x")
    process = daemon.program.pid
    seconds = 3 if quick else 30
    await pause(1.0)  # quiet, to compare with
    spans: list[tuple[str, float, float, float, float, int]] = []
    for kind in ("strangers",) if quick else ("strangers", "registrar"):
        began, cpu, rss = time.monotonic(), cpu_seconds(process), rss_mb(process)
        argv = (sys.executable, "-m", "bench.fault.garbage", kind, str(daemon.sip_port), str(RATE), str(seconds))
        garbage = bench.start(f"garbage-{kind}", *argv, env={"PYTHONPATH": str(ROOT)})
        await garbage.ended(seconds + 30)
        ended = time.monotonic()
        sent, took = garbage.output.split()
        used = (cpu_seconds(process) - cpu) / float(took)
        spans.append((kind, began, ended, used, rss_mb(process) - rss, round(int(sent) / float(took))))
        await pause(1.0)
    await pause(1.2)
    assert pinger.stdin is not None
    pinger.stdin.close()
    await until(lambda: pinger.poll() is not None, "the pinger's end", 60)
    pairs: list[tuple[float, float | None]] = json.loads(answers.read_text())
    rows = _rows("no flood", [ms for at, ms in pairs if at < spans[0][1]], strict=False)
    for kind, began, ended, used, grown, rate in spans:
        name = "garbage flood" if kind == "strangers" else "garbage as if from the registrar"
        strict = kind == "strangers"
        rows.append(Row(name, "garbage sent", f"{rate:,}/s", "10,000/s"))
        rows += _rows(name, [ms for at, ms in pairs if began <= at <= ended], strict=strict)
        aim = ("<= 25 %", used <= 0.25) if strict else ("", None)
        rows.append(Row(name, "of a core", f"{used:.0%}", *aim))
        rows.append(Row(name, "RSS grown", f"{grown:.1f} MB", "<= 10 MB", grown <= 10))
    if complaints := daemon.complaints():
        rows.append(Row("garbage flood", "tracebacks", str(len(complaints)), "0", False))
    return rows


def _start_pinger(port: int, answers: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "bench.fault.pinger", "127.0.0.2", str(port), str(ASKED)]
    # A file, not a pipe: it is more than a pipe holds, and nobody reads before the end.
    with answers.open("w") as output:
        return subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=output, text=True)


def _rows(name: str, answers: list[float | None], *, strict: bool) -> list[Row]:
    heard = [ms for ms in answers if ms is not None]
    part, p99 = len(heard) / max(1, len(answers)), percentile(heard, 0.99) if heard else float("inf")
    return [
        Row(name, "OPTIONS answered at once", f"{len(heard)} of {len(answers)}", "100 %" if strict else "",
            part == 1.0 if strict else None),
        Row(name, "OPTIONS p99", f"{p99:.1f} ms", "<= 20 ms" if strict else "", p99 <= 20 if strict else None),
    ]  # fmt: skip
