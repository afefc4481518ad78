"""WAV files, read into mono samples at 8 or 16 kHz.

Takes PCM of 8 or 16 bits, mono or stereo, at any usual rate. Long files take their time: call it off the reactor's
thread.
"""

from __future__ import annotations

import os
import struct

from neon.media import _engine
from neon.media.sound import swapped

RATE, WIDE = 8000, 16000
MAX_SECONDS = 600
"""Longer files are refused: the samples are kept in memory, and a call hears them from the start."""

_PCM = 1
_EXTENSIBLE = 0xFFFE
# The sub-format of WAVE_FORMAT_EXTENSIBLE is a GUID: the format tag, then these fixed fourteen bytes.
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
_LOWEST_RATE, _HIGHEST_RATE = 4000, 192_000


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
    return parse_sound(data, wide=False)[0]


def parse_sound(data: bytes, *, wide: bool = True) -> tuple[bytes, int]:
    """The audio of the content of a file as 16-bit little-endian mono samples, and their rate.

    That is 16 kHz for a file with more than 8 kHz, if C{wide}. The interpreter's lock is not held while it resamples.

    @raise WaveError: as L{read_wave}.
    """
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
    samples = _decode(sound, channels * bits // 8, bits)
    count = len(samples) // 2 // channels
    if count == 0:
        raise WaveError("the data chunk is empty")
    if count > MAX_SECONDS * rate:
        raise WaveError(f"{count // rate} s of audio is more than {MAX_SECONDS} s")
    wanted = WIDE if wide and rate > RATE else RATE
    return swapped(_engine.resample(samples, channels, rate, wanted)), wanted


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


def _decode(sound: bytes, block: int, bits: int) -> bytes:
    """The samples of all channels as 16-bit values in the machine's order; an incomplete last block is left out."""
    sound = sound[: len(sound) // block * block]
    if bits == 16:
        return swapped(sound)
    # 8-bit PCM is unsigned with 128 as zero.
    samples = bytearray(2 * len(sound))
    samples[1::2] = sound.translate(bytes(value ^ 0x80 for value in range(256)))
    return swapped(bytes(samples))
