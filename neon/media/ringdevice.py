"""The loudspeaker that incoming calls ring at, apart from the one for talking."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from neon.media.soundcard import ProcessReactor
from neon.media.soundjob import SoundJob

_log = Logger()


class RingDevice:
    """Rings while it is told to. C{name} says which loudspeaker, "" is the default, None that there is none."""

    def __init__(self, reactor: ProcessReactor, name: Callable[[], str | None], sound: str) -> None:
        """C{sound}: a WAV file, or "" for our own."""
        self._reactor = reactor
        self._name = name
        self._sound = sound
        self._job: SoundJob | None = None
        self._at: str | None = None
        self._last_problem = ""

    def ring(self, on: bool) -> None:
        """Begin to ring, or cease; at once, and it never fails."""
        if not on:
            job, self._job = self._job, None
            if job is not None:
                job.stop()
        elif self._job is None and (name := self._name()) is not None:
            self._at = name
            self._job = job = SoundJob(self._reactor, "ring", name, self._sound)
            job.done.addCallback(self._ended, job)

    def again(self) -> None:
        """The devices are others: if it rings, have it ring where it should now."""
        if self._job is not None and self._name() != self._at:
            self.ring(False)
            self.ring(True)

    def stop(self) -> Deferred[None]:
        """Cease; fires when the process is gone."""
        job = self._job
        self.ring(False)
        if job is None:
            return succeed(None)
        gone: Deferred[None] = Deferred()
        job.done.addCallback(lambda _: gone.callback(None))
        return gone

    def _ended(self, words: str, job: SoundJob) -> None:
        # What fails is not tried again before the next call: a ringing that comes in pieces is worse than none.
        if words and words != self._last_problem:
            _log.warn("{words}", words=words)
        self._last_problem = words
