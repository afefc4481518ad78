"""TLS: whose certificates are believed, and in which words the others are refused (RFC 5922)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from OpenSSL import SSL
from twisted.internet.ssl import Certificate, PrivateCertificate
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.trial.unittest import SynchronousTestCase

from neon.sip import tls
from neon.sip.tls import TlsContexts, TlsSettings, TlsUnusable, is_for
from neon.sip.ways import Transports
from neon.values import Destination
from tests.certificates import Authority
from tests.sip.messages import build_request
from tests.sip.test_flows import THEM, StreamCase, TapFactory

DAY = timedelta(days=1)
OURS, OTHERS = Authority(), Authority("somebody else's")


class NameTests(SynchronousTestCase):
    """Whether a certificate is a SIP domain's."""

    def assert_for(self, expected: bool, name: str, common_name: str = "example.test", **names: list[str]) -> None:
        pem = OURS.certificate(common_name, **names)  # type: ignore[arg-type]
        self.assertEqual(is_for(x509.load_pem_x509_certificate(pem), name), expected)

    def test_domains(self) -> None:
        """An alternative DNS name counts, as a whole and in any case."""
        self.assert_for(True, "SIP.example.test", domains=["other.test", "sip.Example.test"])
        self.assert_for(False, "sip.example.test", domains=["example.test"])
        self.assert_for(False, "ample.test", domains=["example.test"])

    def test_no_wildcards(self) -> None:
        """A wildcard is nobody's name (RFC 5922, section 7.2)."""
        self.assert_for(False, "sip.example.test", domains=["*.example.test"])
        self.assert_for(False, "sip.example.test", "*.example.test")

    def test_uris(self) -> None:
        """A sip URI without a user part stands for its domain; one with, or of another scheme, does not."""
        self.assert_for(True, "example.test", "x", uris=["sip:example.test"])
        self.assert_for(True, "example.test", "x", uris=["SIP:Example.test:5061;transport=tls"])
        self.assert_for(False, "example.test", "x", uris=["sip:ana@example.test"])
        self.assert_for(False, "example.test", "x", uris=["https://example.test/"])

    def test_common_name(self) -> None:
        """The common name counts only where there are no alternative names at all."""
        self.assert_for(True, "example.test")
        self.assert_for(False, "example.test", domains=["other.test"])
        self.assert_for(False, "example.test", "example.test.evil.test")

    def test_addresses(self) -> None:
        """A numeric host wants a certificate for that address; a DNS name that looks like one is none."""
        self.assert_for(True, "192.0.2.1", "x", addresses=["192.0.2.1"])
        self.assert_for(True, "2001:db8::1", "x", addresses=["2001:DB8:0::1"])
        self.assert_for(False, "192.0.2.1", "x", domains=["192.0.2.1"])
        self.assert_for(False, "192.0.2.1", "192.0.2.1")


class FileTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()

    def refused(self, settings: TlsSettings) -> str:
        return str(self.assertRaises(TlsUnusable, TlsContexts, settings))

    def test_missing(self) -> None:
        """A file that is not there is named."""
        path = self.directory / "none.pem"
        self.assertIn(str(path), self.refused(TlsSettings(ca_file=path)))
        self.assertIn(f"{path} cannot be read", self.refused(TlsSettings(certificate_file=path)))

    def test_nonsense(self) -> None:
        """So is one that holds something else, or a key of another certificate."""
        path = OURS.write(self.directory, "junk.pem", b"hello")
        self.assertIn("holds no certificates", self.refused(TlsSettings(ca_file=path)))
        self.assertIn("hold no certificate with its key", self.refused(TlsSettings(certificate_file=path)))
        authority = OURS.write(self.directory, "ca.pem")
        self.assertIn("hold no certificate with its key", self.refused(TlsSettings(certificate_file=authority)))

    def test_usable(self) -> None:
        """A certificate with its chain and key is enough to listen."""
        path = OURS.write(self.directory, "own.pem", OURS.certificate("example.test") + OURS.pem)
        self.assertTrue(TlsContexts(TlsSettings(certificate_file=path)).can_listen)
        self.assertFalse(TlsContexts(TlsSettings()).can_listen)


