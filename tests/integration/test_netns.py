"""The networks that other tests stand on do what they promise."""

from __future__ import annotations

import socket

from tests.integration.netns import make_network
from tests.integration.processes import IntegrationCase, until


class NamespaceTests(IntegrationCase):
    async def test_two_ends(self) -> None:
        """Sockets of the two ends hear each other over IPv4 and IPv6, programs run inside, and home stays home."""
        network = make_network(self)
        for number, end in ((1, network.near), (2, network.far)):
            end.add(f"198.18.0.{number}/24")
            end.add(f"fd00::{number}/64")
        for family, there in ((socket.AF_INET, "198.18.0.2"), (socket.AF_INET6, "fd00::2")):
            with network.near:
                near = socket.socket(family, socket.SOCK_DGRAM)
            with network.far:
                far = socket.socket(family, socket.SOCK_DGRAM)
                far.bind((there, 5060))
            far.settimeout(5)
            near.sendto(b"hello", (there, 5060))
            self.assertEqual(far.recv(100), b"hello")
            near.close()
            far.close()
        program = self.start("inside", *network.far.argv("ip", "-o", "address", "show", "dev", "eth0"))
        self.assertEqual(await program.ended(), 0)
        self.assertIn("198.18.0.2", program.output)
        with self.assertRaises(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outside:
            outside.bind(("198.18.0.2", 0))

    async def test_changes(self) -> None:
        """An address that is taken away is gone, and so is the link when its cable is pulled."""
        network = make_network(self)
        network.near.add("198.18.0.1/24")
        network.near.remove("198.18.0.1/24")
        self.assertNotIn("198.18.0.1", network.near.ip("address"))
        network.far.plug(False)
        await until(lambda: "NO-CARRIER" in network.near.ip("link", "show", "eth0"), "no carrier")
