"""Recording calls: taps of the engine, and one thread that writes what they hear.

The engine's thread puts samples into a tap's ring and never waits. A quarter of a second later the thread of
L{Recordings} writes them, so that a crash loses no more than that. A disk that makes it wait holds up all recordings
and nothing else: a ring has room for eight seconds, and what does not fit is silence in the file.
"""

from __future__ import annotations

import queue
import sys
import threading
import time
from array import array
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from neon.media.recordingfile import Left, RecordingFile, take_in, tidy
from neon.media.sound import Tap
from neon.media.wavewriter import CREATED
from neon.ports import CannotRecord, Clock, Recorded

_log = Logger()

WRITE_SECONDS: Final = 0.25
STOP_SECONDS: Final = 4.0
"""So long the end of the daemon waits for a disk."""

_LET_GO_SECONDS: Final = 1.0
"""So long after the wish to stop the engine may still put something into a tap."""

_TIDY_FIRST: Final = 30.0
_TIDY_SECONDS: Final = 3600.0


class RecordingReactor(Clock, Protocol):
    """What L{Recordings} needs of the reactor."""

    def callFromThread(self, callable: Callable[..., Any], *args: object, **kwargs: object) -> object: ...


class SetTap(Protocol):
    """L{neon.media.manager.MediaManager.set_tap}."""

    def __call__(self, call_id: int, tap: Tap | None) -> bool: ...


class CallRecording:
    """Implements L{neon.ports.Recording}. What begins with C{_} after L{begin} is the writing thread's."""

    def __init__(self, recordings: Recordings, call_id: int, name: str, tap: Tap) -> None:
        self.call_id = call_id
        self.began: Deferred[str] = Deferred()
        self.over: Deferred[Recorded] = Deferred()
        self.stop_asked: float | None = None
        self._recordings = recordings
        self._name = name
        self._tap = tap
        self._file: RecordingFile | None = None

    def pause(self, on: bool) -> None:
        self._tap.pause(on)

    def stop(self) -> None:
        if self.stop_asked is None:
            self.stop_asked = time.monotonic()
            self._recordings.let_go(self)

    # On the writing thread

    def begin(self, directory: Path) -> str:
        """Make the file; returns its path to be.

        @raise OSError: it cannot be made.
        """
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self._file = RecordingFile(directory, self._name, self.call_id, {CREATED: now})
        return str(self._file.path)

    def step(self) -> Recorded | None:
        """Write what waits; returns how it was when it is over."""
        assert self._file is not None
        late = self.stop_asked is not None and time.monotonic() - self.stop_asked > _LET_GO_SECONDS
        done = self._tap.done or late  # before the reading: what came until then is read
        try:
            if pcm := self._tap.read():
                self._file.write(_little_endian(pcm))
        except OSError as error:
            return self._end(error.strerror or str(error))
        return self._end("") if done else None

    def _end(self, problem: str) -> Recorded:
        assert self._file is not None
        try:
            path = self._file.close()
        except OSError as error:
            return Recorded("", self._file.seconds, problem or error.strerror or str(error))
        return Recorded("" if path is None else str(path), self._file.seconds, problem)


