"""The text of digest challenges and credentials, and the arithmetic behind them (RFC 7616, RFC 8760).

Headers are read tolerantly from their raw text, because what comes off real networks is not always what the
grammar allows: several challenges in one line, missing commas, bare C{qop=auth,auth-int}, unknown parameters,
any case of names. What is between quotes is kept as written, escapes included: RFC 3261 section 25.1 defines
C{unq()} as the quoted string without its quotes, and that is what is hashed and echoed.
"""

from __future__ import annotations

import enum
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

MAXIMUM_LENGTH = 8192
"""A header longer than this is not read at all."""

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_PARAMETER = re.compile(rf'({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"?|([^\s,"]*))')
_WORD = re.compile(_TOKEN)
_GAP = re.compile(r"[\s,]*")


@dataclass(frozen=True, slots=True)
class Credentials:
    """One challenge or one set of credentials: a scheme and its parameters, names in lower case.

    A parameter that is given twice counts as it was given first.
    """

    scheme: str
    parameters: dict[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str | None:
        return self.parameters.get(name)


def parse(text: str) -> list[Credentials]:
    """Read every challenge of one header, in order; what cannot be read is left out.

    >>> parse('Digest realm="a, b", nonce="1", qop="auth,auth-int"')[0].get("realm")
    'a, b'
    """
    if len(text) > MAXIMUM_LENGTH:
        return []
    found: list[Credentials] = []
    last = ""
    position = 0
    while (position := _end_of_gap(text, position)) < len(text):
        if parameter := _PARAMETER.match(text, position):
            last = parameter[1].lower()
            value = parameter[2] if parameter[2] is not None else parameter[3]
            if found:
                found[-1].parameters.setdefault(last, value)
            position = parameter.end()
        elif word := _WORD.match(text, position):
            if found and last == "qop" and word[0].lower() in ("auth", "auth-int"):
                found[-1].parameters["qop"] += "," + word[0]  # qop=auth,auth-int without its quotes
            else:
                found.append(Credentials(word[0].lower()))
                last = ""
            position = word.end()
        else:
            position += 1
    return found


def _end_of_gap(text: str, position: int) -> int:
    gap = _GAP.match(text, position)
    return gap.end() if gap else position


def quote(value: str) -> str:
    """A quoted string that holds the given text, which was not escaped before."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def unescape(value: str) -> str:
    """The inverse of L{quote}, for what stood between the quotes."""
    return re.sub(r"\\(.)", r"\1", value)


class Algorithm(enum.Enum):
    """The digest algorithms of RFC 7616 section 6.1, strongest first."""

    SHA_512_256 = "SHA-512-256"
    SHA_512_256_SESS = "SHA-512-256-sess"
    SHA_256 = "SHA-256"
    SHA_256_SESS = "SHA-256-sess"
    MD5 = "MD5"
    MD5_SESS = "MD5-sess"

    @classmethod
    def named(cls, name: str | None) -> Algorithm | None:
        """The algorithm of that name in any case; none given means MD5 (RFC 7616, section 3.3)."""
        if name is None:
            return cls.MD5
        return next((one for one in cls if one.value.lower() == name.lower()), None)

    @property
    def session(self) -> bool:
        return self.value.endswith("-sess")

    @property
    def strength(self) -> int:
        """The smaller the better: the order of preference of RFC 8760 section 2.4, ours where it leaves a choice."""
        return list(Algorithm).index(self)

    @property
    def is_md5(self) -> bool:
        return self in (Algorithm.MD5, Algorithm.MD5_SESS)

    def digest(self, *parts: str) -> str:
        """H() of the parts joined by colons, in lower-case hexadecimal. Undecodable bytes pass as they came."""
        data = ":".join(parts).encode("utf-8", "surrogateescape")
        if self.is_md5:
            return hashlib.md5(data, usedforsecurity=False).hexdigest()
        return hashlib.new("sha256" if self.value.startswith("SHA-256") else "sha512_256", data).hexdigest()


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything that goes into one response computation (RFC 7616, section 3.4.1).

    C{qop} None computes the form of RFC 2069, which RFC 3261 section 22.4 keeps alive.
    """

    algorithm: Algorithm
    username: str
    realm: str
    password: str = field(repr=False)
    method: str
    uri: str
    nonce: str
    qop: str | None = None
    cnonce: str = ""
    nc: str = "00000001"
    body: str = field(default="", repr=False)

    @property
    def response(self) -> str:
        digest = self.algorithm.digest
        a1 = digest(self.username, self.realm, self.password)
        if self.algorithm.session:
            a1 = digest(a1, self.nonce, self.cnonce)
        a2 = [self.method, self.uri]
        if self.qop == "auth-int":
            a2.append(digest(self.body))
        if self.qop is None:
            return digest(a1, self.nonce, digest(*a2))
        return digest(a1, self.nonce, self.nc, self.cnonce, self.qop, digest(*a2))


def choose_qop(offered: str | None) -> tuple[bool, str | None]:
    """Pick a quality of protection from a challenge: whether it can be used at all, and which.

    C{auth} before C{auth-int}, since bodies are changed on their way by many a proxy.
    """
    if offered is None or not offered.strip():
        return True, None
    names = [name.strip().lower() for name in offered.split(",")]
    for known in ("auth", "auth-int"):
        if known in names:
            return True, known
    return False, None


def join(parameters: Iterable[tuple[str, str]]) -> str:
    """The header's text for parameters whose values are ready for the wire."""
    return "Digest " + ", ".join(f"{name}={value}" for name, value in parameters)
