"""Where a SIP request goes: RFC 3263 over twisted.names, without ever blocking.

Numeric hosts and names of the hosts file, which is read once, are answered at once. Everything else is NAPTR
(only when neither port nor transport is given), SRV in the order of RFC 2782, and A (AAAA where asked for), with
five seconds in all.
"""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from twisted.internet.defer import CancelledError, Deferred, FirstError, fail, gatherResults, succeed
from twisted.names import dns
from twisted.names.client import Resolver as NamesResolver
from twisted.python.failure import Failure

from neon.ports import Clock
from neon.sip.transport import unbracketed
from neon.values import Address, Destination

DEFAULT_PORT = 5060
LONGEST = 5.0
_QUERY_TIMEOUT = (1, 2)
_TARGETS = 8


class _Service(NamedTuple):
    prefix: str
    port: int


# RFC 3263, section 4.2; where the transport is not said and there is no NAPTR record, it is UDP.
_SERVICES = {
    "": _Service("_sip._udp", DEFAULT_PORT),
    "udp": _Service("_sip._udp", DEFAULT_PORT),
    "tcp": _Service("_sip._tcp", DEFAULT_PORT),
    "tls": _Service("_sips._tcp", 5061),
}


class ResolutionFailed(Exception):
    """No address was found; C{str(error)} is a sentence for the user."""


class Names(Protocol):
    """What is used of twisted.names' IResolver: each fires with (answers, authority, additional)."""

    def lookupNamingAuthorityPointer(self, name: str, timeout: tuple[int, ...]) -> Deferred[Any]: ...

    def lookupService(self, name: str, timeout: tuple[int, ...]) -> Deferred[Any]: ...

    def lookupAddress(self, name: str, timeout: tuple[int, ...]) -> Deferred[Any]: ...

    def lookupIPV6Address(self, name: str, timeout: tuple[int, ...]) -> Deferred[Any]: ...


