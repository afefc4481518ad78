"""What coding 20 ms of audio costs: NEON's kernels and the libraries it uses, beside copying the same bytes and ffmpeg.

    python -m bench.codecs           a few seconds
    python -m bench.codecs --json    the figures for programs

C{bench/native/codecs.c} is compiled with NEON's own sources (G.711, concealment) and linked with what the machine has:
spandsp and libopus are needed, libavcodec (C{libavcodec-dev}) is optional. Everything runs in one process on the same
frames of something like a voice; each figure is CPU time, the best of fifteen rounds. ffmpeg's figures contain its
packets and frames, which is how it is used.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.media.voice import voice

HERE = Path(__file__).resolve().parent
ENGINE = HERE.parent / "neon/media/_engine"
SOURCES = [HERE / "native/codecs.c", *(ENGINE / name for name in ("kernels.c", "conceal.c", "pitch.c"))]
FRAMES = 200
COPIES = {"PCMA": "160-samples", "PCMU": "160-samples", "8-kHz": "160-samples"}
WIDE_COPY = "320-samples"


@dataclass(frozen=True)
class Cost:
    """Nanoseconds for 20 ms, and how many times as long copying the samples takes."""

    codec: str
    what: str
    who: str
    ns: float
    of_copy: float


def flags(*libraries: str) -> list[str] | None:
    """What the compiler needs for libraries, None if they are not there."""
    try:
        said = subprocess.run(
            ["pkg-config", "--cflags", "--libs", *libraries], check=True, capture_output=True, text=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return said.stdout.split()


def run() -> list[Cost]:
    """Compile, and measure.

    @raise SystemExit: there is no compiler, or no spandsp or libopus.
    """
    ours, ffmpeg = flags("opus", "spandsp"), flags("libavcodec", "libavutil")
    if ours is None:
        raise SystemExit("libopus-dev, libspandsp-dev and pkg-config are needed")
    with tempfile.TemporaryDirectory(prefix="neon-bench-") as folder:
        program = str(Path(folder) / "codecs")
        argv = ["cc", "-std=gnu11", "-O2", "-fno-math-errno", "-o", program, *map(str, SOURCES)]
        if ffmpeg is not None:
            argv += ["-DFFMPEG"]
        subprocess.run([*argv, *ours, *(ffmpeg or []), "-lm"], check=True)
        said = subprocess.run([program], check=True, capture_output=True, input=voice(FRAMES).tobytes()).stdout.decode()
    lines = [line.split() for line in said.splitlines()]
    copies = {codec: float(ns) for who, codec, _, ns in lines if who == "memcpy"}
    return [
        Cost(codec, what, who, float(ns), round(float(ns) / copies[COPIES.get(codec, WIDE_COPY)], 1))
        for who, codec, what, ns in lines
        if who != "memcpy"
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    costs = sorted(run(), key=lambda cost: (cost.codec, cost.what, cost.ns))
    if options.json:
        print(json.dumps([asdict(cost) for cost in costs], indent=2))
        return
    print(f"{'codec':6} {'what':8} {'who':14} {'ns':>10} {'of a copy':>10}")
    for cost in costs:
        print(f"{cost.codec:6} {cost.what:8} {cost.who:14} {cost.ns:10.1f} {cost.of_copy:10.1f}")


if __name__ == "__main__":
    main()
