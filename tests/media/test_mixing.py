"""The arithmetic of conferences: everybody but oneself, exactly, and sums that are too loud."""

from __future__ import annotations

import math
import random
from array import array
from itertools import pairwise

from twisted.trial.unittest import SynchronousTestCase

from neon.media import _engine
from tests.media.signals import FRAME, level, tone

FULL = 3.1


class MixerTests(SynchronousTestCase):
    """Positions are like those of the engine: near the end of 32 bits, so that they wrap."""

    def setUp(self) -> None:
        self.mixer = _engine.Mixer()
        self.random = random.Random(5)

    def taken(self, member: int, at: int, count: int) -> list[int]:
        return list(array("i", self.mixer.take(member, at % 2**32, count)))

    def say(self, member: int, at: int, count: int) -> list[int]:
        """Noise of full scale."""
        samples = array("h", (self.random.randint(-32768, 32767) for _ in range(count)))
        self.mixer.add(member, at % 2**32, samples)
        return list(samples)

    def check(self, ticks: list[tuple[int, int]], begin: int = 2**32 - 5000) -> None:
        """Members that are served so often, in so many samples, from such a phase on hear exactly the others."""
        said: list[dict[int, int]] = [{} for _ in ticks]
        due = [begin + phase for phase, _ in ticks]
        heard = 0
        for at in range(begin, begin + 40 * FRAME):
            for member, (_, count) in enumerate(ticks):
                if at != due[member]:
                    continue
                due[member] += count
                said[member] |= dict(enumerate(self.say(member, at, count), at))
                others = [one for number, one in enumerate(said) if number != member]
                expected = [sum(one.get(position, 0) for one in others) for position in range(at - count, at)]
                self.assertEqual(self.taken(member, at, count), expected)
                heard += sum(map(bool, expected))
        self.assertGreater(heard, 38 * FRAME * len(ticks))

    def test_same_phase(self) -> None:
        """Three members that are served together hear the sum of the other two, sample for sample."""
        self.check([(0, FRAME)] * 3)

    def test_other_phases(self) -> None:
        """So do eight that are served at different moments, and some of them twice as often."""
        self.check([(0, 160), (80, 160), (40, 80), (0, 80), (156, 160), (4, 160), (60, 80), (100, 160)])

    def test_alone(self) -> None:
        """One that is alone hears nothing, however loud it is."""
        for n in range(20):
            self.say(0, n * FRAME, FRAME)
            self.assertEqual(set(self.taken(0, n * FRAME, FRAME)), {0})

    def test_silent_member(self) -> None:
        """One that says nothing hears the others all the same."""
        for n in range(5):
            said = self.say(0, n * FRAME, FRAME)
            self.assertEqual(self.taken(1, (n + 1) * FRAME, FRAME), said)

    def test_leaving(self) -> None:
        """Who has left is heard no more than 20 ms longer, and whoever comes does not hear what was said before."""
        self.say(0, 0, FRAME)
        self.mixer.leave(0)
        self.say(1, 0, FRAME)
        self.say(1, FRAME, FRAME)
        self.assertNotEqual(set(self.taken(1, FRAME, FRAME)), {0})
        self.assertEqual(set(self.taken(1, 2 * FRAME, FRAME)), {0})

    def test_earlier_phase(self) -> None:
        """A member that is served earlier than before says nothing twice, and still does not hear itself."""
        self.say(0, 0, FRAME)
        others = self.say(1, 0, FRAME)
        again = self.say(0, 100, FRAME)
        others += self.say(1, FRAME, FRAME)
        more = self.say(0, 100 + FRAME, 80)
        self.assertEqual(self.taken(1, 2 * FRAME, FRAME), again[60:] + more[:60])
        self.assertEqual(self.taken(0, 100 + FRAME, FRAME), others[100 : 100 + FRAME])

    def test_gap(self) -> None:
        """What is left out, by a machine that stood still, is silence on both sides."""
        for at in (0, 100_000, 2**31 + 7, 5):
            self.say(0, at, FRAME)
            other = self.say(1, at, FRAME)
            self.assertEqual(self.taken(0, at + FRAME, FRAME), other)
            self.assertEqual(set(self.taken(0, at, FRAME)), {0})

    def test_wider(self) -> None:
        """It runs at 16 kHz as soon as one member does, and at 8 kHz again when the last such one has gone."""
        self.assertEqual(self.mixer.scale(0, False), 1)
        self.say(0, 0, FRAME)
        self.assertEqual(self.mixer.scale(1, True), 2)
        self.assertEqual(self.mixer.scale(0, False), 2)
        self.assertEqual(set(self.taken(1, 2 * FRAME, 2 * FRAME)), {0})  # of the other rate
        self.assertEqual(self.mixer.scale(2, True), 2)
        self.mixer.leave(1)
        self.assertEqual(self.mixer.scale(0, False), 2)
        self.assertEqual(self.mixer.scale(2, False), 1)

    def test_wrong(self) -> None:
        """The hooks take what they have room for."""
        self.assertRaises(ValueError, self.mixer.take, 0, 0, 321)
        self.assertRaises(ValueError, self.mixer.take, 16, 0, 1)


