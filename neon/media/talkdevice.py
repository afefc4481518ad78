"""The microphone and the loudspeaker that calls use: which ones, from one moment to the next.

What was chosen is used where it is there, the default device where it is not, and silence where there is none at all.
With a sound server a change of mind, a headset that is plugged in and the server's own restart all lead to the same:
look at what there is, have the echo cancelled between the two if that is wanted, and have the sound card's worker use
what came of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from neon.media import engine as native
from neon.media.echocancel import EchoCanceller, EchoModule, Processing
from neon.media.link import Link
from neon.media.pactl import PactlFailed
from neon.media.soundcard import LINGER, ProcessReactor, SoundCard
from neon.media.soundserver import ServerState, SoundServer
from neon.ports import Timer
from neon.sounddevices import EchoState, SoundDevice

_log = Logger()

STALE_AFTER: Final = 1.0
"""Seconds that an echo's module stays when nobody uses it any more: its streams end first."""
UNLOAD_AFTER: Final = LINGER + STALE_AFTER + 1.0
"""Seconds after the last call until then: the sound card's worker lingers, too."""
_PLAIN: Final = re.compile(r"[^\s\"'={}]+")

NO_DEVICE: Final = "there is no microphone and no loudspeaker"
NO_MICROPHONE: Final = "there is no microphone"
NO_SPEAKER: Final = "there is no loudspeaker"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The names that were chosen: "" for the default device, None for a side that uses no sound card."""

    capture: str | None
    playback: str | None


@dataclass(frozen=True, slots=True)
class Found:
    """What is to be used of what there is: names as in L{Wanted}, None also where nothing is there."""

    capture: str | None
    playback: str | None
    problem: str | None = None


class TalkDevice:
    """Keeps the sound card's worker on the right devices while calls use it."""

    def __init__(
        self,
        reactor: ProcessReactor,
        engine: native.Engine,
        wanted: Wanted,
        server: SoundServer | None = None,
        processing: Processing | None = None,
    ) -> None:
        """C{server} is None where there shall be none; C{processing} None is: touch the sound in no way.

        @raise OSError: no descriptor is left.
        """
        self.link = Link(engine, native.WIDE)
        self.card = SoundCard(reactor, self.link.far.fileno(), wanted.capture, wanted.playback)
        self.wanted = wanted
        self._reactor = reactor
        self._server = server
        self._canceller = None
        both = wanted.capture is not None and wanted.playback is not None
        if server is not None and processing is not None and both:
            self._canceller = EchoCanceller(reactor, server.pactl, processing)
        self._users = 0
        self._open = False
        self._module: EchoModule | None = None
        self._echo_problem: str | None = None
        self._settling: Deferred[None] | None = None
        self._again = False
        self._unload_timer: Timer | None = None
        self._stale: dict[EchoModule, Timer] = {}
        self._seen = False
        """Whether the server has told of what the module made."""
        self._cleared = False
        self._stopped = False

    @property
    def found(self) -> Found:
        """What there is now of what is wanted."""
        state = None if self._server is None else self._server.state
        return Found(self.wanted.capture, self.wanted.playback) if state is None else find(state, self.wanted)

    @property
    def is_used(self) -> bool:
        """Whether there is a call, be it only about to begin, or somebody watches levels."""
        return self._users > 0

    @property
    def problem(self) -> str | None:
        """Why calls cannot be heard or do not hear, in words; None if they do, as far as is known."""
        return self.found.problem or self.card.problem

    @property
    def echo(self) -> EchoState:
        """How the echo is cancelled now, if there is a call."""
        if self._canceller is None or None in (self.found.capture, self.found.playback):
            return EchoState.OFF
        return EchoState.ON if self._module is not None else EchoState.UNAVAILABLE

    @property
    def echo_problem(self) -> str | None:
        """Why the echo cannot be cancelled, in words."""
        return self._echo_problem

    def start(self) -> None:
        """Have the worker wait for the first call."""
        self.card.start()

    def stop(self) -> Deferred[Any]:
        """Let go of everything; fires when it is done. L{close} comes after that."""
        self._stopped = True
        self._cancel_unloading()
        return Deferred.fromCoroutine(self._stopping())

    async def _stopping(self) -> None:
        await self.card.stop()
        if self._settling is not None:
            await self._settling
        left = [*self._stale, *([] if self._module is None else [self._module])]
        for timer in self._stale.values():
            timer.cancel()
        self._stale.clear()
        self._module = None
        for module in left:
            await module.unload()

    def close(self) -> None:
        """Close the link; the end."""
        self.link.close()
        self.link.far.close()

    def acquire(self) -> None:
        """One more call needs the devices; they open as soon as it is clear which."""
        self._users += 1
        if self._users == 1:
            self._cancel_unloading()
            self.settle()

    def release(self) -> None:
        """One call less does."""
        self._users -= 1
        if self._users == 0:
            if self._open:
                self._open = False
                self.card.release()
            if self._module is not None:
                self._unload_timer = self._reactor.callLater(UNLOAD_AFTER, self._unload_late)

    def choose(self, wanted: Wanted) -> None:
        """Use others from now on, also in calls that are up."""
        self.wanted = wanted
        self.settle()

    def settle(self) -> None:
        """Something changed: use what is right now."""
        if self._stopped:
            return
        if self._settling is not None:
            self._again = True
            return
        d = self._settling = Deferred.fromCoroutine(self._settle())
        d.addErrback(lambda failure: _log.failure("the sound devices were not settled", failure))
        d.addCallback(self._settled)

    def _settled(self, _: object) -> None:
        self._settling = None
        if self._again:
            self._again = False
            self.settle()

    async def _settle(self) -> None:
        found = self.found
        if self._canceller is not None and not self._cleared and self._server is not None and self._server.state:
            self._cleared = True
            await self._canceller.clear()
        if not self._users:
            if self._server is not None and self._server.state is None:
                self._lose(self._module)
                self._module = None
            if self._unload_timer is None:
                self.card.use(found.capture, found.playback)
            return
        capture, playback = found.capture, found.playback
        stale = await self._cancel_echo(found)
        if stale is not None:
            self._stale[stale] = self._reactor.callLater(STALE_AFTER, self._unload_stale, stale)
        if self._module is not None:
            capture, playback = self._module.source, self._module.sink
        if not self._stopped:
            self._use(capture, playback)

    def _use(self, capture: str | None, playback: str | None) -> None:
        self.card.use(capture, playback)
        if self._users and not self._open:
            self._open = True
            self.card.acquire()
        if not self._users and self._module is not None and self._unload_timer is None:
            # The call was over before its module was loaded.
            self._unload_timer = self._reactor.callLater(UNLOAD_AFTER, self._unload_late)

    async def _cancel_echo(self, found: Found) -> EchoModule | None:
        """Have the right module, or none, loaded; returns the one that is not needed any more."""
        state = None if self._server is None else self._server.state
        if self._canceller is None:
            return None
        between = None if state is None else masters(state, found)
        now, self._module = self._module, None
        if now is not None and state is not None and between == (now.microphone, now.speaker):
            there = now.source in state.sources and now.sink in state.sinks
            self._seen = self._seen or there
            # It goes when a device of its goes, even for a moment; just loaded, it may not have been told of yet.
            if there or not self._seen:
                self._module = now
                return None
        if state is None:
            self._lose(now)
            self._fail_echo("there is no sound server that could do it")
            return None
        if between is None:
            self._fail_echo("it needs a microphone and a loudspeaker of the sound server")
            return now
        try:
            self._module = await self._canceller.load(*between, state.is_pipewire)
            self._seen = False
            self._echo_problem = None
        except PactlFailed as error:
            self._fail_echo(str(error))
        return now

    def _lose(self, now: EchoModule | None) -> None:
        """The server has died, and all modules with it."""
        for module, timer in self._stale.items():
            timer.cancel()
            module.lost()
        self._stale.clear()
        if now is not None:
            now.lost()

    def _fail_echo(self, words: str) -> None:
        if words != self._echo_problem:
            self._echo_problem = words
            _log.warn("the echo is not cancelled, calls go on without: {words}", words=words)

    def _unload_late(self) -> None:
        self._unload_timer = None
        module, self._module = self._module, None
        if module is not None:
            module.unload().addCallback(lambda _: self.settle())

    def _unload_stale(self, module: EchoModule) -> None:
        del self._stale[module]
        module.unload()

    def _cancel_unloading(self) -> None:
        if self._unload_timer is not None:
            self._unload_timer.cancel()
            self._unload_timer = None


