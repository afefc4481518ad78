"""A sound card that has no 16 kHz: its streams at 48 kHz, with the frames of the worker's own rate.

Sound servers and ALSA's C{default} convert by themselves; a card that is named as ALSA's hardware (C{hw:...}) does not,
and many have 44.1 and 48 kHz only. PortAudio says so when it opens the device.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

CARD_RATE: Final = 48000
TIMES: Final = 3
REFUSED: Final = -9997
"""PortAudio's paInvalidSampleRate."""


class Frames(Protocol):
    """What the worker needs of a stream of PyAudio's."""

    def read(self, num_frames: int, exception_on_overflow: bool = ...) -> bytes: ...

    def write(self, frames: bytes, *, exception_on_underflow: bool = ...) -> object: ...

    def get_write_available(self) -> int: ...


def is_refused_rate(error: OSError) -> bool:
    """Whether PortAudio says that a device does not have the rate."""
    return bool(error.args) and error.args[0] == REFUSED


class Converted:
    """A stream at 48 kHz that gives and takes frames at 16 kHz."""

    def __init__(self, stream: Any) -> None:
        from neon.media import _engine  # a megabyte that few workers need

        self._stream = stream
        self._down, self._up = _engine.Resampler(up=False), _engine.Resampler(up=True)

    def read(self, num_frames: int, exception_on_overflow: bool = True) -> bytes:
        """So many samples at 16 kHz, whole frames of 20 ms."""
        fast = self._stream.read(TIMES * num_frames, exception_on_overflow=exception_on_overflow)
        return self._down.convert(fast)

    def write(self, frames: bytes, *, exception_on_underflow: bool = True) -> None:
        """Play whole frames of 20 ms at 16 kHz."""
        self._stream.write(self._up.convert(frames), exception_on_underflow=exception_on_underflow)

    def get_write_available(self) -> int:
        """Samples at 16 kHz that could be written without waiting; less than 0 if that is not known."""
        available: int = self._stream.get_write_available()
        return available // TIMES
