"""Sound that is not a device's: clips, which are stored; pipes, by which an application speaks and listens; taps.

Samples are 16 bits, little-endian, mono. A rate is 8000 or 16000 Hz, whatever the calls have that they are given to.
"""

from __future__ import annotations

import sys
from array import array

from neon.media import _engine


def swapped(samples: bytes) -> bytes:
    """Little-endian samples in the machine's order, or the other way round."""
    if sys.byteorder == "little":
        return samples
    values = array("h", samples)
    values.byteswap()
    return values.tobytes()


class Clip:
    """Stored sound, which never changes; any number of calls play it."""

    def __init__(self, samples: bytes, rate: int) -> None:
        """@raise ValueError: another rate, or half a sample."""
        self.native = _engine.Clip(swapped(samples), rate)
        self.seconds = len(samples) / 2 / rate
        self.octets = len(samples)


class Pipe:
    """Sound on its way; one side is a stream of the engine, the other one thread of Python's.

    What finds it full is lost: nobody ever waits.
    """

    def __init__(self, seconds: float, rate: int) -> None:
        """C{seconds} is what it holds at least.

        @raise ValueError: another rate, or more than four million samples.
        """
        self.native = _engine.Pipe(round(seconds * rate), rate)
        self.rate = rate

    @property
    def waiting(self) -> int:
        """Samples that were written and not read."""
        return self.native.waiting

    @property
    def lost(self) -> int:
        """Samples that found no room."""
        return self.native.lost

    def write(self, samples: bytes) -> int:
        """Put samples in, and return how many fitted. For the only writer.

        @raise ValueError: half a sample.
        """
        return self.native.write(swapped(samples))

    def read(self, most: int) -> bytes:
        """Take up to C{most} samples out. For the only reader."""
        return swapped(self.native.read(most))

    def forget(self) -> None:
        """What waits is not wanted any more. For the only writer."""
        self.native.forget()


class Tap:
    """Both sides of a stream (L{neon.media.engine.Stream.set_tap}), for a thread that writes them down.

    Any one thread may read. It begins silent in both: what is said before it is set to a stream is not in it. Sides
    that are not sent or not received (a hold) are silent in it. Digits are not heard on our side. In a conference our
    side is what the source gives, the other one everybody else.
    """

    def __init__(self, seconds: float = 8.0) -> None:
        """C{seconds} of audio wait at least; what comes while nobody reads for longer is silence later."""
        self.native = _engine.Tap(round(seconds * 8000))

    @property
    def done(self) -> bool:
        """Whether nothing will come but what waits: the stream has another tap, or was closed."""
        return self.native.done

    @property
    def lost(self) -> int:
        """Samples of each side that nobody read in time."""
        return self.native.lost

    def read(self) -> bytes:
        """What waits: 16-bit samples in the machine's byte order, ours and theirs by turns."""
        return self.native.read()

    def pause(self, on: bool) -> None:
        """Hear silence on both sides, from the next 20 ms on, or the call again."""
        self.native.pause(on)
