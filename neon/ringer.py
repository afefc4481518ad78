"""When it rings: while somebody waits for an answer here and nobody talks.

A second caller while somebody does is told by the tone in the ear (call waiting), not by a bell beside it. A call that
DND or forwarding took care of is none that waits, and one that answers by itself is not heard either.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from neon.bus import Bus, Published
from neon.events import CallAccepted, CallClaimed, CallFinalized, CallStarted
from neon.ports import Clock, Timer
from neon.values import CallSnapshot, CallState, Direction

AFTER: Final = 0.15
"""Seconds from the call to the first sound: by then a call that answers by itself, or is refused at once, has gone."""


class Ringer:
    """C{calls} are the phone's; C{ring} begins and ends the sound."""

    def __init__(
        self, bus: Bus, clock: Clock, calls: Callable[[], tuple[CallSnapshot, ...]], ring: Callable[[bool], None]
    ) -> None:
        self._clock = clock
        self._calls = calls
        self._ring = ring
        self._claimed: set[int] = set()
        self._rings = False
        self._timer: Timer | None = None
        bus.subscribe(self._happened)

    def stop(self) -> None:
        """Ring no more, whatever happens."""
        self._cancel()
        self._sound(False)

    def _happened(self, published: Published) -> None:
        event = published.event
        if isinstance(event, CallClaimed):
            self._claimed.add(event.call_id)
        elif isinstance(event, CallFinalized):
            self._claimed.discard(event.call_id)
        elif not isinstance(event, (CallStarted, CallAccepted)):
            return
        if not self._waits():
            self._cancel()
            self._sound(False)
        elif not self._rings and self._timer is None:
            self._timer = self._clock.callLater(AFTER, self._begin)

    def _waits(self) -> bool:
        """Whether somebody should be heard to wait."""
        calls = self._calls()
        waiting = (
            call.direction is Direction.INCOMING
            and call.state is CallState.EARLY
            and call.call_id not in self._claimed
            for call in calls
        )
        return any(waiting) and not any(call.state is CallState.CONFIRMED for call in calls)

    def _begin(self) -> None:
        self._timer = None
        self._sound(self._waits())

    def _sound(self, on: bool) -> None:
        if on != self._rings:
            self._rings = on
            self._ring(on)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
