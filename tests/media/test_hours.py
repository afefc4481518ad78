"""Hours of calls whose clocks do not agree, in simulated time: too many frames for the sanitizers, a second for us."""

from __future__ import annotations

from array import array

from twisted.trial.unittest import SynchronousTestCase

from tests.media.network import arrivals, play
from tests.media.signals import FRAME
from tests.media.test_capture import taken
from tests.media.test_outlet import Card

HOUR = 180_000
"""Packets."""


class HourTests(SynchronousTestCase):
    def test_far_clock(self) -> None:
        """A far clock that is 300 ppm off is followed for an hour: a second and more, and nothing is lost of it."""
        for ppm in (300.0, -300.0):
            quiet = [bytes((0xD5,)) * FRAME] * HOUR
            played = play(quiet, arrivals([2.0] * HOUR, ppm=ppm), frames=HOUR - 100)
            counters = played.counters
            self.assertEqual((counters["gaps"], counters["late"], counters["resets"]), (0, 0, 0), ppm)
            self.assertLessEqual(played.longest, 60, ppm)
            self.assertGreaterEqual(min(played.delays), 0, ppm)
            made_up = (counters["shortened"] - counters["lengthened"]) / 8000
            self.assertLess(abs(made_up - 3600 * ppm * 1e-6), 0.05, ppm)

    def test_microphone(self) -> None:
        """What 300 ppm make of an hour, in a quarter: a microphone never stutters, and its delay does not grow."""
        steady = array("h", [1000] * FRAME)
        for ppm in (1200.0, -1200.0):
            heard, waiting = taken(steady, HOUR // 4, ppm)
            self.assertEqual(heard[3 * FRAME :].count(0), 0, ppm)
            self.assertLess(max(waiting[5:]), 60 * 8, ppm)

    def test_loudspeaker(self) -> None:
        """A loudspeaker whose clock is 300 ppm off, either way, never runs dry in an hour, nor does one of 1000 in a
        quarter; and none is ever more than 120 ms behind.
        """
        quiet = bytes(4 * FRAME)
        for ppm, frames in ((300.0, HOUR), (-300.0, HOUR), (1000.0, HOUR // 4), (-1000.0, HOUR // 4)):
            card = Card(ppm)
            self.addCleanup(card.close)
            longest = max(card.frame(quiet) for _ in range(frames))
            self.assertEqual(card.dry, 0, ppm)
            self.assertLess(longest, 16 * 120, ppm)
