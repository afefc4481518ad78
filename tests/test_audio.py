"""The ears of the tests are tested first."""

from __future__ import annotations

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

    def test_bytes(self) -> None:
        """PCM bytes and samples are two views of the same thing."""
        self.assertEqual(audio.samples_of(audio.pcm_of([1, -2, 32767, -32768]) + b"x"), [1, -2, 32767, -32768])
