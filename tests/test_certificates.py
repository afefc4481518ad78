"""Certificates of servers."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from twisted.trial.unittest import SynchronousTestCase

from neon import certificates
from neon.certificates import LIFETIME, CertificateError
from tests.certificates import Authority


class CertificateCase(SynchronousTestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.folder = Path(directory.name)

    def write(self, name: str, data: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(data)
        return path


class OwnTests(CertificateCase):
    def test_made_once(self) -> None:
        """A certificate for every name, for its owner to read only, that stays the same."""
        names = ("desk.example", "localhost", "127.0.0.1", "::1")
        certificate, key = certificates.own(self.folder, names)
        self.assertEqual({path.stat().st_mode & 0o777 for path in (certificate, key)}, {0o600})
        made = x509.load_pem_x509_certificate(certificate.read_bytes())
        found = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        self.assertEqual(found.get_values_for_type(x509.DNSName), ["desk.example", "localhost"])
        self.assertEqual([str(one) for one in found.get_values_for_type(x509.IPAddress)], ["127.0.0.1", "::1"])
        before = certificate.read_bytes(), key.read_bytes()
        certificates.own(self.folder, names)
        self.assertEqual((certificate.read_bytes(), key.read_bytes()), before)
        certificates.context(certificate, key)

    def test_renewed(self) -> None:
        """A month before its end there is a new one."""
        then = datetime.now(UTC) - LIFETIME + timedelta(days=29)
        certificate, _ = certificates.own(self.folder, ("localhost",), then)
        before = certificate.read_bytes()
        certificates.own(self.folder, ("localhost",))
        self.assertNotEqual(certificate.read_bytes(), before)

    def test_damaged(self) -> None:
        """One that cannot be read, or has lost its key, is made anew."""
        certificate, key = certificates.own(self.folder, ("localhost",))
        certificate.write_bytes(b"nonsense")
        certificates.own(self.folder, ("localhost",))
        key.unlink()
        certificates.context(*certificates.own(self.folder, ("localhost",)))

    def test_nowhere_to_write(self) -> None:
        """Without a place for it there is a sentence."""
        error = self.assertRaises(CertificateError, certificates.own, self.folder / "missing", ("localhost",))
        self.assertIn("no certificate can be written", str(error))


class GivenTests(CertificateCase):
    def setUp(self) -> None:
        super().setUp()
        self.authority = Authority()
        self.pem = self.authority.certificate("desk.example", domains=["desk.example"])

    def sentence(self, certificate: Path, key: Path) -> str:
        return str(self.assertRaises(CertificateError, certificates.context, certificate, key))

    def test_chain_and_key(self) -> None:
        """A chain and a key in one file, or in two."""
        both = self.write("both.pem", self.pem + self.authority.pem)
        certificates.context(both, both)
        chain = self.pem.split(b"-----BEGIN PRIVATE")[0] + self.authority.pem
        certificates.context(self.write("chain.pem", chain), both)

    def test_mistakes(self) -> None:
        """Each mistake has its sentence."""
        good = self.write("good.pem", self.pem)
        other = self.write("other.pem", self.authority.certificate("other.example"))
        empty = self.write("empty.pem", b"")
        self.assertIn("is not the key of", self.sentence(good, other))
        self.assertIn("has no certificate in PEM", self.sentence(empty, good))
        self.assertIn("has no private key in PEM", self.sentence(good, empty))
        self.assertIn("cannot be read", self.sentence(self.folder / "missing", good))
        self.assertIn("cannot be read", self.sentence(good, self.folder / "missing"))
