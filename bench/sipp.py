"""sipp as a caller: batches of calls that come and go, and calls that stay up."""

from __future__ import annotations

import atexit
import csv
import itertools
import subprocess
import time
from pathlib import Path
from types import TracebackType

from bench.callees import Callee
from tests.integration.processes import free_port
from tests.integration.sipp import SCENARIOS

LIMIT = 60.0
_numbers = itertools.count(1)


def _start(
    folder: Path, callee: Callee, calls: int, *options: str, inactive: bool = False
) -> tuple[Path, subprocess.Popen[bytes]]:
    """Run sipp's caller; its folder and itself."""
    home = folder / f"sipp{next(_numbers)}"
    home.mkdir()
    script = (SCENARIOS / "uac_call.xml").read_text().replace("[rtp_port]", str(free_port(2)))
    if inactive:
        script = script.replace("a=ptime:20", "a=inactive")
    (home / "call.xml").write_text(script)
    host, port = callee.address
    argv = [
        "sipp", "-sf", "call.xml", "-i", "127.0.0.1", "-p", str(free_port()), "-s", callee.number,
        "-m", str(calls), "-nostdin", "-trace_stat", "-fd", "1", "-timeout", str(int(LIMIT)), "-rp", "1000",
        "-cid_str", f"%u-%p-{next(_numbers)}@%s", *options, f"{host}:{port}",
    ]  # fmt: skip
    output = (home / "output").open("wb")
    with output:
        process = subprocess.Popen(argv, cwd=home, stdout=output, stderr=output)
    atexit.register(process.kill)  # however this ends
    return home, process


def _statistics(home: Path) -> dict[str, str]:
    with next(home.glob("*_.csv")).open() as file:
        return list(csv.DictReader(file, delimiter=";"))[-1]


def call(folder: Path, callee: Callee, calls: int, at_once: int) -> tuple[int, int, float]:
    """Call so often, so many at a time: how many calls succeeded and failed, and how many seconds that took."""
    began = time.monotonic()
    home, sipp = _start(folder, callee, calls, "-r", "5000", "-l", str(at_once), "-d", "0")
    try:
        sipp.wait(LIMIT)
    except subprocess.TimeoutExpired:
        sipp.kill()
        sipp.wait()
    seconds = time.monotonic() - began
    found = _statistics(home)
    done = int(found["SuccessfulCall(C)"])
    return done, calls - done, seconds


class Held:
    """Calls that are up and say nothing, for as long as this lasts."""

    def __init__(self, folder: Path, callee: Callee) -> None:
        self._folder = folder
        self._callee = callee
        self._running: list[subprocess.Popen[bytes]] = []
        self.up = 0

    def reach(self, count: int) -> None:
        """Have so many calls up in all."""
        more = count - self.up
        wanted = self._callee.answered + more
        rate = ("-r", "100", "-l", str(more), "-d", str(int(LIMIT * 1000)))
        self._running.append(_start(self._folder, self._callee, more, *rate, inactive=True)[1])
        end = time.monotonic() + LIMIT
        while self._callee.answered < wanted:
            if time.monotonic() > end:
                raise TimeoutError(f"{count} calls did not come up")
            time.sleep(0.1)
        time.sleep(1)
        self.up = count

    def __enter__(self) -> Held:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for sipp in self._running:
            sipp.kill()
            sipp.wait(10)
