"""The sound server, PulseAudio or PipeWire: which devices it has, told again when that changes; and its restarts.

No server is a normal state: then L{SoundServer.state} is None, and it is looked for again with patience.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from neon.media.pactl import Pactl, PactlFailed, entries, facts, person_readable
from neon.ports import Clock, Timer
from neon.sounddevices import SoundDevice

_log = Logger()

OURS: Final = "neon_echo_"
"""How the names of the devices begin that we make at the server."""

SETTLING: Final = 0.2
"""Seconds of quiet that a change is read after: a headset that is plugged in is a dozen events."""
FIRST_RETRY: Final = 0.5
LONGEST_RETRY: Final = 60.0
_DUMMY: Final = "auto_null"


@dataclass(frozen=True, slots=True)
class ServerState:
    """What a sound server has now. The lists are of real devices; C{sources} and C{sinks} are all names that there are.

    C{default_source} and C{default_sink} are None where that is no device: a server without a microphone calls the
    monitor of its loudspeaker the default source, and far ends would hear themselves.
    """

    microphones: tuple[SoundDevice, ...]
    speakers: tuple[SoundDevice, ...]
    sources: frozenset[str]
    sinks: frozenset[str]
    default_source: str | None
    default_sink: str | None
    is_pipewire: bool = False


class SoundServer:
    """Follows the sound server of this user."""

    def __init__(self, clock: Clock, pactl: Pactl) -> None:
        self.pactl = pactl
        self.state: ServerState | None = None
        self.on_changed: Callable[[], None] = lambda: None
        """Called when L{state} is another."""
        self._clock = clock
        self._stop_following: Callable[[], None] | None = None
        self._timer: Timer | None = None
        self._retry = FIRST_RETRY
        self._reading = False
        self._again = False
        self._stopped = True
        self._waiting: list[Deferred[None]] = []

    def start(self) -> None:
        """Begin to follow it; without C{pactl} that is nothing."""
        if self.pactl.is_there:
            self._stopped = False
            self._read()

    def stop(self) -> None:
        """Follow it no more."""
        self._stopped = True
        self._cancel()
        self._follow_no_more()
        self._tell_waiting()

    def looked(self) -> Deferred[None]:
        """Fires when L{state} is worth something: at once where it is known, else after a look at whether there is a
        server now.
        """
        d: Deferred[None] = Deferred()
        self._waiting.append(d)
        if self.state is not None or self._stopped:
            self._tell_waiting()
        else:
            self._cancel()
            self._read()
        return d

    def _event(self, what: str, facility: str) -> None:
        # Volumes change many times a second under a thumb, and clients come and go, we among them.
        if (facility in ("sink", "source") and what in ("new", "remove")) or facility == "server":
            self._cancel()
            self._timer = self._clock.callLater(SETTLING, self._read)

    def _ended(self) -> None:
        """The server is gone."""
        self._stop_following = None
        if not self._stopped:
            self._changed(None)
            self._try_later()

    def _read(self) -> None:
        self._timer = None
        if self._reading:
            self._again = True
            return
        self._reading = True
        d = Deferred.fromCoroutine(self._state())
        d.addErrback(lambda failure: _log.failure("what the sound server has was not understood", failure))
        d.addCallback(self._finished)

    async def _state(self) -> ServerState | None:
        try:
            info = await self.pactl.ask("info")
            if self._stop_following is None and not self._stopped:
                # Before the lists are read: what changes after that is told.
                self._stop_following = self.pactl.follow(self._event, self._ended)
            return state_of(info, await self.pactl.ask("list", "sources"), await self.pactl.ask("list", "sinks"))
        except PactlFailed:
            return None

    def _finished(self, state: ServerState | None) -> None:
        self._reading = False
        if self._stopped:
            return
        if state is not None and self._stop_following is not None:
            self._retry = FIRST_RETRY
        else:
            self._follow_no_more()
            self._try_later()
        self._changed(state)
        self._tell_waiting()
        if self._again:
            self._again = False
            self._read()

    def _follow_no_more(self) -> None:
        if self._stop_following is not None:
            self._stop_following()
            self._stop_following = None

    def _try_later(self) -> None:
        self._cancel()
        self._timer = self._clock.callLater(self._retry, self._read)
        self._retry = min(2 * self._retry, LONGEST_RETRY)

    def _changed(self, state: ServerState | None) -> None:
        if state == self.state:
            return
        if (state is None) != (self.state is None):
            _log.info("the sound server is {how}", how="gone" if state is None else "there")
        self.state = state
        self.on_changed()

    def _tell_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for d in waiting:
            d.callback(None)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def state_of(info: str, sources: str, sinks: str) -> ServerState:
    """What the answers to C{pactl info}, C{list sources} and C{list sinks} say."""
    known = facts(info)
    heard = [entry for entry in entries(sources) if entry.get("Name")]
    played = [entry for entry in entries(sinks) if entry.get("Name")]
    real = {
        entry["Name"]: person_readable(entry.get("Description", "")) or entry["Name"]
        for entry in (*heard, *played)
        if entry.get("device.class") != "monitor" and not entry["Name"].startswith((OURS, _DUMMY))
    }
    default_source = known.get("Default Source")
    default_sink = known.get("Default Sink")
    return ServerState(
        tuple(_device(entry["Name"], real, default_source) for entry in heard if entry["Name"] in real),
        tuple(_device(entry["Name"], real, default_sink) for entry in played if entry["Name"] in real),
        frozenset(entry["Name"] for entry in heard),
        frozenset(entry["Name"] for entry in played),
        default_source if default_source in real else None,
        default_sink if default_sink in real else None,
        "PipeWire" in known.get("Server Name", ""),
    )


def _device(name: str, real: dict[str, str], default: str | None) -> SoundDevice:
    return SoundDevice(name, real[name], name == default)


