"""A certificate authority for one test: its certificate, and certificates that it signs, as PEM."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAY = timedelta(days=1)


class Authority:
    """Trusted by nobody but those who are given C{pem}."""

    def __init__(self, name: str = "NEON test authority") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _called(name)
        builder = _certificate(self._name, self._name, self._key.public_key(), -_DAY, 30 * _DAY)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.pem = builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def certificate(
        self,
        common_name: str,
        *,
        domains: Sequence[str] = (),
        uris: Sequence[str] = (),
        addresses: Sequence[str] = (),
        starts: timedelta = -_DAY,
        ends: timedelta = 30 * _DAY,
    ) -> bytes:
        """A certificate and its key in one text; C{starts} and C{ends} count from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _certificate(_called(common_name), self._name, key.public_key(), starts, ends)
        names: list[x509.GeneralName] = [x509.DNSName(domain) for domain in domains]
        names += [x509.UniformResourceIdentifier(uri) for uri in uris]
        names += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM) + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def write(self, directory: Path, name: str, pem: bytes | None = None) -> Path:
        """A file with C{pem}, or with the authority's own certificate."""
        path = directory / name
        path.write_bytes(self.pem if pem is None else pem)
        return path


def _called(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, starts: timedelta, ends: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + starts)
        .not_valid_after(now + ends)
    )
