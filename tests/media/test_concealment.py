"""What is said in place of audio that never came (after G.711 Appendix I), at 8 and at 16 kHz."""

from __future__ import annotations

import random
from array import array
from itertools import pairwise

from twisted.trial.unittest import SynchronousTestCase

from neon.media import _engine
from tests.media.signals import FRAME, level, loudness, tone
from tests.media.speech import loudest_click, segmental_snr, speech


def heard_with_gap(samples: array[int], frame: int, missing: int, rate: int = 8000) -> array[int]:
    """What is heard when from one frame on so many of 20 ms are lost; the delay is taken off."""
    wide = rate // 8000
    codes = _engine.g722_encode(samples.tobytes()) if wide == 2 else _engine.alaw_encode(samples)
    buffer = _engine.JitterBuffer(True, wide == 2)
    heard = array("h")
    for number in range(len(codes) // FRAME + 1):
        if not frame <= number < frame + missing and number < len(codes) // FRAME:
            buffer.push(number * FRAME, codes[number * FRAME : (number + 1) * FRAME])
        heard.frombytes(buffer.pop(FRAME))
    return heard[FRAME * wide :]


def hertz_at(hz: float, rate: int) -> float:
    """A frequency at this rate for functions that think in 8 kHz."""
    return hz * 8000 / rate


class ConcealmentTests(SynchronousTestCase):
    def test_pitches(self) -> None:
        """A steady tone of any pitch goes on through 20 ms, at its level, without a seam."""
        for rate in (8000, 16000):
            for hz in (70, 110, 180, 260, 390, 620, 1100):
                size = FRAME * rate // 8000
                samples = tone(hertz_at(hz, rate), 30 * size)
                heard = heard_with_gap(samples, 20, 1, rate)
                begun = heard[20 * size : 20 * size + size // 2]
                self.assertLess(abs(loudness(begun) - loudness(heard[18 * size : 19 * size])), 2.5, f"{hz} at {rate}")
                seam = loudest_click(heard[19 * size : 22 * size])
                self.assertLess(seam, 3 * loudest_click(heard[2 * size : 19 * size]) + 200, f"{hz} at {rate}")

    def test_fades(self) -> None:
        """10 ms are at full level, each 10 ms after them quieter, and from 60 ms on there is silence."""
        for rate in (8000, 16000):
            size = FRAME * rate // 8000
            heard = heard_with_gap(tone(hertz_at(200, rate), 30 * size), 20, 6, rate)
            gap = heard[20 * size : 26 * size]
            levels = [loudness(gap[at : at + size // 2]) for at in range(0, 3 * size, size // 2)]
            self.assertLess(abs(levels[0] + 10), 1.5)
            self.assertTrue(all(one > other for one, other in pairwise(levels)), levels)
            self.assertEqual(set(gap[3 * size :]), {0})

    def test_comes_back_smoothly(self) -> None:
        """After a long loss audio fades in within 10 ms, and is then what was sent, sample for sample."""
        samples = tone(200, 40 * FRAME)
        decoded = array("h", _engine.alaw_decode(_engine.alaw_encode(samples)))
        heard = heard_with_gap(samples, 20, 5)
        back = heard[25 * FRAME : 26 * FRAME]
        self.assertLess(loudness(back[:8]), loudness(back[60:]) - 6)
        self.assertEqual(heard[25 * FRAME + 80 :], decoded[25 * FRAME + 80 :])
        self.assertLess(loudest_click(heard[24 * FRAME :]), 1.5 * loudest_click(decoded))

    def test_silence(self) -> None:
        """Nothing is made of nothing."""
        heard = heard_with_gap(array("h", bytes(2 * 30 * FRAME)), 20, 3)
        self.assertLessEqual(max(map(abs, heard)), 8)

    def test_loudest(self) -> None:
        """The loudest sound does not turn over."""
        samples = array("h", ([32767] * 20 + [-32768] * 20) * 120)
        heard = heard_with_gap(samples, 20, 2)
        crossings = sum((one < 0) != (other < 0) for one, other in pairwise(heard[20 * FRAME : 22 * FRAME]))
        self.assertLessEqual(crossings, 17)

    def test_no_buzz(self) -> None:
        """Noise that is lost for 40 ms does not become a tone: no period of 5 ms is repeated all the time."""
        heard = heard_with_gap(self.noise(), 20, 2)
        gap = heard[20 * FRAME : 22 * FRAME]
        strongest = max(level(gap, hz) for hz in range(60, 1000, 7))
        self.assertLess(strongest, loudness(heard[18 * FRAME : 20 * FRAME]) - 3)

    def noise(self) -> array[int]:
        dice = random.Random(3)
        return array("h", (round(dice.gauss(0, 2000)) for _ in range(30 * FRAME)))

    def test_speech(self) -> None:
        """In voiced speech the first 10 ms of a loss are mostly right, at both rates."""
        for rate in (8000, 16000):
            size = FRAME * rate // 8000
            samples = speech(3.0, rate)
            lost, wanted = array("h"), array("h")
            clean = heard_with_gap(samples, 0, 0, rate)
            for frame in range(12, 140, 8):
                heard = heard_with_gap(samples, frame, 1, rate)
                at = slice(frame * size, frame * size + size // 2)
                if loudness(clean[at]) > -25:
                    lost += heard[at]
                    wanted += clean[at]
            self.assertGreater(segmental_snr(lost, wanted, size // 2), 3, rate)
