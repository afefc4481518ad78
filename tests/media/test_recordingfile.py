"""The files of recordings: growing, complete, left behind by a crash, and too many."""

from __future__ import annotations

import fcntl
import os
import stat
import struct
import wave
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from neon.media import recordingfile
from neon.media.recordingfile import RecordingFile, take_in, tidy
from neon.media.wavewriter import WaveWriter, read_info

SECOND = bytes(range(256)) * 125
"""8,000 samples of two sides."""


class RecordingFileCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.directory = Path(self.mktemp())

    def made(self, name: str, call_id: int = 55) -> Path:
        """A complete recording of one second."""
        file = RecordingFile(self.directory, name, call_id)
        file.write(SECOND)
        path = file.close()
        assert path is not None
        return path

    def crashed(self, name: str, pcm: bytes, beyond: bytes = b"") -> Path:
        """What is on the disk when a daemon dies that has just written so much, and C{beyond} not yet counted."""
        file = RecordingFile(self.directory, name, 55)
        if pcm:
            file.write(pcm)
        os.write(file._writer.fileno(), beyond)
        copy = (self.directory / f"{name}.wav.part").read_bytes()
        file.close()
        (self.directory / f"{name}.wav").unlink(missing_ok=True)
        part = self.directory / f"{name}.wav.part"
        part.write_bytes(copy)
        return part


