"""Connections in memory beside the datagrams of L{tests.sip.network}: they travel on the test's clock, TLS included."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import (
    CannotListenError,
    ConnectionAborted,
    ConnectionDone,
    ConnectionLost,
    ConnectionRefusedError,
    TimeoutError,
    UserError,
)
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure

from neon.values import Address
from tests.sip.network import Network


class End:
    """One end of a connection: the transport of its protocol."""

    def __init__(self, network: StreamNetwork, here: Address, there: Address) -> None:
        self.network = network
        self.here = here
        self.there = there
        self.other: End | None = None
        self.protocol: Any = None
        self.open = True
        self.written = b""
        self.producer: Any = None
        self.full = False

    def write(self, data: bytes) -> None:
        if self.open:
            self.written += data
            if not self.full:
                self.network.clock.callLater(self.network.latency, self._arrive, data)

    def writeSequence(self, data: list[bytes]) -> None:
        self.write(b"".join(data))

    def _arrive(self, data: bytes) -> None:
        if self.other is not None and self.other.open and not self.network.cut:
            self.other.protocol.dataReceived(data)

    def stuff(self) -> None:
        """Nobody takes what is written from now on."""
        self.full = True
        self.producer.pauseProducing()

    def loseConnection(self) -> None:
        self.network.clock.callLater(self.network.latency, self._end, ConnectionDone(), ConnectionDone())

    def abortConnection(self) -> None:
        self.network.clock.callLater(0, self._end, ConnectionAborted(), ConnectionLost())

    def _end(self, ours: Exception, theirs: Exception) -> None:
        for end, reason in ((self, ours), (self.other, theirs)):
            if end is not None and end.open:
                end.open = False
                end.protocol.connectionLost(Failure(reason))

    def getHost(self) -> Any:
        return _twisted(self.here)

    def getPeer(self) -> Any:
        return _twisted(self.there)

    def setTcpNoDelay(self, on: bool) -> None: ...

    def setTcpKeepAlive(self, on: bool) -> None: ...

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None


class Attempt:
    """What connectTCP gives back."""

    def __init__(self, network: StreamNetwork, factory: Any) -> None:
        self._factory = factory
        self._timers: list[Any] = []
        self.network = network

    def after(self, delay: float, then: Any, *arguments: Any) -> None:
        self._timers.append(self.network.clock.callLater(delay, then, *arguments))

    def disconnect(self) -> None:
        self.fail(UserError())

    def fail(self, error: Exception) -> None:
        self.stop()
        self._factory.clientConnectionFailed(self, Failure(error))

    def stop(self) -> None:
        for timer in self._timers:
            if timer.active():
                timer.cancel()


class Listener:
    """What listenTCP gives back."""

    def __init__(self, network: StreamNetwork, address: Address) -> None:
        self._network = network
        self.address = address

    def getHost(self) -> Any:
        return _twisted(self.address)

    def stopListening(self) -> None:
        self._network.listeners.pop(self.address, None)


class StreamNetwork(Network):
    """C{silent}: addresses that answer no connection. C{cut}: nothing arrives any more."""

    def __init__(self, clock: Any, latency: float = 0.0) -> None:
        super().__init__(clock, latency)
        self.listeners: dict[Address, Any] = {}
        self.ends: list[tuple[End, End]] = []
        self.attempts: list[Address] = []
        self.silent: set[Address] = set()
        self.cut = False

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Listener:
        if port == 0:
            self._next_port += 1
            port = self._next_port
        if (interface, port) in self.listeners:
            raise CannotListenError(interface, port, OSError("taken"))
        _on(self.clock, factory)
        self.listeners[interface, port] = factory
        factory.doStart()
        return Listener(self, (interface, port))

    def connectTCP(
        self, host: str, port: int, factory: Any, timeout: float = 30, bindAddress: Address | None = None
    ) -> Attempt:
        self.attempts.append((host, port))
        _on(self.clock, factory)
        attempt = Attempt(self, factory)
        factory.doStart()
        if (host, port) in self.silent:
            attempt.after(timeout, attempt.fail, TimeoutError())
        elif (host, port) not in self.listeners:
            attempt.after(self.latency, attempt.fail, ConnectionRefusedError())
        else:
            source = bindAddress[0] if bindAddress is not None else "127.0.0.1"
            attempt.after(self.latency, self.join, source, (host, port), factory)
        return attempt

    def join(self, source: str, target: Address, factory: Any) -> End | None:
        """Connect somebody from C{source} to whoever listens at C{target}; None if not taken."""
        self._next_port += 1
        client, server = End(self, (source, self._next_port), target), End(self, target, (source, self._next_port))
        server.protocol = self.listeners[target].buildProtocol(client.getHost())
        client.protocol = factory.buildProtocol(server.getHost())
        if server.protocol is None:
            client.protocol.makeConnection(client)
            client.abortConnection()
            return None
        client.other, server.other = server, client
        self.ends.append((client, server))
        server.protocol.makeConnection(server)
        client.protocol.makeConnection(client)
        return client


def _on(clock: Any, factory: Any) -> None:
    """Newer Twisteds write over TLS a turn of the reactor later: of the test's, not of the global one."""
    if isinstance(factory, TLSMemoryBIOFactory):
        factory.__dict__["_clock"] = clock


def _twisted(address: Address) -> Any:
    return IPv6Address("TCP", *address) if ":" in address[0] else IPv4Address("TCP", *address)
