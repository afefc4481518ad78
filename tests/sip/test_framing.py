"""SIP on a stream: where messages end, and what is no message."""

from __future__ import annotations

import random

from twisted.trial.unittest import SynchronousTestCase

from neon.sip.framing import BadStream, StreamReader

LARGEST = 16 * 1024
HELLO = b"OPTIONS sip:a@b SIP/2.0\r\nCall-ID: 1\r\nContent-Length: 4\r\n\r\nbody"
ANSWER = b"SIP/2.0 200 OK\r\nl:0\r\n\r\n"


class FramingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reader = StreamReader(LARGEST)

    def refused(self, data: bytes) -> str:
        return str(self.assertRaises(BadStream, StreamReader(LARGEST).feed, data))

    def test_whole(self) -> None:
        """Messages that arrive in one piece come out one by one."""
        self.assertEqual(self.reader.feed(HELLO + ANSWER + HELLO), [HELLO, ANSWER, HELLO])
        self.assertFalse(self.reader.waiting)

    def test_any_cut(self) -> None:
        """Wherever the stream is cut, the same messages and empty lines come out."""
        stream = b"\r\n\r\n" + HELLO + b"\r\n" + ANSWER + HELLO + b"\r\n\r\n"
        dice = random.Random(7)
        for _ in range(300):
            reader, messages, rest = StreamReader(LARGEST), [], stream
            while rest:
                cut = dice.randint(1, 40)
                messages += reader.feed(rest[:cut])
                rest = rest[cut:]
            self.assertEqual((messages, reader.empty_lines), ([HELLO, ANSWER, HELLO], 5))

    def test_octet_by_octet(self) -> None:
        """A message that trickles in is seen to wait until its last octet."""
        for octet in HELLO[:-1]:
            self.assertEqual(self.reader.feed(bytes([octet])), [])
            self.assertTrue(self.reader.waiting)
        self.assertEqual(self.reader.feed(HELLO[-1:]), [HELLO])

    def test_content_length(self) -> None:
        """Without a Content-Length, or with two that differ, nobody knows where the next message begins."""
        head = b"OPTIONS sip:a@b SIP/2.0\r\n"
        for lines in (b"", b"Content-Length: x\r\n", b"Content-Length: -1\r\n", b"l: 3\r\nContent-Length: 4\r\n"):
            self.assertEqual(self.refused(head + lines + b"\r\n"), "a message without a Content-Length, or with two")
        shouted = head + b"CONTENT-LENGTH :\t0 \r\n\r\n"
        self.assertEqual(self.reader.feed(shouted), [shouted])

    def test_length_in_a_body_does_not_count(self) -> None:
        """Only header fields say how long a message is."""
        body = b"x\r\nContent-Length: 9\r\n\r\n"
        message = b"OPTIONS sip:a@b SIP/2.0\r\nl: %d\r\n\r\n%b" % (len(body), body)
        self.assertEqual(self.reader.feed(message + HELLO), [message, HELLO])

    def test_too_long(self) -> None:
        """More than the limit is refused when it is announced, or when the header fields do not end."""
        head = b"OPTIONS sip:a@b SIP/2.0\r\n"
        self.assertEqual(self.refused(head + b"l: 16384\r\n\r\n"), "a message that is too long")
        self.assertEqual(self.refused(head + b"X: y\r\n" * 3000), "a message that is too long")

    def test_no_sip(self) -> None:
        """What is no SIP is refused at its first line, without waiting for more."""
        for junk in (
            b"GET / HTTP/1.1\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"SIP/2.0 999 No\r\n", b"A" * 3000,
            b" OPTIONS sip:a@b SIP/2.0\r\n", b"OPTIONS\r\n", b"\x00" * 10, b"SIP/2.0 2000 OK\r\n",
        ):  # fmt: skip
            self.assertEqual(self.refused(junk), "something that is no SIP", junk)
