"""Certificates of servers: those that the configuration names, or one that NEON makes for itself.

All of this blocks for a few milliseconds: for start-up only.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from OpenSSL import SSL, crypto
from twisted.internet.ssl import CertificateOptions, TLSVersion

from neon.privatefile import replace_private

LIFETIME = timedelta(days=825)
"""What browsers take at most."""

RENEW_BEFORE = timedelta(days=30)


class CertificateError(Exception):
    """No TLS server can be made of these files; C{str(error)} says which and why."""


def context(certificate: Path, private_key: Path) -> CertificateOptions:
    """What a TLS 1.2+ server needs: a chain, the server's certificate first, and its key, both PEM.

    @raise CertificateError: they cannot be read, or do not belong together.
    """
    try:
        chain = [crypto.X509.from_cryptography(one) for one in in_pem(certificate.read_bytes())]
    except OSError as error:
        raise CertificateError(f"{certificate} cannot be read: {error.strerror}") from None
    except ValueError:
        chain = []
    if not chain:
        raise CertificateError(f"{certificate} has no certificate in PEM")
    try:
        key = crypto.load_privatekey(crypto.FILETYPE_PEM, private_key.read_bytes(), b"")
    except OSError as error:
        raise CertificateError(f"{private_key} cannot be read: {error.strerror}") from None
    except (crypto.Error, ValueError):
        raise CertificateError(f"{private_key} has no private key in PEM without a passphrase") from None
    options = CertificateOptions(
        privateKey=key, certificate=chain[0], extraCertChain=chain[1:], raiseMinimumTo=TLSVersion.TLSv1_2
    )
    try:
        checked: Any = options.getContext()
        checked.check_privatekey()
    except SSL.Error:
        raise CertificateError(f"{private_key} is not the key of {certificate}") from None
    return options


def in_pem(data: bytes) -> list[x509.Certificate]:
    """Every certificate in a text of PEM, whatever stands between them.

    @raise ValueError: one of them is none.
    """
    begin, end = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
    blocks = [block.partition(end)[0] for block in data.split(begin)[1:]]
    # One by one: the versions that we support do not all read several.
    return [x509.load_pem_x509_certificate(begin + block + end + b"\n") for block in blocks]


def own(directory: Path, names: Iterable[str], now: datetime | None = None) -> tuple[Path, Path]:
    """A self-signed certificate for C{names} (hosts and numeric addresses) and its key, in C{directory}.

    The ones that are there are kept until a month before their end.

    @raise CertificateError: they cannot be written.
    """
    now = now or datetime.now(UTC)
    certificate, private_key = directory / "feed-certificate.pem", directory / "feed-key.pem"
    if _is_good(certificate, now) and private_key.is_file():
        return certificate, private_key
    key = ec.generate_private_key(ec.SECP256R1())
    known = list(dict.fromkeys(names)) or ["localhost"]
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, known[0][:64])])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in known]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        replace_private(private_key, secret)
        replace_private(certificate, made.public_bytes(serialization.Encoding.PEM))
    except OSError as error:
        raise CertificateError(f"no certificate can be written to {directory}: {error.strerror}") from None
    return certificate, private_key


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name.encode("idna").decode("ascii"))


def _is_good(certificate: Path, now: datetime) -> bool:
    try:
        there = x509.load_pem_x509_certificate(certificate.read_bytes())
    except (OSError, ValueError):
        return False
    # Its successor has a time zone, and the libraries that we support do not all have that.
    end = getattr(there, "not_valid_after_utc", None) or there.not_valid_after.replace(tzinfo=UTC)
    return bool(end - RENEW_BEFORE > now)
