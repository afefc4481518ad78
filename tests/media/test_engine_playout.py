"""Streams over real sockets: packets of every length, comfort noise, and what floods and forgeries do to the delay."""

from __future__ import annotations

from array import array

from neon.media import _engine
from neon.media.engine import Echo, Engine
from tests.media.peers import Peer
from tests.media.signals import FRAME, level, loudness, tone
from tests.media.starvation import again_if_starved
from tests.media.test_engine import EngineCase


@again_if_starved
class PlayoutTests(EngineCase):
    def setUp(self) -> None:
        super().setUp()
        self.peer = self.new_peer()
        self.stream = self.new_stream()
        self.stream.set_source(Echo())

    def send(self, hz: float, samples: int) -> None:
        self.peer.send(
            self.stream, _engine.alaw_encode(tone(hz, samples, start=self.peer.time)), samples=samples
        )

    def converse(self, count: int, hz: float, samples: int) -> array[int]:
        """Send packets of so many samples for as long as so many of ours take; what comes back."""
        heard, ahead = array("h"), 0
        for _ in range(count):
            heard.extend(self.peer.listen(1))
            ahead += FRAME
            while ahead >= samples:
                ahead -= samples
                self.send(hz, samples)
        return heard

    def test_every_length(self) -> None:
        """Packets of 10 to 60 ms are heard, also when their length changes in the middle of a call."""
        self.stream.start(self.peer.agreement())
        self.converse(10, 600, FRAME)
        for milliseconds in (60, 10, 40, 30, 50, 20):
            off = 99.0
            for _ in range(8):  # a busy machine makes us late, again and again
                heard = self.converse(40, 600, milliseconds * 8)
                windows = (heard[at : at + 1600] for at in range(0, len(heard) - 1600, 160))
                off = min(off, *(abs(level(window, 600) + 10) for window in windows))
                if off < 0.3:
                    break
            self.assertLess(off, 0.3, f"{milliseconds} ms")

    def test_comfort_noise(self) -> None:
        """Where the far end says what its silence sounds like, that is heard until it speaks again."""
        self.stream.start(self.peer.agreement())
        self.converse(20, 600, FRAME)
        self.peer.send(self.stream, bytes((40, 100)), payload_type=13)
        rest = self.peer.listen(30)
        self.peer.time += 29 * FRAME
        again = self.converse(30, 600, FRAME)
        levels = sorted(loudness(rest[at : at + 800]) for at in range(8 * FRAME, len(rest) - 800, 400))
        self.assertLess(abs(levels[len(levels) // 2] - (6.18 - 40)), 3)
        self.assertLess(abs(level(again[-15 * FRAME :], 600) + 10), 0.5)
        self.assertLessEqual(self.stream.statistics().frames_concealed, 4)

    def test_comfort_noise_from_strangers(self) -> None:
        """A stranger's is not heard."""
        self.stream.start(self.peer.agreement())
        self.converse(20, 600, FRAME)
        stranger = self.new_peer()
        for _ in range(20):
            stranger.send(self.stream, bytes((0,)), payload_type=13)
        heard = self.converse(20, 600, FRAME)
        self.assertLess(abs(level(heard[5 * FRAME :], 600) + 10), 0.5)


@again_if_starved
class BoundsTests(EngineCase):
    def test_bounds(self) -> None:
        """A jitter buffer's delay is bounded by 20 to 200 ms, and so are its bounds."""
        for bad in (range(10, 100), range(20, 300), range(100, 50)):
            self.assertRaises((ValueError, IndexError), Engine, playout_delay=bad)
        Engine(playout_delay=range(60, 101))

    def test_least(self) -> None:
        """With a least of 120 ms audio is heard that much later."""
        engine = Engine(playout_delay=range(120, 201))
        engine.start()
        self.addCleanup(engine.stop)
        stream = engine.open_stream("127.0.0.1", range(21000, 24000))
        self.addCleanup(stream.close)
        stream.set_source(Echo())
        peer = Peer()
        self.addCleanup(peer.close)
        stream.start(peer.agreement())
        heard = peer.converse(stream, 40, 600)
        first = next(at for at in range(0, len(heard), FRAME) if loudness(heard[at : at + FRAME]) > -20)
        self.assertGreaterEqual(first, 6 * FRAME)
        self.assertGreaterEqual(stream.statistics().playout_delay_ms, 115)
