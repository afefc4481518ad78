"""The wiring of the network: families, name servers, and who hears of changes in which order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon import parsing
from neon.networkpart import NetworkWatch, has_ipv6, has_route, resolver, stun_finder, with_every_family
from neon.sections import Config, Media, Sip


class Mover:
    def __init__(self, name: str, heard: list[str]) -> None:
        self._name = name
        self._heard = heard

    def network_changed(self) -> None:
        self._heard.append(self._name)


class Reactor(Clock):
    """Takes readers and connects nowhere."""

    def addReader(self, reader: Any) -> None:
        """It never reads."""

    removeReader = addReader

    def connectUNIX(self, address: str, factory: Any, timeout: float = 30) -> Any:
        return self

    def disconnect(self) -> None:
        """Nothing is connected."""


class KeyTests(SynchronousTestCase):
    def test_addresses(self) -> None:
        """A star is every address, for SIP and for audio; anything else is numeric."""
        self.assertEqual(parsing.address_per_family(" * "), ("*",))
        self.assertEqual(parsing.address_per_family("0.0.0.0, ::"), ("0.0.0.0", "::"))
        self.assertEqual((parsing.ip_address_or_all("*"), parsing.ip_address_or_all("[::1]")), ("*", "::1"))
        for wrong in ("localhost", "**", ""):
            self.assertRaises(ValueError, parsing.ip_address_or_all, wrong)
            self.assertRaises(ValueError, parsing.address_per_family, wrong)

    def test_name_servers(self) -> None:
        """Name servers are addresses: nobody could look their names up."""
        found = parsing.name_servers("192.0.2.53, 192.0.2.54:5353 [2001:db8::53]:53")
        self.assertEqual(found, (("192.0.2.53", 53), ("192.0.2.54", 5353), ("2001:db8::53", 53)))
        self.assertEqual(parsing.name_servers(""), ())
        self.assertRaises(ValueError, parsing.name_servers, "ns.example.com")

    def test_stun(self) -> None:
        """A STUN server is a host, with a port if it is another than the usual one."""
        self.assertEqual(parsing.server_or_none("stun.example.com"), ("stun.example.com", None))
        self.assertEqual(parsing.server_or_none("192.0.2.1:5349"), ("192.0.2.1", 5349))
        self.assertIsNone(parsing.server_or_none(" "))
        self.assertRaises(ValueError, parsing.server_or_none, "stun.example.com:0")


class NetworkPartTests(SynchronousTestCase):
    def test_every_family(self) -> None:
        """All addresses are those of the families that there are; named ones stay."""
        hosts = with_every_family(Config()).sip.bind
        self.assertEqual(hosts, ("0.0.0.0", "::") if has_ipv6() else ("0.0.0.0",))
        one = Config(sip=replace(Sip(), bind=("192.0.2.1",)))
        self.assertIs(with_every_family(one), one)

    def test_resolver(self) -> None:
        """Addresses are looked for in the families that SIP is bound to."""
        for bind, six in ((("0.0.0.0",), False), (("0.0.0.0", "::"), True)):
            names = resolver(Clock(), replace(Sip(), bind=bind, name_servers=(("192.0.2.53", 53),)))
            found = self.successResultOf(names.resolve("localhost", None, "udp"))
            self.assertEqual(found[0].host, "127.0.0.1")
            # What else the machine's hosts file says is its own business.
            self.assertTrue(six or all(":" not in destination.host for destination in found))

    def test_route(self) -> None:
        """There is always a way to ourselves, and none to an address that is none."""
        self.assertTrue(has_route("127.0.0.1"))
        self.assertFalse(has_route("255.255.255.255"))

    def test_stun_server(self) -> None:
        """Without a STUN server there is nothing to find; with one its usual port is 3478."""
        names = resolver(Clock(), replace(Sip(), bind=("0.0.0.0",)))
        self.assertIsNone(stun_finder(names, Media()))
        for stun, expected in ((("192.0.2.5", None), 3478), (("192.0.2.5", 5349), 5349)):
            find = stun_finder(names, replace(Media(), stun=stun))
            assert find is not None
            self.assertEqual(self.successResultOf(find()), ("192.0.2.5", expected))

    def test_movers(self) -> None:
        """A change, or a wake-up, is told to everybody in their order; afterwards nothing is left."""
        clock, heard = Reactor(), list[str]()
        watch = NetworkWatch(clock, Mover("names", heard), Mover("audio", heard), Mover("SIP", heard))
        watch.startService()
        clock.advance(1)
        self.assertEqual(heard, [])
        watch.monitor.resumed()
        clock.advance(1)
        self.assertEqual(heard, ["names", "audio", "SIP"])
        watch.stopService()
        self.assertEqual(clock.getDelayedCalls(), [])