def system_names(reactor: Any) -> Names:
    """The name servers of this machine, asked on C{reactor}."""
    make: Any = NamesResolver
    names: Names = make(resolv="/etc/resolv.conf", reactor=reactor)
    return names


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
    """Turns the host of a SIP URI into addresses, best first."""

    def __init__(
        self,
        clock: Clock,
        names: Names,
        *,
        hosts: Mapping[str, list[str]] | None = None,
        ipv6: bool = False,
        random_: Callable[[], float] = random.random,
    ) -> None:
        self._clock = clock
        self._names = names
        self._hosts = read_hosts() if hosts is None else hosts
        self._ipv6 = ipv6
        self._random = random_

    def resolve(self, host: str, port: int | None, transport: str = "udp") -> Deferred[list[Destination]]:
        """Destinations to try in this order; never empty. With TLS their name is C{host}, as it was asked for.

        C{transport} is C{udp}, C{tcp} or C{tls}, or empty where the URI says nothing. Fails with L{ResolutionFailed}.
        """
        host = unbracketed(host.strip()).rstrip(".").lower()
        wanted = transport.lower()
        if wanted not in _SERVICES:
            return fail(ResolutionFailed(f"SIP over {transport} is not supported."))
        if port is not None and not 1 <= port <= 65535:
            return fail(ResolutionFailed(f"{port} is not a port."))
        if _is_numeric(host):
            return succeed([_destination((host, port or _SERVICES[wanted].port), wanted, host)])
        try:
            name = host.encode("idna").decode("ascii")
        except UnicodeError:
            name = ""
        if not name:
            return fail(ResolutionFailed("That is not the name of a host."))
        known = self._usable(self._hosts.get(name, ()))
        if known:
            default = _SERVICES[wanted].port
            return succeed([_destination((address, port or default), wanted, name) for address in known])
        asked = Deferred.fromCoroutine(self._ask(name, port, wanted))
        return self._limited(name, asked).addCallback(
            lambda found: [_destination(address, wanted, name) for address in found]
        )

    def _limited(self, name: str, asked: Deferred[list[Address]]) -> Deferred[list[Address]]:
        timer = self._clock.callLater(LONGEST, asked.cancel)

        def done(result: list[Address] | Failure) -> list[Address] | Failure:
            if timer.active():
                timer.cancel()
            elif isinstance(result, Failure) and isinstance(result.value, CancelledError):
                raise ResolutionFailed(f"No name server answered for {name} in time.") from None
            return result

        return asked.addBoth(done)

    async def _ask(self, name: str, port: int | None, transport: str) -> list[Address]:
        if port is not None:
            return await self._addresses(name, port)
        service = await self._naptr(name) if not transport else None
        records = await self._srv(service or f"{_SERVICES[transport].prefix}.{name}")
        if not records:
            return await self._addresses(name, _SERVICES[transport].port)
        if all(str(record.target) == "" for record in records):
            raise ResolutionFailed(f"{name} offers no SIP over {(transport or 'udp').upper()}.")  # RFC 2782, target "."
        lookups = [
            self._one_target(str(record.target), record.port) for record in self._ordered(records)[:_TARGETS]
        ]
        found: list[Address] = []
        try:
            for addresses in await gatherResults(lookups, consumeErrors=True):
                found += addresses
        except FirstError as error:
            error.subFailure.raiseException()
        if not found:
            raise ResolutionFailed(f"None of the SIP servers of {name} has an address.")
        return list(dict.fromkeys(found))

    def _one_target(self, target: str, port: int) -> Deferred[list[Address]]:
        """The addresses of one SRV target; none if it has none, which is no reason to give up on the others."""
        known = self._usable(self._hosts.get(target.lower(), ()))
        if known:
            return succeed([(address, port) for address in known])

        async def ask() -> list[Address]:
            try:
                return await self._addresses(target, port)
            except ResolutionFailed:
                return []

        return Deferred.fromCoroutine(ask())

    async def _naptr(self, name: str) -> str | None:
        """The SRV name for SIP over UDP (RFC 3263, section 4.1), None if there is no such record."""
        answers = await self._answers(self._names.lookupNamingAuthorityPointer(name, _QUERY_TIMEOUT), dns.NAPTR)
        usable = [
            record for record in answers
            if record.service.string.upper() == b"SIP+D2U" and record.flags.string.lower() == b"s"
        ]  # fmt: skip
        if not usable:
            return None
        return str(min(usable, key=lambda record: (record.order, record.preference)).replacement) or None

    async def _srv(self, service: str) -> list[Any]:
        return await self._answers(self._names.lookupService(service, _QUERY_TIMEOUT), dns.SRV)

    async def _addresses(self, name: str, port: int) -> list[Address]:
        lookups = [(self._names.lookupAddress, dns.A)]
        if self._ipv6:
            lookups.append((self._names.lookupIPV6Address, dns.AAAA))
        found: list[Address] = []
        for lookup, kind in lookups:
            found += [(record.dottedQuad() if kind == dns.A else _ipv6_text(record.address), port)
                      for record in await self._answers(lookup(name, _QUERY_TIMEOUT), kind)]  # fmt: skip
        if not found:
            raise ResolutionFailed(f"{name} has no address.")
        return found

    async def _answers(self, lookup: Deferred[Any], kind: int) -> list[Any]:
        """The payloads of one type; none if the name has none, or the servers do not answer for that type."""
        try:
            answers, _, _ = await lookup
        except CancelledError:
            raise
        except Exception:  # DomainError and its relatives, time-outs, malformed answers
            return []
        return [header.payload for header in answers if header.type == kind]

    def _ordered(self, records: Iterable[Any]) -> list[Any]:
        """RFC 2782: by priority; within one, drawn by weight."""
        ordered: list[Any] = []
        left = sorted((record for record in records if str(record.target)), key=lambda r: (r.priority, r.weight))
        while left:
            equals = [record for record in left if record.priority == left[0].priority]
            draw = self._random() * sum(record.weight for record in equals)
            for chosen in equals:
                draw -= chosen.weight
                if draw <= 0:
                    break
            left.remove(chosen)
            ordered.append(chosen)
        return ordered

    def _usable(self, addresses: Iterable[str]) -> list[str]:
        return [address for address in addresses if self._ipv6 or ":" not in address]


def _destination(address: Address, transport: str, name: str) -> Destination:
    return Destination(*address, transport or "udp", name if transport == "tls" else None)


def _is_numeric(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _ipv6_text(packed: bytes) -> str:
    return str(ipaddress.IPv6Address(packed))
