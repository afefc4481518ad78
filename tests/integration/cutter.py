"""A way to the daemon that breaks when a test wants it to: a TCP forwarder in the test's own process."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor as global_reactor
from twisted.internet.protocol import ClientCreator, Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from tests.integration.processes import IntegrationCase, until

reactor: Any = global_reactor


class _Far(Protocol):
    """The connection to the daemon."""

    near: _Near
    transport: Any

    def dataReceived(self, data: bytes) -> None:
        self.near.answered(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.near.transport.abortConnection()


class _Near(Protocol):
    """The connection of a client."""

    factory: Cutter
    transport: Any

    def connectionMade(self) -> None:
        self.factory.open.add(self)
        self._far: Any = None
        self._waiting = b""
        made: Any = ClientCreator(reactor, _Far).connectTCP("127.0.0.1", self.factory.target)
        made.addCallbacks(self._connected, lambda _: self.transport.abortConnection())

    def _connected(self, far: _Far) -> None:
        far.near = self
        self._far = far
        if not self.connected:
            far.transport.loseConnection()
        elif self._waiting:
            self._send(self._waiting)

    def dataReceived(self, data: bytes) -> None:
        if self._far is None:
            self._waiting += data
        else:
            self._send(data)

    def _send(self, data: bytes) -> None:
        # The daemon wants its own address as Host.
        here, there = f":{self.factory.port}".encode(), f":{self.factory.target}".encode()
        if data.startswith(b"GET "):
            data = data.replace(b"Host: localhost" + here, b"Host: localhost" + there)
        self._far.transport.write(data)

    def answered(self, data: bytes) -> None:
        if self.factory.swallowing:
            self.factory.swallowing = False
            self.factory.swallowed += 1
            self.factory.cut()
        else:
            self.transport.write(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.factory.open.discard(self)
        if self._far is not None:
            self._far.transport.loseConnection()


class Cutter(Factory):
    """Forwards to the port C{target} of this machine, which may change."""

    protocol: Any = _Near
    noisy = False

    def __init__(self, test: IntegrationCase, target: int) -> None:
        self.target = target
        self.open: set[_Near] = set()
        self.swallowing = False
        """The next answer is swallowed, and everything cut: the client cannot know what became of its command."""
        self.swallowed = 0
        self.cuts = 0
        listening = reactor.listenTCP(0, self, interface="127.0.0.1")
        self.port: int = listening.getHost().port

        async def close() -> None:
            await listening.stopListening()
            self.cut()
            await until(lambda: not self.open, "the end of the forwarder")

        test.at_end(close)

    def cut(self) -> None:
        """Reset every connection, on both sides."""
        self.cuts += 1
        for near in tuple(self.open):
            near.transport.abortConnection()
