"""Files that are played into calls: when somebody asks, and music for whoever waits.

A call says one file at a time. The end of each is told on the bus, however it came about.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger
from twisted.python.failure import Failure

from neon.bus import Published
from neon.errors import InvalidArgument
from neon.events import AudioPlayed, CallFinalized, HoldChanged
from neon.phone import Phone
from neon.soundports import CannotPlay, Clip, Sounds
from neon.values import CallState, PlayEnd


@dataclass(eq=False, slots=True)
class _Playing:
    connection_id: int
    file: str


class Playing:
    """Plays into the phone's calls, and gives those that wait the music of their account."""

    _log = Logger()

    def __init__(self, phone: Phone, sounds: Sounds) -> None:
        self._phone = phone
        self._bus = phone.bus
        self._sounds = sounds
        self._running: dict[int, _Playing] = {}
        self._held: set[int] = set()
        self._bus.subscribe(self._happened, CallFinalized, HoldChanged)

    def start(self, call_id: int, file: str, *, loop: bool = False, mix: bool = False) -> Deferred[float]:
        """Say a file in a call that is up, in place of the microphone or with it (C{mix}); fires with its seconds.

        The Deferred fails with L{InvalidArgument}: there is no such call or file, or it cannot be played.
        """
        try:
            self._connection(call_id)
        except InvalidArgument as error:
            return fail(error)
        if file.startswith("/"):
            return fail(InvalidArgument("file must be a name in the directory for sounds, not an absolute path"))
        d = self._sounds.load(file)
        return d.addCallbacks(partial(self._loaded, call_id, file, loop, mix), _refused)

    def stop(self, call_id: int) -> None:
        """Say no more of it.

        @raise InvalidArgument: nothing is played in such a call.
        """
        if call_id not in self._running:
            raise InvalidArgument(f"nothing is played in call {call_id}")
        self._sounds.stop(call_id)
        self._over(call_id, PlayEnd.STOPPED)

    def _connection(self, call_id: int) -> int:
        call = next((call for call in self._phone.calls() if call.call_id == call_id), None)
        if call is None:
            raise InvalidArgument(f"there is no call {call_id}, or it has ended")
        if call.state is not CallState.CONFIRMED:
            raise InvalidArgument(f"call {call_id} is not up: only a call that was answered can be played into")
        return call.connection_id

    def _loaded(self, call_id: int, file: str, loop: bool, mix: bool, clip: Clip) -> float:
        connection_id = self._connection(call_id)  # it may have ended meanwhile
        playing = _Playing(connection_id, file)
        done = partial(self._done, call_id, playing)
        if not self._sounds.play(call_id, clip, loop=loop, mix=mix, done=done):
            raise InvalidArgument(f"call {call_id} has no audio")
        with self._bus.held():  # the answer comes first
            self._over(call_id, PlayEnd.REPLACED)
        self._running[call_id] = playing
        return clip.seconds

    def _done(self, call_id: int, playing: _Playing) -> None:
        if self._running.get(call_id) is playing:
            self._over(call_id, PlayEnd.ENDED)

    def _over(self, call_id: int, how: PlayEnd) -> None:
        playing = self._running.pop(call_id, None)
        if playing is not None:
            self._bus.publish(AudioPlayed(call_id, playing.connection_id, playing.file, how))

    # What the calls do

    def _happened(self, published: Published) -> None:
        event = published.event
        if isinstance(event, CallFinalized):
            self._held.discard(event.call_id)
            self._sounds.stop(event.call_id)
            self._over(event.call_id, PlayEnd.CALL_ENDED)
        elif isinstance(event, HoldChanged) and event.local != (event.call_id in self._held):
            self._hold(event.call_id, event.connection_id, event.local)

    def _hold(self, call_id: int, connection_id: int, on: bool) -> None:
        self._sounds.hold(call_id, on)
        if not on:
            self._held.discard(call_id)
            return
        self._held.add(call_id)
        account = self._phone.account(connection_id)
        music = "" if account is None else account.options.hold_music or ""
        if music:
            d = self._sounds.load(music)
            d.addCallback(partial(self._music, call_id)).addErrback(self._no_music, call_id)

    def _music(self, call_id: int, clip: Clip) -> None:
        if call_id in self._held:
            self._sounds.hold(call_id, True, clip)

    def _no_music(self, failure: Failure, call_id: int) -> None:
        failure.trap(CannotPlay)  # type: ignore[no-untyped-call]
        self._log.warn("call {call_id} waits without music: {why}", call_id=call_id, why=str(failure.value))


def _refused(failure: Failure) -> float:
    failure.trap(CannotPlay)  # type: ignore[no-untyped-call]
    raise InvalidArgument(str(failure.value))
