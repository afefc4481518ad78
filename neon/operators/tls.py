"""How an operator's server has to prove who it is, and how we do where it asks."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from OpenSSL import SSL
from twisted.internet.ssl import (
    Certificate,
    CertificateOptions,
    PrivateCertificate,
    TLSVersion,
    optionsForClientTLS,
    platformTrust,
    trustRootFromCertificates,
)
from twisted.web.iweb import IPolicyForHTTPS
from zope.interface import implementer

from neon.operators.settings import Files

MAX_PEM: Final = 1 << 20
_END: Final = b"-----END CERTIFICATE-----"


class BadCertificate(Exception):
    """A PEM file cannot be used; C{str(error)} is a sentence."""


@implementer(IPolicyForHTTPS)
class Policy:
    """TLS 1.2 at least, the name checked, the chain checked against the system's or the operator's own authorities.

    @raise BadCertificate: a file cannot be used.
    """

    def __init__(self, files: Files) -> None:
        self._trust: Any
        if files.ca is None:
            self._trust = platformTrust()  # type: ignore[no-untyped-call]
        else:
            self._trust = trustRootFromCertificates(_authorities(files.ca))  # type: ignore[no-untyped-call]
        self._certificate: Any = None
        if files.certificate is not None and files.key is not None:
            self._certificate = _own(files.certificate, files.key)

    @property
    def has_certificate(self) -> bool:
        """Whether we prove who we are."""
        return self._certificate is not None

    def creatorForNetloc(self, hostname: bytes, port: int) -> Any:
        return optionsForClientTLS(
            hostname.decode("ascii"),
            trustRoot=self._trust,
            clientCertificate=self._certificate,
            extraCertificateOptions={"raiseMinimumTo": TLSVersion.TLSv1_2},
        )


def _authorities(path: Path) -> list[Any]:
    """Every certificate of a PEM file."""
    data = _read(path)
    found = []
    for part in data.split(_END)[:-1]:
        try:
            found.append(Certificate.loadPEM(part + _END))
        except (SSL.Error, ValueError):
            raise BadCertificate(f"{path} holds a certificate that cannot be read") from None
    if not found:
        raise BadCertificate(f"{path} holds no certificate")
    return found


def _own(certificate: Path, key: Path) -> Any:
    try:
        made = PrivateCertificate.loadPEM(  # type: ignore[no-untyped-call]
            _read(key) + b"\n" + _read(certificate)
        )
        CertificateOptions(privateKey=made.privateKey.original, certificate=made.original).getContext()
    except (SSL.Error, ValueError, TypeError):
        raise BadCertificate(f"{certificate} and {key} are no certificate and its key") from None
    return made


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_PEM)
    except OSError as error:
        raise BadCertificate(f"{path} cannot be read: {error.strerror}") from None
