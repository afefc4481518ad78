"""The engine over real sockets on loopback: what it sends, what it plays, what it tells."""

from __future__ import annotations

import select
import socket
import struct
import time
from array import array
from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from neon.media import _engine
from neon.media.engine import (
    DigitReceived,
    Echo,
    Engine,
    FirstPacket,
    NoRtp,
    Samples,
    Stream,
    Tone,
)
from neon.ports import MediaUnavailable
from neon.values import Codec, MediaDirection
from tests.media.peers import PORTS, Peer, next_event
from tests.media.signals import FRAME, level, loudness, tone
from tests.media.starvation import again_if_starved

NTP_EPOCH = 2208988800
"""Seconds from NTP's beginning of time to ours."""

SO_TIMESTAMPNS = 35
"""The kernel's time of arrival in nanoseconds (Linux, asm-generic/socket.h); Python does not name it."""


class EngineCase(SynchronousTestCase):
    """A running engine, ended with everything else."""

    no_rtp_seconds = 30.0

    def setUp(self) -> None:
        self.engine = Engine(no_rtp_seconds=self.no_rtp_seconds)
        self.engine.start()
        self.addCleanup(self.engine.stop)

    def new_peer(self) -> Peer:
        peer = Peer()
        self.addCleanup(peer.close)
        return peer

    def new_stream(self) -> Stream:
        stream = self.engine.open_stream("127.0.0.1", PORTS)
        self.addCleanup(stream.close)
        return stream


