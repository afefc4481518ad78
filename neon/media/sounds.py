"""Stored sound in the calls of a L{MediaManager}."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from neon.media.clips import Clips
from neon.media.engine import FirstPacket, Played, Speech
from neon.media.manager import MediaManager
from neon.media.sound import Clip
from neon.soundports import Clip as AnyClip


class CallSounds:
    """Implements L{neon.soundports.Sounds}; takes the manager's C{on_sound}."""

    def __init__(self, reactor: Any, manager: MediaManager, directory: Path) -> None:
        self._manager = manager
        self._clips = Clips(reactor, directory)
        self._numbers = itertools.count(1)
        self._playing: dict[int, tuple[int, Callable[[], None]]] = {}
        self.on_speech: Callable[[int, bool], None] = lambda call_id, speaking: None
        """Called with the call id when the far end begins or ceases to speak, if that was asked for."""
        self.on_heard: Callable[[int], None] = lambda call_id: None
        """Called with the call id when its first audio comes."""
        manager.on_sound = self._happened

    def load(self, name: str) -> Deferred[AnyClip]:
        d: Deferred[Any] = self._clips.load(name)
        return d

    def play(
        self,
        call_id: int,
        clip: AnyClip,
        *,
        loop: bool = False,
        mix: bool = False,
        done: Callable[[], None] = lambda: None,
    ) -> bool:
        call = self._manager.find(call_id)
        if call is None:
            return False
        assert isinstance(clip, Clip)
        number = next(self._numbers) & 0xFFFFFFFF
        self._playing[call_id] = number, done
        call.stream.play(clip, loop=loop, mix=mix, number=number)
        return True

    def stop(self, call_id: int) -> None:
        call = self._manager.find(call_id)
        if self._playing.pop(call_id, None) is not None and call is not None:
            call.stream.play(None)

    def hold(self, call_id: int, on: bool, music: AnyClip | None = None) -> None:
        call = self._manager.find(call_id)
        if call is not None:
            assert music is None or isinstance(music, Clip)
            call.stream.hold(on, music)

    def _happened(self, call_id: int, event: FirstPacket | Played | Speech) -> None:
        if isinstance(event, Speech):
            self.on_speech(call_id, event.speaking)
            return
        if isinstance(event, FirstPacket):
            self.on_heard(call_id)
            return
        number, done = self._playing.get(call_id, (0, None))
        if done is not None and number == event.number:  # else another was begun meanwhile
            del self._playing[call_id]
            done()
