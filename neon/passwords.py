"""Password hashes: scrypt (RFC 7914), written C{scrypt$n$r$p$salt$hash} with base64 salt and hash."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from dataclasses import dataclass, field
from typing import Self

N, R, P = 1 << 14, 8, 1
"""About 50 ms and 16 MB for one guess."""

N_FOR_RANDOM = 1 << 4
"""Enough for a password that we made of so many random bits that nobody can guess it: stretching adds nothing."""

MAX_MEMORY = 64 << 20


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """What is kept instead of a password. Both operations are slow on purpose: run them in a thread."""

    n: int
    r: int
    p: int
    salt: bytes = field(repr=False)
    digest: bytes = field(repr=False)

    @classmethod
    def of(cls, password: str, n: int = N, r: int = R, p: int = P) -> Self:
        """Hash a new password with a fresh salt."""
        salt = os.urandom(16)
        return cls(n, r, p, salt, _scrypt(password, n, r, p, salt, 32))

    @classmethod
    def decoy(cls) -> Self:
        """What no password matches, in the time that a real one takes. Costs nothing to make."""
        return cls(N, R, P, os.urandom(16), os.urandom(32))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what C{str()} wrote.

        @raise ValueError: it is something else, or would need more than 64 MB.
        """
        wrong = ValueError("must be written scrypt$n$r$p$salt$hash, as 'twistd neon --hash-password' prints it")
        try:
            scheme, n, r, p, salt, digest = text.split("$")
            octets = [base64.b64decode(value, validate=True) for value in (salt, digest)]
            parsed = cls(int(n), int(r), int(p), *octets)
        except (ValueError, binascii.Error):
            raise wrong from None
        sizes_fit = len(parsed.salt) in range(8, 65) and len(parsed.digest) in range(16, 65)
        if scheme != "scrypt" or not sizes_fit or parsed.n < 2 or parsed.n & (parsed.n - 1) or parsed.r < 1:
            raise wrong
        if not 1 <= parsed.p <= 16 or 128 * parsed.n * parsed.r > MAX_MEMORY // 2:
            raise ValueError("asks for more memory or time than a login may take (n * r at most 262144, p at most 16)")
        return parsed

    def __str__(self) -> str:
        salt, digest = (base64.b64encode(value).decode("ascii") for value in (self.salt, self.digest))
        return f"scrypt${self.n}${self.r}${self.p}${salt}${digest}"

    def matches(self, password: str) -> bool:
        """Whether this is the hash of C{password}, in a time that does not depend on the answer."""
        return hmac.compare_digest(_scrypt(password, self.n, self.r, self.p, self.salt, len(self.digest)), self.digest)


def _scrypt(password: str, n: int, r: int, p: int, salt: bytes, length: int) -> bytes:
    secret = password.encode("utf-8", "surrogatepass")
    return hashlib.scrypt(secret, salt=salt, n=n, r=r, p=p, dklen=length, maxmem=MAX_MEMORY)
