"""Comfort noise (RFC 3389): its level, its spectrum, and when it is heard."""

from __future__ import annotations

import math
import random
from array import array

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from neon.media import _engine
from tests.media.signals import FRAME, level, loudness, tone

LOW, HIGH = bytes((40, 127 - 100)), bytes((40, 127 + 100))
"""Noise whose first reflection coefficient makes it deep, and sharp."""

OVERLOAD_DBM0 = 6.18
"""Of 0 dBov (section 3)."""


def reflections(samples: array[int], order: int) -> list[float]:
    """The reflection coefficients of samples (Levinson-Durbin), by which an encoder would describe them."""
    count = len(samples)
    products = [sum(samples[i] * samples[i + lag] for i in range(count - lag)) / count for lag in range(order + 1)]
    found: list[float] = []
    filtered, error = [1.0], products[0]
    for step in range(1, order + 1):
        one = -sum(filtered[i] * products[step - i] for i in range(step)) / error
        found.append(one)
        extended = [*filtered, 0.0]
        filtered = [extended[i] + one * extended[step - i] for i in range(step + 1)]
        error *= 1 - one * one
    return found


class NoiseTests(SynchronousTestCase):
    """Two seconds of noise, after one packet."""

    def noise(self, payload: bytes, *, g722: bool = False) -> array[int]:
        buffer = _engine.JitterBuffer(g722=g722)
        self.assertTrue(buffer.push_comfort(0, payload))
        heard = array("h")
        for _ in range(110):
            heard.frombytes(buffer.pop(FRAME))
        return heard[10 * FRAME * (1 + g722) :]

    def test_level(self) -> None:
        """The first octet is its level below the overload point, whatever the spectrum and the rate."""
        for dbov in (30, 50, 70):
            for shape in (b"", bytes((60,)), bytes((200, 100, 150)), bytes((20, 200, 127, 90, 130))):
                for g722 in (False, True):
                    heard = loudness(self.noise(bytes((dbov,)) + shape, g722=g722))
                    # Of white noise the way to 16 kHz leaves the half below 4 kHz, which is all of it.
                    self.assertLess(abs(heard - (OVERLOAD_DBM0 - dbov)), 1.3, f"{dbov} {shape.hex()} {g722}")

    def test_spectrum(self) -> None:
        """An encoder finds the coefficients again of which it was made."""
        for octets in ((90,), (170,), (60, 150, 110), (40, 180, 127, 100)):
            wanted = [258 * (octet - 127) / 32768 for octet in octets]
            found = reflections(self.noise(bytes((30, *octets))), len(octets))
            for one, other in zip(found, wanted, strict=True):
                self.assertLess(abs(one - other), 0.06, octets)

    def test_deep_and_sharp(self) -> None:
        """Negative first coefficients are deep noise, as the encoders of others mean them."""
        for payload, deep in ((LOW, True), (HIGH, False)):
            heard = self.noise(payload)[:4000]
            low = sum(10 ** (level(heard, hz) / 10) for hz in range(100, 1000, 50))
            high = sum(10 ** (level(heard, hz) / 10) for hz in range(3000, 3900, 50))
            self.assertEqual(low > 10 * high, deep)
            self.assertEqual(high > 10 * low, not deep)

    def test_nobody_hears_a_pattern(self) -> None:
        """It does not repeat itself, and is nearly Gaussian."""
        heard = self.noise(bytes((40,)))
        self.assertEqual(len({heard[at : at + 20].tobytes() for at in range(0, 16000, 20)}), 800)
        deviation = math.sqrt(sum(sample * sample for sample in heard) / len(heard))
        within = sum(abs(sample) < deviation for sample in heard) / len(heard)
        self.assertLess(abs(within - 0.683), 0.03)

    @settings(max_examples=60, deadline=None)
    @given(st.binary(max_size=40))
    def test_anything(self, payload: bytes) -> None:
        """Any payload is borne: the filter is stable, and the level never above the one it names."""
        buffer = _engine.JitterBuffer()
        self.assertEqual(buffer.push_comfort(0, payload), bool(payload))
        heard = array("h")
        for _ in range(60):
            heard.frombytes(buffer.pop(FRAME))
        if payload and len(payload) < 4 and payload[0] & 127 > 12:
            self.assertLess(loudness(heard[20 * FRAME :]), OVERLOAD_DBM0 - (payload[0] & 127) + 6)