class GrowingTests(RecordingFileCase):
    def test_growing(self) -> None:
        """While it grows its name ends with .part, it plays up to the last write, and only its owner can read it."""
        file = RecordingFile(self.directory, "2026/a", 55)
        self.addCleanup(file.close)
        part = self.directory / "2026" / "a.wav.part"
        for count in (1, 2):
            file.write(SECOND)
            with wave.open(str(part)) as played:
                self.assertEqual(played.getparams()[:4], (2, 2, 8000, count * 8000))
                self.assertEqual(played.readframes(100_000), SECOND * count)
        self.assertEqual(stat.S_IMODE(part.stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(part.parent.stat().st_mode), 0o700)
        self.assertFalse((self.directory / "2026" / "a.wav").exists())

    def test_complete(self) -> None:
        """At its end it has its name and says who wrote it and which call it is; no .part is left."""
        path = self.made("a")
        self.assertEqual(os.listdir(self.directory), ["a.wav"])
        info = read_info(path)
        self.assertTrue(info["ISFT"].startswith("NEON "))
        self.assertEqual(info["ICMT"], "callId 55")

    def test_namesakes(self) -> None:
        """No file is ever replaced: not one that is there before, not one that grows, not one that came meanwhile."""
        first = self.made("a")
        file = RecordingFile(self.directory, "a", 56)
        other = RecordingFile(self.directory, "a", 57)
        (self.directory / "a-2.wav").write_text("mine")
        for one in (file, other):
            one.write(SECOND)
        self.assertEqual([file.close(), other.close()], [self.directory / "a-2-2.wav", self.directory / "a-3.wav"])
        self.assertEqual((self.directory / "a-2.wav").read_text(), "mine")
        self.assertTrue(first.exists())

    def test_nothing_said(self) -> None:
        """A recording without a sample leaves nothing behind."""
        self.assertIsNone(RecordingFile(self.directory, "a", 55).close())
        self.assertEqual(os.listdir(self.directory), [])

    def test_no_directory(self) -> None:
        """A directory that cannot be made is an error, at the beginning."""
        self.directory.write_text("a file")
        self.assertRaises(OSError, RecordingFile, self.directory, "a", 55)


class CrashTests(RecordingFileCase):
    def test_playable(self) -> None:
        """What a crash leaves behind plays as it is, up to what the header counts."""
        part = self.crashed("a", SECOND, beyond=SECOND[:999])
        with wave.open(str(part)) as played:
            self.assertEqual(played.readframes(100_000), SECOND)

    def test_taken_in(self) -> None:
        """The next start gives it its name, all samples that are whole, and knows whose call it was."""
        self.crashed("a", SECOND, beyond=SECOND[:999])
        (left,) = take_in(self.directory)
        self.assertEqual((left.path, left.call_id), (self.directory / "a.wav", 55))
        with wave.open(str(left.path)) as played:
            self.assertEqual(played.readframes(100_000), SECOND + SECOND[:996])
        (riff,) = struct.unpack_from("<I", left.path.read_bytes(), 4)
        self.assertEqual(left.path.stat().st_size, riff + 8)
        self.assertEqual(os.listdir(self.directory), ["a.wav"])

    def test_name_taken(self) -> None:
        """It does not replace a file that has its name by now."""
        self.crashed("a", SECOND)
        (self.directory / "a.wav").write_text("mine")
        (left,) = take_in(self.directory)
        self.assertEqual(left.path.name, "a-2.wav")

    def test_being_written(self) -> None:
        """One that another daemon is writing is left alone."""
        file = RecordingFile(self.directory, "a", 55)
        file.write(SECOND)
        self.assertEqual(list(take_in(self.directory)), [])
        self.assertIsNotNone(file.close())

    def test_being_completed(self) -> None:
        """Nor is one taken from a daemon that has written its end and is about to give it its name."""
        file = RecordingFile(self.directory, "a", 55)
        file.write(SECOND)
        complete = recordingfile._complete

        def too_soon(part: Path, wanted: Path) -> Path:
            self.assertEqual(list(take_in(self.directory)), [])
            return complete(part, wanted)

        self.patch(recordingfile, "_complete", too_soon)
        self.assertEqual(file.close(), self.directory / "a.wav")

    def test_completed_meanwhile(self) -> None:
        """One that got its name between the look and the lock is not touched, nor is the next of its first name."""
        file = RecordingFile(self.directory, "a", 55)
        file.write(SECOND)
        flock = fcntl.flock

        def late(descriptor: int, operation: int) -> None:
            self.patch(fcntl, "flock", flock)
            path = file.close()
            assert path is not None
            path.rename(path.with_name("first.wav"))
            self.crashed("a", SECOND)
            flock(descriptor, operation)

        self.patch(fcntl, "flock", late)
        self.assertEqual(list(take_in(self.directory)), [])
        self.assertEqual(sorted(os.listdir(self.directory)), ["a.wav.part", "first.wav"])

    def test_just_made(self) -> None:
        """An empty file that a starting daemon took out before it was locked is made again."""
        flock = fcntl.flock

        def late(descriptor: int, operation: int) -> None:
            self.patch(fcntl, "flock", flock)
            self.assertEqual(list(take_in(self.directory)), [])
            self.assertEqual(os.listdir(self.directory), [])
            flock(descriptor, operation)

        self.patch(fcntl, "flock", late)
        path = self.made("a")
        self.assertEqual(os.listdir(self.directory), [path.name])

    def test_not_ours(self) -> None:
        """Files of others are left alone, and an empty one of ours goes."""
        self.directory.mkdir()
        strangers = {"b.wav.part": b"", "c.wav.part": b"RIFF1234WAVEdata", "d.wav.part": b"x" * 5000}
        for name, data in strangers.items():
            (self.directory / name).write_bytes(data)
        with WaveWriter(str(self.directory / "e.wav.part")) as writer:
            writer.write(SECOND)
        self.crashed("f", b"")
        self.assertEqual(list(take_in(self.directory)), [])
        self.assertEqual(sorted(os.listdir(self.directory)), [*strangers, "e.wav.part"])

    def test_no_directory(self) -> None:
        """Where nothing was ever recorded there is nothing to do."""
        self.assertEqual(list(take_in(self.directory)), [])
        self.assertEqual(tidy(self.directory, 0, 1, 1), [])


class TidyTests(RecordingFileCase):
    def setUp(self) -> None:
        super().setUp()
        self.paths = []
        for day in range(4):
            path = self.made(f"folder/{day}")
            os.utime(path, (day * 86400, day * 86400))
            self.paths.append(path)
        with WaveWriter(str(self.directory / "music.wav")) as writer:
            writer.write(SECOND)
        os.utime(self.directory / "music.wav", (0, 0))

    def test_days(self) -> None:
        """Our recordings that are older go; a file that we did not write stays, however old."""
        self.assertEqual(tidy(self.directory, 4 * 86400, 2, 0), self.paths[:2])
        self.assertEqual([path.exists() for path in self.paths], [False, False, True, True])
        self.assertTrue((self.directory / "music.wav").exists())

    def test_megabytes(self) -> None:
        """The oldest go until the rest fits."""
        for path in self.paths:
            modified = path.stat().st_mtime
            os.truncate(path, 400_000)
            os.utime(path, (modified, modified))
        self.assertEqual(tidy(self.directory, 0, 0, 1), self.paths[:2])

    def test_no_limit(self) -> None:
        """Without limits everything stays."""
        self.assertEqual(tidy(self.directory, 1e9, 0, 0), [])
