"""TLS for SIP: who the far end must be, and why it was not (RFC 5922, RFC 3261 section 26).

The chain of certificates is OpenSSL's to judge, the name is judged here: a certificate for the web may have
wildcards, one for SIP may not, and it may name its domain as a URI. Nothing is ever sent before both were judged, and
there is no way around: what fails here fails.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from weakref import WeakKeyDictionary

from cryptography import x509
from cryptography.x509.oid import ExtensionOID, NameOID
from OpenSSL import SSL, crypto
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, IOpenSSLServerConnectionCreator
from twisted.internet.ssl import Certificate, CertificateOptions, PrivateCertificate, TLSVersion, platformTrust
from zope.interface import implementer

EXPIRED = "the certificate has expired"
NOT_YET_VALID = "the certificate is not valid yet"
UNKNOWN_ISSUER = "the certificate is by nobody who is trusted here"
REVOKED = "the certificate was revoked"
WRONG_NAME = "the certificate is for another name"
BAD_CERTIFICATE = "the certificate is not good for this"
CERTIFICATE_WANTED = "the server wants a certificate of ours"
CERTIFICATE_REFUSED = "the server does not accept our certificate"
NO_TLS = "no secure connection could be agreed on"
"""Why a secure connection was refused, as C{Cause.reason} has it and L{neon.explain} knows it."""

# X509_V_ERR_* of OpenSSL's x509_vfy.h.
_VERDICTS = {
    9: NOT_YET_VALID, 10: EXPIRED, 23: REVOKED,
    2: UNKNOWN_ISSUER, 18: UNKNOWN_ISSUER, 19: UNKNOWN_ISSUER, 20: UNKNOWN_ISSUER, 21: UNKNOWN_ISSUER,
    27: UNKNOWN_ISSUER,
}  # fmt: skip


# What alerts are called by OpenSSL, whose number for them pyOpenSSL keeps to itself. They are about our certificate.
_ALERTS = {
    "certificate required": CERTIFICATE_WANTED,
    "unknown ca": CERTIFICATE_REFUSED,
    "certificate": CERTIFICATE_REFUSED,  # bad, unsupported, revoked, expired or unknown
    "access denied": CERTIFICATE_REFUSED,
}


def in_words(error: SSL.Error) -> str:
    """Why OpenSSL ended a connection: what the far end's alert says of our certificate, or that there was no TLS.

    Since TLS 1.3 that may come when the connection is open already. Before, a missing certificate had no alert of its
    own.
    """
    reasons = error.args[0] if error.args else ()
    for reason in reasons if isinstance(reasons, (list, tuple)) else ():
        text = str(reason[-1])
        found = (words for alert, words in _ALERTS.items() if " alert " in text and alert in text)
        if (words := next(found, None)) is not None:
            return words
    return NO_TLS


class TlsUnusable(Exception):
    """A file of certificates or keys cannot be used; C{str(error)} is a sentence for whoever configured it."""


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """C{ca_file}: PEM certificates to trust instead of the system's. C{certificate_file}, C{key_file}: our own
    certificate with its chain, shown to servers that ask and to whoever connects; the key may be in the same file.
    """

    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None


@dataclass(slots=True)
class Handshake:
    """One handshake of ours: the domain that is wanted, and why the chain was refused, if it was."""

    name: str
    refusal: str | None = field(default=None)


# The verifying callback is the context's, one for all connections; their own data is Twisted's already.
_under_way: WeakKeyDictionary[Any, Handshake] = WeakKeyDictionary()


class TlsContexts:
    """What secure connections are made with; the files are read once, here.

    @raise TlsUnusable: a file is missing or holds something else.
    """

    def __init__(self, settings: TlsSettings) -> None:
        options: dict[str, Any] = {"raiseMinimumTo": TLSVersion.TLSv1_2}
        self._own = settings.certificate_file is not None
        if settings.certificate_file is not None:
            own, chain = _read_own(settings.certificate_file, settings.key_file or settings.certificate_file)
            options |= {"privateKey": own.privateKey.original, "certificate": own.original, "extraCertChain": chain}
        system: Any = platformTrust
        if settings.ca_file is None:
            self._client = CertificateOptions(trustRoot=system(), **options).getContext()
        else:
            # A context of its own, so that the system's certificates are not in it.
            self._client = CertificateOptions(**options).getContext()
            try:
                self._client.load_verify_locations(str(settings.ca_file))
            except SSL.Error:
                raise TlsUnusable(f"{settings.ca_file} holds no certificates to trust") from None
        self._client.set_verify(SSL.VERIFY_PEER, _note_refusal)
        self._server = CertificateOptions(**options).getContext() if self._own else None

    @property
    def can_listen(self) -> bool:
        """Whether there is a certificate to show to whoever connects."""
        return self._server is not None

    def client(self, handshake: Handshake) -> ClientCreator:
        return ClientCreator(self._client, handshake)

    def server(self) -> ServerCreator:
        assert self._server is not None
        return ServerCreator(self._server)


@implementer(IOpenSSLClientConnectionCreator)
class ClientCreator:
    """One connection of ours: says whom it wants (SNI) and remembers why the chain was refused."""

    def __init__(self, context: Any, handshake: Handshake) -> None:
        self._context = context
        self._handshake = handshake

    def clientConnectionForTLS(self, tlsProtocol: Any) -> Any:
        connection = SSL.Connection(self._context, None)
        _under_way[connection] = self._handshake
        if not _is_address(self._handshake.name):
            connection.set_tlsext_host_name(self._handshake.name.encode("ascii"))
        return connection


@implementer(IOpenSSLServerConnectionCreator)
class ServerCreator:
    """A connection of somebody's to us."""

    def __init__(self, context: Any) -> None:
        self._context = context

    def serverConnectionForTLS(self, tlsProtocol: Any) -> Any:
        return SSL.Connection(self._context, None)


