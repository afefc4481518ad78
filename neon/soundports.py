"""What playing into calls needs of the media side (L{neon.ports} has what calls need themselves)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.internet.defer import Deferred

from neon.audioframes import AudioFrame
from neon.tones import Cadence


class CannotPlay(Exception):
    """A file cannot be played; C{str(error)} says why, as a sentence that begins with small letters."""


class Clip(Protocol):
    """Stored sound."""

    @property
    def seconds(self) -> float:
        """How long it is."""


class Sounds(Protocol):
    """Says stored sound in calls."""

    def load(self, name: str) -> Deferred[Clip]:
        """The sound of a WAV file: a name within the directory for sounds, or an absolute path (which no application
        may name). Fails with L{CannotPlay}.
        """

    def play(
        self,
        call_id: int,
        clip: Clip,
        *,
        loop: bool = False,
        mix: bool = False,
        done: Callable[[], None] = lambda: None,
    ) -> bool:
        """Say a clip in a call, in place of the microphone or with it (C{mix}), instead of the one before.

        C{done} is called at its end. It waits while the call is held. Returns whether there is such a call with audio.
        """

    def stop(self, call_id: int) -> None:
        """Say no more of it; C{done} is not called any more."""

    def hold(self, call_id: int, on: bool, music: Clip | None = None) -> None:
        """Say nothing in a call but C{music}, over and over, or silence, until told otherwise."""


class AudioEnds(Protocol):
    """A call's audio, opened: what was heard is read here, what is to be said written. Nobody ever waits."""

    @property
    def heard_lost(self) -> int:
        """Samples that nobody read in time, so far."""

    @property
    def waiting(self) -> int:
        """Samples that wait to be said."""

    def read(self, count: int) -> bytes:
        """The next C{count} samples that were heard, or nothing if there are not so many yet."""

    def write(self, samples: bytes) -> int:
        """Say these after what waits; returns how many of them there was no room for, at the end."""

    def forget(self) -> None:
        """Do not say what waits."""


class CallLines(Protocol):
    """Opens the audio of calls to programs."""

    def open(self, call_id: int, rate: int, *, mix: bool = False) -> AudioEnds | None:
        """Hear a call, and speak in it in place of the microphone or beside it (C{mix}); None: it has no audio."""

    def close(self, call_id: int) -> None:
        """Do so no longer: the microphone is heard again."""

    def detect_speech(self, call_id: int, on: bool) -> None:
        """Tell when the far end speaks, or no longer."""


class AudioReader(Protocol):
    """Whoever opened the audio of calls: one connection of an application."""

    @property
    def key(self) -> str:
        """Tells it from every other."""

    @property
    def allowed(self) -> bool:
        """Whether it still may."""

    def opened(self, call_id: int, speaker: AudioSpeaker) -> None:
        """From now on it may speak in that call."""

    def hears(self, frame: AudioFrame) -> int:
        """Something was heard. Returns how many older samples are lost, because they were not read in time."""

    def closed(self, call_id: int) -> None:
        """The audio of that call ended."""


class AudioSpeaker(Protocol):
    """What a reader does with the audio that it opened."""

    def say(self, frame: AudioFrame) -> None:
        """Say this.

        @raise BadFrame: it has another rate.
        """

    def leave(self) -> None:
        """It is gone: end the audio."""


class Loudspeaker(Protocol):
    """What the user of this machine hears; no call does."""

    def play(self, cadence: Cadence | None) -> None:
        """Play this from now on, or nothing."""

    def once(self, cadence: Cadence) -> None:
        """Play this, once, beside what is played."""
