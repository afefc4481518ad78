"""A DNS server in the test's own process: authoritative for one zone, on a free loopback port (UDP)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet import reactor
from twisted.names import authority, dns, server

from tests.integration.processes import IntegrationCase, free_port


class Zone(authority.FileAuthority):
    """What it knows; C{asked} notes the names that were asked for."""

    def __init__(self, name: str, records: Mapping[str, Sequence[Any]]) -> None:
        super().__init__(None)
        self.asked: list[str] = []
        # Twisted declares these as None, for its own __init__.
        this: Any = self
        this.soa = (name.encode(), dns.Record_SOA(mname=name, rname=f"root.{name}", serial=1, minimum=5, ttl=60))
        this.records = {owner.lower().encode(): list(found) for owner, found in records.items()}
        this.records.setdefault(this.soa[0], []).append(this.soa[1])

    def loadFile(self, filename: object) -> None:
        """There is no file."""

    def _lookup(self, name: bytes, cls: int, type: int, timeout: object = None) -> Any:
        self.asked.append(name.decode())
        return super()._lookup(name, cls, type, timeout)


def start_nameserver(test: IntegrationCase, zone: Zone) -> str:
    """Serve the zone until the test ends; returns C{host:port}."""
    port = free_port()
    factory = server.DNSServerFactory(authorities=[zone])
    listening: Any = reactor.listenUDP(port, dns.DNSDatagramProtocol(factory), interface="127.0.0.1")
    test.at_end(listening.stopListening)
    return f"127.0.0.1:{port}"