def _note_refusal(connection: Any, certificate: Any, error: int, depth: int, fine: int) -> bool:
    if not fine:
        handshake = _under_way.get(connection)
        if handshake is not None and handshake.refusal is None:
            handshake.refusal = _VERDICTS.get(error, BAD_CERTIFICATE)
    return bool(fine)


def _read_own(certificate_file: Path, key_file: Path) -> tuple[PrivateCertificate, list[Any]]:
    try:
        certificates = _blocks(certificate_file.read_bytes(), b"CERTIFICATE")
        key = key_file.read_bytes()
    except OSError as error:
        raise TlsUnusable(f"{error.filename} cannot be read: {error.strerror}") from None
    try:
        load: Any = PrivateCertificate.loadPEM
        own: PrivateCertificate = load(certificates[0] + key)
        return own, [Certificate.loadPEM(block).original for block in certificates[1:]]
    except (crypto.Error, SSL.Error, IndexError, ValueError):
        raise TlsUnusable(f"{certificate_file} and {key_file} hold no certificate with its key") from None


def _blocks(pem: bytes, kind: bytes) -> list[bytes]:
    begin, end = b"-----BEGIN " + kind + b"-----", b"-----END " + kind + b"-----"
    found = []
    while (start := pem.find(begin)) >= 0 and (stop := pem.find(end, start)) >= 0:
        found.append(pem[start : stop + len(end)] + b"\n")
        pem = pem[stop + len(end) :]
    return found


def is_for(certificate: x509.Certificate, name: str) -> bool:
    """Whether the certificate is the SIP domain's C{name}, or for a numeric C{name} that address's.

    Domains are compared as a whole and without regard to case (RFC 5922, section 7.2): a wildcard is a name that
    nobody has. The subject's common name counts only where there are no alternative names (section 7.1).
    """
    try:
        names = cast("x509.SubjectAlternativeName", certificate.extensions.get_extension_for_oid(
            ExtensionOID.SUBJECT_ALTERNATIVE_NAME
        ).value)  # fmt: skip
    except x509.ExtensionNotFound:
        common = [str(attribute.value) for attribute in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        return not _is_address(name) and len(common) == 1 and _same(common[0], name)
    except ValueError:
        return False
    if _is_address(name):
        return ipaddress.ip_address(name) in names.get_values_for_type(x509.IPAddress)
    domains = [str(domain) for domain in names.get_values_for_type(x509.DNSName)]
    domains += filter(None, map(_domain_of, names.get_values_for_type(x509.UniformResourceIdentifier)))
    return any(_same(domain, name) for domain in domains)


def _domain_of(uri: str) -> str | None:
    """The domain that a sip: URI in a certificate stands for; one with a user part stands for nobody's domain."""
    scheme, _, rest = uri.partition(":")
    if scheme.lower() != "sip" or "@" in rest:
        return None
    return rest.partition(";")[0].partition("?")[0].partition(":")[0]


def _same(one: str, other: str) -> bool:
    return one.rstrip(".").lower() == other.rstrip(".").lower() and one != ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
