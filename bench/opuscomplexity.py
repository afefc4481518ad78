"""What libopus' encoder costs and what it is worth at each complexity: 16 kHz, one channel, as a call has it.

    python -m bench.opuscomplexity                     about a minute
    python -m bench.opuscomplexity --wave FILE.wav     of a recording, 16-bit, 16 or 48 kHz

With in-band FEC for 5 % of loss and 28 kbit/s. Speech is made from numbers (tests/media/speech.py) unless a file is
named. Columns: microseconds of CPU for 20 ms, the best of some rounds in which the complexities took turns; bits a
second; the segmental ratio of speech to error, and by how many dB 24 bands to 7 kHz are off, in frames of 20 ms; then
the same two of frames that were lost, one in ten, and came from the FEC of the next packet or were concealed.
"""

from __future__ import annotations

import argparse
import ctypes
import ctypes.util
import random
import time
import wave
from array import array
from dataclasses import dataclass
from typing import Any

from neon.media import _engine
from tests.media.signals import level
from tests.media.speech import segmental_snr, speech

RATE, FRAME = 16000, 320
COMPLEXITIES = range(11)
BANDS = range(150, 7000, 290)
BITRATE, LOSS = 28000, 5
VOIP = 2048
GET_LOOKAHEAD = 4027
SETTINGS = {4002: BITRATE, 4012: 1, 4014: LOSS, 4006: 1, 4016: 0, 4008: -1000, 4004: 1103}
"""opus_defines.h: bit rate, FEC, expected loss, VBR, no DTX, and the widest band, which is wideband."""


def library() -> Any:
    """libopus.

    @raise SystemExit: it is not there.
    """
    name = ctypes.util.find_library("opus")
    if name is None:
        raise SystemExit("libopus is needed")
    opus: Any = ctypes.CDLL(name)
    opus.opus_encoder_create.restype = opus.opus_decoder_create.restype = ctypes.c_void_p
    return opus


class Encoder:
    """One of libopus'."""

    def __init__(self, opus: Any, complexity: int) -> None:
        self._opus = opus
        self._state = ctypes.c_void_p(opus.opus_encoder_create(RATE, 1, VOIP, None))
        for request, value in {**SETTINGS, 4010: complexity}.items():
            opus.opus_encoder_ctl(self._state, request, ctypes.c_int(value))
        lookahead = ctypes.c_int()
        opus.opus_encoder_ctl(self._state, GET_LOOKAHEAD, ctypes.byref(lookahead))
        self.lookahead = lookahead.value
        self._room = ctypes.create_string_buffer(1500)

    def encode(self, frame: Any) -> bytes:
        length = self._opus.opus_encode(self._state, frame, FRAME, self._room, 1500)
        return self._room.raw[:length]


def decoded(opus: Any, packets: list[bytes], lost: set[int]) -> array[int]:
    """What is heard; a lost packet comes from the next one, if that is there."""
    state = ctypes.c_void_p(opus.opus_decoder_create(RATE, 1, None))
    heard, frame = array("h"), (ctypes.c_int16 * FRAME)()
    for number, packet in enumerate(packets):
        if number not in lost:
            opus.opus_decode(state, packet, len(packet), frame, FRAME, 0)
        elif number + 1 < len(packets) and number + 1 not in lost:
            opus.opus_decode(state, packets[number + 1], len(packets[number + 1]), frame, FRAME, 1)
        else:
            opus.opus_decode(state, None, 0, frame, FRAME, 0)
        heard.extend(frame)
    return heard


def distance(heard: array[int], wanted: array[int], frames: list[int]) -> float:
    """The mean difference of the bands, in dB; a tone has half its frequency to a meter of 8 kHz."""
    off = 0.0
    for number in frames:
        part = slice(number * FRAME - 80, (number + 1) * FRAME + 80)
        for hz in BANDS:
            off += abs(max(-60.0, level(heard[part], hz / 2)) - max(-60.0, level(wanted[part], hz / 2)))
    return off / len(frames) / len(BANDS)


