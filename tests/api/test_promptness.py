"""Bytes go to the system at once where that is possible, and the usual way where not."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.protocol import Protocol
from twisted.internet.tcp import Connection
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.trial.unittest import SynchronousTestCase

from neon.api.promptness import write_now


class WriteNowTests(SynchronousTestCase):
    def setUp(self) -> None:
        ours, self.theirs = socket.socketpair()
        self.addCleanup(self.theirs.close)
        self.addCleanup(ours.close)
        ours.setblocking(False)
        self.theirs.setblocking(False)
        self.reactor = MemoryReactorClock()
        protocol: Any = Protocol()
        reactor: Any = self.reactor  # Twisted's own annotations are zope interfaces
        self.transport = Connection(ours, protocol, reactor)
        self.transport.connected = 1

    def test_at_once(self) -> None:
        """The far end can read it before the reactor has done anything, and nothing is kept."""
        write_now(self.transport, b"now")
        self.assertEqual(self.theirs.recv(10), b"now")
        self.assertEqual(self.reactor.getWriters(), [])

    def test_after_what_waits(self) -> None:
        """What was written the usual way goes first."""
        self.transport.write(b"first")
        write_now(self.transport, b"second")
        self.transport.doWrite()
        self.assertEqual(self.theirs.recv(20), b"firstsecond")

    def test_more_than_fits(self) -> None:
        """What the system does not take is kept, in order."""
        data = bytes(range(256)) * 8192
        write_now(self.transport, data)
        self.assertEqual(self.reactor.getWriters(), [self.transport])
        got = bytearray()
        while len(got) < len(data):
            got += self.theirs.recv(1 << 20)
            self.transport.doWrite()
        self.assertEqual(bytes(got), data)

    def test_broken(self) -> None:
        """A connection that broke raises nothing here: the transport finds out by itself."""
        self.theirs.close()
        write_now(self.transport, b"lost")
        self.assertEqual(self.reactor.getWriters(), [self.transport])
        self.assertIsInstance(self.transport.doWrite(), Exception)

    def test_closing(self) -> None:
        """A connection that is being closed takes nothing any more."""
        self.transport.disconnecting = 1
        write_now(self.transport, b"too late")
        self.assertRaises(BlockingIOError, self.theirs.recv, 10)

    def test_other_transport(self) -> None:
        """Any other transport is written to as ever."""
        transport = StringTransport()
        write_now(transport, b"memory")
        self.assertEqual(transport.value(), b"memory")
