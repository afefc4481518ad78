"""Tickets for the panel: a person who can run a program as the daemon's user types no password.

A ticket is the secret of one address of the panel, C{http://localhost:15060/#ticket=...}. It is good for one sign-in
within a minute. Browsers send no fragment to a server and write it into no Referer, and the page takes it off its
address before it does anything else; so what stays in a browser's history opens nothing.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

from neon.ports import Clock

TICKET_SECONDS: Final = 60.0
MAX_TICKETS: Final = 16


class Tickets:
    """The tickets that nobody has used yet, as hashes; of more than sixteen the oldest goes."""

    def __init__(self, clock: Clock, seconds: float = TICKET_SECONDS) -> None:
        self._clock = clock
        self.seconds = seconds
        self._ends: dict[bytes, float] = {}

    def issue(self) -> str:
        """A new ticket: 192 random bits, safe in a URL."""
        self._expire()
        while len(self._ends) >= MAX_TICKETS:
            del self._ends[next(iter(self._ends))]
        ticket = secrets.token_urlsafe(24)
        self._ends[_digest(ticket)] = self._clock.seconds() + self.seconds
        return ticket

    def redeem(self, ticket: str) -> bool:
        """Whether this is a ticket that nobody has used and that is not too old. It is used now."""
        self._expire()
        return self._ends.pop(_digest(ticket), None) is not None

    def _expire(self) -> None:
        now = self._clock.seconds()
        self._ends = {digest: end for digest, end in self._ends.items() if end > now}


def _digest(ticket: str) -> bytes:
    # As with tokens: a look-up by digest tells nothing by its timing.
    return hashlib.sha256(ticket.encode("utf-8", "surrogatepass")).digest()
