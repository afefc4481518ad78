"""Sound cards that have 48 kHz only: the way there and back, and when it is taken."""

from __future__ import annotations

from array import array
from typing import Any
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from neon.media import _engine, portaudio
from neon.media.cardrate import CARD_RATE, REFUSED, Converted
from tests.media.signals import level, loudness, tone

SLOW, FAST = 16000, 48000
FRAME = 320


def at_rate(hz: float, rate: int, frames: int = 50) -> array[int]:
    """A sine of -10 dBm0."""
    return tone(hz * 8000 / rate, frames * FRAME * (rate // SLOW))


def level_at(samples: array[int], hz: float, rate: int) -> float:
    return level(samples, hz * 8000 / rate)


def settled(data: bytes) -> array[int]:
    """Samples, without those before the filter had settled."""
    samples = array("h", data)
    return samples[len(samples) // 5 :]


class ResamplerTests(SynchronousTestCase):
    def test_up(self) -> None:
        """Speech goes up unchanged, and its images are 60 dB below it."""
        for hz in (100, 1000, 4000, 6500):
            fast = settled(_engine.Resampler(up=True).convert(at_rate(hz, SLOW).tobytes()))
            self.assertLess(abs(level_at(fast, hz, FAST) + 10), 0.1, hz)
            for image in (SLOW - hz, SLOW + hz):
                self.assertLess(level_at(fast, image, FAST), -70, f"{hz} {image}")

    def test_down(self) -> None:
        """So it comes down; what 16 kHz cannot carry is 60 dB down, instead of folded back."""
        for hz in (100, 1000, 4000, 6500):
            slow = settled(_engine.Resampler(up=False).convert(at_rate(hz, FAST).tobytes()))
            self.assertLess(abs(level_at(slow, hz, SLOW) + 10), 0.1, hz)
        for hz in (9000, 11000, 15000, 20000):
            slow = settled(_engine.Resampler(up=False).convert(at_rate(hz, FAST).tobytes()))
            self.assertLess(loudness(slow), -70, hz)

    def test_frames(self) -> None:
        """Frame by frame is as all at once; the loudest sound does not turn over; half a frame is an error."""
        samples = array("h", [32767, -32768] * (5 * FRAME)).tobytes()
        at_once = _engine.Resampler(up=True).convert(samples)
        resampler = _engine.Resampler(up=True)
        one_by_one = [resampler.convert(samples[at : at + 2 * FRAME]) for at in range(0, len(samples), 2 * FRAME)]
        self.assertEqual(b"".join(one_by_one), at_once)
        loud = settled(_engine.Resampler(up=False).convert(tone(500, 3 * 50 * FRAME, 3.1).tobytes()))
        self.assertLess(abs(level_at(loud, 3000, SLOW) - 3.1), 0.1)
        self.assertRaises(ValueError, resampler.convert, bytes(FRAME))


class Card:
    """A PyAudio whose card has some rates only, and plays into what it captures."""

    def __init__(self, *rates: int) -> None:
        self.rates = rates
        self.opened: list[tuple[int, int]] = []
        self.played = b""

    def open(self, rate: int, channels: int, form: int, *, frames_per_buffer: int, **side: Any) -> Card:
        if rate not in self.rates:
            raise OSError(REFUSED, "Invalid sample rate")
        self.opened.append((rate, frames_per_buffer))
        return self

    def write(self, frames: bytes, exception_on_underflow: bool = True) -> None:
        self.played += frames

    def read(self, num_frames: int, exception_on_overflow: bool = True) -> bytes:
        frames, self.played = self.played[: 2 * num_frames], self.played[2 * num_frames :]
        return frames


class OpeningTests(SynchronousTestCase):
    """L{portaudio.Device} with a card that is ours."""

    def opened(self, card: Card) -> Any:
        device = portaudio.Device()
        with patch.object(device, "_started", lambda: card), patch.object(device, "_index", lambda *_: 0):
            return device._open_now("Output", "")

    def test_its_own_rate(self) -> None:
        """A card that has 16 kHz is opened so, and nothing is converted."""
        card = Card(SLOW, FAST)
        self.assertIs(self.opened(card), card)
        self.assertEqual(card.opened, [(SLOW, FRAME)])

    def test_48_only(self) -> None:
        """One that refuses it is opened at 48 kHz; a tone is played and captured at its level."""
        card = Card(44100, FAST)
        stream = self.opened(card)
        self.assertIsInstance(stream, Converted)
        self.assertEqual(card.opened, [(CARD_RATE, 3 * FRAME)])
        spoken = at_rate(2500, SLOW)
        for begin in range(0, len(spoken), FRAME):
            stream.write(spoken[begin : begin + FRAME].tobytes(), exception_on_underflow=False)
        self.assertEqual(len(card.played), 3 * 2 * len(spoken))
        heard = b"".join(stream.read(FRAME, exception_on_overflow=False) for _ in range(50))
        self.assertEqual(len(heard), 2 * len(spoken))
        self.assertLess(abs(level_at(settled(heard), 2500, SLOW) + 10), 0.1)

    def test_neither(self) -> None:
        """One that has neither cannot be opened; another error is not taken for a rate."""
        self.assertRaises(OSError, self.opened, Card(44100))
        card = Card(SLOW)
        with patch.object(card, "open", side_effect=OSError(-9996, "Invalid output device")) as tried:
            self.assertRaises(OSError, self.opened, card)
            self.assertEqual(tried.call_count, 1)
