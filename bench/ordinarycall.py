"""What one ordinary call costs a phone while it is up: NEON, baresip and, where there is one, pjsua.

    python -m bench.ordinarycall                     about two minutes
    python -m bench.ordinarycall --quick             shorter looks, under a minute
    python -m bench.ordinarycall --pjsua PYTHON      with a Python that has pjsua2 (pip install pjsua2-python)

sipp calls, and sends back whatever audio it gets: 50 packets a second each way, encoded and decoded. The phone says a
tone and has no sound card. What counts is the CPU time of its whole process with the call up, less that of the same
time without, in percent of a core. The phones take turns within a codec; the middle one of three rounds counts.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.latency import CONFIGURATION, BaresipPhone, NeonPhone
from tests import audio
from tests.integration import baresip
from tests.integration.baresip import write_speech
from tests.integration.processes import free_port
from tests.integration.sipp import SCENARIOS

FORMATS = {"PCMA": ("8", "PCMA/8000"), "G722": ("9", "G722/8000"), "opus": ("111", "opus/48000/2")}
SETTLED = 2.5
"""Seconds that a call lasts longer than it is looked at: it begins before, and nobody is left in a call after it."""

BARESIP = {"PCMA": "PCMA", "G722": "G722/16000/1", "opus": "opus/48000/2"}
WIDE = 16000


@dataclass(frozen=True)
class Row:
    """Percent of a core, and packets a second that the far end got and sent back."""

    codec: str
    who: str
    percent: float
    packets: float


@dataclass(frozen=True)
class Party:
    """A phone that answers at C{address}."""

    who: str
    process_id: int
    address: tuple[str, int]


class Echo:
    """The far end's audio: a socket of ours that sends everything back."""

    def __init__(self) -> None:
        import socket

        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.packets = 0
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            data, sender = self._socket.recvfrom(2048)
            self._socket.sendto(data, sender)
            self.packets += 1


def cpu_seconds(process_id: int) -> float:
    """What a process has used, with all its threads that are and were."""
    return time.clock_gettime((~process_id << 3) | 2)


def called(folder: Path, party: Party, codec: str, echo: Echo, seconds: float) -> subprocess.Popen[bytes]:
    """Have sipp call, with one codec, and stay in the call for so long."""
    home = Path(tempfile.mkdtemp(prefix="sipp", dir=folder))
    number, rtpmap = FORMATS[codec]
    script = (SCENARIOS / "uac_call.xml").read_text().replace("[rtp_port]", str(echo.port))
    begin, end = script.index("m=audio"), script.index("a=ptime:20")
    media = f"m=audio {echo.port} RTP/AVP {number}\n      a=rtpmap:{number} {rtpmap}\n      "
    (home / "call.xml").write_text(script[:begin] + media + script[end:])
    argv = [
        "sipp", "-sf", "call.xml", "-i", "127.0.0.1", "-p", str(free_port()), "-s", "2001", "-m", "1", "-nostdin",
        "-d", str(round(seconds * 1000)), f"{party.address[0]}:{party.address[1]}",
    ]  # fmt: skip
    with (home / "output").open("wb") as output:
        return subprocess.Popen(argv, cwd=home, stdout=output, stderr=output)


def measure(folder: Path, party: Party, codec: str, seconds: float) -> Row:
    """One call, and the same time without.

    @raise SystemExit: no audio comes.
    """
    before = cpu_seconds(party.process_id)
    time.sleep(seconds)
    idle = cpu_seconds(party.process_id) - before
    echo = Echo()
    sipp = called(folder, party, codec, echo, seconds + SETTLED)
    try:
        end = time.monotonic() + 15
        while echo.packets < 50:
            if time.monotonic() > end:
                raise SystemExit(f"no {codec} from {party.who}")
            time.sleep(0.1)
        before, packets, began = cpu_seconds(party.process_id), echo.packets, time.monotonic()
        time.sleep(seconds)
        lasted = time.monotonic() - began
        spent = cpu_seconds(party.process_id) - before
        packets = echo.packets - packets
        if sipp.poll() is not None:
            raise SystemExit(f"the call to {party.who} ended too early: the machine is too busy")
        sipp.wait(SETTLED + 10)
    finally:
        sipp.kill()
        sipp.wait()
    return Row(codec, party.who, round((spent / lasted - idle / seconds) * 100, 3), round(packets / lasted, 1))


def neon(folder: Path, stack: ExitStack, codec: str) -> Party:
    """The daemon, whose client answers."""
    configured = CONFIGURATION.replace("capture = null", f"capture = tone:440\ncodecs = {codec}")
    phone = NeonPhone(folder, configured)
    stack.callback(phone.close)

    def answer() -> None:
        while True:
            try:
                message = phone.receive()
            except (OSError, ValueError):
                return
            if message.get("name") == "OnNewCall":
                phone.send("acceptcall", callid=message["data"]["callId"])

    threading.Thread(target=answer, daemon=True).start()
    return Party("NEON", phone.process_id, phone.proxy.address)


def baresip_phone(folder: Path, stack: ExitStack, codec: str) -> Party:
    """baresip, which answers by itself."""
    lines = [line for line in baresip.CONFIGURATION.splitlines(True) if "sndfile" not in line]
    rate = audio.RATE if codec == "PCMA" else WIDE
    phone = BaresipPhone(folder, "".join(lines), codecs=f"{BARESIP[codec]};answermode=auto", rate=rate)
    stack.callback(phone.close)
    write_speech(phone.home / "speech.wav", audio.pcm_of(audio.tone(440, -16, 1.0, rate)), rate)
    return Party("baresip", phone.process_id, phone.proxy.address)


def pjsua(python: str, stack: ExitStack) -> Party:
    """pjsua, in a Python of its own."""
    port = free_port()
    process: Any = subprocess.Popen(
        [python, "-m", "bench.pjsuaphone", str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    stack.callback(process.kill)
    # It speaks of its version before it can be told not to.
    if not any(line.strip() == "ready" for line in iter(process.stdout.readline, "")):
        raise SystemExit(f"{python} has no pjsua2")
    return Party("pjsua", process.pid, ("127.0.0.1", port))


def run(folder: Path, seconds: float, rounds: int, python: str | None) -> list[Row]:
    """Every codec and phone."""
    rows = []
    for codec in FORMATS:
        with ExitStack() as stack:
            makers: list[Callable[[], Party]] = [
                lambda codec=codec, stack=stack: neon(folder, stack, codec),  # type: ignore[misc]
                lambda codec=codec, stack=stack: baresip_phone(folder, stack, codec),  # type: ignore[misc]
            ]
            parties = [maker() for maker in makers]
            if python is not None and codec != "opus":  # that package of pjsua was built without it
                parties.append(pjsua(python, stack))
            found: dict[str, list[Row]] = {party.who: [] for party in parties}
            for _ in range(rounds):
                for party in parties:
                    found[party.who].append(measure(folder, party, codec, seconds))
            rows += [sorted(several, key=lambda row: row.percent)[rounds // 2] for several in found.values()]
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one round of shorter looks")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--pjsua", metavar="PYTHON", help="a Python that has pjsua2")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="neon-bench-") as folder:
        rows = run(Path(folder), 1.5 if options.quick else 3.0, 1 if options.quick else 3, options.pjsua)
    if options.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
        return
    print(f"{'codec':6} {'who':8} {'% of a core':>12} {'packets/s':>10}")
    for row in rows:
        print(f"{row.codec:6} {row.who:8} {row.percent:12.2f} {row.packets:10.1f}")
    if options.pjsua is None:
        print("pjsua was not asked for (--pjsua)")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
