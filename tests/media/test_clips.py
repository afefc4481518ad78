"""Files as clips: which may be named, what is wrong with them, and how long they are kept."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from neon.media import clips
from neon.media.clips import Clips, read_clip
from neon.media.sound import Clip
from neon.soundports import CannotPlay
from tests import audio
from tests.media.test_wavefile import wav


class ClipsCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.root = Path(self.mktemp())
        self.root.mkdir()
        self.write("ding.wav", 0.5)

    def write(self, name: str, seconds: float, rate: int = 8000) -> None:
        path = self.root / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(wav(audio.pcm_of(audio.tone(440, -16, seconds, rate)), rate))

    def refused(self, name: str) -> str:
        return str(self.assertRaises(CannotPlay, read_clip, self.root, name))


class ReadTests(ClipsCase):
    def test_read(self) -> None:
        """A name, also in a directory below; wideband stays so."""
        self.write("pt/ola.wav", 0.25, 44100)
        for name, seconds, octets in (("ding.wav", 0.5, 8000), ("pt/ola.wav", 0.25, 8000)):
            _, clip = read_clip(self.root, name)
            self.assertEqual((clip.seconds, clip.octets), (seconds, octets))

    def test_nothing_else_can_be_reached(self) -> None:
        """No name leads out of the directory: dots, links to files and to directories, the directory itself."""
        outside = self.root.parent / "secret.wav"
        outside.write_bytes((self.root / "ding.wav").read_bytes())
        self.addCleanup(outside.unlink)
        os.symlink("../secret.wav", self.root / "link.wav")
        os.symlink("..", self.root / "up")
        beside = self.root.parent / (self.root.name + "-not")
        beside.mkdir()
        (beside / "ding.wav").write_bytes(b"")
        for name in (
            "../secret.wav",
            "link.wav",
            "up/secret.wav",
            "pt/../../secret.wav",
            f"../{beside.name}/ding.wav",
            ".",
            "",
        ):
            self.assertIn("not in the directory", self.refused(name))

    def test_links_within(self) -> None:
        """A link to a sound of the same directory is one."""
        os.symlink("ding.wav", self.root / "bell.wav")
        self.assertEqual(read_clip(self.root, "bell.wav")[1].seconds, 0.5)

    def test_bad(self) -> None:
        """What cannot be played is told in a sentence, and nothing waits for what never comes."""
        (self.root / "text.wav").write_text("not a sound")
        os.mkfifo(self.root / "pipe.wav")
        (self.root / "directory.wav").mkdir()
        with open(self.root / "huge.wav", "wb") as file:
            file.truncate(clips.MOST_OCTETS + 1)
        for name, words in (
            ("none.wav", "there is no sound none.wav"),
            ("text.wav", "text.wav cannot be played: not a WAV file"),
            ("pipe.wav", "pipe.wav is no file"),
            ("directory.wav", "directory.wav cannot be read: Is a directory"),
            ("huge.wav", "huge.wav has more than 64 MB"),
            ("a\0b", "cannot be read"),
            ("ding.wav/x", "cannot be read"),
            ("x" * 300, "cannot be read"),
        ):
            self.assertIn(words, self.refused(name))

    def test_absolute(self) -> None:
        """Who may name any file may: the configuration."""
        self.assertEqual(read_clip(Path("/nowhere"), str(self.root.absolute() / "ding.wav"))[1].seconds, 0.5)


class AtOncePool:
    def callInThreadWithCallback(self, done: object, function: object, *args: object) -> None:
        assert callable(function)
        assert callable(done)
        try:
            done(True, function(*args))
        except Exception:
            from twisted.python.failure import Failure

            done(False, Failure())


class AtOnce:
    """A reactor whose threads take no time."""

    def getThreadPool(self) -> AtOncePool:
        return AtOncePool()

    def callFromThread(self, function: object, *args: object) -> None:
        assert callable(function)
        function(*args)


class KeptTests(ClipsCase):
    def setUp(self) -> None:
        super().setUp()
        self.clips = Clips(AtOnce(), self.root)

    def load(self, name: str) -> Clip:
        d: Deferred[Clip] = self.clips.load(name)
        return self.successResultOf(d)

    def test_kept(self) -> None:
        """The same file is read once; another one under its name is another."""
        first = self.load("ding.wav")
        self.assertIs(self.load("ding.wav"), first)
        self.write("ding.wav", 0.75)
        self.assertEqual(self.load("ding.wav").seconds, 0.75)

    def test_bounded(self) -> None:
        """So much is kept and no more: what was not used longest goes."""
        self.patch(clips, "KEPT_OCTETS", 20000)
        self.write("dong.wav", 0.5)
        self.write("long.wav", 0.6)
        first, second = self.load("ding.wav"), self.load("dong.wav")
        self.load("ding.wav")
        self.load("long.wav")
        self.assertIs(self.load("ding.wav"), first)
        self.assertIsNot(self.load("dong.wav"), second)

    def test_failure(self) -> None:
        """What cannot be played fails, and is tried anew."""
        self.failureResultOf(self.clips.load("late.wav"), CannotPlay)
        self.write("late.wav", 0.1)
        self.assertEqual(self.load("late.wav").seconds, 0.1)
