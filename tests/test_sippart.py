"""The ways of SIP as the configuration wants them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from neon import parsing
from neon.parts import CannotStart
from neon.sections import Sip
from neon.sip.tls import TlsSettings, TlsUnusable
from neon.sippart import start_sip, transports


class BrokenAgent:
    """Cannot start: a file holds something else."""

    def start(self) -> None:
        raise TlsUnusable("ca.pem holds no certificates to trust")


class SipPartTests(SynchronousTestCase):
    def test_defaults(self) -> None:
        """Nothing is listened for beside UDP; long requests go over TCP first."""
        wanted = transports(Sip())
        self.assertEqual((wanted.more_hosts, wanted.listen_tcp, wanted.tls_port), ((), False, None))
        self.assertEqual((wanted.tls, wanted.largest_datagram, wanted.compact), (TlsSettings(), 1300, False))

    def test_everything(self) -> None:
        """Every key finds its place."""
        files = {"tls_ca_file": "a", "tls_certificate": "b", "tls_key": "c"}
        wanted = transports(Sip(bind=("0.0.0.0", "::"), listen_tcp=True, tls_port=5061, **files))  # type: ignore[arg-type]
        self.assertEqual((wanted.more_hosts, wanted.listen_tcp, wanted.tls_port), (("::",), True, 5061))
        self.assertEqual(wanted.tls, TlsSettings(Path("a"), Path("b"), Path("c")))

    def test_unusable_file(self) -> None:
        """A file that cannot be used ends the start with a sentence."""
        agent: Any = BrokenAgent()
        error = self.assertRaises(CannotStart, start_sip, agent)
        self.assertEqual(str(error), "SIP cannot start: ca.pem holds no certificates to trust")

    def test_addresses(self) -> None:
        """One address of each family at most."""
        self.assertEqual(parsing.address_per_family("0.0.0.0, ::"), ("0.0.0.0", "::"))
        self.assertEqual(parsing.address_per_family(" [::1] "), ("::1",))
        for text in ("", "localhost", "127.0.0.1 127.0.0.2", "::1, ::2", "0.0.0.0, ::, ::1"):
            self.assertRaises(ValueError, parsing.address_per_family, text)
