"""What is played by a sound card that is slower than we are, in simulated time: only the socket is a real one."""

from __future__ import annotations

import socket
from array import array

from twisted.trial.unittest import SynchronousTestCase

from neon.media import _engine
from tests.media.signals import FRAME, level, tone
from tests.media.speech import loudest_click, speech


class OutletTests(SynchronousTestCase):
    """The far end reads a frame when its card has played one; it holds a frame or so itself."""

    def setUp(self) -> None:
        near, self.far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.far.setblocking(False)
        self.addCleanup(self.far.close)
        with near:
            self.played = _engine.Played(near.fileno(), True)

    def over(self, samples: array[int], frames: int, ppm: float) -> array[int]:
        """What is heard of a card that is so much slower, in so many frames of ours."""
        heard, read = array("h"), 0
        pieces = [samples[at : at + 2 * FRAME].tobytes() for at in range(0, len(samples) - 2 * FRAME + 1, 2 * FRAME)]
        for number in range(frames):
            self.assertTrue(self.played.play(pieces[number % len(pieces)]))
            while read * 20 * (1 + ppm * 1e-6) + 30 <= number * 20:
                heard.frombytes(self.far.recv(2000))  # there is one, or this fails
                read += 1
        return heard

    def test_same_clock(self) -> None:
        """A card that is as fast as we are gets everything, sample for sample."""
        spoken = speech(4.0, 16000)
        heard = self.over(spoken, 195, 0)
        self.assertEqual(heard, spoken[: len(heard)])

    def test_slower(self) -> None:
        """What does not fit into its time is left out in periods; frames do not pile up, and nothing clicks."""
        spoken = speech(4.0, 16000)
        heard = self.over(spoken, 3000, 2000)
        waiting = 0
        while True:
            try:
                self.far.recv(2000)
                waiting += 1
            except BlockingIOError:
                break
        self.assertLessEqual(waiting, 4)
        self.assertLess(loudest_click(heard[-80_000:]), 1.15 * loudest_click(spoken))

    def test_tone(self) -> None:
        """A tone stays whole."""
        long = tone(200, 16000)  # 400 Hz at 16 kHz
        heard = self.over(long, 1500, 2000)
        levels = [level(heard[at : at + 1600], 200) for at in range(0, len(heard) - 1600, 1600)]
        self.assertGreater(min(levels), -10.6)
        self.assertLess(loudest_click(heard), 2.5 * loudest_click(long))

    def test_gone(self) -> None:
        """A far end that went away is told of."""
        self.far.close()
        self.assertFalse(self.played.play(bytes(4 * FRAME)))
