"""A STUN server in the test's own process that sees everybody at another host: 127.0.0.77, which is us as well."""

from __future__ import annotations

import struct
from contextlib import nullcontext
from typing import Any

from twisted.internet import reactor
from twisted.internet.protocol import DatagramProtocol

from neon.stunmessage import MAGIC, SUCCESS, XOR_MAPPED_ADDRESS, is_stun, transaction_of
from tests.integration.netns import Namespace
from tests.integration.processes import IntegrationCase, free_port

SEEN_AT = "127.0.0.77"


class StunServer(DatagramProtocol):
    """C{asked} has the port of each question, C{askers} its host too. C{seen_at} is where everybody is seen,
    C{mute} whether nobody is answered."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.askers: list[tuple[str, int]] = []
        self.seen_at = SEEN_AT
        self.mute = False
        self.transport: Any

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        if not is_stun(datagram):
            return
        self.asked.append(addr[1])
        self.askers.append(addr)
        if self.mute:
            return
        host = int.from_bytes(bytes(map(int, self.seen_at.split("."))), "big")
        value = struct.pack("!BBHI", 0, 1, addr[1] ^ MAGIC >> 16, host ^ MAGIC)
        attribute = struct.pack("!HH", XOR_MAPPED_ADDRESS, len(value)) + value
        header = struct.pack("!HHI", SUCCESS, len(attribute), MAGIC) + transaction_of(datagram)
        self.transport.write(header + attribute, addr)


def start_stun_server(
    test: IntegrationCase, host: str = "127.0.0.1", namespace: Namespace | None = None
) -> tuple[StunServer, str]:
    """Answer until the test ends; returns C{host:port} with it."""
    server, port = StunServer(), free_port()
    with namespace or nullcontext():
        listening: Any = reactor.listenUDP(port, server, interface=host)
    test.at_end(listening.stopListening)
    return server, f"{host}:{port}"
