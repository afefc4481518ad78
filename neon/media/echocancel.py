"""Echo cancelling, noise suppression and gain, by the sound server's module for it (WebRTC's processing).

The module makes two devices at the server, a microphone without the echo and the loudspeaker that the echo comes from.
It is loaded while a call uses a microphone and unloaded after it. What a daemon that was killed has left behind at
the server the next one clears away.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from twisted.internet.defer import Deferred, succeed

from neon.media.pactl import Pactl, PactlFailed, modules
from neon.media.pipewireecho import PipeWireEcho, program
from neon.media.soundcard import ProcessReactor
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
    """One that is loaded: the devices it stands between, and the names of those that it made.

    C{unload} ends it, and never fails; C{lost} is for one whose server has died: its number may be another's by now.
    """

    unload: Callable[[], Deferred[None]]
    lost: Callable[[], Deferred[None]]
    microphone: str
    speaker: str
    source: str
    sink: str


class EchoCanceller:
    """Loads and unloads the module."""

    def __init__(self, reactor: ProcessReactor, pactl: Pactl, processing: Processing) -> None:
        self._reactor = reactor
        self._pactl = pactl
        self._processing = processing
        self._count = 0

    async def load(self, microphone: str, speaker: str, pipewire: bool) -> EchoModule:
        """Between these two. @raise PactlFailed: it cannot be had."""
        # A name that was never used: streams and modules of the last one may not have ended.
        self._count += 1
        ours = f"{OURS}{os.getpid()}_{self._count}"
        source, sink = f"{ours}_microphone", f"{ours}_speaker"
        arguments = self._processing.arguments(pipewire)
        command = program() if pipewire else None
        if command is not None:
            names = {"microphone": microphone, "speaker": speaker, "source": source, "sink": sink}
            process = PipeWireEcho(self._reactor, self._pactl, command, names, arguments.replace("=", " = "))
            await process.works()
            return EchoModule(process.end, process.end, microphone, speaker, source, sink)
        number = _number(
            await self._pactl.ask(
                "load-module",
                MODULE,
                "aec_method=webrtc",
                f"source_master={microphone}",
                f"sink_master={speaker}",
                f"source_name={source}",
                f"sink_name={sink}",
                f'aec_args="{arguments}"',
            )
        )
        return EchoModule(partial(self._unload, number), partial(succeed, None), microphone, speaker, source, sink)

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
