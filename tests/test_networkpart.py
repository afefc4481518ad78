"""The wiring of the network: families, name servers, and who hears of changes in which order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

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
