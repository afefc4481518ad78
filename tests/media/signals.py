"""Audio and packets for the tests of the media engine: made by hand, measured by Goertzel."""

from __future__ import annotations

import math
import struct
from array import array

FRAME = 160
"""Samples of 20 ms."""


def tone(hz: float, count: int, dbm0: float = -10.0, start: int = 0) -> array[int]:
    """Samples of a sine, the phase that of sample C{start}."""
    amplitude = 32768 * 10 ** ((dbm0 - 3.14) / 20)
    return array("h", (round(amplitude * math.sin(2 * math.pi * hz * (start + i) / 8000)) for i in range(count)))


def level(samples: array[int], hz: float) -> float:
    """The level, in dBm0, of one frequency in the samples (Goertzel with a Hann window); -120 for none."""
    count = len(samples)
    coefficient = 2 * math.cos(2 * math.pi * hz / 8000)
    first = second = 0.0
    for i, sample in enumerate(samples):
        weight = 1 - math.cos(2 * math.pi * i / count)  # of mean 1: a sine keeps its amplitude
        first, second = sample * weight + coefficient * first - second, first
    power = first * first + second * second - coefficient * first * second
    amplitude = 2 * math.sqrt(max(power, 0.0)) / count
    return 20 * math.log10(amplitude / 32768) + 3.14 if amplitude > 0.033 else -120.0


def loudness(samples: array[int]) -> float:
    """The level, in dBm0, of everything in the samples."""
    mean = sum(sample * sample for sample in samples) / len(samples)
    return 10 * math.log10(2 * mean / 32768**2) + 3.14 if mean else -120.0


def rtp(
    sequence: int,
    timestamp: int,
    payload: bytes,
    *,
    payload_type: int = 8,
    ssrc: int = 0x5EED,
    marker: bool = False,
) -> bytes:
    """An RTP packet (RFC 3550, section 5.1)."""
    header = struct.pack(
        "!BBHII", 0x80, marker << 7 | payload_type, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc
    )
    return header + payload
