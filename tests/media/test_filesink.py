"""Audio that a thread writes down."""

from __future__ import annotations

import os
import socket

from twisted.trial.unittest import SynchronousTestCase

from neon.media import wavefile
from neon.media.filesink import FileSink
from tests import audio
from tests.media.fakes import FakeThreadReactor
from tests.opened import descriptors


class FileSinkTests(SynchronousTestCase):
    """L{FileSink}"""

    def setUp(self) -> None:
        self.reactor = FakeThreadReactor()
        self.near, self.far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(self.near.close)
        self.path = self.mktemp()

    def finish(self, sink: FileSink) -> None:
        self.near.close()
        self.reactor.run_one()
        self.successResultOf(sink.finished)

    def test_complete(self) -> None:
        """Every frame sent before the end of file is in the file when the sink is finished."""
        sink = FileSink(self.reactor, self.path, self.far)
        pcm = audio.pcm_of(audio.tone(440, -10, 1))
        for start in range(0, len(pcm), 320):
            self.near.send(pcm[start : start + 320])
        self.finish(sink)
        self.assertEqual(wavefile.read_wave(self.path), pcm)

    def test_descriptors(self) -> None:
        """Nothing stays open."""
        before = descriptors()
        self.finish(FileSink(self.reactor, self.path, self.far))
        self.assertEqual(descriptors() - before, set())
        self.assertEqual((self.near.fileno(), self.far.fileno()), (-1, -1))

    def test_no_folder(self) -> None:
        """A file that cannot be made is a line in the log; frames are taken and lost, as long as they come."""
        sink = FileSink(self.reactor, os.path.join(self.path, "none", "a.wav"), self.far)
        self.near.settimeout(10)
        for _ in range(1000):
            self.near.send(bytes(320))
        self.finish(sink)

    def test_full_disk(self) -> None:
        """A disk without room costs the rest of the recording, nothing else."""
        sink = FileSink(self.reactor, "/dev/full", self.far)
        self.near.settimeout(10)
        for _ in range(1000):
            self.near.send(bytes(320))
        self.finish(sink)
