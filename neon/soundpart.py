"""Joins what is played into calls to the configuration and the media side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from neon import sections
from neon.callaudio import CallAudio
from neon.media.callpipes import CallPipes
from neon.media.manager import MediaManager
from neon.media.sounds import CallSounds
from neon.phone import Phone
from neon.playing import Playing
from neon.speechwatch import SpeechWatch


class SoundPart:
    """C{playing} and C{audio} are for the commands."""

    def __init__(
        self, reactor: Any, loaded: sections.Config, state_dir: Path, media: MediaManager, phone: Phone
    ) -> None:
        directory = Path(loaded.playing.directory) if loaded.playing.directory else state_dir / "sounds"
        self._sounds = CallSounds(reactor, media, directory)
        self.playing = Playing(phone, self._sounds)
        lines = CallPipes(media)
        self.audio = CallAudio(phone, lines, reactor)
        self._sounds.on_speech = SpeechWatch(phone, lines).changed
