"""The switch of the WebSocket server: who is cut off, who stays, and what is remembered."""

from __future__ import annotations

from typing import Any, ClassVar

from twisted.internet.error import CannotListenError
from twisted.internet.testing import MemoryReactorClock

from neon.api.panel import OWN
from neon.commands import Context
from neon.errors import InvalidArgument
from neon.sections import Websocket
from neon.websocketpart import WebSocketServer
from tests.api.websockets import WebSocketCase
from tests.store.test_database import StoreCase

CONTEXT: Any = None
PANEL = "http://localhost:15060"


class TakenPort:
    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:
        raise CannotListenError(interface, port, OSError(98, "Address already in use"))


class SwitchTests(WebSocketCase, StoreCase):
    context: ClassVar[Context] = CONTEXT

    def setUp(self) -> None:
        StoreCase.setUp(self)
        super().setUp()

    def made(self, sockets: Any = None, *, enabled: bool = True) -> WebSocketServer:
        """A server as the daemon makes it, and starts it."""
        self.database = self.opened()
        settings = Websocket(enabled=enabled, host=("127.0.0.1",), port=4711)
        server = WebSocketServer(settings, sockets or MemoryReactorClock(), self.database)
        self.successResultOf(server.load())
        server.offer(self.api, {PANEL})
        server.start()
        return server

    def switch(self, server: WebSocketServer, enabled: bool | None) -> Any:
        answer = server.switch(self.context, enabled)
        return answer if isinstance(answer, dict) else self.successResultOf(answer)

    def test_off(self) -> None:
        """Switched off, everybody but the panel is cut off, nobody is let in, and there is no address."""
        server = self.made()
        told: list[str | None] = []
        server.on_switch.append(lambda: told.append(server.url))
        self.origins.own.add(PANEL)
        panel, program = self.connect(headers={"Origin": PANEL}), self.connected()
        self.assertEqual(self.switch(server, False), {"enabled": False, "url": None})
        program.pump.flush()
        panel.pump.flush()
        self.assertEqual(program.protocol.closing, (1000, "the WebSocket server was switched off"))
        self.assertEqual((panel.protocol.opened, panel.protocol.closing), (True, None))
        self.assertIsNone(self.api.buildProtocol(None))
        self.assertEqual(told, [None])
        self.assertEqual(self.switch(server, True)["enabled"], True)
        self.connected()
        self.assertEqual(told[1:], [server.url])

    def test_asked(self) -> None:
        """Nothing said is a question, and what is so already is no change."""
        server = self.made()
        server.on_switch.append(self.fail)
        self.assertEqual(self.switch(server, None), self.switch(server, True))

    def test_remembered(self) -> None:
        """How it was switched last holds after a restart, whatever the configuration says."""
        for enabled in (True, False):
            self.switch(self.made(enabled=enabled), not enabled)
            self.successResultOf(self.database.close())
            server = self.made(enabled=enabled)
            self.assertEqual(server.address is not None, not enabled)
            self.assertEqual(self.api.accepts, not enabled)
            self.switch(server, enabled)
            self.successResultOf(self.database.close())

    def test_taken(self) -> None:
        """Off at the start, it does not listen; and cannot be switched on where another program does."""
        server = self.made(TakenPort(), enabled=False)
        with self.assertRaisesRegex(InvalidArgument, "another program has port 4711"):
            server.switch(self.context, True)
        self.assertEqual(self.switch(server, None), {"enabled": False, "url": None})
        self.assertFalse(self.api.accepts)

    def test_panel_has_it(self) -> None:
        """The panel may switch it."""
        server = self.made()
        self.assertIn(server.rows()[0].name, OWN)
