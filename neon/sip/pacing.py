"""Keeps many accounts from asking one registrar all at once: at start, after an outage, when the network changed.

The first ones go at once, the others in their order at a steady pace, so that a registrar that has just come back
is not knocked over by a thousand of ours (each of which may cost it two requests and a password check).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from neon.ports import Clock, Timer

BURST: Final = 20
PER_SECOND: Final = 100.0
MOST_KEYS: Final = 1000
ROUNDING: Final = 1e-6


class Pacer:
    """C{burst} attempts may go at once, then C{per_second}; each registrar has its own count."""

    def __init__(self, clock: Clock, *, burst: int = BURST, per_second: float = PER_SECOND) -> None:
        self._clock = clock
        self._ahead = burst / per_second
        self._interval = 1 / per_second
        self._next: dict[str, float] = {}

    def later(self, registrar: str, delay: float, begin: Callable[[], None]) -> Timer:
        """Call C{begin} after C{delay} seconds, or as soon after that as it is its turn."""
        return _Turn(self._clock, delay, lambda: self._wait(registrar), begin)

    def _wait(self, registrar: str) -> float:
        """Take the next place in the row; the seconds until it comes up."""
        now = self._clock.seconds()
        if len(self._next) >= MOST_KEYS:
            self._next = {key: place for key, place in self._next.items() if place > now}
        place = max(self._next.get(registrar, float("-inf")), now - self._ahead + self._interval)
        self._next[registrar] = place + self._interval
        wait = place - now
        return wait if wait > ROUNDING else 0.0


class _Turn:
    """A timer that takes its place in the row when it has run out. Implements L{neon.ports.Timer}."""

    def __init__(
        self, clock: Clock, delay: float, take_place: Callable[[], float], begin: Callable[[], None]
    ) -> None:
        self._clock = clock
        self._take_place = take_place
        self._begin = begin
        self._timer: Timer = clock.callLater(delay, self._ask)

    def active(self) -> bool:
        return self._timer.active()

    def cancel(self) -> None:
        self._timer.cancel()

    def reset(self, secondsFromNow: float) -> None:
        self._timer.reset(secondsFromNow)

    def _ask(self) -> None:
        wait = self._take_place()
        if wait:
            self._timer = self._clock.callLater(wait, self._begin)
        else:
            self._begin()
