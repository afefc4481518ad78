"""How long a registration waits after a failure: ever longer, and never a thousand phones at the same moment."""

from __future__ import annotations

from collections.abc import Callable

BACK_OFF = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 60.0, 120.0)
"""Seconds; the last one again and again."""

JITTER = 0.25
"""The share by which chance varies a delay, either way."""


class BackOff:
    """The row of delays, from the beginning after each L{reset}. C{random} draws from 0 to 1."""

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self.failures = 0

    def reset(self) -> None:
        self.failures = 0

    def first(self) -> float:
        """The shortest delay, not counted as a failure."""
        return self.spread(BACK_OFF[0])

    def next(self) -> float:
        """The delay after one more failure."""
        delay = self.spread(BACK_OFF[min(self.failures, len(BACK_OFF) - 1)])
        self.failures += 1
        return delay

    def spread(self, delay: float) -> float:
        """A delay, varied by chance."""
        return delay * (1.0 + JITTER * (2.0 * self._random() - 1.0))
