"""Notices that a server says nothing to an INVITE while there is another one to try (RFC 3263, section 4.3).

The RFC waits for the transaction's time-out; 32 s of silence are longer than anybody holds a telephone to the ear.
"""

from __future__ import annotations

from collections.abc import Callable

from neon.ports import Clock, Timer

WITHIN = 6.0
"""Seconds that a server has to say anything, if only 100."""


class SilentHop:
    """C{on_silent} is called when the time is over."""

    def __init__(self, clock: Clock, on_silent: Callable[[], None]) -> None:
        self._clock = clock
        self._on_silent = on_silent
        self._timer: Timer | None = None
        self.heard = False
        """Whether the one that is watched has said anything."""

    def watch(self, others_left: bool) -> None:
        """An INVITE has left; without another server there is all the time of the transaction."""
        self.stop()
        self.heard = False
        if others_left:
            self._timer = self._clock.callLater(WITHIN, self._on_silent)

    def spoke(self) -> None:
        """There was a response."""
        self.stop()
        self.heard = True

    def stop(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