@again_if_starved
class SendingTests(EngineCase):
    def setUp(self) -> None:
        super().setUp()
        self.peer = self.new_peer()
        self.stream = self.new_stream()

    def test_tone(self) -> None:
        """A tone has its frequency and its level, and little else is in it."""
        self.stream.set_source(Tone(1004, -10))
        self.stream.start(self.peer.agreement())
        self.peer.listen(2)
        heard = self.peer.listen(25)
        self.assertLess(abs(level(heard, 1004) + 10), 0.1)
        self.assertLess(abs(loudness(heard) + 10), 0.15)

    def test_both_laws(self) -> None:
        """With µ-law agreed, µ-law is sent, under its payload type."""
        self.stream.set_source(Tone(500, -20))
        self.stream.start(self.peer.agreement(Codec.PCMU))
        packets = [self.peer.receive() for _ in range(20)]
        self.assertEqual({packet[0] for packet in packets}, {0})
        heard = array("h", b"".join(_engine.ulaw_decode(packet[5]) for packet in packets))
        self.assertLess(abs(level(heard, 500) + 20), 0.2)

    def test_headers(self) -> None:
        """One SSRC, sequence numbers and timestamps in step, the marker on the first packet only."""
        self.stream.start(replace(self.peer.agreement(), payload_type=97))
        packets = [self.peer.receive() for _ in range(10)]
        first = packets[0]
        for n, packet in enumerate(packets):
            wanted = (97, n == 0, (first[2] + n) & 0xFFFF, (first[3] + n * FRAME) & 0xFFFFFFFF, first[4])
            self.assertEqual(packet[:5], wanted)

    def test_packet_times(self) -> None:
        """Packets are as long as agreed, from 10 to 60 ms, and the audio in them is whole."""
        self.stream.set_source(Tone(400, -10))
        for ptime in (10, 30, 40, 50, 60, 20):
            self.stream.start(replace(self.peer.agreement(), ptime_ms=ptime))
            while len(self.peer.receive()[5]) != ptime * 8:
                pass
            heard = self.peer.listen(5)
            self.assertEqual(len(heard), 5 * ptime * 8)
            self.assertLess(abs(level(heard, 400) + 10), 0.3, f"{ptime} ms")

    def test_pace(self) -> None:
        """50 packets take a second: none is left out or sent ahead."""
        self.stream.start(self.peer.agreement())
        self.peer.rtp.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        times = []
        for _ in range(26):
            _, control, _, _ = self.peer.rtp.recvmsg(2000, 64)
            seconds, nanoseconds = struct.unpack("qq", control[0][2])
            times.append(seconds + nanoseconds * 1e-9)
        self.assertLess(abs(times[-1] - times[0] - 0.5), 0.015)

    def test_samples_once(self) -> None:
        """Samples are sent to their end, and then silence."""
        self.stream.set_source(Samples(tone(700, 5 * FRAME).tobytes()))
        self.stream.start(self.peer.agreement())
        heard = self.peer.listen(12)
        self.assertLess(abs(level(heard[: 5 * FRAME], 700) + 10), 0.3)
        self.assertLess(loudness(heard[5 * FRAME :]), -60)

    def test_samples_in_a_loop(self) -> None:
        """In a loop they go on without a seam, whatever their length."""
        self.stream.set_source(Samples(tone(400, 500).tobytes(), loop=True))  # 25 periods
        self.stream.start(self.peer.agreement())
        self.assertLess(abs(level(self.peer.listen(20), 400) + 10), 0.1)

    def test_digits(self) -> None:
        """A digit goes out as telephone events under the agreed payload type, three of them ends."""
        self.stream.start(self.peer.agreement())
        self.peer.receive()
        self.stream.send_digit("7", 80)
        packets = [self.peer.receive() for _ in range(15)]
        events = [packet for packet in packets if packet[0] == 101]
        self.assertEqual([struct.unpack("!BBH", packet[5])[::2] for packet in events],
                         [(7, 160), (7, 320), (7, 480), (7, 640), (7, 640), (7, 640)])
        self.assertEqual([packet[5][1] >> 7 for packet in events], [0, 0, 0, 1, 1, 1])
        self.assertEqual(len({packet[3] for packet in events}), 1)
        self.assertEqual([packet[2] for packet in packets], [(packets[0][2] + n) & 0xFFFF for n in range(15)])

    def test_digits_in_band(self) -> None:
        """Where telephone events were not agreed, the two tones of the digit are sent."""
        self.stream.start(replace(self.peer.agreement(), telephone_event=None))
        self.stream.send_digit("5", 200)
        heard = self.peer.listen(20)
        loud = array("h", (sample for at in range(0, len(heard), FRAME)
                           if loudness(heard[at : at + FRAME]) > -20 for sample in heard[at : at + FRAME]))
        self.assertLess(abs(level(loud[FRAME:-FRAME], 770) + 10), 0.5)
        self.assertLess(abs(level(loud[FRAME:-FRAME], 1336) + 10), 0.5)

    def test_directions(self) -> None:
        """Nothing is sent while the direction is recvonly or inactive; the timestamp counts that time."""
        self.stream.start(self.peer.agreement())
        before = self.peer.receive()
        other_peer, other = self.new_peer(), self.new_stream()
        other.start(other_peer.agreement())
        for direction in (MediaDirection.INACTIVE, MediaDirection.RECVONLY):
            self.stream.start(replace(self.peer.agreement(), direction=direction))
            other_peer.listen(3)
            sent = self.stream.statistics().packets_sent
            other_peer.listen(8)
            self.assertEqual(self.stream.statistics().packets_sent, sent)
        self.stream.start(replace(self.peer.agreement(), direction=MediaDirection.SENDONLY))
        while not (after := self.peer.receive())[1]:
            pass
        self.assertGreaterEqual((after[3] - before[3]) & 0xFFFFFFFF, 22 * FRAME)

    def test_moved(self) -> None:
        """A new remote address takes effect; the old one gets nothing more."""
        self.stream.start(self.peer.agreement())
        self.peer.receive()
        other = self.new_peer()
        self.stream.start(other.agreement())
        other.listen(3)
        self.peer.drain()
        other.listen(3)
        self.assertFalse(select.select([self.peer.rtp], [], [], 0)[0])

    def test_forbidden_addresses(self) -> None:
        """Nothing is sent to nobody, everybody, a group or a privileged port."""
        other_peer, other = self.new_peer(), self.new_stream()
        other.start(other_peer.agreement())
        for remote in (("0.0.0.0", 4000), ("224.0.0.251", 4000), ("255.255.255.255", 4000), ("127.0.0.1", 53)):
            self.stream.start(replace(self.peer.agreement(), remote=remote, rtcp=None))
            other_peer.listen(4)
        self.assertEqual(self.stream.statistics().packets_sent, 0)

    def test_closed_port(self) -> None:
        """A far end that answers with ICMP errors does not stop the stream."""
        agreement = self.peer.agreement()
        for _ in range(3):
            self.peer.send_tone(self.stream, 400)  # before the start: dropped
        self.stream.start(agreement)
        self.peer.converse(self.stream, 5, 400)  # locked, so connected
        self.peer.rtp.close()
        other_peer, other = self.new_peer(), self.new_stream()
        other.start(other_peer.agreement())
        sent = self.stream.statistics().packets_sent
        other_peer.listen(20)
        self.assertGreater(self.stream.statistics().packets_sent, sent + 8)

    def test_bad_agreements(self) -> None:
        """What cannot be sent is refused at once."""
        good = self.peer.agreement()
        for bad in (
            replace(good, remote=("localhost", 4000)),
            replace(good, remote=("127.0.0.1", 70000)),
            replace(good, remote=("127.0.0.1", -1)),
            replace(good, rtcp=("nowhere", 4001)),
            replace(good, ptime_ms=5),
            replace(good, ptime_ms=25),
            replace(good, ptime_ms=70),
            replace(good, payload_type=128),
            replace(good, receive_payload_type=-1),
            replace(good, telephone_event=200),
        ):
            self.assertRaises(ValueError, self.stream.start, bad)
        for source in (Tone(0), Tone(8000), Tone(400, 10), Tone(float("nan")), Samples(b"odd")):
            self.assertRaises(ValueError, self.stream.set_source, source)
        for digit, duration in (("x", 100), ("1", 0), ("1", 7000)):
            self.assertRaises(ValueError, self.stream.send_digit, digit, duration)


