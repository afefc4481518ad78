"""The HTTP API as a part of the daemon: its mailboxes, its server, its starting and stopping."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.logger import Logger

from neon import sections
from neon.api import download, schema
from neon.api.autodisconnect import Autodisconnect
from neon.api.guard import LOCAL_NAMES, Guard
from neon.api.http import Root, Served, Socket
from neon.api.listen import Listeners, TcpReactor, listen
from neon.api.mailbox import Mailboxes
from neon.api.sessions import Sessions
from neon.api.site import HttpSite
from neon.bus import Bus
from neon.commands import Commands
from neon.history import History
from neon.parsing import format_address

_log = Logger()


class HttpServer:
    """Made before there is anything to serve, so that what is to be stopped is known."""

    def __init__(self, reactor: Any, settings: sections.Http, sockets: TcpReactor) -> None:
        self._reactor = reactor
        self._sockets = sockets
        self._settings = settings
        self._mailboxes: Mailboxes | None = None
        self._root: Root | None = None
        self._guard: Guard | None = None
        self._site: HttpSite | None = None
        self._listeners: Listeners | None = None

    def offer(
        self,
        commands: Commands,
        sessions: Sessions,
        autodisconnect: Autodisconnect,
        bus: Bus,
        guard: Guard,
        history: History | None,
    ) -> None:
        """What it serves, and whom."""
        mailboxes = Mailboxes(self._reactor, bus, poll_seconds=float(self._settings.poll_seconds))
        sessions.on_open.append(mailboxes.opened)
        sessions.on_close.append(mailboxes.closed)
        root = Root(commands, mailboxes, autodisconnect, guard)
        root.manual = schema.manual
        root.add_file("/calllog.csv", download.serve(download.Csv, history))
        root.add_file("/calllog.json", download.serve(download.Json, history))
        self._mailboxes, self._root, self._guard = mailboxes, root, guard
        self._site = HttpSite(root, policy=guard, reactor=self._reactor)

    def listen(self) -> None:
        """Accept connections, after L{offer}.

        @raise CannotListenError: the port is taken.
        """
        assert self._root is not None
        assert self._guard is not None
        self._listeners = listen(self._sockets, self._site, self._settings.host, self._settings.port)
        port = self._listeners.addresses[0][1]
        self._guard.origins.own |= {f"http://{name}:{port}" for name in LOCAL_NAMES}
        for address in self._listeners.addresses:
            _log.info("HTTP API at http://{address}/", address=format_address(address))

    def add_socket(self, path: str, socket: Socket) -> None:
        """A WebSocket, at a path in lower case."""
        if self._root is not None:
            self._root.sockets[path] = socket

    def add_pages(self, pages: Mapping[str, Served]) -> None:
        """More to read, by path."""
        if self._root is not None:
            self._root.pages.update(pages)

    @property
    def address(self) -> str | None:
        """C{host:port}, while it listens."""
        return None if self._listeners is None else format_address(self._listeners.addresses[0])

    @property
    def url(self) -> str | None:
        """Where it is, while it listens."""
        return None if self.address is None else f"http://{self.address}/"

    def stop_listening(self) -> Any:
        """Accept no more connections."""
        return None if self._listeners is None else self._listeners.close()

    def close_connections(self) -> None:
        """Answer every poll that is held, and close."""
        if self._mailboxes is not None:
            self._mailboxes.close()
        if self._site is not None:
            self._site.close()
