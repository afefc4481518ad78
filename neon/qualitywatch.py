"""Looks at the quality of every call that is up, every few seconds: figures for whoever wants them, warnings in words.

A warning begins after it has been so for some looks, and ends when it has been better for some: what flickers is
nobody's help. The last figures of a call, over all of it, go into the call log.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from twisted.logger import Logger

from neon.bus import Bus, Published
from neon.events import CallAccepted, MediaStatsKnown, MediaWarned
from neon.ports import Clock, Timer
from neon.quality import Figures, figures
from neon.values import CallSnapshot, CallState, MediaProblem, MediaStatistics

_log = Logger()

HIGH_LOSS: Final = 5.0
LOW_LOSS: Final = 2.0
"""Percent of packets: between the two a warning neither begins nor ends."""

SILENT_DBOV: Final = -75.0
"""Quieter than any microphone that is open; a level of 16-bit zeros and ones is -90."""

LOOKS_TO_BEGIN: Final = {
    MediaProblem.NO_AUDIO: 2,
    MediaProblem.ONE_WAY: 2,
    MediaProblem.HIGH_LOSS: 2,
    MediaProblem.SILENT_MICROPHONE: 3,
    MediaProblem.DEVICE_GONE: 1,
}
LOOKS_TO_END: Final = {problem: 2 if problem is MediaProblem.HIGH_LOSS else 1 for problem in MediaProblem}


class Sound(Protocol):
    """The media side, as far as it is looked at."""

    def statistics(self, call_id: int) -> MediaStatistics | None:
        """The counters of a call that has audio."""

    @property
    def device_problem(self) -> str | None:
        """Why the sound card does not work, None if it does or there is none."""

    @property
    def has_microphone(self) -> bool:
        """Whether what calls send comes from a sound card."""


@dataclass(eq=False, slots=True)
class _Watched:
    connection_id: int
    last: MediaStatistics
    runs: dict[MediaProblem, int] = field(default_factory=dict)
    warned: set[MediaProblem] = field(default_factory=set)


class QualityWatch:
    """C{calls} are the phone's; C{note} is told the figures of each call at its end, for the log.

    C{words}: what a problem is, and what a person can do about it.
    """

    def __init__(
        self,
        bus: Bus,
        clock: Clock,
        calls: Callable[[], tuple[CallSnapshot, ...]],
        sound: Sound,
        words: Callable[[MediaProblem], tuple[str, str]],
        note: Callable[[int, dict[str, Any]], None] = lambda call_id, quality: None,
        look_seconds: float = 5.0,
    ) -> None:
        self._bus = bus
        self._clock = clock
        self._calls = calls
        self._sound = sound
        self._words = words
        self._look_seconds = look_seconds
        self._note = note
        self._watched: dict[int, _Watched] = {}
        self._timer: Timer | None = None
        bus.subscribe(self._happened, CallAccepted)

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        self._watched.clear()

    def closed(self, call_id: int, statistics: MediaStatistics) -> None:
        """The audio of a call is over; these are its last counters."""
        if self._watched.pop(call_id, None) is not None:
            self._note(call_id, figures(MediaStatistics(), statistics).data())

    def _happened(self, published: Published) -> None:
        event = published.event
        if isinstance(event, CallAccepted) and (now := self._sound.statistics(event.call_id)) is not None:
            self._watched[event.call_id] = _Watched(event.connection_id, now)
            if self._timer is None:
                self._timer = self._clock.callLater(self._look_seconds, self._look)

    def _look(self) -> None:
        # No call, no timer: a daemon that has nothing to do does not wake up.
        self._timer = self._clock.callLater(self._look_seconds, self._look) if self._watched else None
        for call in self._calls() if self._watched else ():
            watched = self._watched.get(call.call_id)
            now = self._sound.statistics(call.call_id) if watched is not None else None
            if watched is not None and now is not None and call.state is CallState.CONFIRMED:
                seen = figures(watched.last, now)
                self._bus.publish(MediaStatsKnown(call.call_id, call.connection_id, seen), keep=False)
                self._judge(call, watched, seen, now)
                watched.last = now

    def _judge(self, call: CallSnapshot, watched: _Watched, seen: Figures, now: MediaStatistics) -> None:
        waiting = call.held or call.held_remotely
        nothing = not waiting and seen.packets_received == 0
        heard_there = now.remote_packets_lost is not None
        silent = seen.sent_dbov is not None and seen.sent_dbov < SILENT_DBOV
        speaks = self._sound.has_microphone and not waiting and not call.muted
        broken = self._sound.device_problem is not None
        high = LOW_LOSS if MediaProblem.HIGH_LOSS in watched.warned else HIGH_LOSS
        for problem, is_so in (
            (MediaProblem.NO_AUDIO, nothing and not heard_there),
            (MediaProblem.ONE_WAY, nothing and heard_there),
            (MediaProblem.HIGH_LOSS, not nothing and seen.loss + seen.late - seen.recovered > high),
            (MediaProblem.SILENT_MICROPHONE, speaks and silent and not broken),
            (MediaProblem.DEVICE_GONE, broken),
        ):
            # A far end may send nothing while nobody speaks there; but if nothing has ever come, something is wrong.
            at_once = nothing and now.packets_received == 0
            self._consider(call, watched, problem, is_so, 1 if at_once else LOOKS_TO_BEGIN[problem])

    def _consider(
        self, call: CallSnapshot, watched: _Watched, problem: MediaProblem, is_so: bool, looks_to_begin: int
    ) -> None:
        warned = problem in watched.warned
        if is_so == warned:
            watched.runs.pop(problem, None)
            return
        run = watched.runs[problem] = watched.runs.get(problem, 0) + 1
        if run < (looks_to_begin if is_so else LOOKS_TO_END[problem]):
            return
        del watched.runs[problem]
        (watched.warned.add if is_so else watched.warned.discard)(problem)
        _log.info("call {call_id}: {problem} {how}", call_id=call.call_id, problem=problem.value, how=is_so)
        self._bus.publish(MediaWarned(call.call_id, call.connection_id, problem, is_so, *self._words(problem)))