@again_if_starved
class ReceivingTests(EngineCase):
    def setUp(self) -> None:
        super().setUp()
        self.peer = self.new_peer()
        self.stream = self.new_stream()
        self.stream.set_source(Echo())

    def test_echo(self) -> None:
        """What is received comes back, whole, at its level; nothing is lost or concealed on the way."""
        self.stream.start(self.peer.agreement())
        heard = self.peer.converse(self.stream, 40, 600)
        self.assertLess(abs(level(heard[10 * FRAME :], 600) + 10), 0.2)
        statistics = self.stream.statistics()
        self.assertEqual(statistics.packets_lost, 0)
        self.assertGreaterEqual(statistics.packets_received, 38)
        self.assertEqual(statistics.octets_received, statistics.packets_received * FRAME)

    def test_first_packet(self) -> None:
        """The first believed packet is told, once."""
        self.stream.start(self.peer.agreement())
        self.peer.converse(self.stream, 20, 600)
        events = self.engine.take_events()
        self.assertEqual(events, [FirstPacket(self.stream)])

    def test_before_the_start(self) -> None:
        """Nothing is sent and nothing taken before the start; what came early is not played later."""
        for _ in range(10):
            self.peer.send_tone(self.stream, 600)
        other_peer, other = self.new_peer(), self.new_stream()
        other.start(other_peer.agreement())
        other_peer.listen(4)
        self.assertFalse(select.select([self.peer.rtp], [], [], 0)[0])
        self.stream.start(self.peer.agreement())
        self.assertLess(loudness(self.peer.listen(8)), -60)
        self.assertEqual(self.stream.statistics().packets_received, 0)

    def test_other_payload_types(self) -> None:
        """Packets of a type that was not agreed are counted and not played."""
        self.stream.start(self.peer.agreement())
        for _ in range(10):
            self.peer.receive()
            self.peer.send(self.stream, bytes(FRAME), payload_type=18)
        self.assertLess(loudness(self.peer.listen(4)), -60)
        self.assertEqual(self.stream.statistics().packets_received, 0)
        self.assertGreaterEqual(self.stream.statistics().packets_discarded, 9)

    def test_malformed(self) -> None:
        """Malformed packets between good ones change nothing but a count."""
        self.stream.start(self.peer.agreement())
        target = ("127.0.0.1", self.stream.local_port)
        heard = array("h")
        for _ in range(30):
            for bad in (b"", b"\x80", b"\x8f\x08" + bytes(20), bytes(1600), b"\xa0\x08" + bytes(30) + b"\xff"):
                self.peer.rtp.sendto(bad, target)
            heard.extend(self.peer.converse(self.stream, 1, 600))
        self.assertLess(abs(level(heard[10 * FRAME :], 600) + 10), 0.2)
        self.peer.listen(2)
        self.assertEqual(self.stream.statistics().packets_discarded, 30 * 5)

    def test_loss(self) -> None:
        """Lost packets are counted and concealed: the tone never stops."""
        self.stream.start(self.peer.agreement())
        heard = array("h")
        for number in range(50):
            heard.extend(self.peer.listen(1))
            if number % 10 == 9:
                self.peer.sequence += 1
                self.peer.time += FRAME
            else:
                self.peer.send_tone(self.stream, 600)
        self.assertEqual(self.stream.statistics().packets_lost, 4)
        self.assertGreaterEqual(self.stream.statistics().frames_concealed, 4)
        for at in range(10 * FRAME, len(heard), FRAME):
            self.assertGreater(loudness(heard[at : at + FRAME]), -16)

    def test_digit(self) -> None:
        """A digit of the far end is told once."""
        self.stream.start(self.peer.agreement())
        self.peer.converse(self.stream, 5, 600)
        for n in range(1, 8):
            payload = struct.pack("!BBH", 9, (n > 4) << 7 | 10, min(n, 5) * FRAME)
            self.peer.send(self.stream, payload, payload_type=96, samples=0)
        self.peer.time += 5 * FRAME
        self.assertEqual(next_event(self.engine, DigitReceived), DigitReceived(self.stream, "9"))
        self.peer.converse(self.stream, 5, 600)
        self.assertEqual(self.engine.take_events(), [])

    def test_held(self) -> None:
        """While the direction is sendonly what arrives is dropped."""
        self.stream.start(replace(self.peer.agreement(), direction=MediaDirection.SENDONLY))
        heard = self.peer.converse(self.stream, 15, 600)
        self.assertLess(loudness(heard), -60)
        self.assertEqual(self.stream.statistics().packets_received, 0)

    def test_ipv6(self) -> None:
        """All of it works over IPv6."""
        try:
            peer = Peer("::1", socket.AF_INET6)
        except OSError as error:
            self.skipTest(f"no IPv6 here: {error}")
        self.addCleanup(peer.close)
        stream = self.engine.open_stream("::1", PORTS)
        stream.set_source(Echo())
        stream.start(peer.agreement())
        self.assertLess(abs(level(peer.converse(stream, 30, 600)[10 * FRAME :], 600) + 10), 0.2)

    def test_v4_peer_of_a_v6_socket(self) -> None:
        """A stream bound to all of IPv6 talks to IPv4 peers too."""
        try:
            stream = self.engine.open_stream("::", PORTS)
        except MediaUnavailable as error:
            self.skipTest(f"no IPv6 here: {error}")
        stream.set_source(Echo())
        stream.start(self.peer.agreement())
        heard = self.peer.converse(stream, 30, 600)
        self.assertLess(abs(level(heard[10 * FRAME :], 600) + 10), 0.2)


