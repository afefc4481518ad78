"""Which addresses audio is bound to, and what is told of them."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from neon.media.callstream import CallStream
from neon.media.engine import Engine, Tone
from neon.media.manager import MediaManager, MediaSettings
from neon.values import Address
from tests.media.fakes import FakeMediaReactor
from tests.media.peers import PORTS, Peer
from tests.media.signals import level


class AddressTests(SynchronousTestCase):
    def manage(self, host: str, server: Deferred[Address] | None = None) -> MediaManager:
        self.reactor = FakeMediaReactor()
        find = None if server is None else lambda: server
        manager = MediaManager(self.reactor, Engine(), MediaSettings(host, PORTS), find_stun=find)
        manager.startService()
        self.addCleanup(lambda: self.successResultOf(manager.stopService()))
        return manager

    def peer(self) -> Peer:
        peer = Peer()
        self.addCleanup(peer.close)
        return peer

    def assert_heard(self, call: CallStream, peer: Peer) -> None:
        call.start(peer.agreement())
        call.set_source(Tone(500, -10))
        peer.drain()
        peer.listen(5)
        self.assertLess(abs(level(peer.listen(10), 500) + 10), 1)

    def test_everywhere(self) -> None:
        """By default audio is bound to all addresses of both families, and SIP says which of them is meant."""
        call = self.manage("*").open(1)
        self.assertEqual((call.local.public, call.local.families), (None, (4, 6)))
        self.assert_heard(call, self.peer())

    def test_one_address(self) -> None:
        """An address that audio is bound to is where it is to be sent, and there is only its family."""
        local = self.manage("127.0.0.1").open(1).local
        self.assertEqual((local.public, local.public_rtcp), (("127.0.0.1", local.port), None))
        self.assertEqual(local.families, (4,))
        self.assertEqual(self.manage("::1").open(1).local.families, (6,))
        self.assertIsNone(self.manage("0.0.0.0").open(1).local.public)

    def test_network_changed(self) -> None:
        """A call whose packets are routed anew goes on; a closed one is left alone."""
        manager, peer = self.manage("*"), self.peer()
        call, other = manager.open(1), manager.open(2)
        other.close()
        self.assert_heard(call, peer)
        manager.network_changed()
        self.assert_heard(call, peer)

    def test_stun_server_without_an_address(self) -> None:
        """While the STUN server's name is looked up, calls have ports that nobody has seen, and audio."""
        manager, peer = self.manage("*", Deferred()), self.peer()
        call = manager.open(1)
        self.assertIsNone(call.local.public)
        manager.network_changed()
        self.assert_heard(call, peer)
        call.close()
        never_started = manager.open(2)
        never_started.close()
