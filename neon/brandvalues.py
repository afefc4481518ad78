"""What an operator's brand consists of, and how its words are written (C{[brand]} in L{neon.sections})."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from neon import parsing

LONGEST_NAME: Final = 40
LONGEST_LINK: Final = 500

_COLOUR: Final = re.compile(r"#[0-9A-Fa-f]{6}\Z")
_LINK: Final = re.compile(r"[!#-;=?-Z_a-z~]+\Z")


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture that is safe to show. C{flaws} are sentences about what was left out of it."""

    content_type: str
    data: bytes = field(repr=False)
    flaws: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Brand:
    """How NEON shows itself. Colours are C{#rrggbb}; what is not there is empty."""

    name: str = "NEON"
    colour: str = ""
    accent_colour: str = ""
    website: str = ""
    support: str = ""
    logo: Logo | None = None


def name(text: str) -> str:
    """The name of a brand."""
    found = parsing.line(text).strip()
    if not 1 <= len(found) <= LONGEST_NAME or not found.isprintable():
        raise ValueError(f"must have 1 to {LONGEST_NAME} characters")
    return found


def colour(text: str) -> str:
    """C{#rrggbb}, or nothing."""
    word = text.strip()
    if word and not _COLOUR.match(word):
        raise ValueError(f"must be written like #1a6fb0, not {parsing.quoted(text)}")
    return word.lower()


def website(text: str) -> str:
    """An address that begins with https, or nothing."""
    return _link(text, ("https",))


def support(text: str) -> str:
    """Where customers ask: a page, an address for mail, a number; or nothing."""
    return _link(text, ("https", "mailto", "tel"))


def _link(text: str, schemes: tuple[str, ...]) -> str:
    word = text.strip()
    if not word:
        return ""
    try:
        parts = urlsplit(word)
    except ValueError:
        parts = urlsplit("")
    whole = bool(parts.hostname) if parts.scheme == "https" else bool(parts.path)
    if parts.scheme not in schemes or not whole or not _LINK.match(word) or len(word) > LONGEST_LINK:
        raise ValueError(f"must begin with {' or '.join(f'{scheme}:' for scheme in schemes)} and be whole")
    return word
