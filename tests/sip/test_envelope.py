"""What is read of a message's head at once, and line by line."""

from __future__ import annotations

import random

from twisted.trial.unittest import SynchronousTestCase

from neon.sip import envelope
from neon.sip.envelope import BadMessage, Limits
from tests.sip.messages import request_text

ODD = ("\r", "\n", "\r\n", "\r\n ", " \r\n", "\t", " ", ":", "\x0b", "\u2028", "\xe9", ",", '"', ";", "Via", "x" * 600)


def outcome(text: str) -> object:
    """All that is read of a message, or why it is not."""
    try:
        read = envelope.read(text.encode(), Limits())
    except BadMessage as bad:
        return bad.status, bad.envelope
    return read, dict(read.fields)


class PlainTests(SynchronousTestCase):
    def test_is_the_rule(self) -> None:
        """An ordinary request is read at once, and as it is line by line."""
        head = request_text("INVITE", extra=("Allow : INVITE, ACK", "Subject:", "X-Colons:  a: b")).split("\r\n\r\n")[0]
        plain = envelope._plain_lines(head, Limits())
        self.assertEqual(plain, envelope._lines(head, Limits(), []))
        assert plain is not None
        self.assertEqual(plain[1][-2:], [("Subject", ""), ("X-Colons", "a: b")])

    def test_same_as_line_by_line(self) -> None:
        """Whatever is put into a request, it is read as it would have been line by line."""
        dice = random.Random(3261)
        text = request_text("INVITE", body="v=0\r\n", extra=("Subject: a, b", "Via: SIP/2.0/UDP 192.0.2.1;branch=z"))
        altered = []
        for _ in range(600):
            one = text
            for _ in range(dice.randrange(1, 4)):
                at = dice.randrange(len(one))
                one = one[:at] + dice.choice(ODD) + one[at + dice.randrange(4) :]
            altered.append(one)
        at_once = [outcome(one) for one in altered]
        self.patch(envelope, "_plain_lines", lambda head, limits: None)
        self.assertEqual([outcome(one) for one in altered], at_once)
