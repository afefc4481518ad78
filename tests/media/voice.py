"""Something like a voice, for coders that treat a tone as no speech: pitch, loudness and vowel change all the time."""

from __future__ import annotations

import math
from array import array

WIDE_FRAME = 320
"""Samples of 20 ms at 16 kHz."""


def voice(frames: int) -> array[int]:
    """So many frames at 16 kHz."""
    samples, phase = array("h"), 0.0
    for number in range(frames * WIDE_FRAME):
        at = 2 * math.pi * number / 16000
        pitch = 140 + 50 * math.sin(1.7 * at)
        phase += 2 * math.pi * pitch / 16000
        loud = 1000 + 3000 * max(0.0, math.sin(3 * at)) ** 2
        vowel = 500 + 300 * math.sin(2.3 * at)
        sample = 0.0
        for harmonic in range(1, 16):
            hz = harmonic * pitch
            weight = math.exp(-(((hz - vowel) / 200) ** 2)) + 0.3 * math.exp(-(((hz - 1800) / 400) ** 2))
            sample += weight * math.sin(harmonic * phase)
        samples.append(round(loud * sample / 2))
    return samples


def snr(heard: array[int], meant: array[int]) -> float:
    """How far what is wrong lies below what was meant, in dB."""
    wrong = sum((one - other) ** 2 for one, other in zip(heard, meant, strict=True))
    return 10 * math.log10(sum(sample * sample for sample in meant) / max(wrong, 1))
