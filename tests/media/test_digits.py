"""Telephone events (RFC 4733), packet by packet."""

from __future__ import annotations

import struct

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from neon.media import _engine
from tests.media.signals import FRAME


class SendingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.digits = _engine.Digits()
        self.time = 1000

    def interval(self) -> tuple[int, bool, int, int, bool] | None:
        """Event, end bit, duration, timestamp and marker of the next packet; None for audio."""
        sent = self.digits.next(self.time, FRAME)
        self.time += FRAME
        if sent is None:
            return None
        payload, timestamp, marker = sent
        event, flags, duration = struct.unpack("!BBH", payload)
        return event, bool(flags & 0x80), duration, timestamp, marker

    def test_nothing(self) -> None:
        """Without a digit there is audio."""
        self.assertIsNone(self.interval())

    def test_one_digit(self) -> None:
        """The duration grows, the timestamp stays, the first packet is marked, the end is sent three times."""
        self.assertTrue(self.digits.push("5", 800))
        self.assertEqual([self.interval() for _ in range(8)], [
            (5, False, 160, 1000, True),
            (5, False, 320, 1000, False),
            (5, False, 480, 1000, False),
            (5, False, 640, 1000, False),
            (5, True, 800, 1000, False),
            (5, True, 800, 1000, False),
            (5, True, 800, 1000, False),
            None,
        ])

    def test_gap(self) -> None:
        """Between two digits, also equal ones, there are 60 ms of audio; the second has its own timestamp."""
        self.digits.push("1", 320)
        self.digits.push("1", 320)
        sent = [self.interval() for _ in range(12)]
        self.assertEqual([packet is None for packet in sent], [False] * 4 + [True] * 3 + [False] * 4 + [True])
        self.assertEqual(sent[7], (1, False, 160, 1000 + 7 * FRAME, True))

    def test_all_digits(self) -> None:
        """The sixteen digits have the event codes 0 to 15 (table 3); small letters are taken too."""
        for code, digit in enumerate("0123456789*#ABCD"):
            self.setUp()
            self.digits.push(digit, 320)
            packet = self.interval()
            assert packet is not None
            self.assertEqual(packet[0], code)
        self.assertTrue(self.digits.push("d", 320))

    def test_no_digit(self) -> None:
        """What is no digit is refused."""
        for character in "xE é\0":
            self.assertFalse(self.digits.push(character, 320))

    def test_limits(self) -> None:
        """A digit lasts 40 ms at least, 6 s at most; the queue holds 64."""
        self.digits.push("1", 1)
        packets = [self.interval() for _ in range(2)]
        self.assertEqual([packet[2] for packet in packets if packet], [160, 320])
        self.setUp()
        self.digits.push("1", 10**6)
        durations = [packet[2] for packet in iter(self.interval, None)]
        self.assertEqual(durations[-1], 48000)
        self.assertEqual([self.digits.push("2", 320) for _ in range(65)], [True] * 64 + [False])


class ReceivingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.digits = _engine.Digits()

    def hear(self, event: int, duration: int, timestamp: int, *, end: bool = False, marker: bool = False) -> str | None:
        return self.digits.receive(timestamp, marker, struct.pack("!BBH", event, end << 7 | 10, duration))

    def test_told_once(self) -> None:
        """An event of many packets with three ends is one digit."""
        told = [self.hear(5, 160 * n, 1000, marker=n == 1) for n in range(1, 6)]
        told += [self.hear(5, 800, 1000, end=True) for _ in range(3)]
        self.assertEqual(told, ["5"] + [None] * 7)

    def test_only_the_end_arrives(self) -> None:
        """Any one of its packets is enough."""
        self.assertEqual(self.hear(11, 800, 1000, end=True), "#")

    def test_same_digit_twice(self) -> None:
        """A new timestamp is a new digit."""
        self.assertEqual([self.hear(1, 800, 1000, end=True), self.hear(1, 160, 3000)], ["1", "1"])

    def test_overtaken(self) -> None:
        """A packet of the digit before, late, is no news."""
        self.assertEqual([self.hear(1, 160, 1000), self.hear(2, 160, 3000), self.hear(1, 800, 1000, end=True)],
                         ["1", "2", None])

    def test_segments(self) -> None:
        """A long event goes on in segments, each beginning where the last one ended, without a marker."""
        told = [self.hear(3, 160, 1000, marker=True), self.hear(3, 0xFFFF, 1000), self.hear(3, 160, 1000 + 0xFFFF)]
        self.assertEqual(told, ["3", None, None])
        self.assertEqual(self.hear(3, 160, 1000 + 0xFFFF + 160, marker=True), "3")

    def test_wrap(self) -> None:
        """A digit after the timestamp's wrap is later, not earlier."""
        self.assertEqual([self.hear(1, 800, 2**32 - 900, end=True), self.hear(2, 160, 100)], ["1", "2"])

    def test_no_digit(self) -> None:
        """Flash and other events, and short payloads, are no digits."""
        self.assertIsNone(self.hear(16, 160, 1000))
        self.assertIsNone(self.hear(255, 160, 1000))
        self.assertIsNone(self.digits.receive(1000, False, b"\x05\x0a\x00"))

    @settings(max_examples=100, deadline=None)
    @given(st.integers(0, 2**32 - 1), st.booleans(), st.binary(max_size=8))
    def test_anything(self, timestamp: int, marker: bool, payload: bytes) -> None:
        """Any payload is a digit or nothing."""
        told = _engine.Digits().receive(timestamp, marker, payload)
        self.assertTrue(told is None or told in "0123456789*#ABCD")
