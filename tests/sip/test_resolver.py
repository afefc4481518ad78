"""RFC 3263 against a fake of twisted.names' resolver."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.names import dns
from twisted.names.error import DNSNameError, DNSServerError
from twisted.trial.unittest import SynchronousTestCase

from neon.sip.resolver import ResolutionFailed, Resolver, read_hosts
from neon.values import Address, Destination

HOSTS = {"localhost": ["127.0.0.1", "::1"], "pbx": ["192.0.2.9"]}


class FakeNames:
    """Answers from a table of (type, name); what is not there does not exist; C{None} never answers."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], list[Any] | None] = {}
        self.broken: set[str] = set()
        self.ttl = 60
        self.asked: list[tuple[str, str]] = []

    def _answer(self, kind: str, name: str) -> Deferred[Any]:
        self.asked.append((kind, name))
        if kind in self.broken:
            return fail(DNSServerError())
        if (kind, name) not in self.records:
            return fail(DNSNameError())
        records = self.records[kind, name]
        if records is None:
            return Deferred()
        make: Any = dns.RRHeader
        return succeed(([make(name, record.TYPE, ttl=self.ttl, payload=record) for record in records], [], []))

    def lookupNamingAuthorityPointer(self, name: str, timeout: tuple[int, ...]) -> Deferred[Any]:
        return self._answer("NAPTR", name)

    def lookupService(self, name: str, timeout: tuple[int, ...]) -> Deferred[Any]:
        return self._answer("SRV", name)

    def lookupAddress(self, name: str, timeout: tuple[int, ...]) -> Deferred[Any]:
        return self._answer("A", name)

    def lookupIPV6Address(self, name: str, timeout: tuple[int, ...]) -> Deferred[Any]:
        return self._answer("AAAA", name)


class ResolverTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.names = FakeNames()
        self.draws = [0.0]
        self.resolver = Resolver(self.clock, self.names, hosts=HOSTS, random_=lambda: self.draws[-1])

    def tearDown(self) -> None:
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def a(self, name: str, *addresses: str) -> None:
        self.names.records["A", name] = [dns.Record_A(address) for address in addresses]

    def srv(self, name: str, *records: tuple[int, int, int, str]) -> None:
        self.names.records["SRV", name] = [dns.Record_SRV(*record) for record in records]

    def resolve(self, host: str, port: int | None = None, transport: str = "udp") -> list[Address]:
        return [found.address for found in self.successResultOf(self.resolver.resolve(host, port, transport))]

    def failure(self, host: str, port: int | None = None, transport: str = "udp") -> str:
        return str(self.failureResultOf(self.resolver.resolve(host, port, transport), ResolutionFailed).value)

    def test_numeric(self) -> None:
        """A numeric host is its own answer, on port 5060 unless another is given."""
        self.assertEqual(self.resolve("192.0.2.1"), [("192.0.2.1", 5060)])
        self.assertEqual(self.resolve("[2001:db8::1]", 5070, ""), [("2001:db8::1", 5070)])
        self.assertEqual(self.names.asked, [])

    def test_hosts_file(self) -> None:
        """localhost and names of the hosts file ask nobody."""
        self.assertEqual(self.resolve("LocalHost"), [("127.0.0.1", 5060)])
        self.assertEqual(self.resolve("pbx.", 5070), [("192.0.2.9", 5070)])
        both = Resolver(self.clock, self.names, hosts=HOSTS, ipv6=True)
        self.assertEqual(len(self.successResultOf(both.resolve("localhost", None, "udp"))), 2)
        self.assertEqual(self.names.asked, [])

    def test_port_given(self) -> None:
        """With a port only addresses are asked for (RFC 3263, 4.2)."""
        self.a("sip.test", "192.0.2.1", "192.0.2.2")
        self.assertEqual(self.resolve("sip.test", 5070), [("192.0.2.1", 5070), ("192.0.2.2", 5070)])
        self.assertEqual(self.names.asked, [("A", "sip.test")])

    def test_transport_given(self) -> None:
        """With a transport and no port SRV comes first; without SRV it is the name itself, on port 5060."""
        self.a("sip.test", "192.0.2.1")
        self.assertEqual(self.resolve("sip.test"), [("192.0.2.1", 5060)])
        self.assertEqual(self.names.asked, [("SRV", "_sip._udp.sip.test"), ("A", "sip.test")])

    def test_naptr(self) -> None:
        """With neither NAPTR comes first: all its transports, by order and preference; the name is for TLS only."""
        make: Any = dns.Record_NAPTR
        self.names.records["NAPTR", "sip.test"] = [
            make(50, 2, b"s", b"SIP+D2T", b"", b"_sip._tcp.sip.test"),
            make(50, 1, b"S", b"sip+d2u", b"", b"_sip._udp.better.test"),
            make(10, 1, b"s", b"SIPS+D2T", b"", b"_sips._tcp.sip.test"),
            make(1, 1, b"s", b"SIP+D2S", b"", b"_sip._sctp.sip.test"),
            make(1, 1, b"u", b"SIP+D2U", b"", b"_sip._udp.worse.test"),
        ]
        self.srv("_sip._udp.better.test", (0, 0, 5080, "pbx"))
        self.srv("_sips._tcp.sip.test", (0, 0, 5061, "pbx"))
        self.srv("_sip._tcp.sip.test", (0, 0, 5060, "pbx"))
        expected = [
            Destination("192.0.2.9", 5061, "tls", "sip.test"),
            Destination("192.0.2.9", 5080),
            Destination("192.0.2.9", 5060, "tcp"),
        ]
        for transport in ("", "auto"):
            found = self.successResultOf(self.resolver.resolve("sip.test", None, transport))
            self.assertEqual(found, expected)

    def test_naptr_missing(self) -> None:
        """Without NAPTR the SRV records of all transports count, UDP first; without those it is UDP."""
        self.srv("_sip._tcp.sip.test", (0, 0, 5060, "pbx"))
        self.srv("_sip._udp.sip.test", (0, 0, 5080, "pbx"))
        found = self.successResultOf(self.resolver.resolve("sip.test", None, ""))
        self.assertEqual(found, [Destination("192.0.2.9", 5080), Destination("192.0.2.9", 5060, "tcp")])
        self.a("plain.test", "192.0.2.1")
        found = self.successResultOf(self.resolver.resolve("plain.test", None, ""))
        self.assertEqual(found, [Destination("192.0.2.1", 5060)])

    def test_transports(self) -> None:
        """A transport that is asked for is looked for alone, and has a port of its own."""
        self.a("sip.test", "192.0.2.1")
        for transport, port, name in (("tcp", 5060, None), ("tls", 5061, "sip.test")):
            found = self.successResultOf(self.resolver.resolve("sip.test", None, transport))
            self.assertEqual(found, [Destination("192.0.2.1", port, transport, name)])
        self.assertIn(("SRV", "_sips._tcp.sip.test"), self.names.asked)
        self.assertNotIn(("SRV", "_sip._udp.sip.test"), self.names.asked)
        self.srv("_sip._tcp.none.test", (0, 0, 0, ""))
        self.assertEqual(self.failure("none.test", None, "tcp"), "none.test offers no SIP over TCP.")

    def test_priorities(self) -> None:
        """Lower priorities come first, whatever their weight; all targets are given."""
        self.srv("_sip._udp.sip.test", (20, 100, 1, "c.test"), (10, 0, 2, "b.test"), (5, 0, 3, "a.test"))
        for index, name in enumerate("abc"):
            self.a(f"{name}.test", f"192.0.2.{index}")
        self.assertEqual(self.resolve("sip.test"), [("192.0.2.0", 3), ("192.0.2.1", 2), ("192.0.2.2", 1)])

    def test_weights(self) -> None:
        """Over many phones the load follows the weights (RFC 2782); a server without weight is the last."""
        self.srv("_sip._udp.sip.test", (1, 10, 1, "light.test"), (1, 90, 2, "heavy.test"), (1, 0, 3, "none.test"))
        for name in ("light", "heavy", "none"):
            self.a(f"{name}.test", "192.0.2.1")
        dice = random.Random(7)
        first = Counter[int]()
        for _ in range(400):
            phone = Resolver(self.clock, self.names, hosts={}, random_=dice.random)
            ports = [found.port for found in self.successResultOf(phone.resolve("sip.test", None, "udp"))]
            first[ports[0]] += 1
            self.assertEqual(sorted(ports), [1, 2, 3])
        self.assertLess(first[3], 5)
        self.assertTrue(0.05 < first[1] / 400 < 0.15, first)

    def test_same_order_each_time(self) -> None:
        """One phone keeps to its draw, whenever it asks again: it does not wander among servers that are equal."""
        self.srv("_sip._udp.sip.test", *((1, 10, port, "pbx") for port in range(1, 9)))
        phone = Resolver(self.clock, self.names, hosts=HOSTS, random_=random.Random(3).random)
        orders: set[tuple[Destination, ...]] = set()
        for _ in range(20):
            found = self.successResultOf(phone.resolve("sip.test", None, "udp"))
            orders.add(tuple(found))
            self.clock.advance(1000)
        self.assertEqual(len(orders), 1)

    def test_dead_target(self) -> None:
        """A target without an address does not spoil the others."""
        self.srv("_sip._udp.sip.test", (1, 0, 1, "gone.test"), (2, 0, 2, "b.test"))
        self.a("b.test", "192.0.2.2")
        self.assertEqual(self.resolve("sip.test"), [("192.0.2.2", 2)])
        self.srv("_sip._udp.sip.test", (1, 0, 1, "gone.test"))
        self.clock.advance(100)
        self.assertEqual(self.failure("sip.test"), "None of the SIP servers of sip.test has an address.")

    def test_no_service(self) -> None:
        """The target "." says that there is no SIP here (RFC 2782)."""
        self.srv("_sip._udp.sip.test", (0, 0, 0, ""))
        self.assertEqual(self.failure("sip.test"), "sip.test offers no SIP over UDP.")

    def test_no_address(self) -> None:
        """A name that nobody knows is a sentence for the user."""
        self.assertEqual(self.failure("nowhere.test"), "nowhere.test has no address.")

    def test_broken_srv(self) -> None:
        """Servers that choke on SRV are no reason to give up."""
        self.names.broken = {"SRV", "NAPTR"}
        self.a("sip.test", "192.0.2.1")
        self.assertEqual(self.resolve("sip.test", None, ""), [("192.0.2.1", 5060)])

    def test_ipv6(self) -> None:
        """IPv6 addresses follow the others where they are wanted."""
        self.resolver = Resolver(self.clock, self.names, hosts={}, ipv6=True)
        self.a("sip.test", "192.0.2.1")
        self.names.records["AAAA", "sip.test"] = [dns.Record_AAAA("2001:db8::1")]
        self.assertEqual(self.resolve("sip.test", 5060), [("192.0.2.1", 5060), ("2001:db8::1", 5060)])

    def test_no_route(self) -> None:
        """Addresses without a route are left out, unless there are no others: the network may come."""
        self.a("sip.test", "192.0.2.1")
        self.names.records["AAAA", "sip.test"] = [dns.Record_AAAA("2001:db8::1")]
        routes = {"192.0.2.1"}
        phone = Resolver(self.clock, self.names, hosts={}, ipv6=True, reachable=routes.__contains__)

        def hosts() -> list[str]:
            return [found.host for found in self.successResultOf(phone.resolve("sip.test", 5060, "udp"))]

        self.assertEqual(hosts(), ["192.0.2.1"])
        routes.clear()
        self.assertEqual(hosts(), ["192.0.2.1", "2001:db8::1"])

    def test_silence(self) -> None:
        """Without an answer it is over after five seconds."""
        self.names.records["A", "sip.test"] = None
        waiting = self.resolver.resolve("sip.test", None, "udp")
        self.clock.advance(4.9)
        self.assertNoResult(waiting)
        self.clock.advance(0.2)
        error = self.failureResultOf(waiting, ResolutionFailed).value
        self.assertEqual(str(error), "No name server answered for sip.test in time.")

    def test_silent_target(self) -> None:
        """A target whose address does not come is left out after a while; the others are not lost with it."""
        self.srv("_sip._udp.sip.test", (1, 0, 1, "slow.test"), (2, 0, 1, "pbx"))
        self.names.records["A", "slow.test"] = None
        waiting = self.resolver.resolve("sip.test", None, "udp")
        self.clock.advance(4)
        self.assertEqual(self.successResultOf(waiting), [Destination("192.0.2.9", 1)])

    def test_nonsense(self) -> None:
        """What is no host, no port and no transport of ours fails at once, in words."""
        self.assertIn("not the name", self.failure("a..b"))
        self.assertIn("not the name", self.failure(""))
        self.assertIn("not the name", self.failure("x" * 70))
        self.assertEqual(self.failure("sip.test", 65536), "65536 is not a port.")
        self.assertEqual(self.failure("sip.test", None, "sctp"), "SIP over sctp is not supported.")

    def test_international(self) -> None:
        """A name in any script is asked for in its ASCII form."""
        self.a("xn--telefona-j1a.test", "192.0.2.1")
        self.failure("telefonía.test")
        self.assertIn(("A", "telefonía.test".encode("idna").decode()), self.names.asked)


class HostsFileTests(SynchronousTestCase):
    def test_read(self) -> None:
        """Comments, aliases, case and both families; what is no address is skipped."""
        path = Path(self.mktemp())
        path.write_text("127.0.0.1\tlocalhost\n192.0.2.1 PBX pbx.test # me\n\nnonsense pbx\n2001:db8::1 pbx\n")
        hosts = read_hosts(path)
        self.assertEqual(hosts["pbx"], ["192.0.2.1", "2001:db8::1"])
        self.assertEqual((hosts["pbx.test"], hosts["localhost"]), (["192.0.2.1"], ["127.0.0.1"]))

    def test_missing(self) -> None:
        """Without a file localhost is still here (RFC 6761)."""
        self.assertEqual(read_hosts(Path(self.mktemp())), {"localhost": ["127.0.0.1", "::1"]})