class RestTests(SynchronousTestCase):
    """A far end that says nothing while nobody speaks there."""

    def setUp(self) -> None:
        self.buffer = _engine.JitterBuffer(True)
        self.heard: array[int] = array("h")

    def say(self, first: int, count: int) -> None:
        for number in range(first, first + count):
            self.buffer.push(number * FRAME, _engine.alaw_encode(tone(400, FRAME, start=number * FRAME)))
            self.pop()

    def pop(self, frames: int = 1) -> None:
        for _ in range(frames):
            self.heard.frombytes(self.buffer.pop(FRAME))

    def rest(self, number: int, frames: int, payload: bytes = bytes((50,))) -> None:
        self.buffer.push_comfort(number * FRAME, payload)
        self.pop(frames)

    def test_rest(self) -> None:
        """In a rest there is noise instead of concealment or silence, for as long as it lasts; then the voice again."""
        self.say(0, 20)
        self.rest(20, 300)
        self.say(320, 20)
        self.assertEqual((self.buffer.counters()["gaps"], self.buffer.counters()["concealed"]), (0, 0))
        for frame in range(22, 320):
            here = loudness(self.heard[frame * FRAME : (frame + 1) * FRAME])
            self.assertLess(abs(here - (OVERLOAD_DBM0 - 50)), 2.5, frame)
        self.assertLess(abs(level(self.heard[323 * FRAME : 338 * FRAME], 400) + 10), 0.3)

    def test_time_is_kept(self) -> None:
        """The voice after a rest comes as late as the one before it, to the sample."""
        self.say(0, 20)
        self.rest(20, 40)
        self.say(60, 20)
        wanted = array("h", _engine.alaw_decode(_engine.alaw_encode(tone(400, 80 * FRAME))))
        self.assertEqual(self.heard[62 * FRAME : 79 * FRAME], wanted[61 * FRAME : 78 * FRAME])

    def test_in_time(self) -> None:
        """The noise begins where the packet says, after the audio that waits before it."""
        for number in range(3):
            self.buffer.push(number * FRAME, _engine.alaw_encode(tone(400, FRAME, start=number * FRAME)))
        self.buffer.push_comfort(3 * FRAME, bytes((60,)))
        self.pop(6)
        self.assertGreater(loudness(self.heard[3 * FRAME : 4 * FRAME]), -11)
        self.assertLess(loudness(self.heard[4 * FRAME : 5 * FRAME]), -50)

    def test_level_follows(self) -> None:
        """Another packet moves the noise to another level, not at once but soon."""
        self.say(0, 10)
        self.rest(10, 20, bytes((40,)))
        self.rest(30, 20, bytes((60,)))
        steps = [loudness(self.heard[at : at + 40]) for at in range(30 * FRAME, 34 * FRAME, 40)]
        self.assertGreater(steps[1], OVERLOAD_DBM0 - 48)
        self.assertLess(loudness(self.heard[40 * FRAME : 48 * FRAME]), OVERLOAD_DBM0 - 57)

    def test_first_word_late(self) -> None:
        """The first packet of the voice after a rest is played although it comes late."""
        self.say(0, 10)
        self.rest(10, 23)
        self.say(30, 20)  # 60 ms late, 40 ms too late
        self.assertEqual(self.buffer.counters()["late"], 0)
        self.assertLess(abs(level(self.heard[35 * FRAME : 50 * FRAME], 400) + 10), 0.5)

    def test_clock_that_rests(self) -> None:
        """A far end whose timestamps stand still during a rest is heard after it all the same."""
        for frames in (30, 200):
            self.setUp()
            self.say(0, 10)
            self.rest(10, frames)
            self.say(11, 30)
            self.assertLessEqual(self.buffer.counters()["late"], 0)
            self.assertLess(abs(level(self.heard[-25 * FRAME :], 400) + 10), 0.3, frames)

    def test_old_news(self) -> None:
        """A packet that was overtaken by the voice means nothing; what is lost in the voice is filled in."""
        self.say(0, 20)
        self.buffer.push_comfort(10 * FRAME, bytes((30,)))
        self.pop()
        self.say(21, 10)
        self.assertEqual(self.buffer.counters()["gaps"], 1)

    def test_many(self) -> None:
        """Packets of noise without end, of any time, are borne."""
        dice = random.Random(1)
        self.say(0, 5)
        for number in range(300):
            self.buffer.push_comfort(dice.getrandbits(32) if number % 2 else (5 + number) * FRAME, bytes((70,)))
            if number % 3 == 0:
                self.pop()
        self.say(400, 10)
        self.assertEqual(len(self.heard), 115 * FRAME)
