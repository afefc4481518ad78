"""The life of the engine's thread, descriptors and ports: started, stopped, forgotten, forked."""

from __future__ import annotations

import gc
import os
import select

from twisted.trial.unittest import SynchronousTestCase

from neon.media.engine import Engine, Samples, Silence
from neon.ports import MediaUnavailable
from tests.media.peers import LIMIT, PORTS, Peer
from tests.media.signals import FRAME


class LifeTests(SynchronousTestCase):
    def setUp(self) -> None:
        gc.collect()  # what the tests before have left must not let go of its descriptors during these

    def descriptors(self) -> int:
        return len(os.listdir("/proc/self/fd"))

    def threads(self) -> int:
        return len(os.listdir("/proc/self/task"))

    def test_stop(self) -> None:
        """After the stop no thread, descriptor or port is left, and what streams counted can still be read."""
        descriptors, threads = self.descriptors(), self.threads()
        engine = Engine()
        engine.start()
        self.assertEqual(self.threads(), threads + 1)
        streams = [engine.open_stream("127.0.0.1", PORTS) for _ in range(10)]
        engine.stop()
        engine.stop()
        self.assertEqual(self.threads(), threads)
        self.assertEqual(streams[0].statistics().packets_sent, 0)
        self.assertRaises(ValueError, engine.fileno)
        del streams, engine
        self.assertEqual(self.descriptors(), descriptors)

    def test_forgotten(self) -> None:
        """An engine that nobody holds any more ends its thread."""
        threads, descriptors = self.threads(), self.descriptors()
        engine = Engine()
        engine.start()
        stream = engine.open_stream("127.0.0.1", PORTS)
        del engine, stream
        self.assertEqual((self.threads(), self.descriptors()), (threads, descriptors))

    def test_never_started(self) -> None:
        """An engine that was not started holds no thread; its streams wait."""
        descriptors = self.descriptors()
        engine = Engine()
        stream = engine.open_stream("127.0.0.1", PORTS)
        stream.set_source(Samples(bytes(1000)))
        stream.close()
        del stream, engine
        self.assertEqual(self.descriptors(), descriptors)

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
            engine.stop()
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
        for _ in range(100):
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
        self.assertRaises(MediaUnavailable, engine.open_stream, "192.0.2.1", PORTS)

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
        """Without streams the thread sleeps: it takes no CPU time at all."""
        engine, peer = Engine(), Peer()
        self.addCleanup(peer.close)
        engine.start()
        self.addCleanup(engine.stop)
        before = engine.thread_cpu_seconds()
        select.select([engine.fileno()], [], [], 0.3)
        self.assertLess(engine.thread_cpu_seconds() - before, 0.0005)

    def test_priorities(self) -> None:
        """The thread has the best priority that is allowed, and says which."""
        engine = Engine()
        engine.start()
        self.addCleanup(engine.stop)
        self.assertIn(engine.priority, ("fifo", "nice", "plain"))
        if os.geteuid() == 0:
            self.assertIn(engine.priority, ("fifo", "nice"))
