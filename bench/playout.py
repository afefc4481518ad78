"""What is left of speech over bad networks, and what it costs: concealment beside spandsp's, and the jitter buffer.

    python -m bench.playout [--seconds 30]

Speech is made from numbers (tests/media/speech.py), so every run has the same. Concealment is judged where frames of
20 ms are lost: the ratio of speech to error in the first 10 ms and in whole frames, how far the spectrum is off (the
mean difference of 24 bands, in dB), and the ratio in the frame that follows, which a fade into it costs. Silence is
0 dB. The delays are those of networks whose jitter is spread evenly, and of clocks that are not ours.
"""

from __future__ import annotations

import argparse
import ctypes
import ctypes.util
import random
import time
from array import array
from collections.abc import Callable, Iterator
from typing import TypeAlias

from neon.media import _engine
from tests.media.network import MS, arrivals, play
from tests.media.signals import FRAME, level
from tests.media.speech import segmental_snr, speech

BANDS = range(150, 3800, 155)
Conceal: TypeAlias = "Callable[[array[int], set[int]], array[int]]"


def ours(samples: array[int], lost: set[int]) -> array[int]:
    """By our jitter buffer, its delay taken off."""
    buffer, heard = _engine.JitterBuffer(), array("h")
    codes = _engine.ulaw_encode(samples)
    for number in range(len(samples) // FRAME + 1):
        if number not in lost:
            buffer.push(number * FRAME, codes[number * FRAME : (number + 1) * FRAME] or bytes(FRAME))
        heard.frombytes(buffer.pop(FRAME))
    return heard[FRAME:]


def spandsp(samples: array[int], lost: set[int]) -> array[int]:
    """By spandsp's plc.c, which is linked for G.722 anyway."""
    library = ctypes.CDLL(ctypes.util.find_library("spandsp") or "libspandsp.so.2")
    library.plc_init.restype = ctypes.c_void_p
    library.plc_init.argtypes = [ctypes.c_void_p]
    for function in (library.plc_rx, library.plc_fillin):
        function.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_int16), ctypes.c_int]
    library.plc_free.argtypes = [ctypes.c_void_p]
    state, heard = library.plc_init(None), array("h")
    for number in range(len(samples) // FRAME):
        frame = (ctypes.c_int16 * FRAME)(*samples[number * FRAME : (number + 1) * FRAME])
        (library.plc_fillin if number in lost else library.plc_rx)(state, frame, FRAME)
        heard.extend(frame)
    library.plc_free(state)
    return heard


def silence(samples: array[int], lost: set[int]) -> array[int]:
    """By nothing."""
    heard = array("h", samples)
    for number in lost:
        heard[number * FRAME : (number + 1) * FRAME] = array("h", bytes(2 * FRAME))
    return heard


def losses(frames: int, run: int, seed: int = 1) -> set[int]:
    """Runs of so many frames, about one frame in twelve."""
    dice, lost, number = random.Random(seed), set(), 12
    while number < frames - 12:
        if dice.random() < 1 / (10 * run):
            lost |= set(range(number, number + run))
            number += run
        number += 1
    return lost


def voiced(samples: array[int], lost: set[int]) -> Iterator[int]:
    """Where the lost frames begin in which there is something."""
    for number in sorted(lost):
        frame = samples[number * FRAME : (number + 1) * FRAME]
        if sum(sample * sample for sample in frame) / FRAME > 10_000:
            yield number * FRAME


def spectral_distance(heard: array[int], wanted: array[int], at: int) -> float:
    both = (samples[at - 40 : at + FRAME + 40] for samples in (heard, wanted))
    one, other = ([max(-60.0, level(samples, hz)) for hz in BANDS] for samples in both)
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) / len(one)


def judge(conceal: Conceal, samples: array[int], lost: set[int]) -> tuple[float, ...]:
    heard = conceal(samples, lost)
    places = [at for at in voiced(samples, lost) if at + 2 * FRAME < len(heard)]
    after = [at + FRAME for at in places if at // FRAME + 1 not in lost]

    def part(begins: list[int], size: int) -> float:
        one, other = array("h"), array("h")
        for at in begins:
            one += heard[at : at + size]
            other += samples[at : at + size]
        return segmental_snr(one, other, size)

    distance = sum(spectral_distance(heard, samples, at) for at in places) / len(places)
    first = [at for at in places if at // FRAME - 1 not in lost]
    return part(first, FRAME // 2), part(places, FRAME), distance, part(after, FRAME)


def concealment(samples: array[int]) -> None:
    print(f"{'lost':>10} {'by':8} {'first 10 ms':>12} {'frames':>7} {'spectrum':>9} {'after':>6}")
    for run in (1, 2, 3):
        lost = losses(len(samples) // FRAME, run)
        for name, conceal in (("NEON", ours), ("spandsp", spandsp), ("silence", silence)):
            first, frames, distance, after = judge(conceal, samples, lost)
            print(f"{run:7} x 20 {name:8} {first:9.1f} dB {frames:7.1f} {distance:9.1f} {after:6.1f}")


def nanoseconds(work: Callable[[int], object], number: int, rounds: int = 5) -> float:
    best = float("inf")
    for _ in range(rounds):
        begin = time.perf_counter()
        for count in range(number):
            work(count)
        best = min(best, time.perf_counter() - begin)
    return best / number * 1e9


def costs() -> None:
    codes = _engine.ulaw_encode(speech(2.0)[:FRAME])
    for name, each in (("packet in, frame out", 1), ("the same, each tenth packet lost", 10)):
        buffer, at = _engine.JitterBuffer(), [0]

        def work(count: int, buffer: _engine.JitterBuffer = buffer, at: list[int] = at, each: int = each) -> None:
            if each == 1 or count % each:
                buffer.push(at[0] & 0xFFFFFFFF, codes)
            buffer.pop(FRAME)
            at[0] += FRAME

        print(f"{name:36} {nanoseconds(work, 50_000):7.0f} ns")
    resting = _engine.JitterBuffer()
    resting.push_comfort(0, bytes((50, 90, 140, 120, 110)))
    print(f"{'a frame of comfort noise':36} {nanoseconds(lambda _: resting.pop(FRAME), 20_000):7.0f} ns")


def delays(samples: array[int]) -> None:
    codes = _engine.alaw_encode(samples)
    packets = [codes[at : at + FRAME] for at in range(0, len(codes) - FRAME + 1, FRAME)]
    minutes = len(packets) / 3000
    print(f"{'network':>22} {'target ms':>9} {'gaps/min':>8} {'left out ms/min':>15} {'added ms/min':>12}")
    rows: list[tuple[str, float, float]] = [(f"jitter 0-{spread} ms", spread, 0) for spread in (0, 20, 40, 80, 150)]
    rows += [(f"clock {ppm:+} ppm", 2, ppm) for ppm in (100, -100, 300, -300)]
    for name, spread, ppm in rows:
        dice = random.Random(1)
        held_up = [dice.uniform(0, spread) for _ in packets]
        counters = play(packets, arrivals(held_up, ppm=ppm), frames=len(packets) - 20).counters
        print(
            f"{name:>22} {counters['target'] / MS:9.0f} {counters['gaps'] / minutes:8.1f} "
            f"{counters['shortened'] / MS / minutes:15.1f} {counters['lengthened'] / MS / minutes:12.1f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0)
    options = parser.parse_args()
    samples = array("h", _engine.ulaw_decode(_engine.ulaw_encode(speech(options.seconds))))
    concealment(samples)
    print()
    costs()
    print()
    delays(array("h", samples.tobytes() * max(1, round(300 / options.seconds))))


if __name__ == "__main__":
    main()
