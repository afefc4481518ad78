"""What systemd is told about the daemon, and what it hands over: sd_notify(3), sd_listen_fds(3).

The watchdog is fed from the reactor that serves SIP and the APIs, so that a daemon that hangs is started again.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from typing import Any, Final

from twisted.application.service import Service
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

FIRST_DESCRIPTOR: Final = 3
"""Where the listening sockets begin (SD_LISTEN_FDS_START)."""

MOST_DESCRIPTORS: Final = 64

_log = Logger()


def taken(environ: MutableMapping[str, str], name: str) -> str:
    """A variable, removed so that no child inherits what is meant for us."""
    return environ.pop(name, "")


def sender(address: str) -> Callable[[str], None]:
    """Sends lines to the service manager at C{address}, and never fails or blocks: being heard is its problem."""
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    place = "\0" + address[1:] if address.startswith("@") else address

    def send(line: str) -> None:
        with suppress(OSError):
            manager.sendto(line.encode(), place)

    return send


class ServiceManager(Service):
    """The last part to start and the first to stop: tells systemd when it can be used, lives, and stops.

    Without C{NOTIFY_SOCKET} it does nothing.
    """

    name = "systemd"

    def __init__(
        self, reactor: Any, environ: MutableMapping[str, str], connect: Callable[[str], Callable[[str], None]] = sender
    ) -> None:
        self._reactor = reactor
        address = taken(environ, "NOTIFY_SOCKET")
        self._send = connect(address) if address.startswith(("/", "@")) else None
        microseconds, process = taken(environ, "WATCHDOG_USEC"), taken(environ, "WATCHDOG_PID")
        ours = process in ("", str(os.getpid()))
        self._patience = int(microseconds) / 1e6 if ours and microseconds.isascii() and microseconds.isdigit() else 0.0
        self._feeding = LoopingCall(self._feed)
        self._feeding.clock = reactor

    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]
        if self._send is not None:
            # Everything listens, but nobody is answered before the loop turns.
            self._reactor.callWhenRunning(self._ready)

    def _ready(self) -> None:
        if not self.running or self._send is None:
            return
        self._send("READY=1")
        if self._patience > 0:
            self._feeding.start(self._patience / 2)

    def _feed(self) -> None:
        if self._send is not None:
            self._send("WATCHDOG=1")

    def stopService(self) -> None:
        super().stopService()  # type: ignore[no-untyped-call]
        if self._feeding.running:
            self._feeding.stop()
        if self._send is not None:
            self._send("STOPPING=1")


class Activation:
    """The listening sockets that systemd made before we started, for whoever listens on the same address and port.

    Looks like the part of the reactor that L{neon.api.listen} uses. A socket is adopted once; those that nobody asks
    for are closed by L{close_rest}, or else their clients would wait for ever.
    """

    def __init__(self, reactor: Any, environ: MutableMapping[str, str], first: int = FIRST_DESCRIPTOR) -> None:
        self._reactor = reactor
        self._sockets: dict[tuple[str, int], socket.socket] = {}
        process, count = taken(environ, "LISTEN_PID"), taken(environ, "LISTEN_FDS")
        taken(environ, "LISTEN_FDNAMES")
        if process != str(os.getpid()) or not (count.isascii() and count.isdigit()):
            return
        for descriptor in range(first, first + min(int(count), MOST_DESCRIPTORS)):
            self._take(descriptor)

    def _take(self, descriptor: int) -> None:
        try:
            os.set_inheritable(descriptor, False)
            found = socket.socket(fileno=descriptor)
        except OSError as error:
            _log.warn("descriptor {fd} of LISTEN_FDS is no socket: {error}", fd=descriptor, error=error.strerror)
            return
        listens = found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        if found.family in (socket.AF_INET, socket.AF_INET6) and found.type == socket.SOCK_STREAM and listens:
            host, port = found.getsockname()[:2]
            self._sockets[host, port] = found
        else:
            _log.warn("descriptor {fd} of LISTEN_FDS is no listening TCP socket", fd=descriptor)
            found.close()

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:
        """As the reactor's, with systemd's socket if it made one for this address.

        @raise CannotListenError: it made none, and the port is taken.
        """
        inherited = self._sockets.pop((interface, port), None)
        if inherited is None:
            return self._reactor.listenTCP(port, factory, backlog, interface)
        with inherited:  # the reactor makes a duplicate of its own
            inherited.setblocking(False)
            return self._reactor.adoptStreamPort(inherited.fileno(), inherited.family, factory)

    def close_rest(self) -> None:
        """Close what nobody asked for, and say so."""
        while self._sockets:
            (host, port), unused = self._sockets.popitem()
            _log.warn("systemd listens on {host} port {port}, which the configuration does not", host=host, port=port)
            unused.close()