def find(state: ServerState, wanted: Wanted) -> Found:
    """What a sound server has of what is wanted."""
    capture = _usable(wanted.capture, state.sources, state.default_source, state.microphones)
    playback = _usable(wanted.playback, state.sinks, state.default_sink, state.speakers)
    deaf = wanted.capture is not None and capture is None
    dumb = wanted.playback is not None and playback is None
    problem = NO_DEVICE if deaf and dumb else NO_MICROPHONE if deaf else NO_SPEAKER if dumb else None
    return Found(capture, playback, problem)


def masters(state: ServerState, found: Found) -> tuple[str, str] | None:
    """The microphone and the loudspeaker that an echo is cancelled between, by name; None if that is not possible."""
    if found.capture is None or found.playback is None:
        return None
    microphone = found.capture or state.default_source or ""
    speaker = found.playback or state.default_sink or ""
    real = microphone in state.sources and speaker in state.sinks
    return (microphone, speaker) if real and _PLAIN.fullmatch(microphone) and _PLAIN.fullmatch(speaker) else None


def _usable(
    name: str | None, there: frozenset[str], default: str | None, devices: tuple[SoundDevice, ...]
) -> str | None:
    # PortAudio's and ALSA's names have these, a sound server's have not: such a device is not the server's.
    if name is None or name in there or any(c in name for c in " (:"):
        return name
    if default is not None:
        return ""
    return devices[0].id if devices else None
