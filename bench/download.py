"""Downloading a long call log: how fast, how much memory it takes, and how late SIP is answered meanwhile.

A log of 1,000,000 calls is written into the state of a daemon, which is then started and asked for all of it as CSV.
The resident memory is watched, and so is an OPTIONS ten times a second: its answer waits for whatever occupies the
reactor.

    python bench/download.py            1,000,000 calls
    python bench/download.py --quick    100,000 calls, in less than 45 seconds
    python bench/download.py --json
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
import threading
import time
import urllib.request
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from neon.ctl.connection import connect
from neon.history import Entry, Note, Result
from neon.store.database import Database
from neon.store.history import HistoryTable
from neon.values import Direction

ROOT = Path(__file__).resolve().parent.parent
BATCH = 10_000
CONFIGURATION = """\
[sip]
bind = 127.0.0.1
port = {sip}
direct-calls = yes
[media]
bind = 127.0.0.1
capture = null
playback = null
[websocket]
enabled = no
[http]
port = 0
[history]
keep-days = 0
[application bench]
password = a bench password
"""

EXAMPLE = Entry(
    1, 1, "sip:31@acme.example", Direction.OUTGOING, "sip:31@acme.example", "sip:5511999990000@acme.example", "José",
    datetime(2024, 5, 1, tzinfo=UTC), datetime(2024, 5, 1, 0, 0, 5, tzinfo=UTC),
    datetime(2024, 5, 1, 0, 1, tzinfo=UTC), 55_000, Result.ANSWERED, 0, "", 16, Note("crm", "order 17", "north"),
)  # fmt: skip


@dataclass
class Measured:
    """C{grown_kb} is how much more memory the daemon had at its most; the delays are of answers to OPTIONS."""

    calls: int
    seconds: float
    megabytes: float
    grown_kb: int
    options_p50_ms: float
    options_p99_ms: float
    options_idle_p99_ms: float


def fill(state: Path, calls: int) -> None:
    """Write a log of so many calls."""
    database = Database(state / "neon.sqlite")
    database.open()
    table = HistoryTable(database)
    for first in range(0, calls, BATCH):
        started = EXAMPLE.started + timedelta(seconds=first)
        numbers = range(first + 1, min(first + BATCH, calls) + 1)
        table.write([replace(EXAMPLE, call_id=number, started=started) for number in numbers])
    database.close()


class Prober(threading.Thread):
    """Sends OPTIONS and notes how long each answer takes, in ms."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._port = port
        self._over = False
        self.delays: list[float] = []

    def run(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 0))
            sock.settimeout(5)
            number, here = 0, sock.getsockname()[1]
            while not self._over:
                number += 1
                request = (
                    f"OPTIONS sip:127.0.0.1:{self._port} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{here};rport;"
                    f"branch=z9hG4bKb{here}-{number}\r\n"
                    f"From: <sip:b@127.0.0.1>;tag=b\r\nTo: <sip:127.0.0.1>\r\nCall-ID: b{here}-{number}\r\n"
                    f"CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
                )
                sent = time.monotonic()
                sock.sendto(request.encode(), ("127.0.0.1", self._port))
                sock.recv(65536)
                self.delays.append(1000 * (time.monotonic() - sent))
                time.sleep(0.1)  # a thread of its own, with nothing else to do

    def stop(self) -> list[float]:
        self._over = True
        self.join()
        return sorted(self.delays) or [0.0]


def resident_kb(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


def measure(calls: int) -> Measured:
    folder = Path(tempfile.mkdtemp(prefix="neon-bench-"))
    state = folder / "state"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "neon.conf").write_text(CONFIGURATION.format(sip=port))
    (folder / "neon.conf").chmod(0o600)
    fill(state, calls)
    daemon = subprocess.Popen(
        (sys.executable, "-c", "from twisted.scripts.twistd import run; run()", "-n", "--pidfile=", "neon", "--config",
         str(folder / "neon.conf"), "--state-dir", str(state)),
        env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        access = state / "access.json"
        end = time.monotonic() + 30
        while not access.exists():
            if time.monotonic() > end or daemon.poll() is not None:
                raise TimeoutError("the daemon did not start")
            time.sleep(0.05)
        document = json.loads(access.read_text())
        connect([Path(document["control"])], 10).close()
        login = "Command?action=authenticate&user=bench&password=a+bench+password"
        with urllib.request.urlopen(document["http"] + login) as reply:
            token = reply.read().decode().partition("<Token>")[2].partition("<")[0]
        idle = Prober(port)
        idle.start()
        time.sleep(2)
        idle_delays = idle.stop()
        before = most = resident_kb(daemon.pid)
        prober = Prober(port)
        prober.start()
        octets = lines = 0
        begun = time.monotonic()
        with urllib.request.urlopen(f"{document['http']}CallLog.csv?token={token}") as reply:
            while data := reply.read(1 << 20):
                octets += len(data)
                lines += data.count(b"\n")
                most = max(most, resident_kb(daemon.pid))
        seconds = time.monotonic() - begun
        delays = prober.stop()
        if lines != calls + 1:
            raise ValueError(f"{lines - 1} of {calls} calls came")
        return Measured(
            calls,
            round(seconds, 1),
            round(octets / 1e6, 1),
            most - before,
            round(delays[len(delays) // 2], 1),
            round(delays[int(len(delays) * 0.99)], 1),
            round(idle_delays[int(len(idle_delays) * 0.99)], 1),
        )
    finally:
        daemon.terminate()
        daemon.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a shorter log, less than 45 seconds")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    result = measure(100_000 if options.quick else 1_000_000)
    if options.json:
        sys.stdout.write(json.dumps(asdict(result), indent=2) + "\n")
        return
    sys.stdout.write(
        f"{result.calls} calls, {result.megabytes} MB in {result.seconds} s; {result.grown_kb} kB more memory at most\n"
        f"OPTIONS meanwhile: p50 {result.options_p50_ms} ms, p99 {result.options_p99_ms} ms"
        f" (idle p99 {result.options_idle_p99_ms} ms)\n"
    )


if __name__ == "__main__":
    main()
