"""The jitter buffer, fed with lists of what arrives and when; time passes by popping."""

from __future__ import annotations

from array import array

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from neon.media import _engine
from tests.media.signals import FRAME, level, loudness, tone


class JitterTests(SynchronousTestCase):
    """A 400 Hz tone (its period is 20 samples) through a buffer, packet by packet."""

    def setUp(self) -> None:
        self.buffer = _engine.JitterBuffer(True)
        self.heard: array[int] = array("h")

    def packet(self, number: int, samples: int = FRAME) -> bytes:
        return _engine.alaw_encode(tone(400, samples, start=number * samples))

    def push(self, *numbers: int, base: int = 0, samples: int = FRAME) -> list[str]:
        return [
            self.buffer.push((base + number * samples) & 0xFFFFFFFF, self.packet(number, samples)) for number in numbers
        ]

    def pop(self, frames: int = 1, samples: int = FRAME) -> None:
        for _ in range(frames):
            self.heard.frombytes(self.buffer.pop(samples))

    def wanted(self, frames: int) -> array[int]:
        """20 ms of delay and then the tone, as it comes out of the codec."""
        decoded = array("h", _engine.alaw_decode(_engine.alaw_encode(tone(400, frames * FRAME))))
        return array("h", bytes(2 * FRAME)) + decoded

    def test_nothing_yet(self) -> None:
        """Before the first packet there is silence, and none of it counts as lost."""
        self.pop(10)
        self.assertEqual(set(self.heard), {0})
        self.assertEqual(self.buffer.counters()["concealed"], 0)

    def test_in_order(self) -> None:
        """Packets in order come out untouched, 20 ms later."""
        for number in range(50):
            self.assertEqual(self.push(number), ["stored"])
            self.pop()
        self.assertEqual(self.heard, self.wanted(49))
        self.assertEqual(self.buffer.counters()["concealed"], 0)

    def test_every_packet_time(self) -> None:
        """Packets of 10 to 60 ms, whatever is taken at a time, give the same samples."""
        for samples in (80, 160, 240, 320, 400, 480):
            for taken in (80, 160):
                self.setUp()
                for position in range(0, 9600, taken):
                    for start in range(position, position + taken):
                        if start % samples == 0:
                            self.push(start // samples, samples=samples)
                    self.pop(1, taken)
                self.assertEqual(self.heard, self.wanted(60)[: len(self.heard)], f"{samples} samples by {taken}")

    def test_reordered(self) -> None:
        """Two packets that overtook each other come out in their own order."""
        self.push(0)
        self.pop()
        for number in range(1, 41, 2):
            self.push(number + 1, number)
            self.pop(2)
        self.assertEqual(self.heard, self.wanted(40)[: len(self.heard)])

    def test_overtaken_at_the_beginning(self) -> None:
        """The packet before the one that began the buffer is still played if there is time."""
        self.buffer.push(80, self.packet(1, 80))
        self.assertEqual(self.buffer.push(0, self.packet(0, 80)), "stored")
        self.pop(1)
        self.assertGreater(loudness(self.heard[-80:]), -12)

    def test_duplicates(self) -> None:
        """A packet that comes twice is counted and changes nothing."""
        for number in range(20):
            self.push(number)
            self.assertEqual(self.push(number), ["duplicate"])
            self.pop()
        self.assertEqual(self.heard, self.wanted(19))
        self.assertEqual(self.buffer.counters()["duplicates"], 20)

    def test_wrap(self) -> None:
        """The timestamp passes 2^32 unnoticed."""
        for number in range(40):
            self.push(number, base=2**32 - 20 * FRAME)
            self.pop()
        self.assertEqual(self.heard, self.wanted(39))

    def test_one_lost(self) -> None:
        """A lost packet is filled with more of the same: the tone goes on, at its level and in phase."""
        for number in range(30):
            if number != 15:
                self.push(number)
            self.pop()
        lost = self.heard[16 * FRAME : 17 * FRAME]
        self.assertLess(abs(level(lost, 400) + 10), 1.5)
        # In phase: a jump where the packets meet would show as an error near twice the amplitude.
        error = max(abs(a - b) for a, b in zip(self.heard, self.wanted(29), strict=True))
        self.assertLess(error, 0.45 * max(self.heard))
        self.assertEqual(self.heard[18 * FRAME :], self.wanted(29)[18 * FRAME :])
        self.assertEqual(self.buffer.counters()["concealed"], 1)

    def test_losses_anywhere(self) -> None:
        """With every third packet lost the tone is always there, and what arrived comes out."""
        arrives = [number % 3 != 2 for number in range(60)]
        for number, here in enumerate(arrives):
            if here:
                self.push(number)
            self.pop()
        for frame in range(2, 60):
            self.assertGreater(level(self.heard[frame * FRAME : (frame + 1) * FRAME], 400), -14, f"frame {frame}")
        self.assertEqual(self.buffer.counters()["concealed"], sum(not here for here in arrives[:59]))

    def test_long_loss_fades(self) -> None:
        """A loss fades and is silent after 60 ms (G.711 Appendix I)."""
        self.push(*range(10))
        self.pop(11)
        end = len(self.heard)
        self.pop(8)
        levels = [loudness(self.heard[at : at + 80]) for at in range(end, end + 640, 80)]
        self.assertLess(abs(levels[0] + 10), 0.5)
        self.assertEqual(levels[:6], sorted(levels[:6], reverse=True))
        self.assertEqual(set(self.heard[end + 480 :]), {0})
        self.assertEqual(self.buffer.counters()["concealed"], 3)

    def test_begins_again(self) -> None:
        """After 200 ms of nothing the next packet is a new beginning, at any timestamp, with 20 ms of delay."""
        self.push(0)
        self.pop()
        self.push(1)
        self.pop(13)
        self.heard = array("h")
        for number in range(20):
            self.push(number, base=1_000_000)
            self.pop()
        self.assertEqual(self.heard, self.wanted(19))

    def test_late_packets_are_waited_for(self) -> None:
        """When packets come later than the delay allows, the delay grows once and nothing more is lost."""
        for number in range(10):
            self.push(number)
            self.pop()
        self.pop(2)  # the network slows down: two frames are concealed
        for number in range(10, 60):
            self.assertEqual(self.push(number), ["stored"])
            self.pop()
        self.assertEqual(self.buffer.counters()["late"], 0)
        self.assertLessEqual(self.buffer.counters()["concealed"], 2)
        self.assertEqual(self.heard[-40 * FRAME :], self.wanted(59)[-40 * FRAME :])

    def test_overtaken_is_late(self) -> None:
        """A packet whose place was concealed and passed by newer audio is dropped and counted."""
        self.push(0, 1, 3, 4)
        self.pop(5)
        self.assertEqual(self.push(2), ["late"])
        self.assertEqual(self.buffer.counters()["late"], 1)

    def test_delay_shrinks(self) -> None:
        """Delay that is no longer needed goes away, 10 ms at a time, and the tone stays whole."""
        self.push(*range(8))
        for number in range(8, 1500):
            self.push(number)
            self.pop()
        self.assertLessEqual(self.buffer.counters()["delay"], 3 * FRAME)
        self.assertEqual(self.buffer.counters()["concealed"], 0)
        second = self.heard[-8000:]
        self.assertLess(abs(level(second, 400) + 10), 0.3)

    def test_stall(self) -> None:
        """A burst larger than the ring begins again at its newest part and never reads what was not written."""
        self.push(0)
        self.pop()
        self.push(*range(1, 40))
        self.pop(30)
        self.assertGreaterEqual(self.buffer.counters()["resets"], 1)
        self.assertLessEqual(self.buffer.counters()["concealed"], 3)

    def test_too_long(self) -> None:
        """More than 60 ms in a packet, or nothing, is refused."""
        self.assertEqual(self.buffer.push(0, bytes(481)), "refused")
        self.assertEqual(self.buffer.push(0, b""), "refused")
        self.assertRaises(ValueError, self.buffer.pop, 481)
        self.assertRaises(ValueError, self.buffer.pop, -1)

    @settings(max_examples=150, deadline=None)
    @given(
        st.lists(
            st.one_of(
                st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 481)),
                st.tuples(st.integers(-2000, 2000), st.integers(1, 480)),
                st.integers(0, 480),
            ),
            max_size=80,
        )
    )
    def test_anything(self, steps: list[tuple[int, int] | int]) -> None:
        """Any packets in any order are borne, and as many samples come out as are asked for."""
        buffer = _engine.JitterBuffer()
        now = 1000
        for step in steps:
            if isinstance(step, int):
                self.assertEqual(len(buffer.pop(step)), 2 * step)
                now += step
            else:
                timestamp, length = step
                at = timestamp if timestamp > 2000 else now + timestamp
                self.assertIn(
                    buffer.push(at & 0xFFFFFFFF, bytes(length)), ("stored", "duplicate", "late", "refused")
                )
