"""Where a SIP request goes: RFC 3263 over twisted.names, without ever blocking.

Numeric hosts and names of the hosts file, which is read once, are answered at once. Everything else is NAPTR
(only when neither port nor transport is given), SRV in the order of RFC 2782, and A and AAAA, with five seconds in
all. Answers are cached (L{neon.sip.dnscache}).

The draw by which servers of one priority share their load is made once in the life of the daemon, so that the first
of a list is the same one each time, as long as the records are: whoever was driven to another one can come back.
"""

from __future__ import annotations

import ipaddress
import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from twisted.internet.defer import CancelledError, Deferred, FirstError, fail, gatherResults, succeed
from twisted.internet.defer import TimeoutError as TwistedTimeoutError
from twisted.names import dns
from twisted.python.failure import Failure

from neon.ports import Clock
from neon.sip.dnscache import DnsCache, Names, system_names
from neon.sip.transport import unbracketed
from neon.values import Address, Destination

__all__ = ["DEFAULT_PORT", "Names", "ResolutionFailed", "Resolver", "read_hosts", "system_names"]

DEFAULT_PORT = 5060
LONGEST = 5.0
TARGET_WITHIN = 3.5
"""Seconds that the addresses of one SRV target may take; the others do not wait longer for it."""

MOST_TARGETS = 8
MOST_DRAWS = 1024


class _Transport(NamedTuple):
    prefix: str
    naptr: bytes
    port: int


_TRANSPORTS = {
    "udp": _Transport("_sip._udp", b"SIP+D2U", DEFAULT_PORT),
    "tcp": _Transport("_sip._tcp", b"SIP+D2T", DEFAULT_PORT),
    "tls": _Transport("_sips._tcp", b"SIPS+D2T", 5061),
}


class _Service(NamedTuple):
    """An SRV name and the transport that it is for."""

    name: str
    transport: str


class ResolutionFailed(Exception):
    """No address was found; C{str(error)} is a sentence for the user."""


def read_hosts(path: Path = Path("/etc/hosts")) -> dict[str, list[str]]:
    """The hosts file as name to addresses; empty if there is none."""
    hosts: dict[str, list[str]] = {"localhost": []}
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        address, *names = line.partition("#")[0].split() or [""]
        if _is_numeric(address):
            for name in names:
                hosts.setdefault(name.lower(), []).append(address)
    # RFC 6761, section 6.3: this name means loopback, whatever the file says or lacks.
    hosts["localhost"] = hosts["localhost"] or ["127.0.0.1", "::1"]
    return hosts


