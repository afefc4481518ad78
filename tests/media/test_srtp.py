"""SRTP: the engine against the definition, the definition against the RFCs' vectors, and packets that are refused."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from neon.media._engine import Srtp
from neon.srtp import SrtpSuite
from tests.media.signals import rtp
from tests.media.srtp import AUTHENTICATE, ENCRYPT, SALT, Reference, derive, keystream

REPORT = bytes.fromhex("81c8000d4d6172734e5450314e545032525450200000042a0000e93041757280") + bytes(24)


def key(suite: SrtpSuite, fill: int) -> bytes:
    return bytes((fill + index) & 255 for index in range(suite.key_octets))


def pair(suite: SrtpSuite, mki: bytes = b"") -> tuple[Srtp, Srtp]:
    """Two ends; the second one's key has a name, if one is given."""
    ours, theirs = key(suite, 1), key(suite, 101)
    return (
        Srtp(suite.value, ours, theirs, b"", mki),
        Srtp(suite.value, theirs, ours, mki, b""),
    )


def packets(count: int, first: int = 0) -> list[bytes]:
    return [rtp((first + index) & 0xFFFF, 160 * index, bytes([index & 255]) * 160) for index in range(count)]


class VectorTests(SynchronousTestCase):
    """The published vectors."""

    def test_keystream(self) -> None:
        """RFC 3711, B.2: AES in counter mode."""
        stream = keystream(
            bytes.fromhex("2B7E151628AED2A6ABF7158809CF4F3C"), 0xF0F1F2F3F4F5F6F7F8F9FAFBFCFD0000, 32
        )
        self.assertEqual(stream.hex().upper(), "E03EAD0935C95E80E166B16DD92B4EB4D23513162B02D0F72A43A2FE4A5F97AB")

    def test_derivation(self) -> None:
        """RFC 3711, B.3: the session keys."""
        master, salt = bytes.fromhex("E1F97A0D3E018BE0D64FA32C06DE4139"), bytes.fromhex("0EC675AD498AFEEBB6960B3AABE6")
        for label, expected in (
            (ENCRYPT, "C61E7A93744F39EE10734AFE3FF7A087"),
            (SALT, "30CBBC08863D8C85D49DB34A9AE1"),
            (AUTHENTICATE, "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"),
        ):
            self.assertEqual(derive(master, salt, label, len(expected) // 2).hex().upper(), expected)

    def test_packet(self) -> None:
        """What libsrtp and others publish for the keys of RFC 3711, B.3, is what comes out."""
        master = bytes.fromhex("E1F97A0D3E018BE0D64FA32C06DE4139" "0EC675AD498AFEEBB6960B3AABE6")
        packet = bytes.fromhex("800f1234decafbadcafebabe") + b"\xab" * 16
        expected = "800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb"
        suite = SrtpSuite.AES_CM_128_HMAC_SHA1_80
        self.assertEqual(Reference(suite, master).protect(packet).hex(), expected)
        sent = Srtp(suite.value, master, bytes(30), b"", b"").protect(packet)
        self.assertEqual(sent, bytes.fromhex(expected))


class SuiteTests(SynchronousTestCase):
    """Every suite, against the definition."""

    def test_sending(self) -> None:
        """What we send is what the definition says, over a wrap of the sequence number and for RTCP too."""
        for suite in SrtpSuite:
            ours, _ = pair(suite)
            reference = Reference(suite, key(suite, 1))
            for index, packet in enumerate(packets(40, 0xFFF0)):
                self.assertEqual(ours.protect(packet), reference.protect(packet, int(index >= 16)), f"{suite} {index}")
            for index in range(1, 4):
                self.assertEqual(ours.protect_rtcp(REPORT), reference.protect_rtcp(REPORT, index), suite)

    def test_receiving(self) -> None:
        """What the definition says is understood."""
        for suite in SrtpSuite:
            ours, _ = pair(suite)
            reference = Reference(suite, key(suite, 101))
            for packet in packets(40):
                self.assertEqual(ours.unprotect(reference.protect(packet)), packet, suite)
            self.assertEqual(ours.unprotect_rtcp(reference.protect_rtcp(REPORT, 1)), REPORT, suite)

    def test_forged(self) -> None:
        """One bit changed anywhere, a byte less, nothing at all, or in clear: refused, and the next one is taken."""
        for suite in SrtpSuite:
            ours, theirs = pair(suite)
            first, second = packets(2)
            sent = theirs.protect(first)
            assert sent is not None
            for at in (0, 1, 3, 7, 11, 12, 100, len(sent) - 1):
                forged = bytearray(sent)
                forged[at] ^= 1
                self.assertIsNone(ours.unprotect(bytes(forged)), f"{suite} {at}")
            for other in (sent[:-1], sent[:20], sent[:12], sent[:3], b"", first, bytes(1500)):
                self.assertIsNone(ours.unprotect(other), suite)
            report = theirs.protect_rtcp(REPORT)
            assert report is not None
            for other in (report[:-1], report[:8], report[:3], b"", REPORT):
                self.assertIsNone(ours.unprotect_rtcp(other), suite)
            self.assertEqual(ours.unprotect(sent), first)
            following = theirs.protect(second)
            assert following is not None
            self.assertEqual(ours.unprotect(following), second)

    def test_repeated(self) -> None:
        """A packet is taken once, in whatever order they come; so is a report."""
        ours, theirs = pair(SrtpSuite.AEAD_AES_128_GCM)
        sent = [theirs.protect(packet) or b"" for packet in packets(8)]
        for index in (1, 0, 3, 2, 7, 5):
            self.assertIsNotNone(ours.unprotect(sent[index]), index)
        for index in (1, 0, 3, 2, 7, 5):
            self.assertIsNone(ours.unprotect(sent[index]), index)
        report = theirs.protect_rtcp(REPORT) or b""
        self.assertIsNotNone(ours.unprotect_rtcp(report))
        self.assertIsNone(ours.unprotect_rtcp(report))

    def test_named_keys(self) -> None:
        """A far end that puts an MKI behind its packets is understood; another MKI is refused."""
        for suite in (SrtpSuite.AES_CM_128_HMAC_SHA1_80, SrtpSuite.AEAD_AES_256_GCM):
            ours, theirs = pair(suite, b"\x00\x01")
            [packet] = packets(1)
            sent = theirs.protect(packet) or b""
            self.assertIn(b"\x00\x01", sent[-12:])
            self.assertEqual(ours.unprotect(sent), packet)
            stranger, _ = pair(suite, b"\x00\x02")
            self.assertIsNone(stranger.unprotect(sent))

    def test_same_key_goes_on(self) -> None:
        """After a change that keeps the keys the rollover counter goes on, and old packets stay refused."""
        suite = SrtpSuite.AES_CM_128_HMAC_SHA1_80
        ours, theirs = pair(suite)
        reference = Reference(suite, key(suite, 1))
        sent = [theirs.protect(packet) or b"" for packet in packets(20, 0xFFF8)]
        for packet in sent:
            self.assertIsNotNone(ours.unprotect(packet))
        for packet in packets(20, 0xFFF8):
            ours.protect(packet)
        again, _ = pair(suite)
        again.take_over(ours)
        self.assertIsNone(again.unprotect(sent[-1]))
        [packet] = packets(1, 20)
        self.assertEqual(again.protect(packet), reference.protect(packet, 1))

    def test_new_key_begins(self) -> None:
        """Another key takes nothing over."""
        suite = SrtpSuite.AES_CM_128_HMAC_SHA1_80
        ours, _ = pair(suite)
        for packet in packets(20, 0xFFF8):
            ours.protect(packet)
        fresh = Srtp(suite.value, key(suite, 7), key(suite, 101), b"", b"")
        fresh.take_over(ours)
        [packet] = packets(1, 20)
        self.assertEqual(fresh.protect(packet), Reference(suite, key(suite, 7)).protect(packet, 0))

    def test_sources(self) -> None:
        """A far end that knows the key can still not make us keep an SSRC for each of its packets."""
        ours, theirs = pair(SrtpSuite.AES_CM_128_HMAC_SHA1_80)
        sent = [theirs.protect(rtp(1, 0, bytes(160), ssrc=ssrc)) or b"" for ssrc in range(1, 200)]
        self.assertEqual(sum(ours.unprotect(packet) is not None for packet in sent), 64)

    def test_wrong_keys(self) -> None:
        """Unknown suites, and keys or names of a wrong length, are errors."""
        for arguments in (
            ("NULL", bytes(30), bytes(30), b"", b""),
            ("AES_CM_128_HMAC_SHA1_80", bytes(29), bytes(30), b"", b""),
            ("AES_CM_128_HMAC_SHA1_80", bytes(30), bytes(31), b"", b""),
            ("AEAD_AES_256_GCM", bytes(44), bytes(44), b"", bytes(129)),
        ):
            self.assertRaises(ValueError, Srtp, *arguments)
