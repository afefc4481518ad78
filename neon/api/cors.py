"""Who may ask by HTTP, and what browsers are told about it (Fetch standard, "CORS protocol").

The decision about an C{Origin} is made by an L{OriginPolicy}; this module gathers what it decides on, and turns
the verdict into the headers that every answer carries, refusals and errors included.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol

from neon.api.throttle import Bucket
from neon.values import Address

METHODS: Final = "GET, POST, HEAD, OPTIONS"
EXPOSED: Final = "X-NEON-Discarded"
PREFLIGHT_SECONDS: Final = 600

_TOKENS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+(?:[ \t]*,[ \t]*[A-Za-z0-9!#$%&'*+.^_`|~-]+)*\Z")

# The browsers' extra question before a page may talk to a loopback server: "Private Network Access" in Chromium up to
# its 2025 releases, and the name that the successor's drafts used.
_NETWORKS: Final = ("Private-Network", "Local-Network")


class Connection(Protocol):
    """A protocol with its transport (Twisted's)."""

    transport: Any


@dataclass(frozen=True, slots=True)
class Visitor:
    """A request as far as admission looks at it.

    A header that is absent is None; one that came twice has its values joined by a comma, so it equals nothing that
    is allowed. C{preflight} is a browser's question whether it may ask (an OPTIONS that runs nothing). C{connection}
    is what it came by, as far as connections are counted.
    """

    peer: Address
    local: Address
    host: str | None
    origin: str | None
    fetch_site: str | None
    preflight: bool = False
    connection: Connection | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """C{status} 200 lets a request through; anything else (403, 421, 503) refuses it with C{reason}, a sentence.

    C{allow_origin} is the Origin that the answer, good or bad, may be read by; None where there is none that may.
    C{origin} is who the visitor is, for tokens and limits: a page's normalised origin, None for a program.
    """

    status: int = 200
    reason: str = ""
    allow_origin: str | None = None
    origin: str | None = None

    @property
    def admitted(self) -> bool:
        return self.status == 200


class OriginPolicy(Protocol):
    """Decides at once; it may ask the user meanwhile, for the next time."""

    def entered(self, connection: Connection, peer: Address, local: Address) -> Verdict:
        """A connection was made: whether there is room for it. L{left} is called when it is gone, in any case."""

    def left(self, connection: Connection) -> None:
        """A connection is gone."""

    def bucket(self) -> Bucket:
        """The requests of one connection."""

    def decide(self, visitor: Visitor) -> Verdict:
        """Whether this request is let through."""


def headers(verdict: Verdict) -> Iterator[tuple[str, str]]:
    """What every answer carries."""
    yield "Vary", "Origin"
    if verdict.allow_origin is not None:
        yield "Access-Control-Allow-Origin", verdict.allow_origin
        yield "Access-Control-Expose-Headers", EXPOSED


def preflight_headers(verdict: Verdict, asked: Callable[[str], str | None]) -> Iterator[tuple[str, str]]:
    """What an answer to OPTIONS carries beside L{headers}; C{asked} looks a request header up."""
    yield "Allow", METHODS
    if verdict.allow_origin is None:
        return
    yield "Access-Control-Allow-Methods", METHODS
    yield "Access-Control-Max-Age", str(PREFLIGHT_SECONDS)
    wanted = asked("Access-Control-Request-Headers")
    if wanted and len(wanted) <= 1024 and _TOKENS.match(wanted):
        # We read none of them, so there is none that an approved page may not send.
        yield "Access-Control-Allow-Headers", wanted
    for network in _NETWORKS:
        if asked(f"Access-Control-Request-{network}") == "true":
            yield f"Access-Control-Allow-{network}", "true"
