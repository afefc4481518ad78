"""PipeWire's own echo cancelling, in a process of its own.

PipeWire would load C{module-echo-cancel} like PulseAudio; but then it lives in the process that serves all programs
which speak PulseAudio's protocol, and in version 0.3.65 that process sometimes crashes when the module is unloaded
while sound flows. So the module is loaded into a client: C{pipewire} with a configuration of ours. Its end is the
module's, and it ends with the daemon, however that ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Mapping
from typing import Any, Final

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from neon.media.pactl import Pactl, PactlFailed
from neon.media.soundcard import ProcessReactor, environment
from neon.ports import Timer

LOOKS: Final = 30
EVERY: Final = 0.1
"""How often, and after how many seconds each time, it is looked whether the devices are there."""
_GRACE: Final = 1.0
_CONFIGURATION_FD: Final = 3

CONFIGURATION: Final = """\
context.properties = {{ log.level = 1 }}
context.spa-libs = {{ audio.convert.* = audioconvert/libspa-audioconvert support.* = support/libspa-support }}
context.modules = [
    {{ name = libpipewire-module-rt args = {{ nice.level = -11 }} flags = [ ifexists nofail ] }}
    {{ name = libpipewire-module-protocol-native }}
    {{ name = libpipewire-module-client-node }}
    {{ name = libpipewire-module-adapter }}
    {{
        name = libpipewire-module-echo-cancel
        args = {{
            library.name = aec/libspa-aec-webrtc
            aec.args = {{ {aec} }}
            capture.props = {{ target.object = {microphone} node.passive = true }}
            source.props = {{ node.name = {source} node.description = "NEON (echo cancelled)" }}
            sink.props = {{ node.name = {sink} node.description = "NEON (echo cancelled)" }}
            playback.props = {{ target.object = {speaker} node.passive = true }}
        }}
    }}
]
"""


def program() -> list[str] | None:
    """What to start, None if it is not there; the kernel shall end it when the daemon dies."""
    pipewire, setpriv = shutil.which("pipewire"), shutil.which("setpriv")
    if pipewire is None:
        return None
    return [setpriv, "--pdeathsig", "KILL", pipewire] if setpriv is not None else [pipewire]


class PipeWireEcho(ProcessProtocol):
    """One such process. C{names}: C{microphone}, C{speaker}, C{source} and C{sink}."""

    transport: Any  # Twisted's IProcessTransport

    def __init__(
        self, reactor: ProcessReactor, pactl: Pactl, command: list[str], names: Mapping[str, str], aec: str
    ) -> None:
        self._reactor = reactor
        self._pactl = pactl
        self._names = names
        self._killer: Timer | None = None
        self._over = False
        self._gone: list[Deferred[None]] = []
        text = CONFIGURATION.format(aec=aec, **{what: json.dumps(name) for what, name in names.items()})
        descriptor = os.memfd_create("neon-echo-cancel", os.MFD_CLOEXEC)
        try:
            os.write(descriptor, text.encode())
            reactor.spawnProcess(
                self,
                command[0],
                [*command, "-c", f"/proc/self/fd/{_CONFIGURATION_FD}"],
                env=environment(),
                childFDs={0: "w", 1: "r", 2: "r", _CONFIGURATION_FD: descriptor},
            )
        except OSError as error:
            self._over = True
            raise PactlFailed(f"no process for it: {error}") from error
        finally:
            os.close(descriptor)

    async def works(self) -> None:
        """Returns when the devices are there. @raise PactlFailed: they do not come."""
        for _ in range(LOOKS):
            sources = await self._pactl.ask("list", "short", "sources")
            sinks = await self._pactl.ask("list", "short", "sinks")
            if f"\t{self._names['source']}\t" in sources and f"\t{self._names['sink']}\t" in sinks:
                return
            if self._over:
                break
            pause: Deferred[None] = Deferred()
            self._reactor.callLater(EVERY, pause.callback, None)
            await pause
        self.end()
        raise PactlFailed("PipeWire's module for it does not start")

    def end(self) -> Deferred[None]:
        """End it; fires when it is gone. May be called twice."""
        if self._over:
            return succeed(None)
        gone: Deferred[None] = Deferred()
        self._gone.append(gone)
        if self._killer is None:
            self._signal("TERM")
            self._killer = self._reactor.callLater(_GRACE, self._signal, "KILL")
        return gone

    def _signal(self, name: str) -> None:
        with contextlib.suppress(ProcessExitedAlready):
            self.transport.signalProcess(name)

    def processEnded(self, reason: Failure) -> None:
        self._over = True
        if self._killer is not None and self._killer.active():
            self._killer.cancel()
        gone, self._gone = self._gone, []
        for d in gone:
            d.callback(None)
