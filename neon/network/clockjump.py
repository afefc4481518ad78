"""Notices that the machine slept: CLOCK_BOOTTIME went on then, CLOCK_MONOTONIC did not (clock_gettime(2)).

Needs no other service; a poll this rare is the price. It is the fallback for machines without logind.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from neon.ports import Clock, Timer

INTERVAL = 5.0
"""Seconds awake between two looks: so late a wake-up is noticed at the worst."""

LEAST = 2.0
"""Seconds of sleep that matter."""


def time_slept() -> float:
    """Seconds that this machine has slept since it booted."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)


class ClockJump:
    """Calls C{on_resumed} after a sleep, at most L{INTERVAL} seconds late."""

    def __init__(
        self, clock: Clock, on_resumed: Callable[[], None], *, slept: Callable[[], float] = time_slept
    ) -> None:
        self._clock = clock
        self._on_resumed = on_resumed
        self._slept = slept
        self._known = 0.0
        self._timer: Timer | None = None

    def start(self) -> None:
        self._known = self._slept()
        self._timer = self._clock.callLater(INTERVAL, self._look)

    def stop(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def known(self) -> None:
        """Somebody else has noticed a sleep already."""
        self._known = self._slept()

    def _look(self) -> None:
        self._timer = self._clock.callLater(INTERVAL, self._look)
        slept = self._slept()
        resumed, self._known = slept - self._known >= LEAST, slept
        if resumed:
            self._on_resumed()
