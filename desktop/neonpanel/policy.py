"""What the window may show: the daemon's own page, and nothing else. No GTK here, so that it can be tested alone."""

from __future__ import annotations

import enum
from typing import Final
from urllib.parse import SplitResult, urlsplit

HOSTS: Final = ("localhost", "127.0.0.1", "::1")
LONGEST: Final = 2048
OUTSIDE: Final = ("https", "http", "mailto")
"""What the person's own programs may be asked to open."""

INSIDE_FRAMES: Final = ("about:srcdoc", "about:blank")
"""What an operator says is shown in a sandboxed frame without an address."""


class Verdict(enum.Enum):
    """What becomes of a navigation."""

    SHOW = "show"
    OUTSIDE = "outside"
    """It is for the person's browser."""
    REFUSE = "refuse"


def origin(url: str) -> str | None:
    """The origin of an address that can be the panel's, C{http://localhost:15060}; None if it cannot."""
    parts = _split(url)
    if parts is None or parts.scheme != "http" or parts.hostname not in HOSTS or parts.username is not None:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"http://{host}:{parts.port or 80}"


def is_panel(url: str) -> bool:
    """Whether this is an address to begin with: the page itself at this machine, and perhaps a ticket behind C{#}."""
    parts = _split(url)
    return origin(url) is not None and parts is not None and parts.path in ("", "/", "/panel") and not parts.query


def judge(url: str, ours: str | None, *, by_hand: bool) -> Verdict:
    """C{ours} is the origin that the window belongs to; C{by_hand}: the person clicked on something."""
    if url in INSIDE_FRAMES or (ours is not None and origin(url) == ours):
        return Verdict.SHOW
    parts = _split(url)
    return Verdict.OUTSIDE if by_hand and parts is not None and parts.scheme in OUTSIDE else Verdict.REFUSE


def _split(url: str) -> SplitResult | None:
    if len(url) > LONGEST or any(ord(character) <= 32 for character in url):
        return None
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises for one that is none
    except ValueError:
        return None
    return parts

