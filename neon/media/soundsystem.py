"""The sound devices as commands see them: joins the sound server, the talk device, the ring device and the choice."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from neon.errors import InvalidArgument
from neon.media.chosendevices import ChosenDevices
from neon.media.levelwatch import LevelWatch
from neon.media.manager import MediaManager
from neon.media.pactl import person_readable
from neon.media.ringdevice import RingDevice
from neon.media.soundjob import SoundJob
from neon.media.soundserver import SoundServer
from neon.media.talkdevice import Wanted, find
from neon.sounddevices import (
    DEFAULT,
    AudioTest,
    DeviceKind,
    EchoState,
    Levels,
    SoundDevice,
    SoundDevices,
    Verdict,
)

_log = Logger()

LIST_PATIENCE: Final = 5.0
TEST_PATIENCE: Final = 15.0
"""Seconds beside those of its recording and playback."""
SILENT_DBFS: Final = -75.0
HEARD_DBFS: Final = -70.0
HEARD_ABOVE: Final = 12.0
"""dB that the tone has to be louder by than the room is without it."""


class SoundSystem:
    """Implements L{neon.sounddevices.Sound}."""

    def __init__(
        self,
        reactor: Any,
        server: SoundServer,
        manager: MediaManager,
        chosen: ChosenDevices,
        *,
        ring: str | None,
        ring_sound: str = "",
        words: Callable[[AudioTest], str],
    ) -> None:
        """C{ring} is the loudspeaker that the configuration names for ringing: "" is the default one, None is none.

        C{words} makes a sentence for the user of what a test came to.
        """
        self._reactor = reactor
        self._server = server
        self._manager = manager
        self._chosen = chosen
        self._ring = ring
        self._words = words
        self.ringer = RingDevice(reactor, self._ring_name, ring_sound)
        self._levels = LevelWatch(reactor, lambda: self._manager.talk, self._loud)
        self.on_devices: Callable[[SoundDevices], object] = lambda devices: None
        """Called when there are others, or others were chosen."""
        self.on_levels: Callable[[Levels], object] = lambda levels: None
        """Called some times a second while somebody watches."""
        self._told: SoundDevices | None = None
        self._test: SoundJob | None = None
        self._listening: list[Deferred[str]] = []
        server.on_changed = self._changed

    def start(self) -> None:
        """Begin to follow the server, if any sound card is used at all."""
        if self._chosen_now():
            self._server.start()

    def stop(self) -> Deferred[None]:
        """Let go of everything but the talk device; fires when it is done."""
        self._server.stop()
        self._levels.stop()
        if self._test is not None:
            self._test.stop()
        return self.ringer.stop()

    def devices(self) -> Deferred[SoundDevices]:
        return Deferred.fromCoroutine(self._devices())

    def choose(self, kind: DeviceKind, id: str) -> Deferred[SoundDevices]:
        return Deferred.fromCoroutine(self._choose(kind, id))

    def watch_levels(self, who: str, on: bool) -> None:
        self._levels.watch(who, on)

    def test(self, seconds: int) -> Deferred[tuple[AudioTest, str]]:
        return Deferred.fromCoroutine(self._tested(seconds))

    def echo_of(self, call_id: int) -> EchoState:
        talk = self._manager.talk
        if talk is None or self._manager.statistics(call_id) is None:
            return EchoState.OFF
        return talk.echo

    def _loud(self, levels: Levels) -> None:
        self.on_levels(levels)

    async def _devices(self) -> SoundDevices:
        await self._server.looked()
        state = self._server.state
        if state is not None:
            return SoundDevices(state.microphones, state.speakers, self._chosen_now())
        try:
            listed: dict[str, list[str]] = json.loads(await self._list())
        except ValueError:  # it died, and said why in the log
            listed = {}
        microphones, speakers = (
            tuple(SoundDevice(name, person_readable(name), name == "default") for name in listed.get(side, ()))
            for side in ("microphones", "speakers")
        )
        return SoundDevices(microphones, speakers, self._chosen_now())

    def _list(self) -> Deferred[str]:
        """What PortAudio knows; one process at a time, however many ask."""
        d: Deferred[str] = Deferred()
        self._listening.append(d)
        if len(self._listening) == 1:
            SoundJob(self._reactor, "list", patience=LIST_PATIENCE).done.addCallback(self._listed)
        return d

    def _listed(self, line: str) -> None:
        waiting, self._listening = self._listening, []
        for d in waiting:
            d.callback(line)

    async def _choose(self, kind: DeviceKind, id: str) -> SoundDevices:
        if self._wanted(kind) is None:
            key = {DeviceKind.MICROPHONE: "capture", DeviceKind.SPEAKER: "playback", DeviceKind.RING: "ring"}[kind]
            raise InvalidArgument(f"no sound card is used for that: the configuration says otherwise ([media] {key})")
        devices = await self._devices()
        ids = [device.id for device in devices.of(kind)]
        if id != DEFAULT and id not in ids:
            raise InvalidArgument(f"there is no such {kind.value}; there are: {', '.join((DEFAULT, *ids))}")
        self._chosen.put(kind, id)
        if kind is DeviceKind.RING:
            self.ringer.again()
        elif self._manager.talk is not None:
            capture, playback = self._wanted(DeviceKind.MICROPHONE), self._wanted(DeviceKind.SPEAKER)
            self._manager.talk.choose(Wanted(capture, playback))
        self._tell(SoundDevices(devices.microphones, devices.speakers, self._chosen_now()))
        return SoundDevices(devices.microphones, devices.speakers, self._chosen_now())

    def _wanted(self, kind: DeviceKind) -> str | None:
        """The name that is wanted for something, "" for the default device, None if no sound card is used for it."""
        talk = self._manager.talk
        if kind is DeviceKind.RING:
            configured = self._ring
        else:
            configured = None if talk is None else getattr(talk.wanted, _SIDE[kind])
        if configured is None:
            return None
        id = self._chosen.get(kind)
        return configured if id is None else "" if id == DEFAULT else id

    def _chosen_now(self) -> tuple[tuple[DeviceKind, str], ...]:
        wanted = ((kind, self._wanted(kind)) for kind in DeviceKind)
        return tuple((kind, name or DEFAULT) for kind, name in wanted if name is not None)

    def _ring_name(self) -> str | None:
        name = self._wanted(DeviceKind.RING)
        return name if self._server.state is None else find(self._server.state, Wanted(None, name)).playback

    def _changed(self) -> None:
        if self._manager.talk is not None:
            self._manager.talk.settle()
        self.ringer.again()
        state = self._server.state
        devices = SoundDevices() if state is None else SoundDevices(state.microphones, state.speakers)
        self._tell(SoundDevices(devices.microphones, devices.speakers, self._chosen_now()))

    def _tell(self, devices: SoundDevices) -> None:
        if devices != self._told:
            self._told = devices
            self.on_devices(devices)

    async def _tested(self, seconds: int) -> tuple[AudioTest, str]:
        if self._test is not None:
            raise InvalidArgument("a test is under way")
        if self._manager.talk is not None and self._manager.talk.is_used:
            raise InvalidArgument("there is a call, which a test would disturb")
        result = await self._try(seconds)
        return result, self._words(result)

    async def _try(self, seconds: int) -> AudioTest:
        names = [self._wanted(DeviceKind.MICROPHONE), self._wanted(DeviceKind.SPEAKER)]
        await self._server.looked()
        if (state := self._server.state) is not None:
            found = find(state, Wanted(names[0] or "", names[1] or ""))
            if found.problem is not None:
                return AudioTest(_missing(found.capture, found.playback))
            names = [found.capture, found.playback]
        if self._test is not None:
            raise InvalidArgument("a test is under way")
        job = self._test = SoundJob(
            self._reactor, "test", names[0] or "", names[1] or "", str(seconds), patience=2 * seconds + TEST_PATIENCE
        )
        try:
            line = await job.done
        finally:
            self._test = None
        return verdict(line)


_SIDE: Final = {DeviceKind.MICROPHONE: "capture", DeviceKind.SPEAKER: "playback"}


def _missing(microphone: str | None, speaker: str | None) -> Verdict:
    if microphone is None and speaker is None:
        return Verdict.NO_DEVICE
    return Verdict.NO_MICROPHONE if microphone is None else Verdict.NO_SPEAKER


def verdict(line: str) -> AudioTest:
    """What the figures of the tool mean."""
    try:
        figures: dict[str, Any] = json.loads(line)
    except ValueError:
        return AudioTest(Verdict.NO_DEVICE, problem=line[:200])
    deaf, dumb = figures.get("microphone"), figures.get("speaker")
    problem = str(deaf or dumb or "")[:200]
    if "level" not in figures:
        return AudioTest(Verdict.NO_DEVICE if dumb else Verdict.NO_MICROPHONE, problem=problem)
    level, peak, heard, background = (float(figures[name]) for name in ("level", "peak", "heard", "background"))
    if not all(map(math.isfinite, (level, peak, heard, background))):
        return AudioTest(Verdict.NO_DEVICE, problem=problem)
    if dumb:
        found = Verdict.NO_SPEAKER
    elif heard > HEARD_DBFS and heard - background > HEARD_ABOVE:
        found = Verdict.HEARD
    elif max(level, heard) < SILENT_DBFS:
        found = Verdict.SILENT_MICROPHONE
    else:
        found = Verdict.NOT_HEARD
    return AudioTest(found, level, peak, heard if found is Verdict.HEARD else None, problem)
