"""The WebSocket API as a part of the daemon: its server, and the switch of it that a person has (spec section 7).

Switched off, everybody is cut off, but for NEON's own panel, whose socket is at the HTTP server (L{neon.api.panel}):
there the switch is, and there it is switched on again. The port stays ours meanwhile, so that nobody else has it by
then (and systemd, which may have opened it, has it anyway): who connects is closed at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.logger import Logger

from neon import arguments, sections
from neon.api.listen import Listeners, TcpReactor, listen
from neon.api.websocket import Api
from neon.arguments import Parameter
from neon.commands import Command, Context, Data
from neon.errors import InvalidArgument
from neon.parsing import format_address
from neon.store.database import Database
from neon.store.settings import SettingTable

SETTING: Final = "websocket"

_log = Logger()


class WebSocketServer:
    """C{settings} hold until somebody has switched it; C{on_switch} are called after each time."""

    def __init__(self, settings: sections.Websocket, sockets: TcpReactor, database: Database) -> None:
        self._settings = settings
        self._sockets = sockets
        self._table = SettingTable(database)
        self._listeners: Listeners | None = None
        self._on = settings.enabled
        self.api: Api | None = None
        self.own: set[str] = set()
        self.on_switch: list[Callable[[], None]] = []

    def load(self) -> Deferred[None]:
        """Look how it was switched last."""

        def loaded(settings: dict[str, str]) -> None:
            if (value := settings.get(SETTING)) is not None:
                self._on = value == "on"

        return self._table.all().addCallback(loaded)

    def offer(self, api: Api, own: set[str]) -> None:
        """What it serves. C{own} are the origins that stay when it is switched off."""
        self.api, self.own = api, own

    def start(self) -> None:
        """Accept connections, if it is on, after L{offer}.

        @raise CannotListenError: the port is taken.
        """
        assert self.api is not None
        self.api.accepts = self._on
        if self._on:
            self._listen()

    @property
    def address(self) -> str | None:
        """C{host:port}, while it is on."""
        return format_address(self._listeners.addresses[0]) if self._on and self._listeners is not None else None

    @property
    def url(self) -> str | None:
        """Where it is, while it is on."""
        return None if self.address is None else f"ws://{self.address}/"

    def switch(self, context: Context, enabled: bool | None) -> Data | Deferred[Data]:
        """Let pages and programs connect by WebSocket, or no longer; how it is, if nothing is said. Kept over restarts.

        @raise InvalidArgument: the port is taken.
        """
        if enabled is None or enabled == self._on:
            return self._data()
        assert self.api is not None
        if enabled and self._listeners is None:
            try:
                self._listen()
            except CannotListenError as error:
                raise InvalidArgument(f"another program has port {error.port}") from None
        self._on = self.api.accepts = enabled
        if not enabled:
            self.api.dismiss(self.own)
        _log.info("the WebSocket server was switched {how}", how="on" if enabled else "off")
        for switched in self.on_switch:
            switched()
        saved = self._table.save(SETTING, "on" if enabled else "off")
        return saved.addCallback(lambda _: self._data())

    def rows(self) -> tuple[Command, ...]:
        """C{websocketserver}, for the control socket and the panel."""
        parameters = (Parameter("enabled", arguments.boolean, default=None),)
        return (Command("websocketserver", self.switch, parameters, once=False),)

    def stop(self) -> Any:
        """Accept no more connections."""
        return None if self._listeners is None else self._listeners.close()

    def _data(self) -> Data:
        return {"enabled": self._on, "url": self.url}

    def _listen(self) -> None:
        self._listeners = listen(self._sockets, self.api, self._settings.host, self._settings.port)
        for address in self._listeners.addresses:
            _log.info("WebSocket API at ws://{address}/", address=format_address(address))
