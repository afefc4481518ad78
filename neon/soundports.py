"""What playing into calls needs of the media side (L{neon.ports} has what calls need themselves)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.internet.defer import Deferred


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
