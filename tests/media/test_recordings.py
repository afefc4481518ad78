"""The recorder's thread: what a tap hears gets into files, whatever the disk does, and the reactor hears of it."""

from __future__ import annotations

import os
import resource
import threading
import wave
from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.media.recordingfile import Left, RecordingFile
from neon.media.recordings import CallRecording, Recordings
from neon.media.sound import Tap
from neon.ports import CannotRecord
from neon.ports import Recordings as Port
from tests.media.fakes import FakeThreadReactor

SAMPLES = b"\1\2\3\4" * 2000


class ScriptedTap(Tap):
    """A tap that hears what a test says."""

    def __init__(self) -> None:
        super().__init__(0.1)
        self.waiting: list[bytes] = []
        self.over = False

    @property
    def done(self) -> bool:
        return self.over

    def read(self) -> bytes:
        return self.waiting.pop(0) if self.waiting else b""


class FakeReactor(FakeThreadReactor, Clock):
    """Time, and what threads hand over."""

    def __init__(self) -> None:
        FakeThreadReactor.__init__(self)
        Clock.__init__(self)


class RecordingsCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = FakeReactor()
        self.directory = Path(self.mktemp())
        self.taps: dict[int, Tap | None] = {}
        self.has_audio = True
        self.left: list[Left] = []

    def set_tap(self, call_id: int, tap: Tap | None) -> bool:
        if self.has_audio:
            self.taps[call_id] = tap
        return self.has_audio

    def started(self, keep_days: int = 0) -> Recordings:
        recordings = Recordings(self.reactor, self.set_tap, self.directory, keep_days=keep_days)
        recordings.on_left = self.left.append
        recordings.start()
        self.addCleanup(recordings.stop)
        return recordings

    def until(self, recording: CallRecording, what: str) -> None:
        """Let the thread tell things until this Deferred has fired."""
        while not getattr(recording, what).called:
            self.reactor.run_one()


class RecordingsTests(RecordingsCase):
    """L{Recordings} with its thread."""

    def test_port(self) -> None:
        """It is what the recorder wants."""
        port: Port = self.started()
        self.assertTrue(port)

    def test_call(self) -> None:
        """A file with the name, told when it is there; silence in both sides from a tap that heard nothing."""
        recordings = self.started()
        recording = recordings.record(55, "a")
        self.until(recording, "began")
        self.assertEqual(self.successResultOf(recording.began), str(self.directory / "a.wav"))
        self.assertIsNotNone(self.taps[55])
        recording.stop()
        self.assertIsNone(self.taps[55])
        self.until(recording, "over")
        self.assertEqual(self.successResultOf(recording.over).problem, "")

    def test_no_audio(self) -> None:
        """A call that has no stream cannot be recorded; nor can one when the recorder does not run."""
        recordings = self.started()
        self.has_audio = False
        self.assertRaises(CannotRecord, recordings.record, 55, "a")
        self.has_audio = True
        recordings.stop()
        self.assertRaises(CannotRecord, recordings.record, 55, "a")

    def test_no_directory(self) -> None:
        """A file that cannot be made fails the beginning, with words, and lets go of the call."""
        self.directory.write_text("a file")
        recording = self.started().record(55, "a")
        self.until(recording, "began")
        failure = self.failureResultOf(recording.began, CannotRecord)
        self.assertIn(str(self.directory), str(failure.value))
        self.assertIsNone(self.taps[55])

    def test_stop(self) -> None:
        """The end of the daemon completes what is being recorded, and ends the thread."""
        recordings = self.started()
        recording = recordings.record(55, "a")
        self.until(recording, "began")
        stopped = recordings.stop()
        assert stopped is not None
        while not stopped.called:
            self.reactor.run_one()
        self.assertTrue(recording.over.called)

    def test_dead_disk(self) -> None:
        """A disk that never answers does not keep the daemon from ending."""
        recordings = self.started()
        answers = threading.Event()

        def disk() -> None:
            answers.wait(10)

        recordings._jobs.put(disk)
        stopped = recordings.stop()
        assert stopped is not None
        self.reactor.advance(5)
        self.assertTrue(stopped.called)
        answers.set()

    def test_left_behind(self) -> None:
        """What a crash left behind is completed at the start, and told."""
        file = RecordingFile(self.directory, "a", 55)
        file.write(SAMPLES)
        copy = Path(f"{file.path}.part").read_bytes()
        path = file.close()
        assert path is not None
        path.rename(f"{path}.part")
        self.assertEqual(Path(f"{path}.part").read_bytes(), copy)
        self.started()
        self.reactor.run_one()
        self.assertEqual([(left.path, left.call_id) for left in self.left], [(path, 55)])

    def test_retention(self) -> None:
        """What is too old goes half a minute after the start, and from then on."""
        recordings = self.started(keep_days=1)
        for turn in range(2):
            file = RecordingFile(self.directory, "old", 55)
            file.write(SAMPLES)
            path = file.close()
            assert path is not None
            os.utime(path, (0, 0))
            self.reactor.advance(3600 if turn else 30)
            recordings._jobs.put(lambda: self.reactor.callFromThread(lambda: None))
            self.reactor.run_one()
            self.assertFalse(path.exists())


class WritingTests(RecordingsCase):
    """L{CallRecording.step}, without a thread."""

    def writing(self) -> CallRecording:
        self.tap = ScriptedTap()
        recordings = Recordings(self.reactor, self.set_tap, self.directory)
        recording = CallRecording(recordings, 55, "a", self.tap)
        recording.begin(self.directory)
        return recording

    def test_complete(self) -> None:
        """All that the tap heard is in the file, in its order, also what came with its end."""
        recording = self.writing()
        for turn in range(3):
            self.tap.waiting.append(SAMPLES[turn:] + SAMPLES[:turn])
            self.assertIsNone(recording.step())
        self.tap.waiting.append(SAMPLES)
        self.tap.over = True
        recorded = recording.step()
        assert recorded is not None
        self.assertEqual((recorded.path, recorded.seconds), (str(self.directory / "a.wav"), 1.0))
        with wave.open(recorded.path) as file:
            expected = b"".join(SAMPLES[turn:] + SAMPLES[:turn] for turn in (0, 1, 2, 0))
            self.assertEqual(file.readframes(100_000), expected)

    def test_full_disk(self) -> None:
        """A disk that takes no more ends the recording with words; what was written is complete under its name."""
        recording = self.writing()
        self.tap.waiting = [SAMPLES, SAMPLES]
        self.assertIsNone(recording.step())
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_001, limits[1]))
        try:
            recorded = recording.step()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert recorded is not None
        self.assertEqual(recorded.problem, os.strerror(27))
        with wave.open(recorded.path) as file:
            sound = file.readframes(100_000)
        self.assertEqual(sound, (SAMPLES * 2)[: len(sound)])
        self.assertGreater(len(sound), 9_000)

    def test_engine_is_gone(self) -> None:
        """A tap that nobody ever finishes, since the engine ended first, keeps no file open for ever."""
        recording = self.writing()
        self.tap.waiting = [SAMPLES]
        recording.stop()
        assert recording.stop_asked is not None
        recording.stop_asked -= 2
        recorded = recording.step()
        assert recorded is not None
        self.assertEqual(recorded.seconds, 0.25)
