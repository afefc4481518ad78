"""One stream whose sockets are open before there is a call: opening them is a tenth of what a call takes to begin.

It is parked, so that the engine's thread knows nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable

from neon.media.engine import Stream
from neon.ports import Clock, MediaUnavailable, Timer

AFTER = 0.02
"""Seconds after a call took the last one, when the beginning of that call is over."""


class SpareStream:
    """C{open_stream} makes a parked stream, or raises L{MediaUnavailable}."""

    def __init__(self, clock: Clock, open_stream: Callable[[], Stream]) -> None:
        self._clock = clock
        self._open_stream = open_stream
        self._spare: Stream | None = None
        self._timer: Timer | None = None

    def take(self) -> Stream:
        """The spare one, or else another; the next is opened later.

        @raise MediaUnavailable: there is no port, or not the address.
        """
        stream, self._spare = self._spare, None
        if stream is None:
            stream = self._open_stream()
        if self._timer is None:
            self._timer = self._clock.callLater(AFTER, self._refill)
        return stream

    def drop(self) -> None:
        """Close it, because the machine's addresses are others now, or at the end."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        stream, self._spare = self._spare, None
        if stream is not None:
            stream.close()

    def _refill(self) -> None:
        self._timer = None
        try:
            self._spare = self._open_stream()
        except MediaUnavailable:
            self._spare = None  # the next call tries again, and tells
