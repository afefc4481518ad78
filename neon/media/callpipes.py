"""The audio of a L{MediaManager}'s calls by pipes, for programs."""

from __future__ import annotations

from typing import Final

from neon.media.manager import MediaManager
from neon.media.sound import Pipe

SPOKEN_SECONDS: Final = 10.0
"""What a program may send ahead: speech is made faster than it is said."""

HEARD_SECONDS: Final = 1.0
"""For as long the reactor may stand still."""


class CallPipes:
    """Implements L{neon.soundports.CallLines}."""

    def __init__(self, manager: MediaManager) -> None:
        self._manager = manager

    def open(self, call_id: int, rate: int, *, mix: bool = False) -> Ends | None:
        call = self._manager.find(call_id)
        if call is None:
            return None
        ends = Ends(Pipe(HEARD_SECONDS, rate), Pipe(SPOKEN_SECONDS, rate))
        call.stream.listen(ends.heard)
        call.stream.speak(ends.spoken, mix=mix)
        return ends

    def close(self, call_id: int) -> None:
        call = self._manager.find(call_id)
        if call is not None:
            call.stream.listen(None)
            call.stream.speak(None)

    def detect_speech(self, call_id: int, on: bool) -> None:
        call = self._manager.find(call_id)
        if call is not None:
            call.stream.detect_speech(on)


class Ends:
    """Implements L{neon.soundports.AudioEnds}."""

    def __init__(self, heard: Pipe, spoken: Pipe) -> None:
        self.heard = heard
        self.spoken = spoken

    @property
    def heard_lost(self) -> int:
        return self.heard.lost

    @property
    def waiting(self) -> int:
        return self.spoken.waiting

    def read(self, count: int) -> bytes:
        return self.heard.read(count) if self.heard.waiting >= count else b""

    def write(self, samples: bytes) -> int:
        room = max(0, round(SPOKEN_SECONDS * self.spoken.rate) - self.spoken.waiting)
        return len(samples) // 2 - self.spoken.write(samples[: 2 * room])

    def forget(self) -> None:
        self.spoken.forget()