class LimiterTests(SynchronousTestCase):
    @staticmethod
    def limited(samples: list[int]) -> array[int]:
        return array("h", _engine.limit(array("i", samples)))

    def test_what_fits(self) -> None:
        """Everything that fits passes unchanged, to the last bit."""
        samples = [*range(-32768, 32768, 7)]
        samples = samples[: len(samples) // FRAME * FRAME]
        self.assertEqual(list(self.limited(samples)), samples)
        self.assertIn(-32768, samples)

    def test_fits_always(self) -> None:
        """Eight voices of full scale fit, and nothing turns over."""
        samples = [8 * 32767 * (-1) ** (n // 40) for n in range(8 * FRAME)]
        limited = self.limited(samples)
        self.assertTrue(all(a * b > 0 for a, b in zip(samples, limited, strict=True)))
        self.assertLess(max(map(abs, limited)), 32768)
        self.assertGreater(min(map(abs, limited)), 32000)

    def test_too_loud(self) -> None:
        """Two loud tones together stay tones: what is added to them is 40 dB down, where cutting adds 20 dB more."""
        loud = [a + b for a, b in zip(tone(400, 8000, FULL), tone(700, 8000, FULL), strict=True)]
        limited = self.limited(loud)[4000:]
        cut = array("h", (max(-32768, min(32767, sample)) for sample in loud))[4000:]
        for hz in (400, 700):
            self.assertLess(abs(level(limited, hz) - (FULL - 6)), 0.6)
        spurious = [level(limited, hz) for hz in (100, 1000, 1100, 1300, 1500, 1800)]
        self.assertLess(max(spurious), -37)
        self.assertGreater(max(level(cut, hz) for hz in (100, 1000, 1100, 1300, 1500, 1800)), -17)

    def test_comes_back(self) -> None:
        """Half a second after a loud moment everything is as loud as it was, to the last bit."""
        quiet = list(tone(500, 8000, -20))
        loud = [4 * 32767] * FRAME
        limited = self.limited(loud + quiet)
        self.assertLess(abs(limited[FRAME + 5]), abs(quiet[5]) / 3)
        self.assertEqual(list(limited[-FRAME:]), quiet[-FRAME:])

    def test_no_steps(self) -> None:
        """It comes back without a jump: no sample differs from its neighbour by more than the tone does."""
        limited = self.limited([4 * 32767] * FRAME + list(tone(500, 8000, -6)))[FRAME:]
        steepest = 32768 * 10 ** ((-6 - FULL) / 20) * 2 * math.sin(math.pi * 500 / 8000)
        self.assertLess(max(abs(b - a) for a, b in pairwise(limited)), steepest * 1.05)
