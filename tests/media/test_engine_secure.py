"""An encrypted stream of the engine: what leaves it, what it takes, and what happens to the rest."""

from __future__ import annotations

from dataclasses import replace

from neon.media import _engine
from neon.media.engine import Echo, FirstPacket, Tone
from neon.srtp import SrtpKey, SrtpKeys, SrtpSuite
from neon.values import MediaAgreement
from tests.media.peers import LIMIT, Peer, next_event
from tests.media.signals import FRAME, level, loudness, rtp, tone
from tests.media.starvation import again_if_starved
from tests.media.test_engine import EngineCase

SUITE = SrtpSuite.AEAD_AES_128_GCM


def keys(send: int = 1, receive: int = 2) -> SrtpKeys:
    return SrtpKeys(SUITE, SrtpKey(bytes([send]) * SUITE.key_octets), SrtpKey(bytes([receive]) * SUITE.key_octets))


class SecurePeer(Peer):
    """A far end that encrypts what it sends and decrypts what comes."""

    def use(self, agreed: SrtpKeys) -> None:
        self.srtp = _engine.Srtp(agreed.suite.value, agreed.receive.data, agreed.send.data, b"", b"")

    def receive(self) -> tuple[int, bool, int, int, int, bytes]:
        packet = self.srtp.unprotect(self.rtp.recv(2000))
        assert packet is not None, "not authentic"
        return _engine.rtp_parse(packet)

    def protected_tone(self, hz: float, dbm0: float = -10.0) -> bytes:
        """The next packet in sequence."""
        codes = _engine.alaw_encode(tone(hz, FRAME, dbm0, start=self.time))
        packet = rtp(self.sequence, self.time, codes, ssrc=self.ssrc)
        self.sequence += 1
        self.time += FRAME
        protected = self.srtp.protect(packet)
        assert protected is not None
        return protected


@again_if_starved
class SecureTests(EngineCase):
    """The stream echoes, so that what was believed can be heard."""

    def setUp(self) -> None:
        super().setUp()
        self.peer = SecurePeer()
        self.addCleanup(self.peer.close)
        self.stream = self.new_stream()
        self.stream.set_source(Echo())

    def begin(self, agreed: SrtpKeys) -> MediaAgreement:
        self.peer.use(agreed)
        agreement = replace(self.peer.agreement(), srtp=agreed)
        self.stream.start(agreement)
        return agreement

    def hear(self, frames: int, hz: float = 600) -> float:
        """Talk for so many frames; the level of what comes back at the end."""
        heard = self.peer.listen(0)
        for _ in range(frames):
            heard.extend(self.peer.listen(1))
            self.peer.rtp.sendto(self.peer.protected_tone(hz), ("127.0.0.1", self.stream.local_port))
        return level(heard[(frames - 8) * FRAME :], hz)

    def test_both_ways(self) -> None:
        """Every packet is authentic, and what is said is heard."""
        self.begin(keys())
        self.assertLess(abs(self.hear(30) + 10), 0.2)
        self.assertEqual(self.stream.statistics().srtp_failures, 0)

    def test_clear_is_not_heard(self) -> None:
        """Whoever speaks in clear, from the right address too, is not heard, and is counted."""
        self.begin(keys())
        for _ in range(20):
            self.peer.receive()
            self.peer.send_tone(self.stream, 600)
        self.assertLess(loudness(self.peer.listen(4)), -60)
        self.assertEqual(self.engine.take_events(), [])
        statistics = self.stream.statistics()
        self.assertEqual(statistics.packets_received, 0)
        self.assertGreaterEqual(statistics.srtp_failures, 18)

    def test_other_key_is_not_heard(self) -> None:
        """Neither is who encrypts with another key, nor can it make itself the source of a call."""
        self.begin(keys())
        stranger = SecurePeer()
        self.addCleanup(stranger.close)
        stranger.use(keys(3, 4))
        for _ in range(10):
            self.peer.receive()
            stranger.rtp.sendto(stranger.protected_tone(600), ("127.0.0.1", self.stream.local_port))
        self.assertEqual(self.engine.take_events(), [])
        self.assertLess(abs(self.hear(30) + 10), 0.2)

    def test_new_keys(self) -> None:
        """New keys in the middle of a call hold at once; packets under the old ones are refused from then on."""
        agreement = self.begin(keys())
        self.hear(12)
        next_event(self.engine, FirstPacket)
        late = self.peer.protected_tone(600)
        self.stream.start(replace(agreement, srtp=keys(5, 6)))
        fresh = _engine.Srtp(SUITE.value, keys(5, 6).receive.data, keys(5, 6).send.data, b"", b"")
        for _ in range(20):
            if fresh.unprotect(self.peer.rtp.recv(2000)) is not None:
                break
        else:
            self.fail("the new key was never used")
        self.peer.srtp = fresh
        before = self.stream.statistics()
        self.peer.rtp.sendto(late, ("127.0.0.1", self.stream.local_port))
        self.assertLess(abs(self.hear(30) + 10), 0.2)
        after = self.stream.statistics()
        self.assertEqual(after.srtp_failures - before.srtp_failures, 1)

    def test_reports(self) -> None:
        """Reports are SRTCP: nobody reads them without the key, and ours are authentic."""
        self.begin(keys())
        self.stream.set_source(Tone(600))
        self.stream.close()
        report = self.peer.rtcp.recv(2000)
        plain = self.peer.srtp.unprotect_rtcp(report)
        assert plain is not None
        self.assertEqual(plain[1], 201)
        self.assertIn(203, plain[-7:-6], "BYE")
        self.assertNotIn(plain[8:40], report)

    def test_keys_that_do_not_fit(self) -> None:
        """A key of a wrong length starts nothing."""
        wrong = SrtpKeys(SUITE, SrtpKey(bytes(27)), SrtpKey(bytes(28)))
        agreement = replace(self.peer.agreement(), srtp=wrong)
        self.assertRaises(ValueError, self.stream.start, agreement)
        self.peer.rtp.settimeout(LIMIT / 50)
        self.assertRaises(TimeoutError, self.peer.rtp.recv, 2000)

    def test_keys_are_not_shown(self) -> None:
        """Whoever prints an agreement sees no key."""
        shown = repr(replace(self.peer.agreement(), srtp=keys()))
        self.assertIn("AEAD_AES_128_GCM", shown)
        self.assertNotIn("\\x01\\x01", shown)
