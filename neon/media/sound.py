"""Sound that is not a device's: clips, which are stored, and pipes, through which an application speaks and listens.

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
