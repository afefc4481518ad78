"""The servers of one account: which there are, which one serves us, and which is tried next (RFC 3263, section 4.3).

Attempts go by the order of the resolver, which puts the preferred server first each time. Calls go to the one that
accepted our last registration, so an attempt at the preferred one costs them nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from neon.sip.transport import unbracketed
from neon.values import Destination

_TLS_ONLY: Final = frozenset(("tls",))


class Targets:
    """Empty until L{found}."""

    def __init__(self) -> None:
        self._transports: dict[str, frozenset[str]] = {}
        """By which ways each of them is reached: it is asked for every message that arrives."""
        self.known: tuple[Destination, ...] = ()
        """All of them, the preferred one first."""
        self.tried: Destination | None = None
        """Where the last request went."""
        self.serving: Destination | None = None
        """Which of them accepted us last; None after it has failed us and another is looked for."""
        self._untried: list[Destination] = []

    @property
    def best(self) -> Destination | None:
        """Where other requests of the account should go: the one that serves us, or the one that is being tried."""
        return self.serving or self.tried

    @property
    def others_left(self) -> bool:
        """Whether this round has another one to try."""
        return bool(self._untried)

    @property
    def preferred(self) -> Destination | None:
        """The first of them, if that is not the one that serves us."""
        return self.known[0] if self.known and self.serving is not None and self.serving != self.known[0] else None

    def found(self, destinations: Sequence[Destination]) -> None:
        """The name was resolved: a new round begins."""
        self.known = tuple(destinations)
        ways: dict[str, set[str]] = {}
        for known in self.known:
            ways.setdefault(unbracketed(known.host), set()).add(known.transport)
        self._transports = {host: frozenset(transports) for host, transports in ways.items()}
        if self.serving not in self.known:
            self.serving = None
        self.again()

    def again(self) -> None:
        """A new round with those that are known already."""
        self._untried = list(self.known)

    def next(self) -> Destination | None:
        """The next of this round, None if there is none."""
        if not self._untried:
            return None
        self.tried = self._untried.pop(0)
        return self.tried

    def accepted(self) -> None:
        """The last one tried has accepted us."""
        self.serving = self.tried

    def failed(self) -> None:
        """The last one tried does not answer, or is in trouble."""
        if self.serving == self.tried:
            self.serving = None

    def has(self, host: str, transport: str | None = None) -> bool:
        """Whether C{host}, a numeric address, is one of theirs.

        Whom we reach by TLS only is not believed to be who sends by another C{transport}: that address may be forged
        (RFC 3261, section 26.3.2).
        """
        there = self._transports.get(unbracketed(host))
        return there is not None and (transport in (None, "tls") or there != _TLS_ONLY)
