"""Binary messages of a WebSocket connection: the audio of the calls that it has opened (L{neon.audioframes}).

A connection that is not read keeps the last second of each call for its reader, and nothing older.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final

from neon.api.throttle import Bucket
from neon.audioframes import VERSION, AudioFrame, BadFrame
from neon.ports import Clock
from neon.soundports import AudioSpeaker
from neon.values import Scope

KEPT_FRAMES: Final = 50
"""A second."""

FRAMES_PER_SECOND: Final = 500
"""What a connection may send; what comes faster is not looked at."""

COMPLAINT_SECONDS: Final = 1.0


class AudioWay:
    """Implements L{neon.soundports.AudioReader} for one connection.

    C{send} writes a binary message, C{stalled} says whether the connection is full, C{scopes} what whoever is at its
    other end may do now, C{complain} sends a sentence.
    """

    def __init__(
        self,
        key: str,
        clock: Clock,
        *,
        send: Callable[[bytes], Any],
        stalled: Callable[[], bool],
        scopes: Callable[[], frozenset[Scope]],
        complain: Callable[[str], Any],
    ) -> None:
        self.key = key
        self._clock = clock
        self._send = send
        self._stalled = stalled
        self._scopes = scopes
        self._complain = complain
        self._complained_at = -COMPLAINT_SECONDS
        self._bucket = Bucket(clock, FRAMES_PER_SECOND)
        self._speakers: dict[int, AudioSpeaker] = {}
        self._kept: dict[int, deque[AudioFrame]] = {}

    @property
    def allowed(self) -> bool:
        return Scope.AUDIO in self._scopes()

    def opened(self, call_id: int, speaker: AudioSpeaker) -> None:
        self._speakers[call_id] = speaker
        self._kept[call_id] = deque()

    def closed(self, call_id: int) -> None:
        self._speakers.pop(call_id, None)
        self._kept.pop(call_id, None)

    def hears(self, frame: AudioFrame) -> int:
        kept = self._kept[frame.call_id]
        if not self._stalled():
            self._send(frame.encode())
            return 0
        kept.append(frame)
        return len(kept.popleft().samples) // 2 if len(kept) > KEPT_FRAMES else 0

    def caught_up(self) -> None:
        """The reader has read everything: send what was kept, as long as it goes on reading."""
        for kept in tuple(self._kept.values()):
            while kept and not self._stalled():
                self._send(kept.popleft().encode())

    def lost(self) -> None:
        """The connection is gone."""
        for speaker in tuple(self._speakers.values()):
            speaker.leave()

    def received(self, payload: bytes) -> bool:
        """A binary message came; returns whether it is one of audio."""
        if payload[:1] != bytes((VERSION,)):
            return False
        try:
            self._say(payload)
        except BadFrame as error:
            now = self._clock.seconds()
            if now - self._complained_at >= COMPLAINT_SECONDS:
                self._complained_at = now
                self._complain(str(error))
        return True

    def _say(self, payload: bytes) -> None:
        if self._bucket.take() > 0:
            raise BadFrame(f"more than {FRAMES_PER_SECOND} audio messages a second: some are not heard")
        frame = AudioFrame.decode(payload)
        speaker = self._speakers.get(frame.call_id)
        if speaker is None:
            raise BadFrame(f"the audio of call {frame.call_id} is not open here")
        speaker.say(frame)
