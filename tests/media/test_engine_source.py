"""Whose packets are played: the lock on the source, the learning behind a NAT, and forged packets."""

from __future__ import annotations

import select
from array import array

from neon.media import _engine
from neon.media.engine import Echo, SourceLearnt
from tests.media.peers import Peer, frames, next_event
from tests.media.signals import FRAME, level, loudness, rtp, tone
from tests.media.starvation import again_if_starved
from tests.media.test_engine import EngineCase

FORGED_HZ = 1700


def forged(samples: int = FRAME) -> bytes:
    return _engine.alaw_encode(tone(FORGED_HZ, samples, 0))


@again_if_starved
class SourceTests(EngineCase):
    """An echo stream, so that what was played can be heard."""

    def setUp(self) -> None:
        super().setUp()
        self.peer = self.new_peer()
        self.stranger = self.new_peer()
        self.stream = self.new_stream()
        self.stream.set_source(Echo())

    def test_learnt(self) -> None:
        """When the agreed address is silent, four packets in sequence make their sender the far end."""
        self.stream.start(self.peer.agreement())
        self.peer.receive()
        for _ in range(4):
            self.stranger.send_tone(self.stream, 600)
        self.assertEqual(next_event(self.engine, SourceLearnt), SourceLearnt(self.stream))
        heard = self.stranger.converse(self.stream, 30, 600)
        self.assertLess(abs(level(heard[12 * FRAME :], 600) + 10), 0.2)

    def test_learnt_once(self) -> None:
        """What was learnt is kept: neither the agreed address nor a third party is heard after that."""
        self.stream.start(self.peer.agreement())
        for _ in range(4):
            self.stranger.send_tone(self.stream, 600)
        next_event(self.engine, SourceLearnt)
        received = self.stream.statistics().packets_received
        for _ in range(20):
            self.stranger.receive()
            self.peer.send_tone(self.stream, FORGED_HZ)
        self.assertLessEqual(self.stream.statistics().packets_received, received + 4)
        self.assertLess(loudness(self.stranger.listen(4)), -60)
        self.assertEqual(self.engine.take_events()[1:], [])

    def test_three_are_not_enough(self) -> None:
        """Three packets, or four that are not in sequence, teach nothing."""
        self.stream.start(self.peer.agreement())
        for _ in range(3):
            self.peer.receive()
            for _ in range(3):
                self.stranger.send_tone(self.stream, FORGED_HZ)
            self.stranger.sequence += 7
        self.peer.listen(4)
        self.assertEqual(self.engine.take_events(), [])
        self.assertFalse(select.select([self.stranger.rtp], [], [], 0)[0])

    def test_agreed_source_first(self) -> None:
        """Once the agreed address was heard, nobody is learnt."""
        self.stream.start(self.peer.agreement())
        self.peer.converse(self.stream, 4, 600)
        for _ in range(10):
            self.stranger.send_tone(self.stream, FORGED_HZ)
            self.peer.converse(self.stream, 1, 600)
        self.assertFalse(select.select([self.stranger.rtp], [], [], 0)[0])

    def test_only_at_the_beginning(self) -> None:
        """After two seconds nobody is learnt any more."""
        self.stream.start(self.peer.agreement())
        self.peer.listen(104)
        for _ in range(20):
            self.peer.receive()
            self.stranger.send_tone(self.stream, FORGED_HZ)
        self.assertEqual(self.engine.take_events(), [])
        self.assertLess(loudness(self.peer.listen(4)), -60)

    def test_flood_of_strangers(self) -> None:
        """A thousand packets a second of others inject nothing and lose nothing."""
        self.stream.start(self.peer.agreement())
        self.peer.converse(self.stream, 5, 600)
        heard = array("h")
        target = ("127.0.0.1", self.stream.local_port)
        payload = forged()
        for _ in range(40):
            heard.extend(self.peer.converse(self.stream, 1, 600))
            for n in range(20):
                packet = rtp(self.peer.sequence + n, self.peer.time + n * FRAME, payload, ssrc=self.peer.ssrc)
                self.stranger.rtp.sendto(packet, target)
        self.assertLess(max(level(frame, FORGED_HZ) for frame in frames(heard)), -35)
        self.assertEqual(self.stream.statistics().packets_lost, 0)
        self.assertLess(abs(level(heard[10 * FRAME :], 600) + 10), 0.2)

    def damage(self, packets: list[bytes]) -> int:
        """Milliseconds that do not hold the peer's tone alone, after these came from the peer's own address."""
        self.stream.start(self.peer.agreement())
        self.peer.converse(self.stream, 20, 600)
        for packet in packets:
            self.peer.rtp.sendto(packet, ("127.0.0.1", self.stream.local_port))
        heard = self.peer.converse(self.stream, 60, 600)[FRAME:]
        spoilt = [
            frame for frame in frames(heard, 80) if abs(level(frame, 600) + 10) > 2 or level(frame, FORGED_HZ) > -25
        ]
        return 10 * len(spoilt)

    def test_forged_source(self) -> None:
        """Twenty packets of another SSRC from the right address cost nothing that can be heard."""
        packets = [rtp(n, n * FRAME, forged(), ssrc=0xBAD) for n in range(20)]
        self.assertLessEqual(self.damage(packets), 20)

    def test_forged_jump(self) -> None:
        """So do twenty of the right SSRC, far away in sequence and time."""
        packets = [rtp(40000 + n, 9_000_000 + n * FRAME, forged(), ssrc=self.peer.ssrc) for n in range(20)]
        self.assertLessEqual(self.damage(packets), 20)

    def test_forged_random(self) -> None:
        """And twenty with any numbers at all."""
        packets = [rtp(n * 7919, n * 104729 * 977, forged(), ssrc=self.peer.ssrc) for n in range(20)]
        self.assertLessEqual(self.damage(packets), 20)

    def test_forged_perfectly(self) -> None:
        """Twenty that continue the stream exactly cost 100 ms at most."""
        first, time = self.peer.sequence + 20, self.peer.time + 20 * FRAME
        packets = [rtp(first + n, time + n * FRAME, forged(), ssrc=self.peer.ssrc) for n in range(20)]
        self.assertLessEqual(self.damage(packets), 100)

    def test_new_source_of_the_peer(self) -> None:
        """A far end that restarts with another SSRC is heard again at once."""
        self.stream.start(self.peer.agreement())
        self.peer.converse(self.stream, 10, 600)
        self.peer.ssrc, self.peer.sequence, self.peer.time = 0xB0B, 9, 123_456_800
        heard = self.peer.converse(self.stream, 30, 600)
        self.assertLess(abs(level(heard[8 * FRAME :], 600) + 10), 0.2)
        self.assertEqual(self.stream.statistics().packets_lost, 0)

    def test_foreign_reports(self) -> None:
        """RTCP of another host is not read."""
        elsewhere = Peer("127.0.0.2")
        self.addCleanup(elsewhere.close)
        self.stream.start(self.peer.agreement())
        ssrc = self.peer.receive()[4]
        report = bytes.fromhex("81c90007 00000001") + ssrc.to_bytes(4, "big") + (9).to_bytes(4, "big") + bytes(16)
        elsewhere.rtcp.sendto(report, ("127.0.0.1", self.stream.local_port + 1))
        self.peer.listen(4)
        self.assertIsNone(self.stream.statistics().remote_packets_lost)
        self.peer.rtcp.sendto(report, ("127.0.0.1", self.stream.local_port + 1))
        self.peer.listen(4)
        self.assertEqual(self.stream.statistics().remote_packets_lost, 9)
