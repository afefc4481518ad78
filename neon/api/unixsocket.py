"""A listening UNIX socket for one user: private from its first moment, never in the way of another daemon's."""

from __future__ import annotations

import errno
import os
import socket
import struct
from pathlib import Path
from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.error import CannotListenError

from neon.places import short_name

BACKLOG: Final = 64


class SocketTaken(Exception):
    """Somebody listens there already, or the place cannot be used; C{str(error)} is a sentence."""


class UnixReactor(Protocol):
    """The part of Twisted's IReactorUNIX that is used here."""

    def listenUNIX(self, address: str, factory: Any, backlog: int = 50, mode: int = 0o666, wantPID: int = 0) -> Any: ...


class UnixListener:
    """Accepts connections at C{path} until it is closed; C{directory} is a descriptor to close then."""

    def __init__(self, path: Path, port: Any, directory: int | None) -> None:
        self.path = path
        self._port = port
        self._directory = directory

    def close(self) -> Deferred[object]:
        """Accept no more, and take the name away. May be called twice."""
        port, self._port = self._port, None
        if port is None:
            return succeed(None)
        stopped: Deferred[object] = maybeDeferred(port.stopListening)
        return stopped.addBoth(self._stopped)

    def _stopped(self, result: object) -> object:
        if self._directory is not None:
            os.close(self._directory)
            self._directory = None
        return result


def listen(reactor: UnixReactor, factory: Any, path: Path) -> UnixListener:
    """Listen at C{path}; its directory is made, and made private.

    A name that a daemon left behind when it was killed is taken over.

    @raise SocketTaken: as it says.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = path.parent.stat()
        if status.st_uid != os.geteuid():
            raise SocketTaken(f"the directory {path.parent} of the control socket belongs to another user")
        if status.st_mode & 0o077:
            path.parent.chmod(0o700)
        if answers(path):
            raise SocketTaken(f"another NEON listens at {path} already")
        path.unlink(missing_ok=True)
        name, directory = short_name(path)
    except OSError as error:
        raise SocketTaken(f"the control socket {path} cannot be made: {error.strerror or error}") from None
    umask = os.umask(0o177)
    try:
        port = reactor.listenUNIX(name, factory, backlog=BACKLOG, mode=0o600)
    except CannotListenError as error:
        if directory is not None:
            os.close(directory)
        reason = getattr(error.socketError, "strerror", None) or error.socketError
        raise SocketTaken(f"the control socket {path} cannot be made: {reason}") from None
    finally:
        os.umask(umask)
    return UnixListener(path, port, directory)


def answers(path: Path) -> bool:
    """Whether somebody listens at C{path}."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as probe:
        probe.setblocking(False)
        try:
            name, directory = short_name(path)
        except OSError:
            return False
        try:
            probe.connect(name)
        except OSError as error:
            return error.errno == errno.EAGAIN  # its backlog is full
        finally:
            if directory is not None:
                os.close(directory)
        return True


def peer_uid(connected: socket.socket) -> int:
    """Who made the connection, as the kernel knows it (unix(7), SO_PEERCRED)."""
    credentials = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[1])
