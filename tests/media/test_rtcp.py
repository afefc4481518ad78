"""RTCP as written and as read (RFC 3550, section 6 and appendix A.2)."""

from __future__ import annotations

import struct

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from neon.media import _engine
from tests.media.signals import FRAME, rtp

OURS = 0xAAAA
THEIRS = 0xBBBB
SECOND = 1_000_000_000


def ntp(seconds: float) -> int:
    return round((4_000_000_000 + seconds) * 2**32)


def packets(compound: bytes) -> list[tuple[int, int, bytes]]:
    """Type, count and body of each packet of a compound."""
    found = []
    while compound:
        first, kind, words = struct.unpack("!BBH", compound[:4])
        found.append((kind, first & 31, compound[4 : 4 + 4 * words]))
        compound = compound[4 + 4 * words :]
    return found


def report(ssrc: int = OURS, lost: int = 0, jitter: int = 0, last: int = 0, delay: int = 0) -> bytes:
    return struct.pack("!IIIIII", ssrc, lost & 0xFFFFFF, 0, jitter, last, delay)


def receiver_report(*blocks: bytes) -> bytes:
    body = struct.pack("!I", THEIRS) + b"".join(blocks)
    return struct.pack("!BBH", 0x80 | len(blocks), 201, len(body) // 4) + body


def sender_report(time: int) -> bytes:
    body = struct.pack("!IQIII", THEIRS, time, 0, 0, 0)
    return struct.pack("!BBH", 0x80, 200, len(body) // 4) + body


class WriterTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.session = _engine.RtpReceiver(OURS)

    def write(self, sent: int = 0, *, now: float = 0, bye: bool = False) -> list[tuple[int, int, bytes]]:
        return packets(self.session.write_rtcp(sent, sent * 160, 555, round(now * SECOND), ntp(now), bye))

    def test_nothing_heard_or_sent(self) -> None:
        """There is a report and a CNAME in every compound, even an empty one."""
        self.assertEqual([(kind, count) for kind, count, _ in self.write()], [(201, 0), (202, 1)])

    def test_sender(self) -> None:
        """Whoever sent since the last report sends an SR with its times and counts, else an RR."""
        kind, _, body = self.write(50, now=2)[0]
        self.assertEqual((kind, struct.unpack("!IQIII", body)), (200, (OURS, ntp(2), 555, 50, 8000)))
        self.assertEqual(self.write(50)[0][0], 201)
        self.assertEqual(self.write(51)[0][0], 200)

    def test_cname(self) -> None:
        """The SDES chunk holds our SSRC and a CNAME of 24 characters, and ends with a zero."""
        _, _, body = self.write()[1]
        self.assertEqual(body[:6], struct.pack("!IBB", OURS, 1, 24))
        self.assertEqual(body[30:], bytes(len(body) - 30))
        self.assertGreater(len(body), 30)

    def test_bye(self) -> None:
        """The last compound ends with BYE."""
        self.assertEqual(self.write(bye=True)[-1], (203, 1, struct.pack("!I", OURS)))

    def test_report_block(self) -> None:
        """The block counts what was lost, all in all and since the last report, and the highest sequence number."""
        for number in range(101):
            if number % 4 != 3:
                self.session.receive(rtp(number, number * FRAME, b"x", ssrc=THEIRS), number * FRAME)
        ssrc, loss, highest, _, last, delay = struct.unpack("!IIIIII", self.write()[0][2][4:])
        self.assertEqual((ssrc, loss & 0xFFFFFF, highest, last, delay), (THEIRS, 25, 100, 0, 0))
        self.assertEqual(loss >> 24, 25 * 256 // 101)
        self.assertEqual(struct.unpack("!IIIIII", self.write()[0][2][4:])[1] >> 24, 0)

    def test_last_sender_report(self) -> None:
        """The block says which SR came last and how long ago, in 1/65536 s."""
        for number in range(2):
            self.session.receive(rtp(number, number * FRAME, b"x", ssrc=THEIRS), number * FRAME)
        self.session.read_rtcp(sender_report(ntp(10)), 10 * SECOND, ntp(10))
        block = struct.unpack("!IIIIII", self.write(now=12.5)[0][2][4:])
        self.assertEqual(block[4:], (ntp(10) >> 16 & 0xFFFFFFFF, round(2.5 * 65536)))


class ReaderTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.session = _engine.RtpReceiver(OURS)

    def read(self, data: bytes, now: float = 0) -> dict[str, float | None] | None:
        return self.session.read_rtcp(data, round(now * SECOND), ntp(now))

    def test_report_about_us(self) -> None:
        """Loss and jitter that the far end sees are read, the round trip only once it had a report of ours."""
        self.assertEqual(self.read(receiver_report(report(lost=17, jitter=80))),
                         {"lost": 17, "jitter": 80, "round_trip_ms": None})

    def test_negative_loss(self) -> None:
        """Duplicates make the 24-bit loss negative."""
        self.assertEqual((self.read(receiver_report(report(lost=-3))) or {})["lost"], -3)

    def test_round_trip(self) -> None:
        """The round trip is what is left of the time since our SR without the far end's delay."""
        last = ntp(100) >> 16 & 0xFFFFFFFF
        answer = self.read(receiver_report(report(last=last, delay=2 * 65536)), now=102.25)
        self.assertEqual((answer or {})["round_trip_ms"], 250.0)

    def test_impossible_round_trip(self) -> None:
        """A time that lies in the future is left out."""
        last = ntp(200) >> 16 & 0xFFFFFFFF
        self.assertIsNone((self.read(receiver_report(report(last=last)), now=100) or {})["round_trip_ms"])

    def test_report_about_others(self) -> None:
        """A block about another source says nothing about us."""
        self.assertEqual(self.read(receiver_report(report(ssrc=1, lost=9))),
                         {"lost": None, "jitter": None, "round_trip_ms": None})

    def test_invalid(self) -> None:
        """What is not a compound packet by appendix A.2 is refused as a whole."""
        good = receiver_report(report(lost=5))
        bad = {
            "empty": b"",
            "short": good[:7],
            "version": b"\x41" + good[1:],
            "padding in the first": b"\xa1" + good[1:],
            "begins with SDES": b"\x81\xca" + good[2:],
            "length beyond the end": good[:2] + b"\x00\x20" + good[4:],
            "length too small for its blocks": good[:2] + b"\x00\x01" + good[4:8],
            "second packet truncated": good + b"\x80\xca\x00\x05" + bytes(4),
            "second packet not RTCP": good + b"\x80\x08\x00\x00",
            "trailing octets": good + b"\x80\xca",
        }
        for words, data in bad.items():
            self.assertIsNone(self.read(data), words)

    @settings(max_examples=300, deadline=None)
    @given(st.binary(max_size=120), st.integers(0, 31), st.sampled_from([200, 201]))
    def test_anything(self, data: bytes, count: int, kind: int) -> None:
        """Any bytes are borne, also those that look like reports."""
        session = _engine.RtpReceiver(OURS)
        session.read_rtcp(data, 0, 0)
        length = len(data) // 4
        session.read_rtcp(struct.pack("!BBH", 0x80 | count, kind, length) + data[: 4 * length], 0, 0)
