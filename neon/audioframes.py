"""A call's audio as an application has it: binary WebSocket messages, each a header and 16-bit samples.

All numbers are little-endian::

    octets   0       1       2-3        4-7     8-15      16-19      20-23       24...
             1       flags   waiting    rate    call id   sequence   timestamp   samples

C{rate} is 8000 or 16000, in hertz; C{timestamp} counts samples since the audio was opened, C{sequence} the messages,
both modulo 2^32. In messages of NEON C{waiting} is how many milliseconds of what the application has sent wait to be
said, at most 65535, and a message has 20 ms. In messages of an application C{waiting}, C{sequence} and C{timestamp} do
not matter, and a message has as many samples as it likes, or none; flag 1 means that nothing of what waits is wanted
any more, but what this message brings.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

VERSION: Final = 1
"""The first octet. No JSON text begins with it."""

FORGET: Final = 1
"""The flag of an application that interrupts itself."""

RATES: Final = (8000, 16000)
MOST_WAITING: Final = 0xFFFF

_HEADER: Final = struct.Struct("<BBHIQII")
HEADER_LENGTH: Final = _HEADER.size


class BadFrame(ValueError):
    """This is no such message; the sentence says why."""


@dataclass(frozen=True, slots=True)
class AudioFrame:
    """One message."""

    call_id: int
    samples: bytes
    rate: int = 8000
    sequence: int = 0
    timestamp: int = 0
    waiting_ms: int = 0
    forget: bool = False

    def encode(self) -> bytes:
        """The message; what counts beyond 32 bits begins again at 0."""
        flags = FORGET if self.forget else 0
        waiting = min(self.waiting_ms, MOST_WAITING)
        counted = self.sequence & 0xFFFFFFFF, self.timestamp & 0xFFFFFFFF
        return _HEADER.pack(VERSION, flags, waiting, self.rate, self.call_id, *counted) + self.samples

    @classmethod
    def decode(cls, data: bytes) -> AudioFrame:
        """@raise BadFrame: it is none."""
        if len(data) < HEADER_LENGTH:
            raise BadFrame(f"an audio message of {len(data)} octets is shorter than its header, {HEADER_LENGTH}")
        version, flags, waiting, rate, call_id, sequence, timestamp = _HEADER.unpack_from(data)
        if version != VERSION:
            raise BadFrame(f"an audio message of version {version}; this is version {VERSION}")
        if flags & ~FORGET:
            raise BadFrame(f"an audio message with the flags {flags:#x}; there is only {FORGET}")
        if rate not in RATES:
            raise BadFrame(f"an audio message of {rate} Hz; the rate is 8000 or 16000")
        if len(data) % 2:
            raise BadFrame("an audio message with half a sample at its end")
        return cls(call_id, data[HEADER_LENGTH:], rate, sequence, timestamp, waiting, bool(flags & FORGET))
