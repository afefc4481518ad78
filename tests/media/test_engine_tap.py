"""What a tap hears of a stream on the real engine: both sides, in step."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable
from dataclasses import replace

from neon.media.engine import Samples, Silence, Stream, Tone
from neon.media.sound import Tap
from neon.values import MediaDirection
from tests.media.peers import LIMIT
from tests.media.signals import FRAME, level, loudness
from tests.media.starvation import again_if_starved
from tests.media.test_engine import EngineCase

SILENT = -60.0
"""dBm0. A-law has no zero: its silence is about 66 dB below a milliwatt."""


@again_if_starved
class TapTests(EngineCase):
    def setUp(self) -> None:
        super().setUp()
        self.peer = self.new_peer()
        self.stream: Stream = self.new_stream()
        self.stream.set_source(Tone(1004, -10))
        self.tap = Tap()

    def heard(self) -> tuple[array[int], array[int]]:
        """Ours and theirs, as far as they came."""
        samples = array("h", self.tap.read())
        return samples[::2], samples[1::2]

    def until(self, look: Callable[[], bool]) -> None:
        """The engine's thread does what it was told within 10 ms; wait for it by its packets."""
        deadline = time.monotonic() + LIMIT
        while not look():
            self.assertLess(time.monotonic(), deadline)
            self.peer.rtp.recv(2000)

    def test_sides(self) -> None:
        """On the left what we send, on the right what we play: each with its tone alone, sample for sample in step."""
        self.stream.start(self.peer.agreement())
        self.peer.converse(self.stream, 10, 440, -20)
        self.stream.set_tap(self.tap)
        self.peer.converse(self.stream, 5, 440, -20)
        self.heard()
        self.peer.converse(self.stream, 25, 440, -20)
        ours, theirs = self.heard()
        self.assertEqual(len(ours), len(theirs))
        self.assertGreater(len(ours), 20 * FRAME)
        for side, hz, dbm0 in ((ours, 1004, -10), (theirs, 440, -20)):
            self.assertLess(abs(level(side, hz) - dbm0), 0.6)
            self.assertLess(abs(loudness(side) - dbm0), 1.0)

    def test_beginning(self) -> None:
        """Nothing of before the tap is in it, and nothing at all while the stream has not started."""
        self.stream.set_tap(self.tap)
        self.assertEqual(self.tap.read(), b"")
        self.assertFalse(self.tap.done)

    def test_hold(self) -> None:
        """Time goes on while nothing is sent or received: with silence on both sides."""
        agreement = replace(self.peer.agreement(), direction=MediaDirection.INACTIVE)
        self.stream.start(agreement)
        self.stream.set_tap(self.tap)
        deadline = time.monotonic() + LIMIT
        pcm = b""
        while len(pcm) < 40 * FRAME and time.monotonic() < deadline:
            pcm += self.tap.read()
        self.assertGreaterEqual(len(pcm), 40 * FRAME)
        self.assertEqual(set(pcm), {0})

    def test_mute(self) -> None:
        """Muted, our side is silent and theirs is heard."""
        self.stream.start(self.peer.agreement())
        self.peer.converse(self.stream, 10, 440)
        self.stream.set_source(Silence())
        self.stream.set_tap(self.tap)
        self.peer.converse(self.stream, 5, 440)
        self.heard()
        self.peer.converse(self.stream, 20, 440)
        ours, theirs = self.heard()
        self.assertLess(loudness(ours), SILENT)
        self.assertLess(abs(level(theirs, 440) + 10), 0.6)

    def test_pause(self) -> None:
        """A pause is silence on both sides, as long as it lasts."""
        self.stream.start(self.peer.agreement())
        self.stream.set_tap(self.tap)
        self.peer.converse(self.stream, 10, 440)
        self.tap.pause(True)
        self.peer.converse(self.stream, 3, 440)
        self.heard()
        self.peer.converse(self.stream, 10, 440)
        ours, theirs = self.heard()
        self.assertEqual(set(ours) | set(theirs), {0})
        self.tap.pause(False)
        self.peer.converse(self.stream, 3, 440)
        self.heard()
        self.peer.converse(self.stream, 20, 440)
        self.assertLess(abs(level(self.heard()[0], 1004) + 10), 0.3)

    def test_digits(self) -> None:
        """Digits that are sent as tones are not in it: people type passwords."""
        self.stream.set_source(Silence())
        self.stream.start(replace(self.peer.agreement(), telephone_event=None))
        self.stream.set_tap(self.tap)
        self.stream.send_digit("5", 200)
        sent = self.peer.listen(15)
        self.assertGreater(loudness(sent), -20)
        self.assertLess(loudness(self.heard()[0]), SILENT)

    def test_done(self) -> None:
        """A tap is done when the stream has another one, has none, or is closed."""
        self.stream.start(self.peer.agreement())
        for let_go in (lambda: self.stream.set_tap(Tap()), lambda: self.stream.set_tap(None), self.stream.close):
            tap = self.tap = Tap()
            self.stream.set_tap(tap)
            self.until(lambda: bool(tap.read()))  # noqa: B023 - called at once
            self.assertFalse(tap.done)
            let_go()
            deadline = time.monotonic() + LIMIT
            while not tap.done and time.monotonic() < deadline:
                pass
            self.assertTrue(tap.done)
        self.assertRaises(ValueError, self.stream.set_tap, None)

    def test_full(self) -> None:
        """What nobody reads in time is silence of the same length, and counted."""
        self.tap = Tap(0.1)  # room for 1,024 samples: six packets and a bit
        self.stream.set_source(Samples(array("h", [1000] * FRAME).tobytes(), loop=True))
        self.stream.start(self.peer.agreement())
        self.stream.set_tap(self.tap)
        self.until(lambda: self.tap.lost >= 3 * FRAME)
        ours, _ = self.heard()
        self.assertEqual(list(ours), [1000] * 6 * FRAME)
        lost = self.tap.lost
        deadline = time.monotonic() + LIMIT
        later: list[int] = []
        while 1000 not in later and time.monotonic() < deadline:
            later += self.heard()[0]
        silence = later.index(1000)
        self.assertEqual(set(later[:silence]), {0})
        self.assertGreaterEqual(silence, lost)

    def test_wrong(self) -> None:
        """Only a tap is a tap, and its room is bounded."""
        for bad in (0, -1, 1e4):
            self.assertRaises(ValueError, Tap, bad)
        self.assertRaises(TypeError, self.stream._native.tap, 5)


