"""The servers of an account: whom it trusts."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from neon.sip.targets import Targets
from neon.values import Destination

HOST = "192.0.2.1"


def told(*transports: str) -> Targets:
    """An account whose host has been found to serve these."""
    targets = Targets()
    targets.found([Destination(HOST, 5060, transport) for transport in transports])
    return targets


class TrustTests(SynchronousTestCase):
    def test_tls_only(self) -> None:
        """A server that is reached by TLS only is trusted over TLS, and nobody may use its address otherwise."""
        targets = told("tls")
        self.assertTrue(targets.has(HOST))
        self.assertTrue(targets.has(HOST, "tls"))
        self.assertFalse(targets.has(HOST, "udp"))
        self.assertFalse(targets.has(HOST, "tcp"))

    def test_others(self) -> None:
        """A server that is reached by UDP or TCP is trusted by any transport; another host is not."""
        for transports in (("udp",), ("tcp",), ("tls", "udp")):
            targets = told(*transports)
            for transport in ("udp", "tcp", "tls"):
                self.assertTrue(targets.has(HOST, transport))
                self.assertFalse(targets.has("192.0.2.2", transport))
