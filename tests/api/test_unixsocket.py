"""The listening UNIX socket: private, and never another daemon's."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import CannotListenError
from twisted.trial.unittest import SynchronousTestCase

from neon.api import unixsocket
from neon.api.unixsocket import SocketTaken
from tests.opened import descriptors


class Port:
    """What a reactor gives for a listening socket."""

    def __init__(self, made: socket.socket, address: str) -> None:
        self.made = made
        self._address = address

    def stopListening(self) -> Deferred[None]:
        self.made.close()
        os.unlink(self._address)
        return succeed(None)


class Reactor:
    """Listens for real, as Twisted's does, but serves nothing."""

    def __init__(self) -> None:
        self.modes: list[int] = []

    def listenUNIX(self, address: str, factory: Any, backlog: int = 50, mode: int = 0o666, wantPID: int = 0) -> Port:
        made = socket.socket(socket.AF_UNIX)
        try:
            made.bind(address)
        except OSError as error:
            made.close()
            raise CannotListenError(None, address, error) from None
        self.modes.append(stat.S_IMODE(os.stat(address).st_mode))
        os.chmod(address, mode)
        made.listen(backlog)
        return Port(made, address)


class ListenTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.directory = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.directory)
        self.path = self.directory / "neon" / "ctl.sock"
        self.reactor = Reactor()

    def listen(self, path: Path | None = None) -> unixsocket.UnixListener:
        listener = unixsocket.listen(self.reactor, None, path or self.path)
        self.addCleanup(listener.close)
        return listener

    def test_private(self) -> None:
        """0600 in 0700, from the first moment on, whatever the umask and whatever was there."""
        self.path.parent.mkdir(mode=0o755)
        before = os.umask(0)
        try:
            self.listen()
            self.assertEqual(os.umask(0), 0)
        finally:
            os.umask(before)
        self.assertEqual(self.reactor.modes, [0o600])
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(self.path.parent.stat().st_mode), 0o700)

    def test_left_behind(self) -> None:
        """The socket of a daemon that was killed is in nobody's way."""
        self.path.parent.mkdir()
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(self.path))
        self.assertFalse(unixsocket.answers(self.path))
        self.listen()
        self.assertTrue(unixsocket.answers(self.path))

    def test_another_daemon(self) -> None:
        """Where somebody listens already, it is left to them."""
        self.listen()
        with self.assertRaises(SocketTaken) as caught:
            unixsocket.listen(Reactor(), None, self.path)
        self.assertIn("another NEON", str(caught.exception))
        self.assertTrue(unixsocket.answers(self.path))

    def test_closed(self) -> None:
        """The name goes with the listener."""
        listener = self.listen()
        self.successResultOf(listener.close())
        self.assertFalse(self.path.exists())

    def test_useless_place(self) -> None:
        """What cannot be a directory is a sentence."""
        (self.directory / "neon").write_text("")
        with self.assertRaises(SocketTaken) as caught:
            self.listen()
        self.assertIn("cannot be made", str(caught.exception))

    def test_long_path(self) -> None:
        """A path longer than a socket's address can be, and no descriptor is left over."""
        path = self.directory / ("x" * 120) / "ctl.sock"
        before = descriptors()
        listener = self.listen(path)
        self.assertTrue(unixsocket.answers(path))
        self.assertRaises(SocketTaken, unixsocket.listen, Reactor(), None, path)
        self.successResultOf(listener.close())
        self.assertFalse(path.exists())
        self.assertEqual(descriptors() - before, set())

    def test_peer(self) -> None:
        """The kernel says who is at the other end."""
        one, other = socket.socketpair(socket.AF_UNIX)
        self.addCleanup(one.close)
        self.addCleanup(other.close)
        self.assertEqual(unixsocket.peer_uid(one), os.getuid())
