"""rtnetlink messages, made here by hand, and the real socket where the machine has one."""

from __future__ import annotations

import socket
import struct

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from neon.network import netlink
from neon.network.netlink import DefaultRoute, HostAddress, Netlink, News, messages, parse

V4, V6 = socket.AF_INET, socket.AF_INET6


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", len(value) + 4, kind) + value + bytes(-len(value) % 4)


def address(text: str, *, scope: int = 0, flags: int = 0, interface: int = 2, more: bytes = b"") -> bytes:
    family = V6 if ":" in text else V4
    head = struct.pack("=BBBBI", family, 24, flags, scope, interface)
    return head + attribute(netlink.IFA_ADDRESS, socket.inet_pton(family, text)) + more


def route(gateway: str | None, *, length: int = 0, table: int = 254, kind: int = 1) -> bytes:
    head = struct.pack("=BBBBBBBBI", V4, length, 0, 0, table, 3, 0, kind, 0)
    found = attribute(netlink.RTA_OIF, struct.pack("=I", 2))
    if gateway is not None:
        found += attribute(netlink.RTA_GATEWAY, socket.inet_aton(gateway))
    return head + found


def message(kind: int, body: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 1, 0) + body + bytes(-len(body) % 4)


class ParsingTests(SynchronousTestCase):
    def test_addresses(self) -> None:
        """An address that comes or goes is news, of either family."""
        for text in ("192.0.2.1", "2001:db8::1"):
            item = HostAddress(text, 2)
            self.assertEqual(parse(netlink.RTM_NEWADDR, address(text)), News(item, True))
            self.assertEqual(parse(netlink.RTM_DELADDR, address(text)), News(item, False))

    def test_point_to_point(self) -> None:
        """On a point-to-point link IFA_ADDRESS is the other end; ours is IFA_LOCAL."""
        body = address("192.0.2.1", more=attribute(netlink.IFA_LOCAL, socket.inet_aton("192.0.2.2")))
        self.assertEqual(parse(netlink.RTM_NEWADDR, body), News(HostAddress("192.0.2.2", 2), True))

    def test_addresses_of_nobody_elses_concern(self) -> None:
        """Link-local and host addresses, and those that are still tentative or failed, are no news."""
        for body in (
            address("127.0.0.1", scope=254),
            address("fe80::1", scope=253),
            address("2001:db8::1", flags=netlink.IFA_F_TENTATIVE),
            address("2001:db8::1", more=attribute(netlink.IFA_FLAGS, struct.pack("=I", netlink.IFA_F_DADFAILED))),
        ):
            self.assertIsNone(parse(netlink.RTM_NEWADDR, body))

    def test_routes(self) -> None:
        """Only default routes of the main table count."""
        news = News(DefaultRoute(V4, "192.0.2.254", 2), True)
        self.assertEqual(parse(netlink.RTM_NEWROUTE, route("192.0.2.254")), news)
        self.assertEqual(parse(netlink.RTM_DELROUTE, route(None)), News(DefaultRoute(V4, None, 2), False))
        for body in (route("192.0.2.254", length=24), route(None, table=255), route(None, kind=3)):
            self.assertIsNone(parse(netlink.RTM_NEWROUTE, body))

    def test_several(self) -> None:
        """A datagram may hold many messages, padded to four bytes."""
        data = message(netlink.RTM_NEWADDR, b"12345") + message(netlink.NLMSG_DONE, b"")
        self.assertEqual(list(messages(data)), [(netlink.RTM_NEWADDR, b"12345"), (netlink.NLMSG_DONE, b"")])

    def test_cut(self) -> None:
        """Whatever is cut off anywhere is skipped, and nothing raises."""
        for body in (address("192.0.2.1"), route("192.0.2.254")):
            for kind in (netlink.RTM_NEWADDR, netlink.RTM_NEWROUTE):
                for end in range(len(body)):
                    parse(kind, body[:end])
            whole = message(netlink.RTM_NEWADDR, body)
            for end in range(len(whole)):
                self.assertEqual(list(messages(whole[:end])), [])

    @given(st.binary(max_size=200), st.sampled_from([20, 21, 24, 25, 2, 3, 99]))
    def test_junk(self, data: bytes, kind: int) -> None:
        """Junk ends, and is no exception."""
        list(messages(data))
        parse(kind, data)


class Readers:
    """A reactor that only notes who reads."""

    def __init__(self) -> None:
        self.readers: list[object] = []

    def addReader(self, reader: object) -> None:
        self.readers.append(reader)

    def removeReader(self, reader: object) -> None:
        self.readers.remove(reader)


class SocketTests(SynchronousTestCase):
    def test_what_is_there(self) -> None:
        """The kernel tells the addresses that this machine has, and then its default routes."""
        heard: list[News] = []
        reactor = Readers()
        netlink_ = Netlink(reactor, heard.append, lambda: self.fail("nothing was lost"))
        netlink_.start()
        for _ in range(10):  # the kernel answers within the call that asks
            netlink_.doRead()
        netlink_.stop()
        netlink_.stop()
        self.assertEqual(reactor.readers, [])
        # What somebody takes away meanwhile is told as well.
        self.assertEqual(any(news.present for news in heard), bool(heard))
        self.assertEqual(netlink_.fileno(), -1)