@again_if_starved
class NoRtpTests(EngineCase):
    no_rtp_seconds = 0.2

    def test_never(self) -> None:
        """A stream that hears nothing is told of, once."""
        peer, stream = self.new_peer(), self.new_stream()
        stream.start(peer.agreement())
        self.assertEqual(next_event(self.engine, NoRtp), NoRtp(stream, 0))
        peer.drain()
        peer.listen(15)
        self.assertEqual(self.engine.take_events(), [])

    def test_no_more(self) -> None:
        """So is one that hears nothing any more, and again after it was heard again."""
        peer, stream = self.new_peer(), self.new_stream()
        stream.start(peer.agreement())
        for _ in range(2):
            peer.converse(stream, 5, 600)
            self.assertEqual(next_event(self.engine, NoRtp).stream, stream)
            peer.drain()

    def test_resumed(self) -> None:
        """Who held us may have been silent meanwhile: from the end of the hold on it is waited for anew."""
        peer, stream = self.new_peer(), self.new_stream()
        stream.start(replace(peer.agreement(), direction=MediaDirection.RECVONLY))
        self.assertEqual(next_event(self.engine, NoRtp).stream, stream)
        stream.start(peer.agreement())
        peer.listen(5)
        self.assertEqual(self.engine.take_events(), [])
        self.assertEqual(next_event(self.engine, NoRtp).stream, stream)

    def test_not_expected(self) -> None:
        """A stream that is not to receive is not missed."""
        peer, stream = self.new_peer(), self.new_stream()
        stream.start(replace(peer.agreement(), direction=MediaDirection.SENDONLY))
        peer.listen(20)
        self.assertEqual(self.engine.take_events(), [])


@again_if_starved
class ReportTests(EngineCase):
    def test_goodbye(self) -> None:
        """The last RTCP packet of a stream has a BYE and the counts of what was sent."""
        peer, stream = self.new_peer(), self.new_stream()
        stream.start(peer.agreement())
        packets = [peer.receive() for _ in range(5)]
        stream.close()
        compound = peer.rtcp.recv(2000)
        while b"\x81\xcb" not in compound:  # a report of the second in which nobody ran here
            compound = peer.rtcp.recv(2000)
        kind, ssrc, count, octets = compound[1], *struct.unpack("!I12xII", compound[4:28])
        self.assertEqual((kind, ssrc, octets), (200, packets[0][4], count * FRAME))
        self.assertGreaterEqual(count, 5)
        self.assertEqual(compound[-8:-4], b"\x81\xcb\x00\x01")
        self.assertEqual(stream.statistics().packets_sent, count)

    def test_reports(self) -> None:
        """Reports come in time, and the far end's answer gives loss, jitter and the round trip."""
        peer, stream = self.new_peer(), self.new_stream()
        stream.start(peer.agreement())
        compound = peer.rtcp.recv(2000)  # within 3.75 s
        ssrc, sent = struct.unpack("!IQ", compound[4:16])
        block = struct.pack("!IIIIII", ssrc, 11, 0, 80, sent >> 16 & 0xFFFFFFFF, 0)
        answer = struct.pack("!BBHI", 0x81, 201, 7, peer.ssrc) + block
        peer.rtcp.sendto(answer, ("127.0.0.1", stream.local_port + 1))
        peer.drain()
        peer.listen(4)
        statistics = stream.statistics()
        self.assertEqual((statistics.remote_packets_lost, statistics.remote_jitter_ms), (11, 10.0))
        assert statistics.round_trip_ms is not None
        until_now = time.time() - (sent / (1 << 32) - NTP_EPOCH)
        self.assertLess(statistics.round_trip_ms, until_now * 1000 + 5)
