"""What is played by a sound card whose clock is not ours, in simulated time: only the socket is a real one."""

from __future__ import annotations

import contextlib
import fcntl
import socket
import sys
import termios
from array import array

from twisted.trial.unittest import SynchronousTestCase

from neon.media import _engine
from neon.media.cardfill import CardFill
from tests.media.signals import FRAME, level, tone
from tests.media.speech import loudest_click, speech

RING = 960
"""Samples that the card holds, as PulseAudio gives them to PortAudio: 60 ms."""


class Card:
    """A sound card with its worker, behind a socket; C{ppm} faster than we are."""

    def __init__(self, ppm: float) -> None:
        near, self._far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._far.setblocking(False)
        with near:
            self.played = _engine.Played(near.fileno(), True)
        self._speed = 2 * FRAME * (1 + ppm * 1e-6)
        self._left = 0.0
        self._fill = CardFill(self)
        self._left = 4.0 * FRAME  # what the worker puts in at first
        self.dry = 0
        self.heard = array("h")

    def get_write_available(self) -> int:
        return int(RING - self._left)

    def frame(self, samples: bytes, keep: bool = False) -> int:
        """A frame of ours and as much of the card's time; returns how many samples have not been played yet."""
        self.played.play(samples)
        self.played.hear()
        self._left -= self._speed
        if self._left < 0:
            self._left = 0
            self.dry += 1
        with contextlib.suppress(BlockingIOError):
            while self._left + 2 * FRAME <= RING:
                frame = self._far.recv(2000)
                self._fill.look(self._far)
                self._left += 2 * FRAME
                if keep:
                    self.heard.frombytes(frame)
        if self._left + 2 * FRAME <= RING:
            return int(self._left)
        waiting = bytearray(4)
        fcntl.ioctl(self._far, termios.FIONREAD, waiting)
        return int(self._left) + int.from_bytes(waiting, sys.byteorder) // 2

    def close(self) -> None:
        self._far.close()


class FasterTests(SynchronousTestCase):
    """A card that plays faster than we give, and says how little it has."""

    def over(self, samples: array[int], frames: int, ppm: float) -> Card:
        """A card that has heard so many frames."""
        card = Card(ppm)
        self.addCleanup(card.close)
        pieces = [samples[at : at + 2 * FRAME].tobytes() for at in range(0, len(samples) - 2 * FRAME + 1, 2 * FRAME)]
        for number in range(frames):
            self.assertLess(card.frame(pieces[number % len(pieces)], keep=True), 16 * 130)
        return card

    def test_speech(self) -> None:
        """Periods are said twice before it runs dry, and nothing clicks."""
        spoken = speech(4.0, 16000)
        card = self.over(spoken, 3000, 1500)
        self.assertEqual(card.dry, 0)
        self.assertGreater(len(card.heard), 3000 * 2 * FRAME)
        self.assertLess(loudest_click(card.heard[-80_000:]), 1.15 * loudest_click(spoken))

    def test_tone(self) -> None:
        """A tone stays whole."""
        long = tone(200, 16000)  # 400 Hz at 16 kHz
        heard = self.over(long, 1500, 2000).heard
        levels = [level(heard[at : at + 1600], 200) for at in range(0, len(heard) - 1600, 1600)]
        self.assertGreater(min(levels), -10.6)
        self.assertLess(loudest_click(heard), 2.5 * loudest_click(long))

    def test_same_clock(self) -> None:
        """With a card that is as fast as we are nothing is changed."""
        spoken = speech(4.0, 16000)
        card = self.over(spoken, 1000, 0)
        self.assertEqual(card.heard, (spoken * 6)[: len(card.heard)])


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
