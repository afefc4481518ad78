"""The life of the engine's thread, descriptors and ports: started, stopped, forgotten, forked."""

from __future__ import annotations

import gc
import os
import select
import time

from twisted.trial.unittest import SynchronousTestCase

from neon.media.engine import Engine, Samples, Silence
from neon.ports import MediaUnavailable
from tests.media.peers import LIMIT, PORTS, Peer
from tests.media.signals import FRAME
from tests.opened import descriptors, threads


class LifeTests(SynchronousTestCase):
    def setUp(self) -> None:
        gc.collect()  # what the tests before have left must not let go of its descriptors during these

    def assert_gone(self, before: set[str]) -> None:
        """The system's list still has a thread for a moment after somebody has waited for its end."""
        end = time.monotonic() + LIMIT
        while threads() - before and time.monotonic() < end:
            select.select([], [], [], LIMIT / 1000)
        self.assertEqual(threads() - before, set())

    def test_stop(self) -> None:
        """After the stop no thread, descriptor or port is left, and what streams counted can still be read."""
        opened, running = descriptors(), threads()
        engine = Engine()
        engine.start()
        self.assertEqual(len(threads() - running), 1)
        streams = [engine.open_stream("127.0.0.1", PORTS) for _ in range(10)]
        engine.stop()
        engine.stop()
        self.assert_gone(running)
        self.assertEqual(streams[0].statistics().packets_sent, 0)
        self.assertRaises(ValueError, engine.fileno)
        del streams, engine
        self.assertEqual(descriptors() - opened, set())

    def test_forgotten(self) -> None:
        """An engine that nobody holds any more ends its thread."""
        opened, running = descriptors(), threads()
        engine = Engine()
        engine.start()
        stream = engine.open_stream("127.0.0.1", PORTS)
        del engine, stream
        self.assertEqual(descriptors() - opened, set())
        self.assert_gone(running)

    def test_never_started(self) -> None:
        """An engine that was not started holds no thread; its streams wait."""
        opened = descriptors()
        engine = Engine()
        stream = engine.open_stream("127.0.0.1", PORTS)
        stream.set_source(Samples(bytes(1000)))
        stream.close()
        del stream, engine
        self.assertEqual(descriptors() - opened, set())

    def test_started_later(self) -> None:
        """A stream opened and started before the engine runs once that does."""
        engine, peer = Engine(), Peer()
        self.addCleanup(peer.close)
        stream = engine.open_stream("127.0.0.1", PORTS)
        stream.start(peer.agreement())
        engine.start()
        self.addCleanup(engine.stop)
        self.assertEqual(len(peer.listen(2)), 2 * FRAME)

    def test_started_twice(self) -> None:
        """One engine has one thread."""
        engine = Engine()
        engine.start()
        self.addCleanup(engine.stop)
        self.assertRaises(RuntimeError, engine._native.start)

    def test_fork(self) -> None:
        """A forked child, which has no such thread, can end without waiting for it, and the parent's goes on."""
        engine, peer = Engine(), Peer()
        self.addCleanup(peer.close)
        engine.start()
        self.addCleanup(engine.stop)
        stream = engine.open_stream("127.0.0.1", PORTS)
        stream.start(peer.agreement())
        child = os.fork()
        if child == 0:
            try:
                engine.stop()
            except BaseException:
                os._exit(1)
            os._exit(0)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        peer.listen(5)

    def test_ports(self) -> None:
        """RTP ports are even, RTCP has the next; a range that is used up is said to be; a closed port is free again."""
        engine, peer = Engine(), Peer()
        self.addCleanup(peer.close)
        engine.start()
        self.addCleanup(engine.stop)
        clock = engine.open_stream("127.0.0.1", PORTS)
        clock.start(peer.agreement())
        ports = range(clock.local_port, clock.local_port + 2)
        self.assertEqual(clock.local_port % 2, 0)
        self.assertRaises(MediaUnavailable, engine.open_stream, "127.0.0.1", ports)
        clock.close()
        peer.rtcp.recv(2000)  # the BYE: nothing of it is left a moment later
        for _ in range(1000):
            try:
                again = engine.open_stream("127.0.0.1", ports)
                break
            except MediaUnavailable:
                select.select([], [], [], LIMIT / 1000)
        self.assertEqual(again.local_port, ports.start)

    def test_bad_hosts(self) -> None:
        """A host that is no address is a mistake; one that is not ours is unavailable."""
        engine = Engine()
        self.assertRaises(ValueError, engine.open_stream, "localhost", PORTS)
        self.assertRaises(ValueError, engine.open_stream, "127.0.0.1", range(80, 90))
        self.assertRaises(ValueError, engine.open_stream, "127.0.0.1", range(60000, 70000))
        error = self.assertRaises(MediaUnavailable, engine.open_stream, "192.0.2.1", PORTS)
        self.assertEqual(str(error), "the address that audio is bound to is gone: 192.0.2.1")

    def test_closed(self) -> None:
        """A closed stream may be closed again, and refuses everything else that would change it."""
        engine, peer = Engine(), Peer()
        self.addCleanup(peer.close)
        stream = engine.open_stream("127.0.0.1", PORTS)
        stream.close()
        stream.close()
        self.assertRaises(ValueError, stream.start, peer.agreement())
        self.assertRaises(ValueError, stream.set_source, Silence())
        self.assertRaises(ValueError, stream.set_sink, None)
        self.assertRaises(ValueError, stream.send_digit, "1")

    def test_idle(self) -> None:
        """Without streams the thread sleeps: once it has found nothing to do it takes no CPU time at all."""
        engine, peer = Engine(), Peer()
        self.addCleanup(peer.close)
        engine.start()
        self.addCleanup(engine.stop)
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            before = engine.thread_cpu_seconds()
            select.select([engine.fileno()], [], [], 0.3)
            if engine.thread_cpu_seconds() == before:
                break
        self.assertEqual(engine.thread_cpu_seconds(), before)

    def test_priorities(self) -> None:
        """The thread has the best priority that is allowed, and says which."""
        engine = Engine()
        engine.start()
        self.addCleanup(engine.stop)
        self.assertIn(engine.priority, ("fifo", "nice", "plain"))
        if os.geteuid() == 0:
            self.assertIn(engine.priority, ("fifo", "nice"))