class Recordings:
    """Implements L{neon.ports.Recordings}, under C{directory}.

    C{keep_days} and C{keep_megabytes}: what is older, or the oldest of what is more, is taken out; 0 is no limit.
    """

    on_left: Callable[[Left], None] | None = None
    """Called with each recording that a crash left behind and that is complete now."""

    def __init__(
        self,
        reactor: RecordingReactor,
        set_tap: SetTap,
        directory: Path,
        *,
        keep_days: int = 0,
        keep_megabytes: int = 0,
    ) -> None:
        self._reactor = reactor
        self._set_tap = set_tap
        self._directory = directory
        self._keep = keep_days, keep_megabytes
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._writing: list[CallRecording] = []
        self._stopped: Deferred[None] = Deferred()
        self._tidy: Any = None

    def start(self) -> None:
        """Complete what a crash left behind, and be ready."""
        # A daemon thread: a disk that never answers must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="neon-recorder", daemon=True)
        self._thread.start()
        self._jobs.put(self._take_in)
        if any(self._keep):
            self._tidy = self._reactor.callLater(_TIDY_FIRST, self._tidy_up)

    def stop(self) -> Deferred[None] | None:
        """Complete every file of a call that has ended; fires when that is done, or after a while."""
        if self._tidy is not None and self._tidy.active():
            self._tidy.cancel()
        if self._thread is None:
            return None
        self._thread = None
        self._jobs.put(None)
        clock: Any = self._reactor
        return self._stopped.addTimeout(STOP_SECONDS, clock).addErrback(
            lambda _: _log.error("recordings were not completed: the disk does not answer")
        )

    def record(self, call_id: int, name: str) -> CallRecording:
        tap = Tap()
        if self._thread is None or not self._set_tap(call_id, tap):
            raise CannotRecord(f"call {call_id} has no audio to record")
        recording = CallRecording(self, call_id, name, tap)
        self._jobs.put(lambda: self._begin(recording))
        return recording

    def let_go(self, recording: CallRecording) -> None:
        """The engine is to put nothing more into this recording's tap."""
        self._set_tap(recording.call_id, None)

    # On the writing thread

    def _run(self) -> None:
        ending = False
        while not ending or self._writing:
            try:
                job = self._jobs.get(timeout=WRITE_SECONDS if self._writing else None)
            except queue.Empty:
                job = self._write
            if job is None:
                ending, job = True, self._ask_all
            try:
                job()
            except Exception:
                _log.failure("the recorder failed")
        self._reactor.callFromThread(self._stopped.callback, None)

    def _ask_all(self) -> None:
        for recording in self._writing:
            recording.stop_asked = recording.stop_asked or time.monotonic()
        self._write()

    def _begin(self, recording: CallRecording) -> None:
        try:
            path = recording.begin(self._directory)
        except OSError as error:
            problem = CannotRecord(f"{error.filename or self._directory}: {error.strerror or error}")
            self._reactor.callFromThread(self._refused, recording, problem)
            return
        self._writing.append(recording)
        self._reactor.callFromThread(recording.began.callback, path)

    def _write(self) -> None:
        for recording in list(self._writing):
            recorded = recording.step()
            if recorded is not None:
                self._writing.remove(recording)
                self._reactor.callFromThread(self._over, recording, recorded)

    def _take_in(self) -> None:
        for left in take_in(self._directory):
            self._reactor.callFromThread(self._left, left)

    def _take_out(self) -> None:
        if gone := tidy(self._directory, time.time(), *self._keep):
            _log.info("{count} old recordings were taken out", count=len(gone))

    # On the reactor's

    def _refused(self, recording: CallRecording, problem: CannotRecord) -> None:
        recording.stop()
        recording.began.errback(problem)

    def _over(self, recording: CallRecording, recorded: Recorded) -> None:
        if recorded.problem:
            recording.stop()
            words = "the recording of call {call_id} ended after {seconds} s: {problem}"
            seconds = round(recorded.seconds, 1)
            _log.error(words, call_id=recording.call_id, seconds=seconds, problem=recorded.problem)
        recording.over.callback(recorded)

    def _left(self, left: Left) -> None:
        _log.info("{path}, {seconds} s, was left behind and is complete now", path=str(left.path), seconds=left.seconds)
        if self.on_left is not None:
            self.on_left(left)

    def _tidy_up(self) -> None:
        self._jobs.put(self._take_out)
        self._tidy = self._reactor.callLater(_TIDY_SECONDS, self._tidy_up)


def _little_endian(pcm: bytes) -> bytes:
    if sys.byteorder == "little":
        return pcm
    samples = array("h", pcm)
    samples.byteswap()
    return samples.tobytes()