@again_if_starved
class LevelTests(EngineCase):
    def test_levels(self) -> None:
        """The counters know how loud both sides were: the mean square of what was sent and played."""
        peer, stream = self.new_peer(), self.new_stream()
        stream.set_source(Samples(array("h", [1000] * FRAME).tobytes(), loop=True))
        stream.start(peer.agreement())
        peer.converse(stream, 10, 440, -20)
        before = stream.statistics()
        peer.converse(stream, 25, 440, -20)
        after = stream.statistics()
        sent = (after.sent_energy - before.sent_energy) / (after.sent_samples - before.sent_samples)
        self.assertEqual(sent, 1_000_000)
        heard = (after.heard_energy - before.heard_energy) / (after.heard_samples - before.heard_samples)
        stream.set_source(Samples(array("h", [-32768] * FRAME).tobytes(), loop=True))
        peer.converse(stream, 5, 440, -20)
        peer.drain()  # what waits already takes the engine no time
        before = stream.statistics()
        peer.converse(stream, 5, 440, -20)
        after = stream.statistics()
        loudest = (after.sent_energy - before.sent_energy) / (after.sent_samples - before.sent_samples)
        self.assertEqual(loudest, 32768**2)
        expected = (32768 * 10 ** ((-20 - 3.14) / 20)) ** 2 / 2
        self.assertLess(abs(heard / expected - 1), 0.4)
