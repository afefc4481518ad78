"""A listening UNIX socket for one user: private from its first moment, never in the way of another daemon's."""

from __future__ import annotations

import errno
import os
import socket
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred, maybeDeferred

from neon.places import through_directory

BACKLOG: Final = 64


class SocketTaken(Exception):
    """Somebody listens there already, or the place cannot be used; C{str(error)} is a sentence."""


class AdoptingReactor(Protocol):
    """The part of Twisted's IReactorSocket that is used here."""

    def adoptStreamPort(self, fileDescriptor: int, addressFamily: Any, factory: Any) -> Any: ...


class UnixListener:
    """Accepts connections at C{path} until it is closed."""

    def __init__(self, path: Path, port: Any) -> None:
        self.path = path
        self._port = port
        self._identity = _identity(path)

    def close(self) -> Deferred[object]:
        """Accept no more, and take the name away, unless it is somebody else's by now."""
        if self._identity is not None and _identity(self.path) == self._identity:
            with suppress(OSError):
                self.path.unlink()
        stopped: Deferred[object] = maybeDeferred(self._port.stopListening)
        return stopped


def listen(reactor: AdoptingReactor, factory: Any, path: Path) -> UnixListener:
    """Listen at C{path}; its directory is made, and made private.

    A name that a daemon left behind when it was killed is taken over.

    @raise SocketTaken: as it says.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory = path.parent.stat()
        if directory.st_uid != os.geteuid():
            raise SocketTaken(f"the directory {path.parent} of the control socket belongs to another user")
        if directory.st_mode & 0o077:
            path.parent.chmod(0o700)
        if answers(path):
            raise SocketTaken(f"another NEON listens at {path} already")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as made:
            _bind(made, path)
            made.listen(BACKLOG)
            return UnixListener(path, reactor.adoptStreamPort(made.fileno(), socket.AF_UNIX, factory))
    except OSError as error:
        raise SocketTaken(f"the control socket {path} cannot be made: {error.strerror or error}") from None


def answers(path: Path) -> bool:
    """Whether somebody listens at C{path}."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as probe:
        probe.setblocking(False)
        try:
            through_directory(path, probe.connect)
        except OSError as error:
            return error.errno == errno.EAGAIN  # its backlog is full
        return True


def peer_uid(connected: socket.socket) -> int:
    """Who made the connection, as the kernel knows it (unix(7), SO_PEERCRED)."""
    credentials = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[1])


def _bind(made: socket.socket, path: Path) -> None:
    """Bind under another name with the right mode, and then move it to its place in one step."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    # The mode of the inode comes from the descriptor's (fchmod before bind, unix(7)), whatever the umask is.
    os.fchmod(made.fileno(), 0o600)
    through_directory(temporary, made.bind)
    try:
        temporary.chmod(0o600)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
