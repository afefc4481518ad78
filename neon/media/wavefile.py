"""WAV files, read into 8 kHz mono samples.

Takes PCM of 8 or 16 bits, mono or stereo, at any usual rate. It is plain Python and may take a
second for a long file at 44.1 kHz: call it off the reactor's thread.
"""

from __future__ import annotations

import array
import math
import operator
import os
import struct
import sys
from collections.abc import Sequence

RATE = 8000
MAX_SECONDS = 600
"""Longer files are refused: the samples are kept in memory, and a call hears them from the start."""

_PCM = 1
_EXTENSIBLE = 0xFFFE
# The sub-format of WAVE_FORMAT_EXTENSIBLE is a GUID: the format tag, then these fixed fourteen bytes.
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
_LOWEST_RATE, _HIGHEST_RATE = 4000, 192_000

_ZERO_CROSSINGS = 16
_MOST_PHASES = 1000


class WaveError(ValueError):
    """This file is not a WAV file that can be played; the sentence says why."""


def read_wave(path: str) -> bytes:
    """The audio of a file as 16-bit little-endian mono samples at 8 kHz.

    @raise WaveError: it is no WAV file, or one of a kind that is not supported.
    @raise OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        # The largest file that fits the limit: 192 kHz, stereo, 16 bits, and a little for other chunks.
        if size > MAX_SECONDS * _HIGHEST_RATE * 4 + 1_000_000:
            raise WaveError(f"{size} bytes is more than {MAX_SECONDS} s of audio")
        return parse_wave(file.read())


def parse_wave(data: bytes) -> bytes:
    """As L{read_wave}, for the content of a file."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise WaveError("not a WAV file: it does not begin with RIFF....WAVE")
    form: bytes | None = None
    sound: bytes | None = None
    position = 12
    while position + 8 <= len(data) and sound is None:
        name, length = struct.unpack_from("<4sI", data, position)
        # A writer that crashed or streamed leaves a data length larger than the file: what is there is played.
        body = data[position + 8 : position + 8 + length]
        if name == b"fmt ":
            form = body
        elif name == b"data":
            sound = body
        position += 8 + length + length % 2
    if form is None:
        raise WaveError("there is no fmt chunk before the audio")
    if sound is None:
        raise WaveError("there is no data chunk")
    channels, rate, bits = _format(form)
    samples = _mono(_decode(sound, channels * bits // 8, bits), channels)
    if not samples:
        raise WaveError("the data chunk is empty")
    if len(samples) > MAX_SECONDS * rate:
        raise WaveError(f"{len(samples) // rate} s of audio is more than {MAX_SECONDS} s")
    return _little_endian(array.array("h", resample(samples, rate, RATE)))


def _format(form: bytes) -> tuple[int, int, int]:
    """The channels, rate and bits of a fmt chunk."""
    if len(form) < 16:
        raise WaveError(f"a fmt chunk of {len(form)} bytes is too short")
    tag, channels, rate, _, align, bits = struct.unpack_from("<HHIIHH", form)
    if tag == _EXTENSIBLE and len(form) >= 40 and form[26:40] == _GUID_TAIL:
        (tag,) = struct.unpack_from("<H", form, 24)
    if tag != _PCM:
        raise WaveError(f"the encoding has number {tag}; only PCM (1) can be played")
    if bits not in (8, 16):
        raise WaveError(f"samples of {bits} bits; only 8 and 16 can be played")
    if channels not in (1, 2):
        raise WaveError(f"{channels} channels; only mono and stereo can be played")
    if not _LOWEST_RATE <= rate <= _HIGHEST_RATE:
        raise WaveError(f"a sampling rate of {rate} Hz; {_LOWEST_RATE} to {_HIGHEST_RATE} can be played")
    if align != channels * bits // 8:
        raise WaveError(f"the block size {align} does not fit {channels} channels of {bits} bits")
    return channels, rate, bits


def _decode(sound: bytes, block: int, bits: int) -> Sequence[int]:
    """The samples of all channels as 16-bit values; an incomplete last block is left out."""
    sound = sound[: len(sound) // block * block]
    if bits == 8:
        # 8-bit PCM is unsigned with 128 as zero.
        return [(sample - 128) << 8 for sample in sound]
    samples = array.array("h", sound)
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def _mono(samples: Sequence[int], channels: int) -> Sequence[int]:
    if channels == 1:
        return samples
    return [(left + right) // 2 for left, right in zip(samples[::2], samples[1::2], strict=True)]


def resample(samples: Sequence[int], rate: int, wanted: int) -> list[int]:
    """The same audio at another rate: a windowed-sinc filter (Blackman), flat to about 85 % of the narrower band.

    The filter has one set of coefficients for each position of an output sample between two input samples
    (a polyphase filter). Rates with hardly a common divisor would need thousands of sets: those positions are
    rounded to a thousandth of a sample, which keeps the error below -60 dB.
    """
    if rate == wanted:
        return list(samples)
    common = math.gcd(rate, wanted)
    phases, step = wanted // common, rate // common
    count = (len(samples) * phases + step - 1) // step
    used = min(phases, _MOST_PHASES)
    # Below both Nyquist frequencies, with room for the filter's slope.
    cutoff = 0.5 * min(1.0, wanted / rate) * 0.92
    reach = math.ceil(_ZERO_CROSSINGS * max(1.0, rate / wanted))
    filters: dict[int, list[float]] = {}
    padded = [0] * reach + list(samples) + [0] * (reach + 1)
    result = []
    for n in range(count):
        whole, part = divmod(n * step, phases)
        phase = part * used // phases
        coefficients = filters.get(phase)
        if coefficients is None:
            coefficients = filters[phase] = _coefficients(phase / used, cutoff, reach)
        window = padded[whole + 1 : whole + 1 + 2 * reach]
        value = round(sum(map(operator.mul, coefficients, window)))
        result.append(max(-32768, min(32767, value)))
    return result


def _coefficients(offset: float, cutoff: float, reach: int) -> list[float]:
    """The filter for an output sample that lies C{offset} of a sample after an input sample; its sum is one."""
    taps = []
    for k in range(1 - reach, reach + 1):
        at = k - offset
        x = 2 * math.pi * cutoff * at
        sinc = 1.0 if abs(x) < 1e-9 else math.sin(x) / x
        turn = math.pi * at / reach
        taps.append(sinc * (0.42 + 0.5 * math.cos(turn) + 0.08 * math.cos(2 * turn)))
    total = sum(taps)
    return [tap / total for tap in taps]


def _little_endian(samples: array.array[int]) -> bytes:
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()
