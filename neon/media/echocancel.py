"""Echo cancelling, noise suppression and gain, by the sound server's C{module-echo-cancel} (WebRTC's processing).

The module makes two devices at the server, a microphone without the echo and the loudspeaker that the echo comes from.
It is loaded while a call uses a microphone and unloaded after it. What a daemon that was killed has left behind at
the server the next one clears away.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

from twisted.internet.defer import Deferred

from neon.media.pactl import Pactl, PactlFailed, modules
from neon.media.soundserver import OURS

MODULE: Final = "module-echo-cancel"


@dataclass(frozen=True, slots=True)
class Processing:
    """What is done to the sound of a microphone beside cancelling the echo."""

    noise: bool = True
    gain: bool = True

    def arguments(self, pipewire: bool) -> str:
        """As the module takes them; the two servers have different words for the same library."""
        noise, gain = int(self.noise), int(self.gain)
        if pipewire:
            words = ("false", "true")
            return f"webrtc.noise_suppression={words[noise]} webrtc.gain_control={words[gain]}"
        return f"noise_suppression={noise} analog_gain_control=0 digital_gain_control={gain}"


@dataclass(frozen=True, slots=True)
class EchoModule:
    """One that is loaded: its number, the devices it stands between, and the names of those that it made."""

    number: int
    microphone: str
    speaker: str
    source: str
    sink: str


class EchoCanceller:
    """Loads and unloads the module."""

    def __init__(self, pactl: Pactl, processing: Processing) -> None:
        self._pactl = pactl
        self._processing = processing
        self._count = 0

    def load(self, microphone: str, speaker: str, pipewire: bool) -> Deferred[EchoModule]:
        """Between these two; fails with L{PactlFailed}."""
        # A name that was never used: streams and modules of the last one may not have ended.
        self._count += 1
        ours = f"{OURS}{os.getpid()}_{self._count}"
        source, sink = f"{ours}_microphone", f"{ours}_speaker"
        d = self._pactl.ask(
            "load-module",
            MODULE,
            "aec_method=webrtc",
            f"source_master={microphone}",
            f"sink_master={speaker}",
            f"source_name={source}",
            f"sink_name={sink}",
            f'aec_args="{self._processing.arguments(pipewire)}"',
        )
        return d.addCallback(lambda out: EchoModule(_number(out), microphone, speaker, source, sink))

    def unload(self, module: EchoModule) -> Deferred[None]:
        """One that was loaded; never fails, since a server that has died has unloaded it too."""
        return self._unload(module.number)

    async def clear(self) -> None:
        """Unload what daemons have left behind that are no longer."""
        try:
            loaded = await self._pactl.ask("list", "short", "modules")
        except PactlFailed:
            return
        for number, name, arguments in modules(loaded):
            maker = arguments.partition(f"source_name={OURS}")[2].partition("_")[0]
            if name == MODULE and maker.isdigit() and (int(maker) == os.getpid() or not _is_alive(int(maker))):
                await self._unload(number)

    def _unload(self, number: int) -> Deferred[None]:
        d = self._pactl.ask("unload-module", str(number))
        return d.addCallbacks(lambda _: None, lambda _: None)


def _number(out: str) -> int:
    if not out.strip().isdigit():
        raise PactlFailed(f"the sound server answered {out.strip()[:40]!r} instead of a module's number")
    return int(out)


def _is_alive(process: int) -> bool:
    return os.path.exists(f"/proc/{process}")
