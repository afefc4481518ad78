"""The socketpair behind a device that comes and goes."""

from __future__ import annotations

import socket

from twisted.trial.unittest import SynchronousTestCase

from neon.media.engine import Engine
from neon.media.link import Link
from tests import audio
from tests.media.test_manager import HOST, PORTS, agreement


class LinkTests(SynchronousTestCase):
    """L{Link}"""

    def setUp(self) -> None:
        self.engine = Engine()
        self.engine.start()
        self.addCleanup(self.engine.stop)
        self.link = Link(self.engine)
        self.link.far.settimeout(10)
        self.addCleanup(self.link.far.close)
        self.addCleanup(self.link.close)

    def test_only_while_used(self) -> None:
        """The far end is fed while somebody uses the device, and no longer."""
        first = self.link.acquire()
        self.assertIs(self.link.acquire(), first)
        self.link.release()
        for _ in range(3):
            self.assertEqual(self.link.far.recv(400), bytes(320))
        self.link.release()
        # Another device is fed in the same rhythm, by a thread that has done by its second frame what it was told.
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(near.close)
        near.settimeout(10)
        with far:
            other = self.engine.open_device(far.fileno())
        self.addCleanup(other.close)
        near.recv(400)
        near.recv(400)
        self.link.far.setblocking(False)
        with self.assertRaises(BlockingIOError):
            while self.link.far.recv(400):
                pass
        for _ in range(5):
            near.recv(400)
        self.assertRaises(BlockingIOError, self.link.far.recv, 400)

    def test_old_sound(self) -> None:
        """What was captured while no call was up is not heard in the next one."""
        for _ in range(20):
            self.link.far.send(audio.pcm_of(audio.tone(1000, 0, 0.02)))
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(near.close)
        self.addCleanup(far.close)
        near.settimeout(10)
        speaker, listener = self.engine.open_stream(HOST, PORTS), self.engine.open_stream(HOST, PORTS)
        speaker.set_source(self.link.acquire())
        ear = self.engine.open_device(far.fileno())
        listener.set_sink(ear)
        speaker.start(agreement(listener.local_port))
        listener.start(agreement(speaker.local_port))
        heard = audio.samples_of(b"".join(near.recv(320) for _ in range(25)))
        while listener.statistics().packets_received <= 5:
            heard += audio.samples_of(near.recv(320))
        self.assertLess(audio.level_dbm0(heard), -50)

    def test_close(self) -> None:
        """Closing is the end of file for the far end, after everything that was sent before."""
        self.link.acquire()
        self.link.far.recv(400)
        self.link.close()
        self.link.close()
        while self.link.far.recv(400):
            pass

    def test_again(self) -> None:
        """The far end is the same one when a later call uses the device."""
        self.link.acquire()
        self.link.far.recv(400)
        self.link.release()
        device = self.link.acquire()
        before = device.frames_played
        while device.frames_played == before:
            self.link.far.recv(400)
