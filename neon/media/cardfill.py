"""How much a sound card still has to play, told to the engine: it makes up for a card that is faster than our clock.

A part of the worker (L{neon.media.portaudio}). The engine's side is C{outlet.c}.
"""

from __future__ import annotations

import contextlib
import socket
from typing import Final, Protocol

EVERY: Final = 10
"""Frames of 20 ms between two messages."""
MOST: Final = 0xFFFF


class Ring(Protocol):
    """What a stream of PyAudio's tells of its buffer."""

    def get_write_available(self) -> int:
        """How many samples could be written without waiting; less than 0 if that is not known."""
        ...


class CardFill:
    """Watches the ring of one card, which is still empty now.

    The message is two octets on the socket to the engine, the least number of samples at 16 kHz that were left to play
    when a frame came, since the last message.
    """

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self._size = ring.get_write_available()
        self._least = MOST
        self._looks = 0

    def look(self, link: socket.socket) -> None:
        """A frame is about to be written."""
        available = self._ring.get_write_available()
        if available < 0 or self._size <= 0:
            return
        self._least = min(self._least, max(0, self._size - available))
        self._looks += 1
        if self._looks == EVERY:
            with contextlib.suppress(BlockingIOError):  # nobody listens just now
                link.send(self._least.to_bytes(2, "little"), socket.MSG_DONTWAIT)
            self._looks, self._least = 0, MOST
