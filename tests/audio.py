"""What a listener would say about some audio: which tone, and how loud.

Samples are 16-bit integers as G.711 decodes to (full scale of a sine, 32,768, is +3.14 dBm0 as for the A-law,
ITU-T G.711, table 1a). Everything here is plain Python and bounded: at most the first two seconds are looked at
where a search is needed.
"""

from __future__ import annotations

import array
import math
import sys
from collections.abc import Sequence

RATE = 8000
FULL_SCALE_DBM0 = 3.14
SILENCE_DBM0 = -100.0
"""What L{tone_level_dbm0} and L{level_dbm0} answer instead of minus infinity."""


def samples_of(pcm: bytes) -> list[int]:
    """The samples of 16-bit little-endian PCM; an odd last byte is left out."""
    samples = array.array("h", pcm[: len(pcm) // 2 * 2])
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tolist()


def pcm_of(samples: Sequence[int]) -> bytes:
    """The samples as 16-bit little-endian PCM."""
    values = array.array("h", samples)
    if sys.byteorder == "big":
        values.byteswap()
    return values.tobytes()


def tone(hz: float, dbm0: float, seconds: float, rate: int = RATE) -> list[int]:
    """A sine of that frequency and level."""
    peak = amplitude_of(dbm0)
    step = 2 * math.pi * hz / rate
    return [round(peak * math.sin(step * n)) for n in range(round(seconds * rate))]


def amplitude_of(dbm0: float) -> float:
    """The peak amplitude of a sine of that level."""
    return 32768.0 * 10 ** ((dbm0 - FULL_SCALE_DBM0) / 20)


def goertzel(samples: Sequence[int], hz: float, rate: int = RATE) -> float:
    """The peak amplitude of the component at C{hz}, in sample units.

    The samples are looked at through a Hann window, so that neither a frequency that does not fit the length
    nor a steady offset leaks into the answer; two tones are told apart when they are C{4 * rate / len(samples)}
    Hz away from each other.
    """
    count = len(samples)
    if count < 2:
        return 0.0
    turn = 2 * math.pi / count
    coefficient = 2 * math.cos(2 * math.pi * hz / rate)
    before = last = 0.0
    for n, sample in enumerate(samples):
        before, last = last, sample * (0.5 - 0.5 * math.cos(turn * n)) + coefficient * last - before
    power = before * before + last * last - coefficient * before * last
    return 2 * math.sqrt(max(power, 0.0)) / (count / 2)


def tone_level_dbm0(samples: Sequence[int], hz: float, rate: int = RATE) -> float:
    """The level of the tone at C{hz} in dBm0; whatever else sounds is left out."""
    return _dbm0(goertzel(samples, hz, rate))


def level_dbm0(samples: Sequence[int]) -> float:
    """The level of everything together, in dBm0 (a sine has the same level here and in L{tone_level_dbm0})."""
    if not samples:
        return SILENCE_DBM0
    return _dbm0(math.sqrt(2 * sum(sample * sample for sample in samples) / len(samples)))


def signal_to_noise_db(samples: Sequence[int], hz: float, rate: int = RATE) -> float:
    """How far the tone at C{hz} is above all that is not within 12 Hz of it; a steady offset counts for nothing.

    Minus infinity for silence. They are looked at through a Hann window, as by L{goertzel}.
    """
    count = len(samples)
    middle = sum(samples) / max(1, count)
    window = [0.5 - 0.5 * math.cos(2 * math.pi * n / count) for n in range(count)]
    seen = [(sample - middle) * weight for sample, weight in zip(samples, window, strict=True)]
    # The lines of a transform of so many samples; each half of the spectrum has half of the power (Parseval).
    everything = sum(value * value for value in seen) / 2
    near = range(math.ceil((hz - 12) * count / rate), math.floor((hz + 12) * count / rate) + 1)
    signal = sum(_power(seen, 2 * math.pi * line / count) for line in near) / max(1, count)
    if signal <= 0:
        return -math.inf
    return 10 * math.log10(signal / max(everything - signal, signal * 1e-12))


def onsets(samples: Sequence[int], loud: int, gap: int) -> list[int]:
    """Where bursts begin: samples as loud as that, behind at least C{gap} of which none was."""
    found, last = [], -gap
    for index, sample in enumerate(samples):
        if abs(sample) >= loud:
            if index - last >= gap:
                found.append(index)
            last = index
    return found


def _power(samples: Sequence[float], step: float) -> float:
    """The squared magnitude of a transform's line at so many radians a sample."""
    coefficient = 2 * math.cos(step)
    before = last = 0.0
    for sample in samples:
        before, last = last, sample + coefficient * last - before
    return before * before + last * last - coefficient * before * last


def dominant_frequency(samples: Sequence[int], rate: int = RATE) -> float:
    """The frequency, in Hz, of the strongest tone between 50 Hz and the Nyquist frequency, to about 1 Hz.

    0.0 for silence, and for less than 10 ms of audio.
    """
    samples = samples[: 2 * rate]
    if len(samples) < rate // 100 or not any(samples):
        return 0.0
    part = _loudest_part(samples, rate // 10)
    step = rate / len(part)
    coarse = max(_steps(50.0, rate / 2, step), key=lambda hz: goertzel(part, hz, rate))
    low, high = coarse - step, coarse + step
    part = _loudest_part(samples, rate // 2)
    while high - low > 0.2:
        third = (high - low) / 3
        if goertzel(part, low + third, rate) < goertzel(part, high - third, rate):
            low += third
        else:
            high -= third
    return (low + high) / 2


def _dbm0(amplitude: float) -> float:
    if amplitude <= 0:
        return SILENCE_DBM0
    return max(SILENCE_DBM0, 20 * math.log10(amplitude / 32768.0) + FULL_SCALE_DBM0)


def _loudest_part(samples: Sequence[int], length: int) -> Sequence[int]:
    """The loudest of the parts of that length: a tone that starts late is heard none the less."""
    if len(samples) <= length:
        return samples
    starts = range(0, len(samples) - length + 1, length // 2)
    best = max(starts, key=lambda start: sum(abs(sample) for sample in samples[start : start + length]))
    return samples[best : best + length]


def _steps(low: float, high: float, step: float) -> list[float]:
    return [low + n * step for n in range(int((high - low) / step))]
