"""How far a reader is behind (robustness rules, "Local APIs": a slow reader is cut, the others notice nothing).

A transport keeps what the other side does not read yet. Here it is counted, in bytes and in events, whenever it says
that it is full. A client that reads slowly but steadily is as far behind as what is kept for it, not as all that it
was sent.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final

MAX_BYTES: Final = 256 * 1024
MAX_EVENTS: Final = 1000

SEND_BUFFER: Final = 64 * 1024
"""What the kernel keeps beside (twice as much, in its own counting), so that the bounds above mean something."""


class Lag:
    """The arrears of one connection; C{transport} is Twisted's, or one in memory that takes everything at once."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._stalled = False
        self._written = 0
        self._kept_before = 0
        self._ends: deque[int] = deque()
        self._allowed = 0

    def allow(self, octets: int) -> None:
        """So much is about to be written that was asked for at once: nobody is slow for not having read it yet."""
        self._allowed += octets

    @property
    def stalled(self) -> bool:
        """Whether the transport is full."""
        return self._stalled

    def pause(self) -> None:
        """The transport is full."""
        if not self._stalled:
            self._stalled = True
            self._written = 0
            self._kept_before = self._kept() or 0
            self._ends.clear()

    def resume(self) -> None:
        """The transport is empty."""
        self._stalled = False
        self._allowed = 0

    def wrote(self, octets: int) -> bool:
        """Something was written; whether the reader is too far behind now."""
        if not self._stalled:
            return False
        self._written += octets
        return self.octets > MAX_BYTES + self._allowed

    def sent_event(self) -> bool:
        """What was written last was an event; whether there are too many of them now."""
        if not self._stalled:
            return False
        self._ends.append(self._written)
        read = self._written - self.octets
        while self._ends and self._ends[0] <= read:
            self._ends.popleft()
        return len(self._ends) > MAX_EVENTS

    @property
    def octets(self) -> int:
        """What is kept for the reader."""
        kept = self._kept()
        return self._kept_before + self._written if kept is None else kept

    def _kept(self) -> int | None:
        """What Twisted's transport keeps, which it has no method for: the buffer it sends from, and what follows."""
        try:
            return int(len(self._transport.dataBuffer) - self._transport.offset + self._transport._tempDataLen)
        except AttributeError:
            return None
