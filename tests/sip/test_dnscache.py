"""How long DNS answers hold."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.names import dns
from twisted.trial.unittest import SynchronousTestCase

from neon.sip.dnscache import MOST, NEGATIVE, STALE, DnsCache
from tests.sip.test_resolver import FakeNames


class HeldNames(FakeNames):
    """Answers when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.held: list[Deferred[Any]] = []

    def _answer(self, kind: str, name: str) -> Deferred[Any]:
        answer = super()._answer(kind, name)
        held: Deferred[Any] = Deferred()
        held.addCallback(lambda _: answer)
        self.held.append(held)
        return held


class CacheTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.names = FakeNames()
        self.cache = DnsCache(self.clock, self.names)
        self.names.records["A", "sip.test"] = [dns.Record_A("192.0.2.1")]

    def look(self, name: str = "sip.test") -> list[str]:
        found = self.successResultOf(self.cache.lookup(dns.A, name))
        return [record.dottedQuad() for record in found]

    def test_lifetime(self) -> None:
        """An answer is asked for once in its lifetime, in whatever case the name is written."""
        self.assertEqual(self.look(), ["192.0.2.1"])
        self.clock.advance(59.9)
        self.assertEqual(self.look("SIP.test"), ["192.0.2.1"])
        self.assertEqual(len(self.names.asked), 1)
        self.clock.advance(0.2)
        self.look()
        self.assertEqual(len(self.names.asked), 2)

    def test_nothing_there(self) -> None:
        """That a name does not exist is remembered for a short while only."""
        self.assertEqual(self.look("new.test"), [])
        self.names.records["A", "new.test"] = [dns.Record_A("192.0.2.2")]
        self.assertEqual(self.look("new.test"), [])
        self.clock.advance(NEGATIVE + 0.1)
        self.assertEqual(self.look("new.test"), ["192.0.2.2"])

    def test_other_type_only(self) -> None:
        """An answer without records of the type is none, and as short-lived."""
        self.names.records["A", "alias.test"] = [dns.Record_CNAME("sip.test")]
        self.assertEqual(self.look("alias.test"), [])
        self.clock.advance(NEGATIVE + 0.1)
        self.look("alias.test")
        self.assertEqual(len(self.names.asked), 2)

    def test_alias(self) -> None:
        """A chain holds as long as its shortest link."""
        make: Any = dns.RRHeader
        chain = [
            make("a.test", dns.CNAME, ttl=5, payload=dns.Record_CNAME("b.test")),
            make("b.test", dns.A, ttl=500, payload=dns.Record_A("192.0.2.3")),
        ]
        asked: list[str] = []

        def look_up(name: str, timeout: tuple[int, ...]) -> Deferred[Any]:
            asked.append(name)
            return succeed((chain, [], []))

        self.names.lookupAddress = look_up  # type: ignore[method-assign]
        self.cache = DnsCache(self.clock, self.names)
        self.assertEqual(self.look("a.test"), ["192.0.2.3"])
        self.clock.advance(5.1)
        self.look("a.test")
        self.assertEqual(asked, ["a.test", "a.test"])

    def test_servers_down(self) -> None:
        """What was known last serves while no server answers, for a day; what never was known is nothing."""
        self.look()
        self.names.broken = {"A"}
        self.clock.advance(3600)
        self.assertEqual(self.look(), ["192.0.2.1"])
        self.assertEqual(len(self.names.asked), 2)
        self.assertEqual(self.look("other.test"), [])
        self.clock.advance(STALE)
        self.assertEqual(self.look(), [])

    def test_together(self) -> None:
        """Many who ask at once are one question; one who gives up takes nothing from the others."""
        names = HeldNames()
        names.records = self.names.records
        cache = DnsCache(self.clock, names)
        first, second, third = (cache.lookup(dns.A, "sip.test") for _ in range(3))
        second.cancel()
        second.addErrback(lambda _: None)
        names.held[0].callback(None)
        self.assertEqual(len(self.successResultOf(first)), 1)
        self.assertEqual(len(self.successResultOf(third)), 1)
        self.assertEqual(len(names.held), 1)

    def test_bounds(self) -> None:
        """The oldest answers make room."""
        for number in range(MOST + 10):
            self.look(f"{number}.test")
        asked = len(self.names.asked)
        self.look(f"{MOST + 9}.test")
        self.assertEqual(len(self.names.asked), asked)
        self.look("0.test")
        self.assertEqual(len(self.names.asked), asked + 1)

    def test_clear(self) -> None:
        """On another network everything is asked for again."""
        self.look()
        self.cache.clear()
        self.look()
        self.assertEqual(len(self.names.asked), 2)

    def test_not_even_asked(self) -> None:
        """A question that cannot be asked at the moment is asked the next time."""

        def refuse(name: str, timeout: tuple[int, ...]) -> Deferred[Any]:
            raise OSError("no descriptor is left")

        usual, self.names.lookupAddress = self.names.lookupAddress, refuse  # type: ignore[method-assign]
        self.cache = DnsCache(self.clock, self.names)
        self.assertEqual(self.look(), [])
        self.assertEqual(self.look(), [])
        self.names.lookupAddress = usual  # type: ignore[method-assign]
        self.cache = DnsCache(self.clock, self.names)
        self.assertEqual(self.look(), ["192.0.2.1"])

    def test_malformed(self) -> None:
        """An answer that makes no sense is no answer."""
        self.names.lookupAddress = lambda name, timeout: succeed(None)  # type: ignore[method-assign]
        self.cache = DnsCache(self.clock, self.names)
        self.assertEqual(self.look(), [])
