"""What a call costs, set up and torn down: NEON beside baresip, with sipp as the other side of both.

    python -m bench.calls            about five minutes
    python -m bench.calls --quick    under 45 seconds
    python -m bench.calls --json     the figures for programs

sipp calls, a client of the phone's API (WebSocket; ctrl_tcp) answers every call that is announced to it, sipp hangs up:
INVITE, 180, 200, ACK, BYE, 200, a command and its events. What counts is the CPU time of the phone's whole process, of
all its threads; that of its main thread stands beside it, as the audio of other calls that are up is no cost of a call.
The two phones get one call after the other: baresip's C{accept} means the last call that came, whichever was meant.

Then the daemon alone, with four calls under way at any time, so that it is as busy as one core lets it be: with 10, 100
and 990 other calls up, and with 1, 100 and 1,000 accounts registered. Last, what it takes when nothing happens.
sipp and baresip have to be installed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.callees import BaresipCallee, Callee, NeonCallee
from bench.sipp import Held, call

AT_ONCE = 4
LIVE = (10, 100, 990)  # 1,000 is as many as the configuration allows
ACCOUNTS = (1, 100, 1000)


@dataclass(frozen=True)
class Row:
    """CPU in microseconds a call; C{calls_per_second} as sipp saw them come and go."""

    who: str
    accounts: int
    live: int
    at_once: int
    calls: int
    failed: int
    calls_per_second: float
    cpu_us: float
    main_us: float
    rss_mb: float


@dataclass(frozen=True)
class Idle:
    """The daemon with one account and one client, and nothing to do."""

    rss_mb: float
    wakeups_per_second: float
    kb_per_account: float
    kb_per_live_call: float


def measure(callee: Callee, folder: Path, calls: int, live: int = 0, at_once: int = AT_ONCE) -> Row:
    """So many calls, C{at_once} at a time, while C{live} others are up."""
    process, main = callee.cpu_seconds()
    done, failed, seconds = call(folder, callee, calls, at_once)
    process, main = (after - before for after, before in zip(callee.cpu_seconds(), (process, main), strict=True))
    return Row(
        callee.who,
        callee.accounts,
        live,
        at_once,
        done,
        failed,
        round(done / seconds, 1),
        round(process / max(done, 1) * 1e6, 1),
        round(main / max(done, 1) * 1e6, 1),
        round(callee.rss_kb() / 1024, 1),
    )


def run(
    folder: Path, calls: int, rounds: int, live: tuple[int, ...], accounts: tuple[int, ...], rest: float
) -> tuple[list[Row], Idle]:
    """Every row. The phones take turns in the first ones; of each only the middle one is kept.

    C{rest}: seconds before the daemon is looked at; within the first minute it still has what a password check took.
    """
    rows: list[Row] = []
    with NeonCallee(folder) as neon, BaresipCallee(folder) as baresip:
        found: dict[str, list[Row]] = {neon.who: [], baresip.who: []}
        time.sleep(rest)
        idle_kb, wakeups = neon.rss_kb(), neon.wakeups_per_second()
        for turn in range(-1, rounds):
            for callee in (neon, baresip):
                row = measure(callee, folder, calls, at_once=1)
                if turn >= 0:  # the first turn warms up
                    found[callee.who].append(row)
        rows += [sorted(several, key=lambda row: row.cpu_us)[len(several) // 2] for several in found.values()]
    with NeonCallee(folder) as neon:
        measure(neon, folder, calls)
        with Held(folder, neon) as held:
            for count in live:
                before, fewer = neon.rss_kb(), held.up
                held.reach(count)
                per_call = (neon.rss_kb() - before) / (count - fewer)
                rows.append(measure(neon, folder, calls, count))
    with NeonCallee(folder) as neon:
        measure(neon, folder, calls)
        for count in accounts:
            before, fewer = neon.rss_kb(), neon.accounts
            neon.register(count)
            per_account = (neon.rss_kb() - before) / max(count - fewer, 1)
            rows.append(measure(neon, folder, calls))
    return rows, Idle(round(idle_kb / 1024, 1), wakeups, round(per_account, 1), round(per_call, 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer calls and smaller numbers, under 45 seconds")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="neon-bench-") as folder:
        if options.quick:
            rows, idle = run(Path(folder), 200, 1, LIVE[:2], ACCOUNTS[:2], 0.0)
        else:
            rows, idle = run(Path(folder), 400, 3, LIVE, ACCOUNTS, 65.0)
    if options.json:
        print(json.dumps({"calls": [asdict(row) for row in rows], "idle": asdict(idle)}, indent=2))
        return
    print(f"{'who':8} {'accounts':>8} {'live':>5} {'at once':>7} {'calls':>6} {'failed':>6} {'calls/s':>8} ", end="")
    print(f"{'CPU us/call':>12} {'main us':>8} {'calls/CPU s':>12} {'RSS MB':>7}")
    for row in rows:
        print(f"{row.who:8} {row.accounts:8} {row.live:5} {row.at_once:7} {row.calls:6} {row.failed:6} ", end="")
        print(f"{row.calls_per_second:8.1f} ", end="")
        print(f"{row.cpu_us:12.1f} {row.main_us:8.1f} {1e6 / row.cpu_us:12.1f} {row.rss_mb:7.1f}")
    print(f"\nidle: {idle.rss_mb} MB RSS, {idle.wakeups_per_second} wake-ups/s; ", end="")
    print(f"{idle.kb_per_account} kB for an account, {idle.kb_per_live_call} kB for a call that is up")


if __name__ == "__main__":
    main()
