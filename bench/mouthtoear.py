"""How long a word takes from the mouth to the ear, as far as it is NEON's doing.

    python -m bench.mouthtoear           about half a minute
    python -m bench.mouthtoear --json    the figures for programs

A stream talks to another one over UDP at loopback, a burst of tone each half second. "frames": the frames of 20 ms that
a sound card's worker would give and get are ours; from when a sample has been spoken (the last one of a frame at the
moment at which the frame is given) to when it can be played. "PulseAudio": the microphone and the loudspeaker are the
two channels of one null sink of a sound server of the bench's own, with NEON's two workers between, and what is
recorded from that sink has both, so no clock is compared with another. That contains PulseAudio's and ALSA's buffers.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from array import array
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from neon.media.engine import WIDE, Device, Engine
from neon.opus import OURS
from neon.values import Codec, MediaAgreement
from tests.audio import onsets
from tests.integration.pulse import ASOUND

HOST = "127.0.0.1"
PORTS = range(25000, 26000)
FRAME = 320
BURST_EVERY = 25  # frames
BURST = array("h", (round(12000 * math.sin(2 * math.pi * 1000 * n / WIDE)) for n in range(FRAME)))
LOUD, GAP = 3000, WIDE // 4
SKIPPED = 2  # bursts, while everything is beginning

ONE = "channels=1 channel_map=mono remix=no master_channel_map=front"
SCRIPT = f"""\
load-module module-native-protocol-unix auth-anonymous=1 socket={{socket}}
load-module module-null-sink sink_name=room rate=16000 channels=2 channel_map=front-left,front-right
load-module module-remap-sink sink_name=mouth master=room {ONE}-left
load-module module-remap-sink sink_name=ear master=room {ONE}-right
load-module module-remap-source source_name=mic master=room.monitor {ONE}-left
set-default-sink ear
set-default-source mic
"""


@dataclass(frozen=True)
class Row:
    """Milliseconds: the middle one, the least and the most of some bursts."""

    way: str
    codec: str
    bursts: int
    middle_ms: float
    least_ms: float
    most_ms: float


def row(way: str, codec: Codec, delays: list[float]) -> Row:
    ordered = sorted(delay * 1000 for delay in delays) or [math.nan]
    middle = ordered[len(ordered) // 2]
    return Row(way, codec.value, len(delays), round(middle, 1), round(ordered[0], 1), round(ordered[-1], 1))


def talking(engine: Engine, codec: Codec, microphone: Device, loudspeaker: Device) -> ExitStack:
    """Two streams, of which one hears the microphone and the other is heard; until the stack is closed."""
    stack = ExitStack()
    ours, theirs = engine.open_stream(HOST, PORTS), engine.open_stream(HOST, PORTS)
    for stream, other in ((ours, theirs), (theirs, ours)):
        payload = codec.payload_type
        stream.start(MediaAgreement((HOST, other.local_port), codec, payload, payload, opus=OURS))
        stack.callback(stream.close)
    ours.set_source(microphone)
    theirs.set_sink(loudspeaker)
    return stack


def pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


# -- frames ------------------------------------------------------------------------------------------------------------


def by_frames(engine: Engine, codec: Codec, seconds: float) -> Row:
    near_in, mouth = pair()
    near_out, ear = pair()
    microphone, loudspeaker = (engine.open_device(near.fileno(), WIDE) for near in (near_in, near_out))
    spoken: list[float] = []
    heard: list[float] = []

    def speak() -> None:
        begin = time.monotonic()
        for number in range(round(seconds * 50)):
            time.sleep(max(0.0, begin + number * 0.02 - time.monotonic()))
            burst = number % BURST_EVERY == BURST_EVERY - 1
            if burst:
                spoken.append(time.monotonic() - 0.02)
            mouth.send(BURST.tobytes() if burst else bytes(2 * FRAME))

    with talking(engine, codec, microphone, loudspeaker):
        speaker = threading.Thread(target=speak)
        speaker.start()
        ear.settimeout(2)
        last = -1.0
        while speaker.is_alive():
            frame = array("h", ear.recv(2 * FRAME))
            now = time.monotonic()
            for index in onsets(frame, LOUD, GAP):
                if now - last > 0.25:
                    heard.append(now + index / WIDE)
                last = now
        speaker.join()
    for device in (microphone, loudspeaker):
        device.close()
    for sock in (near_in, mouth, near_out, ear):
        sock.close()
    delays = [min((at - said for at in heard if at > said), default=math.nan) for said in spoken[SKIPPED:-1]]
    return row("frames", codec, [delay for delay in delays if delay < 0.4])


# -- PulseAudio --------------------------------------------------------------------------------------------------------


class Room:
    """A sound server whose loudspeaker and microphone are the two channels of one sink."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._stack = stack
        self._folder = folder
        place = folder / "native"
        (folder / "room.pa").write_text(SCRIPT.format(socket=place))
        (folder / ".asoundrc").write_text(ASOUND)
        own = dict.fromkeys(("HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "PULSE_CONFIG_PATH"), str(folder))
        self.env = {**os.environ, **own, "PULSE_SERVER": f"unix:{place}", "DBUS_SESSION_BUS_ADDRESS": "unix:path=/none"}
        self.run("pulseaudio", "-n", "-F", "room.pa", "--exit-idle-time=-1", "--daemonize=no")
        end = time.monotonic() + 10
        while not place.exists():
            if time.monotonic() > end:
                raise SystemExit("PulseAudio does not start")
            time.sleep(0.05)
        self.run("pacat", "--playback", "--latency-msec=10", "--device=room", "--raw", "/dev/zero")

    def run(self, *argv: str, **more: object) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(  # type: ignore[call-overload]
            argv, cwd=self._folder, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more
        )
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        found: subprocess.Popen[bytes] = process
        return found

    def worker(self, link: socket.socket, side: str) -> None:
        """NEON's own, for one side."""
        argv = [sys.executable, "-m", "neon.media.portaudio", f"--fd={link.fileno()}", f"--parent={os.getpid()}"]
        process = self.run(*argv, pass_fds=(link.fileno(),), stdin=subprocess.PIPE)
        assert process.stdin is not None
        process.stdin.write(json.dumps({side: ""}).encode() + b"\n")
        process.stdin.flush()


def by_pulse(engine: Engine, codec: Codec, folder: Path, seconds: float) -> Row:
    with ExitStack() as stack:
        room = Room(folder, stack)
        links = [pair(), pair()]
        devices = [engine.open_device(near.fileno(), WIDE) for near, _ in links]
        for device in devices:
            stack.callback(device.close)
        room.env["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        for (_, far), side in zip(links, ("capture", "playback"), strict=True):
            room.worker(far, side)
        bursts = array("h", bytes(2 * FRAME * (BURST_EVERY - 1))) + BURST
        (folder / "bursts.raw").write_bytes(bursts.tobytes() * math.ceil(seconds * 50 / BURST_EVERY))
        form = ("--rate=16000", "--format=s16le", "--raw")
        with talking(engine, codec, *devices):
            time.sleep(1.0)
            room.run("parec", "--device=room.monitor", "--channels=2", *form, "recorded.raw")
            room.run("pacat", "--playback", "--device=mouth", "--channels=1", *form, "bursts.raw")
            time.sleep(seconds)
        data = (folder / "recorded.raw").read_bytes()
        both = array("h", data[: len(data) // 4 * 4])
        said, heard = onsets(both[::2], LOUD, GAP), onsets(both[1::2], LOUD, GAP)
        delays = [min((at - index for at in heard if at > index), default=WIDE) / WIDE for index in said[SKIPPED:-1]]
    return row("PulseAudio", codec, [delay for delay in delays if delay < 0.4])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each row")
    options = parser.parse_args()
    engine = Engine()
    engine.start()
    rows = [by_frames(engine, codec, options.seconds) for codec in (Codec.PCMA, Codec.G722, Codec.OPUS)]
    for codec in (Codec.PCMA, Codec.OPUS):
        with tempfile.TemporaryDirectory(prefix="neon-bench-") as folder:
            rows.append(by_pulse(engine, codec, Path(folder), options.seconds + 2))
    engine.stop()
    if options.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
        return
    print(f"{'way':11} {'codec':6} {'bursts':>6} {'middle ms':>10} {'least':>7} {'most':>7}")
    for each in rows:
        print(f"{each.way:11} {each.codec:6} {each.bursts:6} {each.middle_ms:10.1f} {each.least_ms:7.1f}", end="")
        print(f" {each.most_ms:7.1f}")


if __name__ == "__main__":
    main()
