"""HTTP authentication to an operator's service: basic (RFC 7617), bearer (RFC 6750), digest (RFC 7616)."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from neon.challenge import Algorithm, Answer, choose_qop, join, parse, quote, unescape


@dataclass(slots=True)
class _Nonce:
    """A challenge that was answered: its nonce serves until the server says otherwise."""

    realm: str
    nonce: str
    algorithm: Algorithm
    qop: str | None
    opaque: str | None
    used: int = 0


class Authorization:
    """The C{Authorization} of requests; C{kind} is none, basic, bearer or digest.

    For digest a first request goes without, and L{challenged} says whether a second one makes sense.
    """

    def __init__(
        self, kind: str, user: str, password: str, make_cnonce: Callable[[], str] = lambda: secrets.token_hex(16)
    ) -> None:
        self._kind = kind
        self._user = user
        self._password = password
        self._make_cnonce = make_cnonce
        self._nonce: _Nonce | None = None
        self._strong = False

    @property
    def is_secret(self) -> bool:
        """Whether what goes out would be of use to somebody else."""
        return self._kind in ("basic", "bearer")

    def header(self, method: str, url: str, body: bytes) -> str | None:
        """The header's value, if there is one to send."""
        if self._kind == "basic":
            return "Basic " + base64.b64encode(f"{self._user}:{self._password}".encode()).decode("ascii")
        if self._kind == "bearer":
            return f"Bearer {self._password}"
        if self._kind != "digest" or self._nonce is None:
            return None
        return self._digest(self._nonce, method, url, body)

    def challenged(self, headers: Sequence[str]) -> bool:
        """Take note of the C{WWW-Authenticate} headers of a 401; whether sending the request again is worth it."""
        if self._kind != "digest":
            return False
        offered: list[_Nonce] = []
        stale = False
        for header in headers:
            for challenge in parse(header):
                algorithm = Algorithm.named(challenge.get("algorithm"))
                usable, qop = choose_qop(challenge.get("qop"))
                realm, nonce = challenge.get("realm"), challenge.get("nonce")
                if challenge.scheme != "digest" or realm is None or nonce is None or algorithm is None or not usable:
                    continue
                if algorithm.session and qop is None:
                    continue
                stale = stale or (challenge.get("stale") or "").lower() == "true"
                offered.append(_Nonce(realm, nonce, algorithm, qop, challenge.get("opaque")))
        self._strong = self._strong or any(not one.algorithm.is_md5 for one in offered)
        offered = [one for one in offered if not (self._strong and one.algorithm.is_md5)]
        if not offered:
            return False
        before = self._nonce
        self._nonce = min(offered, key=lambda one: one.algorithm.strength)
        # Refused with a nonce that was fresh: the password is wrong, and asking again changes nothing.
        return before is None or stale or before.used > 1

    def _digest(self, nonce: _Nonce, method: str, url: str, body: bytes) -> str:
        parts = urlsplit(url)
        uri = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        nonce.used += 1
        cnonce = self._make_cnonce()
        answer = Answer(
            algorithm=nonce.algorithm,
            username=self._user,
            realm=unescape(nonce.realm),
            password=self._password,
            method=method,
            uri=uri,
            nonce=nonce.nonce,
            qop=nonce.qop,
            cnonce=cnonce,
            nc=f"{nonce.used:08x}",
            body=body.decode("utf-8", "surrogateescape"),
        )
        parameters = [
            ("username", quote(self._user)),
            ("realm", f'"{nonce.realm}"'),
            ("nonce", f'"{nonce.nonce}"'),
            ("uri", quote(uri)),
            ("response", f'"{answer.response}"'),
            ("algorithm", nonce.algorithm.value),
        ]
        if nonce.opaque is not None:
            parameters.append(("opaque", f'"{nonce.opaque}"'))
        if nonce.qop is not None:
            parameters += [("qop", nonce.qop), ("nc", answer.nc), ("cnonce", f'"{cnonce}"')]
        return join(parameters)


