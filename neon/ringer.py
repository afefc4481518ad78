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
    """C{call} looks one of the phone's up; C{ring} begins and ends the sound.

    Of a thousand calls that are up only those are looked at that may matter: who waits, and the first who talks.
    """

    def __init__(
        self, bus: Bus, clock: Clock, call: Callable[[int], CallSnapshot | None], ring: Callable[[bool], None]
    ) -> None:
        self._clock = clock
        self._call = call
        self._ring = ring
        self._waiting: set[int] = set()
        self._talking: dict[int, None] = {}
        self._rings = False
        self._timer: Timer | None = None
        bus.subscribe(self._happened, CallStarted, CallAccepted, CallClaimed, CallFinalized)

    def stop(self) -> None:
        """Ring no more, whatever happens."""
        self._cancel()
        self._sound(False)

    def _happened(self, published: Published) -> None:
        event = published.event
        if isinstance(event, CallStarted):
            if event.direction is Direction.INCOMING:
                self._waiting.add(event.call_id)
        elif isinstance(event, CallClaimed):
            self._waiting.discard(event.call_id)
        elif isinstance(event, CallAccepted):
            self._waiting.discard(event.call_id)
            self._talking[event.call_id] = None
        elif isinstance(event, CallFinalized):
            self._waiting.discard(event.call_id)
            self._talking.pop(event.call_id, None)
        else:
            return
        if not self._waits():
            self._cancel()
            self._sound(False)
        elif not self._rings and self._timer is None:
            self._timer = self._clock.callLater(AFTER, self._begin)

    def _waits(self) -> bool:
        """Whether somebody should be heard to wait."""
        waiting = any(self._is(call_id, CallState.EARLY) for call_id in self._waiting)
        return waiting and not any(self._is(call_id, CallState.CONFIRMED) for call_id in self._talking)

    def _is(self, call_id: int, state: CallState) -> bool:
        # One that hangs up may take its time: it is asked for what it does now.
        call = self._call(call_id)
        return call is not None and call.state is state

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