class Resolver:
    """Turns the host of a SIP URI into destinations, best first."""

    def __init__(
        self,
        clock: Clock,
        names: Names,
        *,
        hosts: Mapping[str, list[str]] | None = None,
        ipv4: bool = True,
        ipv6: bool = False,
        reachable: Callable[[str], bool] = lambda host: True,
        random_: Callable[[], float] = random.random,
    ) -> None:
        """C{reachable} says whether there is a route to a numeric host; the others are left out if it knows any."""
        self._clock = clock
        self._reachable = reachable
        self._cache = DnsCache(clock, names)
        self._hosts = read_hosts() if hosts is None else hosts
        self._ipv4 = ipv4
        self._ipv6 = ipv6
        self._random = random_
        self._draws: dict[tuple[str, int], float] = {}

    def network_changed(self) -> None:
        """Another network may have other answers."""
        self._cache.clear()

    def resolve(self, host: str, port: int | None, transport: str = "udp") -> Deferred[list[Destination]]:
        """Destinations to try in this order; never empty. With TLS their name is C{host}, as it was asked for.

        C{transport} is C{udp}, C{tcp} or C{tls}; empty or C{auto} where the name itself is to say which, in NAPTR or
        else in its SRV records. Fails with L{ResolutionFailed}.
        """
        host = unbracketed(host.strip()).rstrip(".").lower()
        wanted = transport.lower()
        wanted = "" if wanted == "auto" else wanted
        if wanted and wanted not in _TRANSPORTS:
            return fail(ResolutionFailed(f"SIP over {transport} is not supported."))
        if port is not None and not 1 <= port <= 65535:
            return fail(ResolutionFailed(f"{port} is not a port."))
        # Where nothing says which, it is UDP (RFC 3263, section 4.1).
        plain = wanted or "udp"
        default = port or _TRANSPORTS[plain].port
        if _is_numeric(host):
            return succeed([_destination((host, default), plain, host)])
        try:
            name = host.encode("idna").decode("ascii")
        except UnicodeError:
            name = ""
        if not name:
            return fail(ResolutionFailed("That is not the name of a host."))
        known = self._usable(self._hosts.get(name, ()))
        if known:
            return succeed([_destination((address, default), plain, name) for address in known])
        if port is not None:
            return self._limited(name, Deferred.fromCoroutine(self._plain(name, default, plain)))
        return self._limited(name, Deferred.fromCoroutine(self._ask(name, wanted)))

    def _limited(self, name: str, asked: Deferred[list[Destination]]) -> Deferred[list[Destination]]:
        timer = self._clock.callLater(LONGEST, asked.cancel)

        def done(result: list[Destination] | Failure) -> list[Destination] | Failure:
            if timer.active():
                timer.cancel()
            elif isinstance(result, Failure) and isinstance(result.value, CancelledError):
                raise ResolutionFailed(f"No name server answered for {name} in time.") from None
            return result

        return asked.addBoth(done)

    async def _plain(self, name: str, port: int, transport: str) -> list[Destination]:
        """The addresses of the name itself."""
        return [_destination(address, transport, name) for address in await self._addresses(name, port)]

    async def _ask(self, name: str, transport: str) -> list[Destination]:
        services = [] if transport else await self._naptr(name)
        if not services:
            services = [_Service(f"{_TRANSPORTS[one].prefix}.{name}", one) for one in (transport, *_TRANSPORTS) if one]
            services = services[:1] if transport else services
        answers = await _all([self._cache.lookup(dns.SRV, service.name) for service in services])
        if not any(answers):
            plain = transport or "udp"
            return await self._plain(name, _TRANSPORTS[plain].port, plain)
        targets = [
            (str(record.target), record.port, service.transport)
            for service, records in zip(services, answers, strict=True)
            for record in self._ordered(records)
        ]
        if not targets:  # RFC 2782: a target of "." says so
            raise ResolutionFailed(f"{name} offers no SIP over {(transport or 'any transport').upper()}.")
        chosen = targets[:MOST_TARGETS]
        found = await _all([self._one_target(target, port) for target, port, _ in chosen])
        destinations = [
            _destination(address, kind, name)
            for (_, _, kind), addresses in zip(chosen, found, strict=True)
            for address in addresses
        ]
        if not destinations:
            raise ResolutionFailed(f"None of the SIP servers of {name} has an address.")
        return list(dict.fromkeys(destinations))

    def _one_target(self, target: str, port: int) -> Deferred[list[Address]]:
        """The addresses of one SRV target; none if it has none, which is no reason to give up on the others."""
        known = self._usable(self._hosts.get(target.lower(), ()))
        if known:
            return succeed([(address, port) for address in known])

        def none(failure: Failure) -> list[Address]:
            failure.trap(ResolutionFailed, TwistedTimeoutError)  # type: ignore[no-untyped-call]
            return []

        clock: Any = self._clock  # Twisted's own annotation is a zope interface
        asked = Deferred.fromCoroutine(self._addresses(target, port))
        return asked.addTimeout(TARGET_WITHIN, clock).addErrback(none)

    async def _naptr(self, name: str) -> list[_Service]:
        """The SRV names that NAPTR gives for our transports, best first (RFC 3263, section 4.1)."""
        records = await self._cache.lookup(dns.NAPTR, name)
        found = []
        for record in sorted(records, key=lambda record: (record.order, record.preference)):
            for transport, known in _TRANSPORTS.items():
                if record.service.string.upper() == known.naptr and record.flags.string.lower() == b"s":
                    found.append(_Service(str(record.replacement), transport))
        return [service for service in found if service.name][:MOST_TARGETS]

    async def _addresses(self, name: str, port: int) -> list[Address]:
        kinds = [kind for kind, wanted in ((dns.A, self._ipv4), (dns.AAAA, self._ipv6)) if wanted]
        found: list[Address] = []
        for records in await _all([self._cache.lookup(kind, name) for kind in kinds]):
            found += [(_text(record), port) for record in records]
        if not found:
            raise ResolutionFailed(f"{name} has no address.")
        return [address for address in found if self._reachable(address[0])] or found

    def _ordered(self, records: Iterable[Any]) -> list[Any]:
        """RFC 2782: by priority; within one, drawn by weight."""
        usable = [record for record in records if str(record.target)]
        return sorted(usable, key=lambda record: (record.priority, self._draw(record)))

    def _draw(self, record: Any) -> float:
        """When this record's turn comes among its equals.

        Waiting times that are exponential with the weight as their rate end in the order of RFC 2782's draws.
        """
        key = str(record.target).lower(), int(record.port)
        drawn = self._draws.get(key)
        if drawn is None:
            while len(self._draws) >= MOST_DRAWS:
                del self._draws[next(iter(self._draws))]
            drawn = self._draws[key] = -math.log(1.0 - self._random())
        # A weight of zero is not never, but after the others.
        return drawn / (int(record.weight) or 0.001)

    def _usable(self, addresses: Iterable[str]) -> list[str]:
        return [address for address in addresses if (self._ipv6 if ":" in address else self._ipv4)]


async def _all(lookups: Sequence[Deferred[Any]]) -> list[Any]:
    """Their results, in order; the first failure is ours."""
    try:
        return list(await gatherResults(lookups, consumeErrors=True))
    except FirstError as error:
        error.subFailure.raiseException()


def _destination(address: Address, transport: str, name: str) -> Destination:
    return Destination(*address, transport, name if transport == "tls" else None)


def _is_numeric(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _text(record: Any) -> str:
    """The address of an A or AAAA record."""
    return str(ipaddress.ip_address(record.address))
