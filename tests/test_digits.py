"""Digits as people and programs write them, and the pace at which they leave."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.digits import APART, LONGEST, PAUSE, Dialler, parse


class ParseTests(SynchronousTestCase):
    def test_spellings(self) -> None:
        """Digits, words for the two keys that a query cannot hold, small letters, pauses, spaces between."""
        for text, digits in (
            ("1", "1"), ("0123456789*#ABCD", "0123456789*#ABCD"), ("abcd", "ABCD"), ("hash", "#"), ("Pound", "#"),
            ("STAR", "*"), ("1 2 34", "1234"), ("1,,2", "1,,2"), ("star21star", "*21*"), ("5hash", "5#"),
            (" 7 ", "7"), ("asterisk", "*"),
        ):  # fmt: skip
            self.assertEqual(parse(text), digits, text)

    def test_none(self) -> None:
        """What is no digit, pauses alone and a novel are refused."""
        bad = ("", " ", ",", ",,", "12x", "E", "1-2", "(1)", "1.5", "1\r\n2", "१", "st", "ha sh", "1" * (LONGEST + 1))
        for text in bad:
            self.assertRaises(ValueError, parse, text)


class DiallerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.dialler = Dialler(self.clock)
        self.pressed: list[tuple[float, str]] = []

    def press(self, digit: str) -> None:
        self.pressed.append((round(self.clock.seconds(), 3), digit))

    def test_pace(self) -> None:
        """The first digit leaves at once, the others one after the other, a comma is two seconds of nothing."""
        self.dialler.dial("12,3", self.press)
        self.assertEqual(self.pressed, [(0.0, "1")])
        self.clock.pump([0.02] * 200)
        self.assertEqual([digit for _, digit in self.pressed], ["1", "2", "3"])
        self.assertApproximates(self.pressed[1][0], APART, 0.021)
        self.assertApproximates(self.pressed[2][0], 2 * APART + PAUSE, 0.041)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_queue(self) -> None:
        """What is dialled meanwhile waits for its turn, with its own gap."""
        other: list[str] = []
        self.dialler.dial("1", self.press)
        self.dialler.dial("2", other.append)
        self.assertEqual(other, [])
        self.clock.advance(APART)
        self.assertEqual(other, ["2"])

    def test_stop(self) -> None:
        """After the end of a call nothing is dialled any more."""
        self.dialler.dial("123", self.press)
        self.dialler.stop()
        self.dialler.stop()
        self.clock.advance(10)
        self.assertEqual(len(self.pressed), 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])
