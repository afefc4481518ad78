"""DNS answers and how long they hold: the look-ups of L{neon.sip.resolver}, cached by their TTLs, within bounds.

What does not exist is remembered for a few seconds only. Where no server answers, what was known last is better than
nothing (RFC 8767): a provider's name servers that are down should not take the telephone with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.names import dns
from twisted.names.client import Resolver as NamesResolver
from twisted.names.error import DNSNameError
from twisted.python.failure import Failure

from neon.ports import Clock
from neon.values import Address

QUERY_TIMEOUT = (1, 2)
"""Seconds that a name server has for an answer, and when asked again."""

MOST = 512
SHORTEST, LONGEST = 1, 86_400
NEGATIVE = 10
STALE = 86_400
"""Seconds after its end that an answer is still used while no server answers."""


class Names(Protocol):
    """What is used of twisted.names' IResolver: each fires with (answers, authority, additional)."""

    def lookupNamingAuthorityPointer(self, name: str, timeout: tuple[int, ...]) -> Deferred[Any]: ...

    def lookupService(self, name: str, timeout: tuple[int, ...]) -> Deferred[Any]: ...

    def lookupAddress(self, name: str, timeout: tuple[int, ...]) -> Deferred[Any]: ...

    def lookupIPV6Address(self, name: str, timeout: tuple[int, ...]) -> Deferred[Any]: ...


def system_names(reactor: Any, servers: tuple[Address, ...] = ()) -> Names:
    """These name servers, or if there are none those of this machine, asked on C{reactor}."""
    make: Any = NamesResolver
    names: Names = (
        make(resolv=None, servers=list(servers), reactor=reactor)
        if servers
        else make(resolv="/etc/resolv.conf", reactor=reactor)
    )
    return names


@dataclass(frozen=True, slots=True)
class _Entry:
    records: tuple[Any, ...]
    until: float


class DnsCache:
    """Looks records up once, however many ask."""

    def __init__(self, clock: Clock, names: Names) -> None:
        self._clock = clock
        self._lookups: Mapping[int, Any] = {
            dns.NAPTR: names.lookupNamingAuthorityPointer,
            dns.SRV: names.lookupService,
            dns.A: names.lookupAddress,
            dns.AAAA: names.lookupIPV6Address,
        }
        self._entries: dict[tuple[int, str], _Entry] = {}
        self._waiting: dict[tuple[int, str], list[Deferred[tuple[Any, ...]]]] = {}

    def clear(self) -> None:
        """Forget everything: another network may have other name servers with other answers."""
        self._entries.clear()

    def lookup(self, kind: int, name: str) -> Deferred[tuple[Any, ...]]:
        """The payloads of all records of a type; empty if there are none, or nobody knows."""
        key = kind, name.lower()
        entry = self._entries.get(key)
        if entry is not None and self._clock.seconds() < entry.until:
            return succeed(entry.records)
        waiter: Deferred[tuple[Any, ...]] = Deferred(lambda gone: self._leave(key, gone))
        if key in self._waiting:
            self._waiting[key].append(waiter)
            return waiter
        self._waiting[key] = [waiter]
        # It raises where no socket is to be had, or the name is no DNS name.
        lookup: Deferred[Any] = maybeDeferred(self._lookups[kind], name, QUERY_TIMEOUT)
        lookup.addCallbacks(self._answered, self._failed, callbackArgs=(key,), errbackArgs=(key,))
        lookup.addErrback(self._failed, key)  # an answer that is not well formed
        return waiter

    def _leave(self, key: tuple[int, str], waiter: Deferred[tuple[Any, ...]]) -> None:
        """One of those who ask has given up; the answer will serve the next."""
        waiters = self._waiting.get(key, [])
        if waiter in waiters:
            waiters.remove(waiter)

    def _answered(self, result: Any, key: tuple[int, str]) -> None:
        answers, _, _ = result
        records = tuple(header.payload for header in answers if header.type == key[0])
        # A chain of aliases holds as long as its shortest link.
        lifetime = min((header.ttl for header in answers), default=0) if records else NEGATIVE
        self._store(key, records, max(SHORTEST, min(lifetime, LONGEST)))
        self._release(key, records)

    def _failed(self, failure: Failure, key: tuple[int, str]) -> None:
        if isinstance(failure.value, DNSNameError):
            self._store(key, (), NEGATIVE)
            self._release(key, ())
            return
        entry = self._entries.get(key)
        if entry is None or self._clock.seconds() > entry.until + STALE:
            self._release(key, ())
        else:
            self._release(key, entry.records)

    def _store(self, key: tuple[int, str], records: tuple[Any, ...], lifetime: float) -> None:
        self._entries.pop(key, None)
        while len(self._entries) >= MOST:
            del self._entries[next(iter(self._entries))]  # the oldest answer
        self._entries[key] = _Entry(records, self._clock.seconds() + lifetime)

    def _release(self, key: tuple[int, str], records: tuple[Any, ...]) -> None:
        for waiter in self._waiting.pop(key, []):
            waiter.callback(records)
