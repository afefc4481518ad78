"""Digits by INFO, both ways."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from neon.sip import info
from tests.sip.calls import CallCase
from tests.sip.messages import PEER
from tests.sip.network import Datagram
from tests.sip.test_hold import HeldCase

BOB = ("127.0.0.2", 5060)


class DigitTests(HeldCase):
    def infos(self) -> list[Datagram]:
        return self.sent("INFO", to=PEER)

    def test_one_after_the_other(self) -> None:
        """Each digit is an INFO with dtmf-relay, and waits for the answer to the one before."""
        self.call.send_digit("5", 100)
        self.call.send_digit("#", 160)
        (first,) = self.infos()
        self.assertEqual(first.header("Content-Type"), "application/dtmf-relay")
        self.assertEqual(first.text.partition("\r\n\r\n")[2], "Signal=5\r\nDuration=100\r\n")
        self.respond(200, request=first)
        second = self.infos()[-1]
        self.assertEqual(second.text.partition("\r\n\r\n")[2], "Signal=#\r\nDuration=160\r\n")
        self.assertEqual((first.header("CSeq"), second.header("CSeq")), ("2 INFO", "3 INFO"))
        self.respond(200, request=second)
        self.assertEqual(self.ear.heard, [])
        self.hang_up()

    def test_refused(self) -> None:
        """A far end that takes no INFO gets the digits another way, in their order; later ones are asked again."""
        for digit in "123":
            self.call.send_digit(digit, 100)
        self.respond(415, request=self.infos()[0])
        self.assertEqual((self.ear.heard, len(self.infos())), (["digits refused 123"], 1))
        self.call.send_digit("4", 100)
        self.respond(405, request=self.infos()[1])
        self.assertEqual(self.ear.heard[-1], "digits refused 4")

    def test_lost(self) -> None:
        """Digits that nobody answered for half a minute are typed nowhere."""
        self.call.send_digit("1", 100)
        self.call.send_digit("2", 100)
        self.wait(40)
        self.assertEqual(self.ear.heard, [])
        self.assertEqual({one.header("CSeq") for one in self.infos()}, {"2 INFO"})
        self.hang_up()

    def test_hung_up(self) -> None:
        """Digits that wait go with the call."""
        self.call.send_digit("1", 100)
        self.call.send_digit("2", 100)
        self.call.hang_up()
        self.respond(200, request=self.infos()[0])
        self.assertEqual(len(self.infos()), 1)
        self.respond(200, request=self.sent("BYE")[0])
        self.assert_nothing_left()


class TwoPhonesTests(CallCase):
    def test_between_phones(self) -> None:
        """What one sends the other hears, both ways, in order."""
        bob = self.side(BOB)
        bob.on_invitation = lambda call: call.accept()
        call, ear = self.alice.call(BOB)
        self.wait()
        for digit in info.DIGITS:
            call.send_digit(digit, 100)
        bob.incoming[0].send_digit("9", 100)
        self.wait(1)
        self.assertEqual(bob.ears[0].heard[1:], [f"digit {digit}" for digit in info.DIGITS])
        self.assertEqual(ear.heard[-1], "digit 9")
        call.hang_up()
        self.assert_nothing_left()

    @given(st.sampled_from((info.RELAY, info.PLAIN)), st.text(max_size=60))
    def test_anything(self, kind: str, body: str) -> None:
        """Any body is a digit or nothing."""
        digit = info.read_digit(kind, body)
        self.assertTrue(digit is None or digit in info.DIGITS)

    def test_round_trip(self) -> None:
        """What we write we read."""
        for digit in info.DIGITS:
            self.assertEqual(info.read_digit(info.RELAY, info.write_digit(digit, 100)), digit)
