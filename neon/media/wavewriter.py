"""WAV files that grow, written so that a crash loses no more than a second.

The samples are written before the header counts them, so whatever a crash leaves behind plays as it is.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final

from neon.media.wavefile import RATE

SOFTWARE: Final = "ISFT"
COMMENT: Final = "ICMT"
CREATED: Final = "ICRD"
"""Names of a LIST chunk of the kind INFO: who wrote the file, what it holds, and since when."""

_PCM: Final = 1
_FORM: Final = struct.Struct("<4sIHHIIHH")
_CHUNK: Final = struct.Struct("<4sI")
_BEFORE_DATA: Final = 4096
"""The data chunk of a file of ours begins within so many bytes."""


class WaveWriter:
    """A growing WAV file of 8 kHz 16-bit samples.

    The header is right after every second of audio. The file is made for its owner alone (0600), since it holds what
    people said; an older file of that name is overwritten, and keeps its mode, unless this one is C{exclusive}.
    """

    def __init__(
        self, path: str, *, channels: int = 1, info: Mapping[str, str] | None = None, exclusive: bool = False
    ) -> None:
        """C{info}: texts by their names of four letters, for whoever looks into the file.

        @raise OSError: the file cannot be made, or is there and this one should be C{exclusive}.
        """
        self.length = 0
        self.block = 2 * channels
        self._channels = channels
        self._info = _info_chunk(info or {})
        self._patched = 0
        self._most = 0xFFFFFFFF - len(self._header())
        self._file = open(path, "xb" if exclusive else "wb", buffering=0, opener=_open_private)  # noqa: SIM115
        try:
            self._file.write(self._header())
        except OSError:
            self._file.close()
            raise

    def fileno(self) -> int:
        return self._file.fileno()

    @property
    def seconds(self) -> float:
        """How much audio there is."""
        return self.length / (RATE * self.block)

    def write(self, pcm: bytes) -> None:
        """Append samples. What exceeds the 4 GB of a WAV file (37 hours of stereo) is left out.

        @raise OSError: the disk is full, or worse; the file so far stays readable.
        """
        if self.length + len(pcm) > self._most:
            return
        view = memoryview(pcm)
        while view:
            written = self._file.write(view)
            self.length += written
            view = view[written:]
        if self.length - self._patched >= RATE * self.block:
            self.patch()

    def patch(self) -> None:
        """Have the header count what has been written."""
        # The samples are in the file before the header counts them; half a sample, from a full disk, is not counted.
        os.pwrite(self._file.fileno(), self._header(), 0)
        self._patched = self.length

    def close(self) -> None:
        """Write the final header and close. May be called twice."""
        if self._file.closed:
            return
        try:
            self.patch()
        finally:
            self._file.close()

    def __enter__(self) -> WaveWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def _header(self) -> bytes:
        length = self.length // self.block * self.block
        form = _FORM.pack(b"fmt ", 16, _PCM, self._channels, RATE, RATE * self.block, self.block, 16)
        body = b"WAVE" + form + self._info + _CHUNK.pack(b"data", length)
        return _CHUNK.pack(b"RIFF", len(body) + length) + body


def read_info(path: Path) -> dict[str, str]:
    """The texts that a file of ours begins with; none for a file of another kind.

    @raise OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return _look(file.read(_BEFORE_DATA))[0]


def repair(descriptor: int) -> float:
    """Have the header of a file that a crash left behind count all that is there; returns the seconds.

    @raise ValueError: it is no file of ours.
    @raise OSError: it cannot be read or written.
    """
    _, begin, block = _look(os.pread(descriptor, _BEFORE_DATA, 0))
    if not begin:
        raise ValueError("no WAV file with a data chunk")
    length = min(os.fstat(descriptor).st_size - begin, 0xFFFFFFFF - begin) // block * block
    os.ftruncate(descriptor, begin + length)
    os.pwrite(descriptor, struct.pack("<I", length), begin - 4)
    os.pwrite(descriptor, struct.pack("<I", begin - 8 + length), 4)
    return length / (RATE * block)


def _look(data: bytes) -> tuple[dict[str, str], int, int]:
    """The INFO texts, where the samples begin (0: nowhere), and the bytes of one sample of all channels."""
    info: dict[str, str] = {}
    block = 2
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        return info, 0, block
    at = 12
    while at + 8 <= len(data):
        name, length = _CHUNK.unpack_from(data, at)
        body = data[at + 8 : at + 8 + length]
        if name == b"data":
            return info, at + 8, block
        if name == b"fmt " and len(body) >= 16:
            block = max(1, struct.unpack_from("<H", body, 12)[0])
        elif name == b"LIST" and body[:4] == b"INFO":
            info = _texts(body[4:])
        at += 8 + length + length % 2
    return info, 0, block


def _texts(body: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    at = 0
    while at + 8 <= len(body):
        name, length = _CHUNK.unpack_from(body, at)
        text = body[at + 8 : at + 8 + length]
        found[name.decode("ascii", "replace")] = text.rstrip(b"\0").decode("utf-8", "replace")
        at += 8 + length + length % 2
    return found


def _info_chunk(info: Mapping[str, str]) -> bytes:
    if not info:
        return b""
    body = b"INFO"
    for name, text in info.items():
        encoded = text.encode("utf-8")[:500] + b"\0"
        body += _CHUNK.pack(name.encode("ascii"), len(encoded)) + encoded + b"\0" * (len(encoded) % 2)
    return _CHUNK.pack(b"LIST", len(body)) + body


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
