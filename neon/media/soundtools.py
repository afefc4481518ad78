"""What is done with the sound card apart from calls, each in a process of its own: list, ring, test.

Started by L{neon.media.soundjob} as C{python -m neon.media.soundtools}, for the reasons of L{neon.media.portaudio}.
End of file on stdin is: enough, end now. The last line on stdout is JSON:

    list                    {"microphones": [...], "speakers": [...]}, by PortAudio's names
    ring NAME [FILE]        nothing: rings until told otherwise. "" is the default device, FILE a WAV file
    test MIC SPEAKER S      {"level": ..., "peak": ..., "heard": ..., "background": ...} in dB below full scale,
                            "microphone" or "speaker" with words where one of them cannot be had
"""

from __future__ import annotations

import argparse
import array
import json
import math
import os
import sys
import threading
from collections.abc import Sequence
from typing import Any, Final, NoReturn

from neon.media import _engine
from neon.media.portaudio import EXIT_DONE, EXIT_NO_DEVICE, FRAME, RATE, SAMPLES, Device, leave, say, settle
from neon.media.sound import swapped
from neon.media.wavefile import RATE as STORED
from neon.media.wavefile import WaveError, read_wave

RING: Final = ((0.4, True), (0.2, False), (0.4, True), (2.0, False))
"""Seconds with and without sound, over and over."""
RING_HZ: Final = (587.33, 739.99)
RING_DBFS: Final = -14.0
_RAMP: Final = 0.01

TEST_HZ: Final = 1000.0
TEST_DBFS: Final = -20.0
QUIET: Final = 0.4
TONE: Final = 1.0
ECHO: Final = 1.0
"""Seconds of the test: before its tone, of it, and after it, in which it may still arrive."""
_WINDOW: Final = 0.25
SILENCE_DBFS: Final = -100.0


def tone(frequencies: Sequence[float], dbfs: float, seconds: float) -> array.array[int]:
    """Sines together at that level each (against a full-scale sine), with soft ends."""
    peak = 32767 * 10 ** (dbfs / 20)
    count = round(seconds * RATE)
    ramp = _RAMP * RATE
    steps = [2 * math.pi * hz / RATE for hz in frequencies]
    return array.array(
        "h",
        (
            round(min(1.0, n / ramp, (count - n) / ramp) * peak * sum(math.sin(step * n) for step in steps))
            for n in range(count)
        ),
    )


def ringing() -> bytes:
    """One turn of our own ringing sound."""
    sound = tone(RING_HZ, RING_DBFS, RING[0][0]).tobytes()
    return b"".join(sound if on else bytes(2 * round(seconds * RATE)) for seconds, on in RING)


def level(samples: Sequence[int]) -> float:
    """The level of everything, in dB below a full-scale sine."""
    return _db(math.sqrt(2 * sum(sample * sample for sample in samples) / len(samples))) if samples else SILENCE_DBFS


def tone_level(samples: Sequence[int], hz: float) -> float:
    """The level of one tone, in dB below full scale (Goertzel's algorithm through a Hann window)."""
    count = len(samples)
    if not count:
        return SILENCE_DBFS
    coefficient, turn = 2 * math.cos(2 * math.pi * hz / RATE), 2 * math.pi / count
    before = last = 0.0
    for n, sample in enumerate(samples):
        before, last = last, sample * (0.5 - 0.5 * math.cos(turn * n)) + coefficient * last - before
    power = before * before + last * last - coefficient * before * last
    return _db(4 * math.sqrt(max(0.0, power)) / count)


