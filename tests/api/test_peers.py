"""Whose connection is it: asked of this machine's kernel, for connections made here, and of files."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from neon.api import peers
from neon.values import Address

PROC = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:3AD4 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 11111 1 0 100 0 0 10 0
   1: 0100007F:9C40 0100007F:3AD4 01 00000000:00000000 00:00000000 00000000  1001        0 22222 1 0 20 4 30 10 -1
   2: 0100007F:9C41 0100007F:3AD4 06 00000000:00000000 00:00000000 00000000     0        0 0 3 0
"""


class KernelTests(SynchronousTestCase):
    """Real sockets; skipped where the kernel cannot be asked."""

    def connection(self, host: str, family: int = socket.AF_INET, to: str | None = None) -> tuple[Address, Address]:
        listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.addCleanup(listener.close)
        try:
            listener.bind((host, 0))
        except OSError as error:
            self.skipTest(f"no {host} here: {error}")
        listener.listen()
        self.client = socket.socket(family)
        self.addCleanup(self.client.close)
        self.client.connect((to or host, listener.getsockname()[1]))
        accepted, peer = listener.accept()
        self.addCleanup(accepted.close)
        return (peer[0], peer[1]), (accepted.getsockname()[0], accepted.getsockname()[1])

    def uids(self, peer: Address, local: Address) -> set[int | None]:
        """What each way says."""
        try:
            return {peers.peer_uid(peer, local), peers.by_proc(peer, local)}
        except peers.CannotTell as error:
            self.skipTest(str(error))

    def test_own(self) -> None:
        """A program of this user."""
        self.assertEqual(self.uids(*self.connection("127.0.0.1")), {os.getuid()})

    def test_ipv6(self) -> None:
        """The same over IPv6."""
        self.assertEqual(self.uids(*self.connection("::1", socket.AF_INET6)), {os.getuid()})

    def test_mapped(self) -> None:
        """The same for an IPv6 socket that reached our IPv4 address."""
        self.assertEqual(self.uids(*self.connection("127.0.0.1", socket.AF_INET6, "::ffff:127.0.0.1")), {os.getuid()})

    def test_closed(self) -> None:
        """A socket whose program has closed it is nobody's, and above all not root's."""
        peer, local = self.connection("127.0.0.1")
        self.client.send(b"startcall")
        self.client.close()
        self.assertEqual(self.uids(peer, local), {None})

    def test_unknown(self) -> None:
        """A connection that there is not."""
        peer, local = self.connection("127.0.0.1")
        self.assertEqual(self.uids((peer[0], 1), local), {None})


class ProcTests(SynchronousTestCase):
    def setUp(self) -> None:
        descriptor, name = tempfile.mkstemp()
        os.close(descriptor)
        self.table = Path(name)
        self.addCleanup(self.table.unlink)
        self.table.write_text(PROC)

    def test_lines(self) -> None:
        """The line of the far end counts, not ours; a socket without an inode is nobody's."""
        local = ("127.0.0.1", 15060)
        self.assertEqual(peers.by_proc(("127.0.0.1", 40000), local, self.table), 1001)
        self.assertIsNone(peers.by_proc(("127.0.0.1", 40001), local, self.table))
        self.assertIsNone(peers.by_proc(("127.0.0.1", 40002), local, self.table))

    def test_unreadable(self) -> None:
        """Without a table nobody can tell."""
        missing = self.table.with_name("missing")
        self.assertRaises(peers.CannotTell, peers.by_proc, ("127.0.0.1", 1), ("127.0.0.1", 2), missing)

    def test_garbage(self) -> None:
        """A table in another format says nothing, and breaks nothing."""
        self.table.write_text("header\nx\n\n1: 2\n")
        self.assertIsNone(peers.by_proc(("127.0.0.1", 1), ("127.0.0.1", 2), self.table))
