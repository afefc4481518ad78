"""Joins what is heard in calls, played into them, and played beside them, to the configuration and the media side."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neon import sections
from neon.callaudio import CallAudio
from neon.media.callpipes import CallPipes
from neon.media.devices import PortAudioDevice, parse_playback
from neon.media.manager import MediaManager
from neon.media.sounds import CallSounds
from neon.media.tonespeaker import ToneSpeaker
from neon.phone import Phone
from neon.playing import Playing
from neon.speechwatch import SpeechWatch
from neon.toneplayer import TonePlayer
from neon.tones import TONES, country_of


class SoundPart:
    """C{playing} and C{audio} are for the commands."""

    def __init__(
        self,
        reactor: Any,
        loaded: sections.Config,
        state_dir: Path,
        media: MediaManager,
        phone: Phone,
        environ: Mapping[str, str],
    ) -> None:
        media.on_silent = phone.silent
        media.on_digit = phone.control.digit_received
        directory = Path(loaded.playing.directory) if loaded.playing.directory else state_dir / "sounds"
        self._sounds = CallSounds(reactor, media, directory)
        self.playing = Playing(phone, self._sounds)
        lines = CallPipes(media)
        self.audio = CallAudio(phone, lines, reactor)
        self._sounds.on_speech = SpeechWatch(phone, lines).changed
        self._speaker = ToneSpeaker(reactor, media)
        self._tones: TonePlayer | None = None
        country = loaded.tones.country
        if country == "auto":
            # A file is for what the far end says, unless somebody wants the tones in it.
            card = isinstance(parse_playback(loaded.media.playback.text), PortAudioDevice)
            country = country_of(environ) if card else "off"
        if country != "off":
            has_audio = lambda call_id: media.find(call_id) is not None  # noqa: E731 - it is one question
            player = TonePlayer(phone.bus, reactor, TONES[country], self._speaker, phone.calls, has_audio)
            self._sounds.on_heard = player.heard
            phone.control.on_pressed = player.pressed
            self._tones = player

    def stop(self) -> None:
        """Be silent; the media side is still there."""
        if self._tones is not None:
            self._tones.stop()
        self._speaker.stop()