def judge(recorded: Sequence[int], spoken: Sequence[int]) -> dict[str, float]:
    """The figures of a test: C{recorded} while the tone could arrive, C{spoken} while somebody could speak."""
    window = round(_WINDOW * RATE)
    starts = range(0, max(1, len(recorded) - window + 1), window // 2)
    heard = [tone_level(recorded[start : start + window], TEST_HZ) for start in starts]
    # The best stretch against a quiet one of the same recording: a room that hums hums in both.
    figures = {
        "level": level(spoken),
        "peak": _db(max((abs(sample) for sample in spoken), default=0)),
        "heard": max(heard),
        "background": sorted(heard)[len(heard) // 8],
    }
    return {name: round(value, 1) for name, value in figures.items()}


def list_devices(device: Device) -> NoReturn:
    try:
        found = {"microphones": device.names("Input"), "speakers": device.names("Output")}
    except OSError:
        found = {"microphones": [], "speakers": []}
    say(json.dumps(found))
    leave(EXIT_DONE)


def ring(device: Device, name: str, path: str) -> NoReturn:
    sound = ringing()
    if path:
        try:
            sound = _engine.resample(swapped(read_wave(path)), 1, STORED, RATE) + bytes(RATE)
        except (OSError, WaveError) as error:
            say(f"{path} cannot be played, ringing with our own sound: {error}")
    try:
        device.open(None, name)
        assert device.output is not None
        while True:
            for start in range(0, len(sound), FRAME):
                device.output.write(sound[start : start + FRAME].ljust(FRAME, b"\0"), exception_on_underflow=False)
    except OSError as error:
        leave(EXIT_NO_DEVICE, f"it cannot ring: {error}")


def test(device: Device, microphone: str, speaker: str, seconds: float) -> NoReturn:
    """Play a tone and hear whether it arrives; then listen to the user for a while, and let the user hear it."""
    result: dict[str, Any] = {}
    try:
        device.open(microphone, speaker)
    except OSError as error:
        leave(EXIT_NO_DEVICE, json.dumps({"microphone": str(error), "speaker": str(error)}))
    if device.output is None:
        result["speaker"] = "it cannot be opened"
    if device.input is None:
        result["microphone"] = "it cannot be opened"
    played = bytes(2 * round(QUIET * RATE)) + tone((TEST_HZ,), TEST_DBFS, TONE).tobytes()
    recorded = array.array("h")
    total = round((QUIET + TONE + ECHO + seconds) * RATE)
    player = threading.Thread(target=play, args=(device, played), daemon=True)
    player.start()
    try:
        while device.input is not None and len(recorded) < total:
            recorded.frombytes(device.input.read(SAMPLES, exception_on_overflow=False))
    except OSError as error:
        result["microphone"] = str(error)
    player.join()
    if recorded:
        spoken = recorded[round((QUIET + TONE + ECHO) * RATE) :]
        result |= judge(recorded[: round((QUIET + TONE + ECHO) * RATE)], spoken)
        play(device, spoken.tobytes())
    say(json.dumps(result))
    leave(EXIT_DONE)


def play(device: Device, sound: bytes) -> None:
    """Play to the end, if there is somewhere to."""
    try:
        for start in range(0, len(sound) if device.output is not None else 0, FRAME):
            assert device.output is not None
            device.output.write(sound[start : start + FRAME].ljust(FRAME, b"\0"), exception_on_underflow=False)
    except OSError:
        return  # what the microphone hears tells


def _db(amplitude: float) -> float:
    return max(SILENCE_DBFS, 20 * math.log10(amplitude / 32767)) if amplitude > 0 else SILENCE_DBFS


def _until_told() -> None:
    """End with the end of stdin, whatever else is going on."""
    while os.read(0, 64):
        pass
    leave(EXIT_DONE)


def main(arguments: list[str]) -> NoReturn:
    """The process."""
    parser = argparse.ArgumentParser(prog="python -m neon.media.soundtools", description="NEON's sound card tools")
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("what", choices=("list", "ring", "test"))
    parser.add_argument("names", nargs="*")
    options = parser.parse_args(arguments)
    settle(options.parent)
    threading.Thread(target=_until_told, daemon=True).start()
    device = Device()
    if options.what == "list":
        list_devices(device)
    name, *more = options.names
    if options.what == "ring":
        ring(device, name, *more)
    test(device, name, more[0], float(more[1]))


if __name__ == "__main__":
    main(sys.argv[1:])