class HandshakeTests(StreamCase):
    """Real handshakes between two endpoints, in memory."""

    def setUp(self) -> None:
        directory = Path(self.mktemp())
        directory.mkdir()
        self.directory = directory
        self.transports = Transports(tls=TlsSettings(ca_file=OURS.write(directory, "ca.pem")))
        super().setUp()

    def ask(self, pem: bytes, name: str = "example.test") -> tuple[int, str]:
        """OPTIONS to a server with that certificate; what came back."""
        path = OURS.write(self.directory, "server.pem", pem)
        transports = Transports(tls_port=5061, tls=TlsSettings(certificate_file=path))
        server = self.endpoint(
            Destination("127.0.0.11", 5060), transports, lambda request, t: t.respond(request.genResponse(200, "OK"))
        )
        self.responses.clear()
        self.send(to=Destination("127.0.0.11", 5061, "tls", name))
        self.wait(3)
        stopped = server.stop()
        self.wait(1)
        self.successResultOf(stopped)
        [(_, status, reason)] = self.responses
        return status, reason

    def test_right(self) -> None:
        """A certificate of an authority that we trust, for the domain that was looked up, will do."""
        self.assertEqual(self.ask(OURS.certificate("x", domains=["example.test"])), (200, "OK"))
        self.assertEqual(self.lost[0][0].name, "example.test")

    def test_refused(self) -> None:
        """Every other is refused in words that say what is wrong, and nothing of the request is sent."""
        good = ["example.test"]
        for pem, reason in (
            (OURS.certificate("x", domains=["other.test"]), tls.WRONG_NAME),
            (OURS.certificate("x", domains=good, starts=-9 * DAY, ends=-DAY), tls.EXPIRED),
            (OURS.certificate("x", domains=good, starts=DAY), tls.NOT_YET_VALID),
            (OTHERS.certificate("x", domains=good), tls.UNKNOWN_ISSUER),
        ):
            self.assertEqual(self.ask(pem), (503, reason))
            self.wait(11)
        self.assertEqual(self.lost, [])

    def test_clear_text(self) -> None:
        """A server that speaks no TLS is refused; nothing goes over in clear text."""
        self.send(to=THEM._replace(transport="tls", name="example.test"))
        self.wait(11)
        self.assertEqual([more for _, *more in self.responses], [[503, tls.NO_TLS]])
        self.assertEqual(self.requests, [])

    def test_own_certificate(self) -> None:
        """A server that asks for a certificate of ours gets it; without one, or with a wrong one, it is said so."""
        own = OURS.write(self.directory, "own.pem", OURS.certificate("phone"))
        wrong = OTHERS.write(self.directory, "wrong.pem", OTHERS.certificate("phone"))
        authority = Certificate.loadPEM(OURS.pem)
        server = PrivateCertificate.loadPEM(OURS.certificate("x", domains=["example.test"]))
        taps: Any = TapFactory()
        strict: Any = server.options(authority)
        self.network.listenTCP(5061, TLSMemoryBIOFactory(strict, False, taps), interface="127.0.0.12")
        ca_file = self.transports.tls.ca_file
        for address, settings in (
            ("127.0.0.13", TlsSettings(ca_file=ca_file, certificate_file=own)),
            ("127.0.0.14", TlsSettings(ca_file=ca_file)),
            ("127.0.0.15", TlsSettings(ca_file=ca_file, certificate_file=wrong)),
        ):
            phone = self.endpoint(Destination(address, 5060), Transports(tls=settings), lambda *_: None)
            phone.send_request(
                build_request("OPTIONS"), Destination("127.0.0.12", 5061, "tls", "example.test"), self.on_response
            )
            self.wait(3)
            stopped = phone.stop()
            self.wait(1)
            self.successResultOf(stopped)
        self.assertTrue(taps.taps[0].heard.startswith(b"OPTIONS "))
        self.assertEqual([tap.heard for tap in taps.taps[1:]], [b"", b""])
        self.assertEqual(
            [more for _, *more in self.responses], [[503, tls.CERTIFICATE_WANTED], [503, tls.CERTIFICATE_REFUSED]]
        )

    def test_words(self) -> None:
        """What OpenSSL has no alert about is said as before."""
        for reasons in ([], [("SSL routines", "", "wrong version number")], [("SSL routines", "certificate", "")], "?"):
            self.assertEqual(tls.in_words(SSL.Error(reasons)), tls.NO_TLS)
        self.assertEqual(tls.in_words(SSL.Error()), tls.NO_TLS)

    def test_numeric_name(self) -> None:
        """A proxy that writes its address into Record-Route is reached by the connection that is there."""
        path = OURS.write(self.directory, "server.pem", OURS.certificate("x", domains=["example.test"]))
        server = self.endpoint(
            Destination("127.0.0.11", 5060),
            Transports(tls_port=5061, tls=TlsSettings(certificate_file=path)),
            lambda request, t: t.respond(request.genResponse(200, "OK")),
        )
        for name in ("example.test", "127.0.0.11"):
            self.send(to=Destination("127.0.0.11", 5061, "tls", name))
            self.wait(3)
        self.assertEqual([status for _, status, _ in self.responses], [200, 200])
        self.assertEqual(len(self.network.ends), 1)
        stopped = server.stop()
        self.wait(1)
        self.successResultOf(stopped)

    def test_no_old_versions(self) -> None:
        """Contexts take TLS 1.2 and newer only."""
        context = TlsContexts(TlsSettings())._client
        self.assertTrue(context.set_options(0) & SSL.OP_NO_TLSv1_1)
