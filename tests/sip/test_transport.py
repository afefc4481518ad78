"""The SIP socket: addresses as peers see them, order, and where nothing is sent."""

from __future__ import annotations

import socket

from twisted.internet import reactor
from twisted.internet.error import CannotListenError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.sip.transport import CannotSend, SipSocket, bracketed, destination, encode, unbracketed
from neon.values import Address
from tests.sip.network import Network


class SocketTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.network = Network(self.clock)
        self.received: list[tuple[bytes, Address]] = []

    def make(self, host: str, port: int = 5060) -> SipSocket:
        def receive(data: bytes, source: Address) -> None:
            self.received.append((data, source))

        made = SipSocket(self.network, self.clock, host, port, receive)
        made.listen()
        return made

    def test_fixed_address(self) -> None:
        """Bound to one address, that is what everybody sees."""
        bound = self.make("127.0.0.1", 0)
        self.assertEqual(bound.local_address("192.0.2.1"), bound.address)
        self.assertNotEqual(bound.address[1], 0)

    def test_wildcard(self) -> None:
        """Bound to all, a loopback peer sees the loopback address, and sippy is told the same."""
        bound = self.make("0.0.0.0")
        self.assertEqual(bound.local_address("127.0.0.1"), ("127.0.0.1", 5060))
        self.assertEqual(bound.path("127.0.0.1").getSIPaddr(), (("127.0.0.1", 5060), "udp"))
        self.assertIs(bound.path("127.0.0.1"), bound.path("127.0.0.1"))
        self.assertFalse(bound.path("127.0.0.1").uopts.isWildCard())

    def test_lookup_is_cached(self) -> None:
        """The kernel is asked once in 30 s for a peer, sooner when told that addresses changed."""
        asked: list[str] = []

        def route(host: str) -> str:
            asked.append(host)
            return f"192.0.2.{len(asked)}"

        self.patch(__import__("neon.sip.transport", fromlist=["_route"]), "_route", route)
        bound = self.make("0.0.0.0")
        seen = [bound.local_address("198.51.100.1")[0] for _ in range(3)]
        self.clock.advance(31)
        seen.append(bound.local_address("198.51.100.1")[0])
        bound.forget_routes()
        seen.append(bound.local_address("198.51.100.1")[0])
        self.assertEqual(seen, ["192.0.2.1"] * 3 + ["192.0.2.2", "192.0.2.3"])

    def test_no_name_is_resolved(self) -> None:
        """A name instead of an address means loopback at most, never a look-up."""
        self.patch(socket, "getaddrinfo", lambda *arguments: self.fail("resolved a name"))
        self.assertEqual(self.make("0.0.0.0").local_address("example.test"), ("127.0.0.1", 5060))

    def test_ours(self) -> None:
        """is_ours knows what may stand in our Via."""
        bound = self.make("0.0.0.0")
        self.assertFalse(bound.is_ours("127.0.0.1", 5060))
        bound.path("127.0.0.1")
        self.assertTrue(bound.is_ours("127.0.0.1", 5060))
        self.assertFalse(bound.is_ours("127.0.0.1", 5061))
        self.assertFalse(bound.is_ours("255.255.255.255", 5060))

    def test_send_and_receive(self) -> None:
        """What is sent arrives, in order, from the bound address."""
        one, two = self.make("127.0.0.1"), self.make("127.0.0.2")
        for index in range(20):
            one.path("127.0.0.2").send_to(f"message {index}", two.address)
        self.clock.advance(0)
        self.assertEqual(self.received, [(f"message {index}".encode(), one.address) for index in range(20)])

    def test_closed(self) -> None:
        """A closed socket sends nothing and says so; closing again is harmless."""
        bound = self.make("127.0.0.1")
        self.successResultOf(bound.close())
        self.successResultOf(bound.close())
        self.assertRaises(CannotSend, bound.send, b"x", ("127.0.0.2", 5060))

    def test_refused_by_the_socket(self) -> None:
        """An error of the operating system becomes CannotSend."""
        bound = self.make("127.0.0.1")
        self.network.ports["127.0.0.1", 5060].broken = OSError("no route")
        self.assertRaises(CannotSend, bound.send, b"x", ("127.0.0.2", 5060))

    def test_ipv6(self) -> None:
        """IPv6 addresses have brackets in messages and none in sockets."""
        bound = self.make("[::1]")
        self.assertEqual(bound.address, ("::1", 5060))
        self.assertEqual(bound.path("::1").getSIPaddr(), (("[::1]", 5060), "udp"))
        bound.send(b"x", ("[::1]", 5060))
        self.assertEqual(self.network.sent[0].target, ("::1", 5060))


class RealSocketTests(SynchronousTestCase):
    def test_exclusive(self) -> None:
        """The bind is exclusive: a second socket on the port is refused, even with SO_REUSEADDR."""
        ours = SipSocket(reactor, Clock(), "127.0.0.1", 0, lambda data, source: None)
        ours.listen()
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                self.assertRaises(OSError, other.bind, ours.address)
            second = SipSocket(reactor, Clock(), *ours.address, lambda data, source: None)
            self.assertRaises(CannotListenError, second.listen)
        finally:
            ours.close()


    def test_bound_again(self) -> None:
        """A bind that was given up is followed by another one at once: the port was taken for TCP, for example."""
        ours = SipSocket(reactor, Clock(), "127.0.0.1", 0, lambda data, source: None)
        ours.listen()
        ours.close()
        ours.listen()
        try:
            self.assertNotEqual(ours.address[1], 0)
        finally:
            ours.close()


class AddressTests(SynchronousTestCase):
    def test_destinations(self) -> None:
        """Only numeric unicast addresses and real ports are destinations."""
        self.assertEqual(destination("192.0.2.1", 5060), ("192.0.2.1", 5060))
        self.assertEqual(destination("[2001:db8::1]", 65535), ("2001:db8::1", 65535))
        for host, port in (("example.test", 5060), ("255.255.255.255", 5060), ("224.0.1.75", 5060), ("0.0.0.0", 5060),
                           ("::", 5060), ("ff02::1", 5060), ("192.0.2.1", 0), ("192.0.2.1", 65536)):  # fmt: skip
            self.assertRaises(CannotSend, destination, host, port)

    def test_brackets(self) -> None:
        """Brackets come and go."""
        self.assertEqual((bracketed("::1"), bracketed("[::1]"), bracketed("a.b")), ("[::1]", "[::1]", "a.b"))
        self.assertEqual((unbracketed("[::1]"), unbracketed("::1"), unbracketed("a.b")), ("::1", "::1", "a.b"))

    def test_encoding(self) -> None:
        """Content-Length counts octets, and octets that were no UTF-8 are themselves again."""
        self.assertEqual(encode("A\r\nContent-Length: 3\r\n\r\nção"), "A\r\nContent-Length: 5\r\n\r\nção".encode())
        self.assertEqual(encode("A: \udcff\r\n\r\n"), b"A: \xff\r\n\r\n")
