"""RTP packets read from files, and the judgement about their source (RFC 3550, appendices A.1, A.3, A.8)."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from neon.media import _engine
from tests.media.signals import FRAME, rtp

DATA = Path(__file__).parent.parent / "data"
PAYLOAD = bytes(range(160))


def packet_file(name: str) -> bytes:
    return (DATA / f"rtp_{name}.bin").read_bytes()


class ParserTests(SynchronousTestCase):
    """One file, one promise."""

    def assert_defect(self, name: str, words: str) -> None:
        error = self.assertRaises(ValueError, _engine.rtp_parse, packet_file(name))
        self.assertEqual(str(error), words)

    def test_good(self) -> None:
        """Type, marker, sequence number, timestamp, SSRC and payload are read."""
        self.assertEqual(_engine.rtp_parse(packet_file("good")), (8, False, 1, 160, 0x0BADCAFE, PAYLOAD))

    def test_everything_optional(self) -> None:
        """CSRC list, header extension and padding are left out of the payload."""
        for name in ("csrc", "extension", "empty_extension", "padding"):
            self.assertEqual(_engine.rtp_parse(packet_file(f"good_{name}"))[5], PAYLOAD, name)
        self.assertEqual(_engine.rtp_parse(packet_file("good_everything")), (8, True, 1, 160, 0x0BADCAFE, PAYLOAD))

    def test_no_payload(self) -> None:
        """A header alone is a packet."""
        self.assertEqual(_engine.rtp_parse(packet_file("good_no_payload"))[5], b"")

    def test_short(self) -> None:
        """Less than twelve octets is no header."""
        self.assert_defect("empty", "shorter than a header")
        self.assert_defect("truncated_header", "shorter than a header")

    def test_version(self) -> None:
        """Only version 2 is RTP."""
        self.assert_defect("version_1", "not version 2")
        self.assert_defect("version_3", "not version 2")

    def test_truncated_csrc(self) -> None:
        """The count of sources may not go beyond the packet."""
        self.assert_defect("truncated_csrc", "truncated in the CSRC list")

    def test_truncated_extension(self) -> None:
        """Neither may the header extension."""
        self.assert_defect("truncated_extension_header", "truncated in the header extension")
        self.assert_defect("truncated_extension", "truncated in the header extension")
        self.assert_defect("extension_of_65535_words", "truncated in the header extension")

    def test_padding(self) -> None:
        """Padding counts itself and fits into the payload."""
        self.assert_defect("padding_of_zero", "more padding than payload")
        self.assert_defect("padding_beyond_payload", "more padding than payload")
        self.assert_defect("padding_without_payload", "more padding than payload")

    @settings(max_examples=300, deadline=None)
    @given(st.binary(max_size=80), st.booleans())
    def test_anything(self, data: bytes, version_2: bool) -> None:
        """Any bytes are either refused with a reason or yield a payload that is part of them."""
        if version_2 and data:
            data = bytes([data[0] & 0x3F | 0x80]) + data[1:]
        try:
            parsed = _engine.rtp_parse(data)
        except ValueError as error:
            self.assertTrue(str(error))
        else:
            self.assertIn(parsed[5], data)


class ReceiverTests(SynchronousTestCase):
    """Packets of 20 ms, each with its time of arrival in samples."""

    def setUp(self) -> None:
        self.receiver = _engine.RtpReceiver()
        self.now = 4_000_000_000  # the clock wraps during some tests

    def send(self, number: int, *, at: int | None = None, ssrc: int = 1, offset: int = 0, event: bool = False) -> str:
        packet = rtp(number, number * FRAME + offset, bytes(FRAME), ssrc=ssrc)
        arrival = self.now + (number * FRAME if at is None else at)
        return self.receiver.receive(packet, arrival & 0xFFFFFFFF, event)

    def run_in(self, count: int = 20) -> None:
        for number in range(count):
            self.send(number)

    def test_two_sequential(self) -> None:
        """A source is believed with its second packet in sequence, and the first then counts too."""
        self.assertEqual([self.send(7), self.send(8), self.send(9)], ["hold", "switch", "accept"])
        self.assertEqual(self.receiver.counters()["received"], 3)

    def test_not_sequential(self) -> None:
        """Packets that do not follow each other never make a source."""
        self.assertEqual([self.send(number) for number in (1, 3, 5, 2)], ["hold"] * 4)

    def test_loss(self) -> None:
        """Lost packets are expected but not received (A.3)."""
        for number in range(100):
            if number % 10 != 5:
                self.send(number)
        counters = self.receiver.counters()
        self.assertEqual((counters["expected"], counters["received"], counters["lost"]), (100, 90, 10))

    def test_cycle(self) -> None:
        """The sequence number passes 65535 and the count goes on."""
        for number in range(65500, 65600):
            self.send(number)
        counters = self.receiver.counters()
        self.assertEqual((counters["expected"], counters["received"]), (100, 100))

    def test_reordered(self) -> None:
        """A packet that comes a little late is believed and not lost."""
        self.run_in()
        self.assertEqual([self.send(21, at=20 * FRAME), self.send(20, at=21 * FRAME)], ["accept", "accept"])
        self.assertEqual(self.receiver.counters()["lost"], 0)

    def test_jitter(self) -> None:
        """The interarrival jitter is the running mean of A.8."""
        jitter = 0.0
        transits = [0, 40, 10, 90, 0, 25] * 20
        for number, transit in enumerate(transits):
            self.send(number, at=number * FRAME + transit)
            if number > 1:
                jitter += (abs(transit - transits[number - 1]) - jitter) / 16
        self.assertLessEqual(abs(self.receiver.counters()["jitter"] - jitter), 1.5)

    def test_new_source(self) -> None:
        """A new SSRC is believed after two packets paced as their timestamps say."""
        self.run_in()
        verdicts = [self.send(number, ssrc=2, offset=77777, at=number * FRAME) for number in range(500, 503)]
        self.assertEqual(verdicts, ["hold", "switch", "accept"])

    def test_jump(self) -> None:
        """So is a jump of the same source."""
        self.run_in()
        verdicts = [self.send(number, offset=5_000_000, at=(number - 8980) * FRAME) for number in range(9000, 9003)]
        self.assertEqual(verdicts, ["hold", "switch", "accept"])

    def test_forged_burst(self) -> None:
        """Twenty forged packets at once, of another SSRC or far ahead, displace nothing."""
        for ssrc in (1, 2):
            self.setUp()
            self.run_in()
            forged = [self.send(number, ssrc=ssrc, offset=999_999, at=20 * FRAME) for number in range(4000, 4020)]
            self.assertEqual(set(forged), {"hold"})
            self.assertEqual([self.send(number) for number in range(20, 40)], ["accept"] * 20)

    def test_forged_between(self) -> None:
        """Nor do paced ones, as long as the true packets come between them."""
        self.run_in()
        for number in range(20, 60):
            self.assertEqual(self.send(number), "accept")
            self.assertEqual(self.send(number + 3000, ssrc=3, offset=123, at=number * FRAME + 80), "hold")

    def test_forged_continuation(self) -> None:
        """A burst that continues the stream perfectly gets no more than 60 ms in: audio cannot be that early."""
        self.run_in()
        forged = [self.send(number, at=20 * FRAME) for number in range(20, 40)]
        self.assertLessEqual(forged.count("accept"), 4)
        self.assertNotIn("switch", forged)
        self.assertEqual([self.send(number) for number in range(21, 60)], ["accept"] * 39)

    def test_event_cannot_make_a_jump(self) -> None:
        """A telephone event of a stranger's SSRC is dropped."""
        self.run_in()
        self.assertEqual([self.send(number, ssrc=9, event=True) for number in (600, 601)], ["drop", "drop"])

    def test_event_stands_still(self) -> None:
        """The timestamp of a long telephone event stands still, and its packets are believed all the same."""
        self.run_in()
        for number in range(20, 320):
            packet = rtp(number, 20 * FRAME, b"\x05\x0a\x00\xa0", ssrc=1)
            self.assertEqual(self.receiver.receive(packet, (self.now + number * FRAME) & 0xFFFFFFFF, True), "accept")

    @settings(max_examples=100, deadline=None)
    @given(st.lists(st.tuples(st.integers(0, 65535), st.integers(0, 2**32 - 1), st.integers(1, 3)), max_size=60))
    def test_any_order(self, packets: list[tuple[int, int, int]]) -> None:
        """Whatever is received, there is never more lost than expected."""
        receiver = _engine.RtpReceiver()
        for sequence, time, ssrc in packets:
            receiver.receive(rtp(sequence, time, b"x", ssrc=ssrc), time // 2)
        counters = receiver.counters()
        self.assertTrue(0 <= counters["lost"] <= 65536 * len(packets))
