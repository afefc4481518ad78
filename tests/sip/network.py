"""A UDP network in memory: endpoints bind on it as on a reactor, and datagrams travel on the test's clock.

Every datagram is recorded; the test decides which arrive, and may speak from any address itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import CannotListenError
from twisted.internet.task import Clock

from neon.values import Address


@dataclass(frozen=True, slots=True)
class Datagram:
    """One datagram as it left, and when."""

    at: float
    data: bytes
    source: Address
    target: Address

    @property
    def text(self) -> str:
        return self.data.decode("utf-8", "surrogateescape")

    @property
    def first_line(self) -> str:
        return self.text.partition("\r\n")[0]

    def header(self, name: str) -> str | None:
        """The first value of a header field, None if there is none."""
        for line in self.text.partition("\r\n\r\n")[0].split("\r\n")[1:]:
            field, _, value = line.partition(":")
            if field.strip().lower() == name.lower():
                return value.strip()
        return None


class FakePort:
    """What listenUDP gives back, the transport of its protocol, and its own C{socket}."""

    def __init__(self, network: Network, address: Address, protocol: Any) -> None:
        self._network = network
        self.address = address
        self.protocol = protocol
        self.broken: Exception | None = None
        self.socket = self

    def getHost(self) -> IPv4Address:
        return IPv4Address("UDP", *self.address)

    def sendto(self, data: bytes, target: Address) -> None:
        if self.broken is not None:
            raise self.broken
        self._network.carry(data, self.address, target)

    def stopListening(self) -> None:
        self._network.ports.pop(self.address, None)


class Network:
    """Delivers after C{latency} seconds what C{lost} does not claim."""

    def __init__(self, clock: Clock, latency: float = 0.0) -> None:
        self.clock = clock
        self.latency = latency
        self.ports: dict[Address, FakePort] = {}
        self.sent: list[Datagram] = []
        self.lost: Callable[[Datagram], bool] = lambda datagram: False
        self._next_port = 40000

    def listenUDP(self, port: int, protocol: Any, interface: str = "", maxPacketSize: int = 8192) -> FakePort:
        if port == 0:
            self._next_port += 1
            port = self._next_port
        address = (interface, port)
        if address in self.ports:
            raise CannotListenError(interface, port, OSError("taken"))
        self.ports[address] = made = FakePort(self, address, protocol)
        protocol.makeConnection(made)
        return made

    def carry(self, data: bytes, source: Address, target: Address) -> None:
        datagram = Datagram(self.clock.seconds(), data, source, target)
        self.sent.append(datagram)
        if target in self.ports and not self.lost(datagram):
            self.clock.callLater(self.latency, self.deliver, data, source, target)

    def deliver(self, data: bytes | str, source: Address, target: Address) -> None:
        """Put a datagram into the socket bound to C{target}, if there is one, now."""
        port = self.ports.get(target)
        if port is not None:
            port.protocol.datagramReceived(data.encode() if isinstance(data, str) else data, source)

    def taken(self) -> list[Datagram]:
        """What was sent since the last look."""
        sent, self.sent = self.sent, []
        return sent
