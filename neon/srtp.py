"""What is agreed about encrypted audio (SRTP, RFC 3711) with keys in the session description (SDES, RFC 4568)."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field


class SrtpPolicy(enum.Enum):
    """Whether an account's audio is encrypted; the value is the configuration's word for it.

    C{OPTIONAL}: with whoever can, and in clear with everybody else. C{MANDATORY}: never in clear, or there is no call.
    """

    OFF = "off"
    OPTIONAL = "optional"
    MANDATORY = "mandatory"


class SrtpSuite(enum.Enum):
    """What encrypts and authenticates (RFC 4568, RFC 6188, RFC 7714), in the order in which we offer."""

    AEAD_AES_256_GCM = "AEAD_AES_256_GCM"
    AEAD_AES_128_GCM = "AEAD_AES_128_GCM"
    AES_256_CM_HMAC_SHA1_80 = "AES_256_CM_HMAC_SHA1_80"
    AES_CM_128_HMAC_SHA1_80 = "AES_CM_128_HMAC_SHA1_80"
    AES_256_CM_HMAC_SHA1_32 = "AES_256_CM_HMAC_SHA1_32"
    AES_CM_128_HMAC_SHA1_32 = "AES_CM_128_HMAC_SHA1_32"

    @property
    def key_octets(self) -> int:
        """Of master key and master salt together."""
        return (32 if "256" in self.value else 16) + (12 if self.value.startswith("AEAD") else 14)

    @property
    def short(self) -> bool:
        """Whether its tags are so short that forging is thinkable: taken from others, never offered."""
        return self.value.endswith("_32")


@dataclass(frozen=True, slots=True)
class SrtpKey:
    """One direction's master key and salt; C{mki} is what its sender names it by, mostly nothing."""

    data: bytes = field(repr=False)
    mki: bytes = b""


@dataclass(frozen=True, slots=True)
class SrtpKeys:
    """What protects both directions of a stream. The same value again means that nothing begins anew."""

    suite: SrtpSuite
    send: SrtpKey
    receive: SrtpKey
