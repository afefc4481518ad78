"""A network that loses packets between a daemon and whoever calls it: a STUN server that makes a way of its own known.

The daemon asks it where its audio is seen, and is told of a port of the relay; both directions pass there, and of each
every so many packets are lost.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor as global_reactor
from twisted.internet.protocol import DatagramProtocol

from tests.integration.processes import IntegrationCase, free_port
from tests.integration.stunserver import SEEN_AT, StunServer

reactor: Any = global_reactor
SETTLE = 25
"""Packets of each direction that pass at first: the ends are getting to know each other."""


class Relay(DatagramProtocol):
    """The way of one port: what comes from the daemon goes to whoever spoke last from elsewhere, and back."""

    def __init__(self, daemon: tuple[str, int], one_of: int) -> None:
        self._daemon = daemon
        self._one_of = one_of
        self._other: tuple[str, int] | None = None
        self._passed = {True: 0, False: 0}
        self.lost = 0
        self.transport: Any

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        ours = addr == self._daemon
        if not ours:
            self._other = addr
        to = self._other if ours else self._daemon
        self._passed[ours] += 1
        if to is None:
            return
        if self._passed[ours] > SETTLE and self._passed[ours] % self._one_of == 0:
            self.lost += 1
        else:
            self.transport.write(datagram, to)


class LossyWay(StunServer):
    """C{one_of} so many packets is lost, in both directions."""

    def __init__(self, test: IntegrationCase, one_of: int) -> None:
        super().__init__()
        self.relays: dict[int, Relay] = {}
        self._test = test
        self._one_of = one_of

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        if addr[1] not in self.relays:
            relay = self.relays[addr[1]] = Relay(addr, self._one_of)
            listening: Any = reactor.listenUDP(addr[1], relay, interface=SEEN_AT)
            self._test.at_end(listening.stopListening)
        super().datagramReceived(datagram, addr)

    @property
    def lost(self) -> int:
        """Packets so far."""
        return sum(relay.lost for relay in self.relays.values())


def start_lossy_way(test: IntegrationCase, one_of: int) -> tuple[LossyWay, str]:
    """Lose packets until the test ends; returns what C{[media] stun} has to be."""
    way, port = LossyWay(test, one_of), free_port()
    listening: Any = reactor.listenUDP(port, way, interface="127.0.0.1")
    test.at_end(listening.stopListening)
    return way, f"127.0.0.1:{port}"
