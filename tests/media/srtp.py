"""SRTP and SRTCP written plainly from RFC 3711 and RFC 7714, to judge the engine by; the vectors judge this."""

from __future__ import annotations

import hmac

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from neon.srtp import SrtpSuite

ENCRYPT, AUTHENTICATE, SALT = 0, 1, 2
RTCP = 3
"""What is added to a label for SRTCP (RFC 3711, section 4.3.2)."""


def keystream(key: bytes, counter: int, length: int) -> bytes:
    """AES in counter mode from a 128-bit counter on (section 4.1.1)."""
    encryptor = Cipher(algorithms.AES(key), modes.CTR(counter.to_bytes(16, "big"))).encryptor()
    return encryptor.update(bytes(length))


def derive(master: bytes, salt: bytes, label: int, length: int) -> bytes:
    """A session key (section 4.3.1); a salt of 96 bits is filled up on the right (RFC 7714, section 11)."""
    padded = int.from_bytes(salt.ljust(14, b"\0"), "big")
    return keystream(master, (padded ^ label << 48) << 16, length)


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


class Reference:
    """One direction: C{master} is key and salt, as a=crypto has them."""

    def __init__(self, suite: SrtpSuite, master: bytes) -> None:
        self._suite = suite
        self._gcm = suite.value.startswith("AEAD")
        size = 12 if self._gcm else 14
        self._master, self._salt = master[:-size], master[-size:]

    def _keys(self, rtcp: int) -> tuple[bytes, bytes, bytes]:
        sizes = ((ENCRYPT, len(self._master)), (AUTHENTICATE, 20), (SALT, len(self._salt)))
        encryption, authentication, salt = (
            derive(self._master, self._salt, label + rtcp, size) for label, size in sizes
        )
        return encryption, authentication, salt

    def protect(self, packet: bytes, rollovers: int = 0) -> bytes:
        """An RTP packet with neither CSRCs nor extension."""
        encryption, authentication, salt = self._keys(0)
        header, payload = packet[:12], packet[12:]
        ssrc, sequence = header[8:12], header[2:4]
        if self._gcm:
            iv = _xor(bytes(2) + ssrc + rollovers.to_bytes(4, "big") + sequence, salt)
            return header + AESGCM(encryption).encrypt(iv, payload, header)
        index = rollovers << 16 | int.from_bytes(sequence, "big")
        counter = (int.from_bytes(salt, "big") ^ int.from_bytes(ssrc, "big") << 48 ^ index) << 16
        protected = header + _xor(payload, keystream(encryption, counter, len(payload)))
        tag = hmac.digest(authentication, protected + rollovers.to_bytes(4, "big"), "sha1")
        return protected + tag[: 4 if self._suite.short else 10]

    def protect_rtcp(self, packet: bytes, index: int) -> bytes:
        """A compound RTCP packet."""
        encryption, authentication, salt = self._keys(RTCP)
        header, payload, ssrc = packet[:8], packet[8:], packet[4:8]
        trailer = (1 << 31 | index).to_bytes(4, "big")
        if self._gcm:
            iv = _xor(bytes(2) + ssrc + bytes(2) + index.to_bytes(4, "big"), salt)
            return header + AESGCM(encryption).encrypt(iv, payload, header + trailer) + trailer
        counter = (int.from_bytes(salt, "big") ^ int.from_bytes(ssrc, "big") << 48 ^ index) << 16
        protected = header + _xor(payload, keystream(encryption, counter, len(payload))) + trailer
        return protected + hmac.digest(authentication, protected, "sha1")[:10]