@dataclass(frozen=True)
class Row:
    complexity: int
    microseconds: float
    bitrate: float
    ratio: float
    off: float
    lost_ratio: float
    lost_off: float


def judged(opus: Any, samples: array[int], complexity: int, microseconds: float) -> Row:
    encoder = Encoder(opus, complexity)
    packets = [encoder.encode(frame) for frame in frames_of(samples)]
    dice = random.Random(1)
    lost = {number for number in range(10, len(packets) - 2) if dice.random() < 0.1}
    loud = [
        number for number in range(10, len(packets) - 10)
        if sum(sample * sample for sample in samples[number * FRAME : (number + 1) * FRAME]) / FRAME > 10_000
    ]  # fmt: skip
    clean, damaged = (decoded(opus, packets, which)[encoder.lookahead :] for which in (set(), lost))
    missing = [number for number in loud if number in lost]

    def ratio(heard: array[int], places: list[int]) -> float:
        one, other = array("h"), array("h")
        for number in places:
            one += heard[number * FRAME : (number + 1) * FRAME]
            other += samples[number * FRAME : (number + 1) * FRAME]
        return segmental_snr(one, other, FRAME)

    some = loud[:: max(1, len(loud) // 300)]
    return Row(
        complexity, microseconds, sum(map(len, packets)) * 8 / (len(packets) * 0.02), ratio(clean, loud),
        distance(clean, samples, some), ratio(damaged, missing), distance(damaged, samples, missing),
    )  # fmt: skip


def frames_of(samples: array[int]) -> list[Any]:
    pieces = (samples[at : at + FRAME] for at in range(0, len(samples) - FRAME + 1, FRAME))
    return [(ctypes.c_int16 * FRAME)(*piece) for piece in pieces]


def costs(opus: Any, samples: array[int], rounds: int = 7) -> dict[int, float]:
    """Microseconds for 20 ms, by complexity."""
    frames = frames_of(samples)[:500]
    best = dict.fromkeys(COMPLEXITIES, float("inf"))
    for _ in range(rounds):
        for complexity in COMPLEXITIES:
            encoder = Encoder(opus, complexity)
            begin = time.process_time_ns()
            for frame in frames:
                encoder.encode(frame)
            best[complexity] = min(best[complexity], (time.process_time_ns() - begin) / len(frames) / 1000)
    return best


def recording(path: str) -> array[int]:
    """The left channel of a file.

    @raise SystemExit: it has another rate or width.
    """
    with wave.open(path) as file:
        rate, channels = file.getframerate(), file.getnchannels()
        if rate not in (RATE, 3 * RATE) or file.getsampwidth() != 2:
            raise SystemExit("16-bit samples at 16 or 48 kHz are needed")
        samples = array("h", file.readframes(file.getnframes()))[::channels]
    if rate == RATE:
        return samples
    whole = samples[: len(samples) // (3 * FRAME) * 3 * FRAME]
    return array("h", _engine.Resampler(up=False).convert(whole.tobytes()))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--wave", help="speech to use")
    options = parser.parse_args()
    opus = library()
    samples = recording(options.wave) if options.wave else speech(30.0, RATE)
    took = costs(opus, samples)
    print(f"{'complexity':>10} {'us':>7} {'bit/s':>7} {'ratio':>6} {'off':>6} {'lost':>6} {'off':>6}")
    for complexity in COMPLEXITIES:
        one = judged(opus, samples, complexity, took[complexity])
        print(
            f"{one.complexity:10} {one.microseconds:7.1f} {one.bitrate:7.0f} {one.ratio:6.2f} {one.off:6.2f}"
            f" {one.lost_ratio:6.2f} {one.lost_off:6.2f}"
        )


if __name__ == "__main__":
    main()
