"""Joins the sound devices to the configuration, the phone and whoever hears of events."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from neon import sections
from neon.bus import Bus
from neon.events import AudioLevels, DevicesChanged
from neon.explain import LANGUAGES, language_of
from neon.media.chosendevices import ChosenDevices
from neon.media.devices import CaptureDevice, PlaybackDevice, PortAudioDevice
from neon.media.echocancel import Processing
from neon.media.engine import Engine
from neon.media.manager import MediaManager, MediaSettings
from neon.media.mappedports import FindServer
from neon.media.pactl import Pactl
from neon.media.soundserver import SoundServer
from neon.media.soundsystem import SoundSystem
from neon.phone import Phone
from neon.ringer import Ringer
from neon.sounddevices import DEFAULT, AudioTest, DeviceKind


class DevicePart:
    """C{system} is for the commands.

    C{start} comes after the media side's own, C{stop} before it.
    """

    system: SoundSystem

    def __init__(
        self,
        reactor: Any,
        media: sections.Media,
        state_dir: Path,
        capture: CaptureDevice,
        playback: PlaybackDevice,
        ring: PlaybackDevice,
    ) -> None:
        """C{capture}, C{playback} and C{ring} are as the configuration has them; what was chosen wins."""
        self._reactor = reactor
        self._media = media
        self._chosen = ChosenDevices(reactor, state_dir)
        self._server = SoundServer(reactor, Pactl(reactor))
        self._capture: CaptureDevice = self._or_chosen(DeviceKind.MICROPHONE, capture)
        self._playback: PlaybackDevice = self._or_chosen(DeviceKind.SPEAKER, playback)
        self._ring = (ring.name or "") if isinstance(ring, PortAudioDevice) else None

    def manager(self, engine: Engine, find_stun: FindServer | None) -> MediaManager:
        """The media side, with the devices that are to be used."""
        media = self._media
        processing = Processing(media.noise_suppression, media.gain_control) if media.echo_cancelling else None
        settings = MediaSettings(
            media.bind, media.ports, media.codecs, media.srtp, self._capture, self._playback, media.ptime,
            media.comfort_noise, processing,
        )  # fmt: skip
        self._manager = MediaManager(
            self._reactor, engine, settings, find_stun=find_stun, sound_server=self._server
        )
        self._manager.name = "the media engine"
        return self._manager

    def _or_chosen(self, kind: DeviceKind, device: Any) -> Any:
        id = self._chosen.get(kind)
        if not isinstance(device, PortAudioDevice) or id is None:
            return device
        return PortAudioDevice(None if id == DEFAULT else id)

    def join(self, phone: Phone, bus: Bus, environ: Mapping[str, str]) -> None:
        """The phone is there too."""
        words = LANGUAGES[language_of(environ)]

        def sentence(test: AudioTest) -> str:
            heard = "" if test.heard is None else f"{test.heard:.0f}"
            return " ".join(words[f"audio-{test.verdict.value}"]).format(decibels=heard).strip()

        self.system = SoundSystem(
            self._reactor, self._server, self._manager, self._chosen,
            ring=self._ring, ring_sound=self._media.ring_sound or "", words=sentence,
        )  # fmt: skip
        self.system.on_devices = lambda devices: bus.publish(DevicesChanged(devices))
        self.system.on_levels = lambda levels: bus.publish(AudioLevels(levels), keep=False)
        self._ringer = Ringer(bus, self._reactor, phone.call, self.system.ringer.ring)

    def start(self) -> None:
        """Follow the sound server."""
        self.system.start()

    def stop(self) -> Deferred[None]:
        """Let go of everything but the talk device."""
        self._ringer.stop()
        return self.system.stop()

