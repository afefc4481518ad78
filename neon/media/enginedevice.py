"""A device of the media engine: what it captures, what it plays, and tones for whoever listens."""

from __future__ import annotations

from collections.abc import Sequence

from neon.media import _engine


class Device:
    """One end of a SOCK_SEQPACKET socketpair that carries 20 ms frames (160 samples, 320 at 16 kHz) of audio both ways.

    Frames read from it are captured audio: every stream whose source it is gets them, 20 to 40 ms later. While it
    is open, the mix of the streams whose sink it is is written to it every 20 ms, silence too. Frames of another
    size are dropped, and so is what the socket does not take at once. Made by L{neon.media.engine.Engine.open_device}.
    """

    def __init__(self, native: _engine.Device) -> None:
        self.native = native

    @property
    def id(self) -> int:
        """Unique among the streams and devices of its engine."""
        return self.native.id

    @property
    def frames_captured(self) -> int:
        return self.native.statistics()[0]

    @property
    def frames_played(self) -> int:
        return self.native.statistics()[1]

    @property
    def frames_dropped(self) -> int:
        """Frames of a wrong size, and frames the socket did not take."""
        return self.native.statistics()[2]

    def measure(self, on: bool) -> None:
        """Begin, or cease, to sum up how loud it is: nothing is spent on that while nobody looks."""
        self.native.measure(on)

    def levels(self) -> tuple[int, int, int, int]:
        """While it is measured, the sums of squares and the numbers of samples: of what was captured, then of what was
        played. They go on from where they were (modulo 2^64): look at differences.
        """
        return self.native.levels()

    def tones(self, layer: int, steps: Sequence[tuple[float, float, int]], dbm0: float, *, repeat: bool) -> None:
        """Let whoever listens hear steps of (hertz, hertz, milliseconds), instead of what its layer, 0 or 1, had.

        Each frequency, where it is not 0, has C{dbm0}. No steps are silence. No call hears or records it.

        @raise ValueError: more than 16 steps, 4000 Hz or more, a step of more than a minute, or more than 0 dBm0.
        """
        self.native.tones(layer, steps, dbm0, repeat)

    def close(self) -> None:
        """Let the socket go. Streams attached go on with silence. May be called twice."""
        self.native.close()
