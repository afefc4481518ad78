"""Captured audio from a sound card whose clock is not ours, in simulated time."""

from __future__ import annotations

from array import array

from twisted.trial.unittest import SynchronousTestCase

from neon.media import _engine
from tests.media.signals import FRAME, level, tone
from tests.media.speech import followed_snr, loudest_click, silences, speech


def taken(
    samples: array[int], frames: int, ppm: float, *, wide: bool = False, count: int = 0, jitter_ms: float = 0.0
) -> tuple[array[int], list[int]]:
    """What a stream takes of what a card captures, in as many frames, and how much was waiting after each second.

    C{samples} are captured over and over; the card's clock is so much faster than ours. C{jitter_ms}: every third frame
    is handed over so much later.
    """
    size = FRAME * 2 if wide else FRAME
    count = count or size
    captured = _engine.Captured(wide)
    pieces = [samples[at : at + size].tobytes() for at in range(0, len(samples) - size + 1, size)]
    heard, waiting, number = array("h"), [], 0
    pace = 20 / (1 + ppm * 1e-6)
    for frame in range(frames):
        now = frame * 20 * count / size
        while number * pace + (jitter_ms if number % 3 == 0 else 0) <= now:
            captured.push(pieces[number % len(pieces)])
            number += 1
        heard.frombytes(captured.pop(count))
        if frame % 50 == 49:
            waiting.append(captured.waiting())
    return heard, waiting


class CaptureTests(SynchronousTestCase):
    def test_same_clock(self) -> None:
        """A card that is as fast as we are is heard sample for sample, 20 to 40 ms later."""
        spoken = speech(4.0)
        for jitter_ms in (0.0, 9.0):
            heard, waiting = taken(spoken, 190, 0, jitter_ms=jitter_ms)
            begin = next(at for at, sample in enumerate(heard) if sample)
            self.assertLessEqual(begin, 3 * FRAME)
            first = next(at for at, sample in enumerate(spoken) if sample)
            self.assertEqual(heard[begin : begin + 20000], spoken[first : first + 20000])
            self.assertLessEqual(max(waiting), 2 * FRAME)

    def test_speech(self) -> None:
        """Nobody hears it, at either rate, and in frames of 10 ms neither."""
        for wide, count in ((False, FRAME // 2), (True, 2 * FRAME), (True, FRAME)):
            spoken = speech(4.0, 16000 if wide else 8000)
            natural = loudest_click(spoken)
            for ppm in (3000.0, -3000.0):
                frames = 600 * FRAME * (1 + wide) // count
                heard, _ = taken(spoken, frames, ppm, wide=wide, count=count)
                heard = heard[3 * FRAME * (1 + wide) :]
                self.assertLess(loudest_click(heard), 1.15 * natural, (wide, count, ppm))
                self.assertLessEqual(silences(heard), silences(spoken) * 4 + 2)

    def test_follows(self) -> None:
        """What is taken is what was captured, but for the periods that were left out or said twice."""
        spoken = speech(6.0)
        for ppm in (2000.0, -2000.0):
            heard, _ = taken(spoken, 1000, ppm)
            begin = next(at for at, sample in enumerate(heard) if sample)
            first = next(at for at, sample in enumerate(spoken) if sample)
            whole = array("h", list(spoken) * 6)[first:]
            ratios = sorted(followed_snr(heard[begin:], whole, every=9))
            self.assertGreater(ratios[len(ratios) // 12], 20, ppm)

    def test_tone(self) -> None:
        """A tone, which is never quiet, stays whole."""
        long = tone(400, 4000)  # 200 periods
        for ppm in (1500.0, -1500.0):
            heard, waiting = taken(long, 1500, ppm)
            settled = heard[4 * FRAME :]
            levels = [level(settled[at : at + 800], 400) for at in range(0, len(settled) - 800, 1600)]
            self.assertGreater(min(levels), -10.6, ppm)
            self.assertLess(max(waiting), 100 * 8)

    def test_standstill(self) -> None:
        """A card that stands still is silence, and is heard again when it goes on."""
        captured = _engine.Captured()
        frame = array("h", [500] * FRAME).tobytes()
        for _ in range(10):
            captured.push(frame)
            captured.pop(FRAME)
        for _ in range(5):
            captured.pop(FRAME)
        self.assertEqual(set(array("h", captured.pop(FRAME))), {0})
        for _ in range(3):
            captured.push(frame)
            last = captured.pop(FRAME)
        self.assertEqual(set(array("h", last)), {500})
        for _ in range(30):
            captured.push(frame)
        captured.pop(FRAME)
        self.assertLessEqual(captured.waiting(), 40 * 8)
