"""The control socket as a part of the daemon: its commands, its socket, its starting and stopping."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from twisted.logger import Logger

from neon.api import unixsocket
from neon.api.control import Control
from neon.api.sessions import Sessions
from neon.bus import Bus
from neon.commands import Command, Commands
from neon.parts import CannotStart

_log = Logger()


class ControlSocket:
    """C{path} is where it will be (L{neon.places})."""

    def __init__(self, reactor: Any, path: Path) -> None:
        self.path = path
        self._reactor = reactor
        self._control: Control | None = None
        self._listener: unixsocket.UnixListener | None = None

    def offer(
        self,
        make: Callable[[Iterable[Command]], Commands],
        table: Iterable[Command],
        administration: Iterable[Command],
        sessions: Sessions,
        bus: Bus,
    ) -> None:
        """What it serves: the commands of all APIs, and those that only it has."""
        self._control = Control(make((*table, *administration)), sessions, bus)

    def listen(self) -> None:
        """Open the socket.

        @raise CannotStart: it cannot be made, or another daemon has it.
        """
        try:
            self._listener = unixsocket.listen(self._reactor, self._control, self.path)
        except unixsocket.SocketTaken as error:
            raise CannotStart(str(error)) from None
        _log.info("neonctl finds this daemon at {path}", path=str(self.path))

    def stop_listening(self) -> Any:
        """Accept no more connections."""
        return None if self._listener is None else self._listener.close()

    def close_connections(self) -> None:
        """Say good-bye, after the last event."""
        if self._control is not None:
            self._control.close()
