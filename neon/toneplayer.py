"""What the user of a telephone hears beside the far end: that it rings there, is busy, that somebody else calls, keys.

All of it is for the loudspeaker here alone. A network that sends its own ringing tone is heard instead of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from neon.bus import Bus, Published
from neon.digits import DIGIT_MS
from neon.events import CallAccepted, CallClaimed, CallEvent, CallFinalized, CallRinging, CallStarted
from neon.ports import Clock, Timer
from neon.soundports import Loudspeaker
from neon.tones import Cadence, Tone, of_key
from neon.values import CallSnapshot, CallState, Direction

FAILURE_SECONDS: Final = 4.0
"""For so long the busy tone is heard."""

BUSY: Final = frozenset({486, 600, 603})
OURS: Final = frozenset({0, 487})
"""A call that we gave up, or that had been answered, needs no tone."""


class TonePlayer:
    """C{tones} are a country's, C{calls} the phone's, C{is_heard} says whether a call's audio has begun to come."""

    def __init__(
        self,
        bus: Bus,
        clock: Clock,
        tones: Mapping[Tone, Cadence],
        speaker: Loudspeaker,
        calls: Callable[[], tuple[CallSnapshot, ...]],
        has_audio: Callable[[int], bool],
    ) -> None:
        """C{has_audio}: whether audio was agreed on for a call, before its answer."""
        self._clock = clock
        self._tones = tones
        self._speaker = speaker
        self._calls = calls
        self._has_audio = has_audio
        self._ringing: set[int] = set()
        self._heard: set[int] = set()
        self._waiting: set[int] = set()
        self._failure: Tone | None = None
        self._timer: Timer | None = None
        self._now: Tone | None = None
        bus.subscribe(self._happened, CallEvent)

    def heard(self, call_id: int) -> None:
        """The first audio of a call came: of a call that rings, the network's own tone or announcement."""
        self._heard.add(call_id)
        self._ringing.discard(call_id)
        self._choose()

    def pressed(self, digit: str) -> None:
        """A digit is being sent."""
        self._speaker.once(of_key(digit, DIGIT_MS))

    def stop(self) -> None:
        """Be silent, for good."""
        self._ringing.clear()
        self._waiting.clear()
        self._end_failure()
        self._choose()

    def _happened(self, published: Published) -> None:
        event = published.event
        if not isinstance(event, CallEvent):
            return
        match event:
            case CallStarted():
                if event.direction is Direction.OUTGOING:
                    self._end_failure()
                elif self._is_talking(event.call_id):
                    self._waiting.add(event.call_id)
            case CallRinging(status=status):
                # 183 is no ringing; where it brings no audio either, nobody else would tell that something happens.
                if event.call_id not in self._heard and (status == 180 or not self._has_audio(event.call_id)):
                    self._ringing.add(event.call_id)
            case CallAccepted() | CallClaimed():
                self._ringing.discard(event.call_id)
                self._waiting.discard(event.call_id)
            case CallFinalized():
                self._over(event)
            case _:
                return
        self._choose()

    def _over(self, event: CallFinalized) -> None:
        call_id, heard = event.call_id, event.call_id in self._heard
        for noted in (self._ringing, self._heard, self._waiting):
            noted.discard(call_id)
        if not self._is_talking(call_id):
            self._waiting.clear()
        # Whoever heard the network say why need not hear it from us.
        refused = event.direction is Direction.OUTGOING and not event.duration_ms and event.cause.status not in OURS
        if refused and not heard and not self._is_talking(call_id):
            self._end_failure()
            self._failure = Tone.BUSY if event.cause.status in BUSY else Tone.CONGESTION
            self._timer = self._clock.callLater(FAILURE_SECONDS, self._failure_heard)

    def _is_talking(self, besides: int) -> bool:
        return any(call.state is CallState.CONFIRMED and call.call_id != besides for call in self._calls())

    def _failure_heard(self) -> None:
        self._timer = None
        self._end_failure()
        self._choose()

    def _end_failure(self) -> None:
        self._failure = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _choose(self) -> None:
        """Play what matters most."""
        wanted = Tone.RING_BACK if self._ringing else self._failure
        if wanted is None and self._waiting:
            wanted = Tone.CALL_WAITING
        if wanted is not self._now:
            self._now = wanted
            self._speaker.play(None if wanted is None else self._tones[wanted])
