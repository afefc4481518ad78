"""Streams whose sockets somebody else uses first, and streams on a machine whose addresses change."""

from __future__ import annotations

import socket

from neon.media.engine import Echo, FirstPacket, Stream, Tone
from tests.media.peers import LIMIT, PORTS, Peer, next_event
from tests.media.signals import FRAME, level
from tests.media.starvation import again_if_starved
from tests.media.test_engine import EngineCase


@again_if_starved
class ParkedTests(EngineCase):
    def setUp(self) -> None:
        super().setUp()
        self.peer = self.new_peer()
        self.stream = self.engine.open_stream("127.0.0.1", PORTS, parked=True)
        self.addCleanup(self.stream.close)

    def port_is_free(self) -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(("127.0.0.1", self.stream.local_port))
            except OSError:
                return False
            return True

    def test_sockets(self) -> None:
        """Both sockets are the caller's, and the thread does not read what comes to them."""
        for offset, number in enumerate(self.stream.filenos()):
            with socket.socket(fileno=socket.dup(number)) as ours:
                ours.settimeout(LIMIT)
                self.peer.rtp.sendto(b"for you", ("127.0.0.1", self.stream.local_port + offset))
                self.assertEqual(ours.recv(100), b"for you")

    def test_unparked(self) -> None:
        """From then on it is a stream like any other; what was received before is not played."""
        for _ in range(50):
            self.peer.send_tone(self.stream, 1700)
        self.stream.unpark()
        self.stream.unpark()
        self.assertRaises(ValueError, self.stream.filenos)
        self.stream.set_source(Echo())
        self.stream.start(self.peer.agreement())
        heard = self.peer.converse(self.stream, 30, 600)
        self.assertLess(abs(level(heard[10 * FRAME :], 600) + 10), 1.0)
        self.assertLess(level(heard, 1700), -50)
        self.assertLess(self.stream.statistics().packets_received, 40)

    def test_closed(self) -> None:
        """Closed without having been served, it gives its ports back at once."""
        self.assertFalse(self.port_is_free())
        self.stream.close()
        self.assertTrue(self.port_is_free())
        self.stream.close()
        self.assertRaises(ValueError, self.stream.unpark)
        self.assertRaises(ValueError, self.stream.filenos)


@again_if_starved
class RerouteTests(EngineCase):
    def assert_goes_on(self, peer: Peer, stream: Stream) -> None:
        """Packets go both ways as before, after a reroute."""
        peer.converse(stream, 10, 600)
        next_event(self.engine, FirstPacket)
        stream.reroute()
        peer.converse(stream, 5, 600)
        before = stream.statistics().packets_received
        heard = peer.converse(stream, 30, 600)
        self.assertLess(abs(level(heard, 500) + 10), 0.2)
        self.assertGreater(stream.statistics().packets_received, before + 10)

    def test_goes_on(self) -> None:
        """A stream whose source is fixed goes on with it after a reroute, and still hears nobody else."""
        peer, stranger, stream = self.new_peer(), self.new_peer(), self.new_stream()
        stream.set_source(Tone(500, -10))
        stream.start(peer.agreement())
        self.assert_goes_on(peer, stream)
        before = stream.statistics().packets_received
        for _ in range(50):
            stranger.send_tone(stream, 1700)
        peer.drain()
        peer.listen(5)
        self.assertLess(stream.statistics().packets_received, before + 45)

    def test_any_time(self) -> None:
        """Before the start it does nothing, after the close it is refused."""
        peer, stream = self.new_peer(), self.new_stream()
        stream.reroute()
        stream.set_source(Tone(500))
        stream.start(peer.agreement())
        stream.reroute()
        peer.listen(2)
        stream.close()
        self.assertRaises(ValueError, stream.reroute)

    def test_both_families(self) -> None:
        """A stream of both families goes on with a peer of either."""
        for host, family in (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)):
            peer = Peer(host, family)
            self.addCleanup(peer.close)
            stream = self.engine.open_stream("::", PORTS)
            self.addCleanup(stream.close)
            stream.set_source(Tone(500, -10))
            stream.start(peer.agreement())
            self.assert_goes_on(peer, stream)
