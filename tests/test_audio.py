"""The ears of the tests are tested first."""

from __future__ import annotations

import math
import random

from twisted.trial.unittest import SynchronousTestCase

from tests import audio


class EarTests(SynchronousTestCase):
    """L{tests.audio} hears what was written down."""

    def test_level(self) -> None:
        """A sine of known level is measured at that level, whether or not its period fits the length."""
        for hz, dbm0 in ((1004.0, -10.0), (440.0, 0.0), (333.3, -30.0), (3000.0, 3.0)):
            samples = audio.tone(hz, dbm0, 0.5)
            self.assertApproximates(audio.tone_level_dbm0(samples, hz), dbm0, 0.05)
            self.assertApproximates(audio.level_dbm0(samples), dbm0, 0.05)

    def test_other_tones_do_not_count(self) -> None:
        """A tone far from the one asked for is not heard."""
        samples = audio.tone(1000, 0, 0.5)
        self.assertLess(audio.tone_level_dbm0(samples, 1200), -50)

    def test_frequency(self) -> None:
        """The strongest tone is found to one Hz, also when it starts late and has a weaker neighbour."""
        for hz in (61.0, 350.0, 440.0, 1004.0, 2600.5, 3900.0):
            samples = [0] * 2000 + audio.tone(hz, -12, 0.6)
            weaker = audio.tone(777, -30, len(samples) / audio.RATE)
            self.assertApproximates(
                audio.dominant_frequency([a + b for a, b in zip(samples, weaker, strict=True)]), hz, 1
            )

    def test_silence(self) -> None:
        """Silence has no frequency, and the lowest level instead of minus infinity."""
        self.assertEqual(audio.dominant_frequency([0] * 1600), 0.0)
        self.assertEqual(audio.tone_level_dbm0([0] * 1600, 1000), audio.SILENCE_DBM0)
        self.assertEqual(audio.level_dbm0([]), audio.SILENCE_DBM0)

    def test_noise(self) -> None:
        """The ratio of a tone to noise is what was mixed, also where the tone does not fit the length, and there is an
        offset; what is not the tone is noise.
        """
        noise = random.Random(1)
        rms = audio.amplitude_of(-12) / math.sqrt(2)
        for ratio in (6.0, 20.0, 38.0):
            for hz in (440.0, 1003.7):
                mixed = [
                    round(sample + noise.gauss(100, rms / 10 ** (ratio / 20))) for sample in audio.tone(hz, -12, 0.5)
                ]
                self.assertApproximates(audio.signal_to_noise_db(mixed, hz), ratio, 1)
        self.assertLess(audio.signal_to_noise_db(audio.tone(440, -12, 0.5), 1000), -30)
        self.assertEqual(audio.signal_to_noise_db([5] * 4000, 440), -math.inf)

    def test_onsets(self) -> None:
        """A burst begins once, whatever is between its samples."""
        burst = audio.tone(1000, -10, 0.02)
        self.assertEqual(audio.onsets(([0] * 800 + burst) * 3, 1, 400), [801, 801 + 960, 801 + 2 * 960])

    def test_bytes(self) -> None:
        """PCM bytes and samples are two views of the same thing."""
        self.assertEqual(audio.samples_of(audio.pcm_of([1, -2, 32767, -32768]) + b"x"), [1, -2, 32767, -32768])
