"""Web services of operators that do what a test wants, on loopback, with certificates of our own making."""

from __future__ import annotations

import datetime
import gzip
import ipaddress
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import crypto
from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import CertificateOptions
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site


class Authority:
    """Issues certificates; C{path} is its own, for clients to trust."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test Authority")])
        certificate = self._sign(self._name, self._key, None, days=1, authority=True)
        self.certificate = certificate
        self.path = folder / "authority.pem"
        self.path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _sign(self, subject: x509.Name, key: Any, san: str | None, *, days: int, authority: bool) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=30))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if san is not None:
            name: x509.GeneralName
            try:
                name = x509.IPAddress(ipaddress.ip_address(san))
            except ValueError:
                name = x509.DNSName(san)
            builder = builder.add_extension(x509.SubjectAlternativeName([name]), critical=False)
        return builder.sign(self._key, hashes.SHA256())

    def issue(self, name: str, *, days: int = 1) -> tuple[Path, Path]:
        """A certificate for a host or address, and its key, as files."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = self._sign(subject, key, name, days=days, authority=False)
        stem = f"{name}{days}".replace("*", "_")
        paths = self._folder / f"{stem}.crt", self._folder / f"{stem}.key"
        paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        paths[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return paths

    def context(self, name: str, *, days: int = 1, clients: bool = False) -> CertificateOptions:
        """What a TLS server needs; C{clients}: it asks clients for a certificate of this authority."""
        certificate, key = self.issue(name, days=days)
        return CertificateOptions(
            privateKey=crypto.load_privatekey(crypto.FILETYPE_PEM, key.read_bytes()),
            certificate=crypto.load_certificate(crypto.FILETYPE_PEM, certificate.read_bytes()),
            caCerts=[crypto.X509.from_cryptography(self.certificate)] if clients else None,
            verify=clients,
            requireCertificate=clients,
        )


class Page(Resource):
    """Calls a function with each request, and counts them."""

    isLeaf = True

    def __init__(self, answer: Callable[[Any], Any]) -> None:
        super().__init__()
        self._answer = answer
        self.asked: list[tuple[str, str, bytes, str]] = []

    def render(self, request: Any) -> Any:
        authorization = request.getHeader("authorization") or ""
        self.asked.append((request.method.decode(), request.uri.decode(), request.content.read(), authorization))
        return self._answer(request)


class Raw(Protocol):
    """A server that is no web server: writes something, or nothing, as soon as something came."""

    def dataReceived(self, data: bytes) -> None:
        self.factory.speak(self)


def raw(speak: Callable[[Any], object]) -> Any:
    """A factory of them."""
    factory: Any = Factory.forProtocol(Raw)
    factory.speak = speak
    factory.noisy = False
    return factory


def site(page: Resource) -> Any:
    """A web server of one page."""
    made: Any = Site(page)
    made.noisy = False
    made.displayTracebacks = False
    return made


def listen(factory: Any, context: Any = None) -> Any:
    """On a free loopback port, with TLS or without."""
    where: Any = reactor
    if context is None:
        return where.listenTCP(0, factory, interface="127.0.0.1")
    return where.listenSSL(0, factory, context, interface="127.0.0.1")


def bomb(megabytes: int) -> bytes:
    """Zeros, packed a thousand times smaller."""
    return gzip.compress(bytes(megabytes << 20), 9)


def drip(request: Any, octet: bytes, seconds: float) -> int:
    """Write an octet every now and then, for ever."""
    where: Any = reactor
    gone: list[object] = []
    request.notifyFinish().addBoth(gone.append)

    def more() -> None:
        if not gone:
            request.write(octet)
            where.callLater(seconds, more)

    more()
    return NOT_DONE_YET
