"""Texts with places in them, C{/accounts/{number}/balance}, and how a value is written into each kind of text.

A place is a name of L{PLACES} in braces; any other brace is a brace, so that a JSON body needs no escapes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias
from urllib.parse import quote
from xml.sax.saxutils import escape

from neon.operatorvalues import Service

Values: TypeAlias = Mapping[str, str]
Escape: TypeAlias = Callable[[str], str]

EVERYWHERE: Final = ("language", "version")

PLACES: Final[Mapping[Service, tuple[str, ...]]] = {
    Service.SIGNUP: ("login", "password", "name", "email", "phone", *EVERYWHERE),
    Service.PROVISIONING: ("login", "password", *EVERYWHERE),
    Service.BALANCE: ("number", "domain", "login", *EVERYWHERE),
    Service.LICENCE: ("key", "number", "domain", "login", *EVERYWHERE),
}
"""What each service can be told."""

_PLACE: Final = re.compile(r"\{([a-z][a-z-]*)\}")
_PARAMETER: Final = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_.-]{0,63})\s*=(.*)\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Template:
    """A text and the places in it."""

    text: str

    @classmethod
    def parse(cls, text: str, service: Service) -> Template:
        """Check the places.

        @raise ValueError: there is no such place in this service's requests.
        """
        for name in _PLACE.findall(text):
            if name not in PLACES[service]:
                known = ", ".join(f"{{{place}}}" for place in PLACES[service])
                raise ValueError(f"has no place {{{name}}}; there are {known}")
        return cls(text)

    def names(self) -> frozenset[str]:
        """The places that are there."""
        return frozenset(_PLACE.findall(self.text))

    def render(self, values: Values, how: Escape) -> str:
        """The text with every value in its place; one that is not known is empty."""
        return _PLACE.sub(lambda match: how(values.get(match[1], "")), self.text)


def as_it_is(value: str) -> str:
    return value


def in_url(value: str) -> str:
    """Percent-encoded, slashes too: a value never becomes a path."""
    return quote(value, safe="")


def in_json(value: str) -> str:
    """For the inside of a JSON string."""
    return json.dumps(value)[1:-1]


def in_xml(value: str) -> str:
    """For character data and attribute values."""
    return escape(xml_text(value), {'"': "&quot;", "'": "&apos;"})


_IMPOSSIBLE: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml_text(value: str) -> str:
    """What XML 1.0 can hold of a text (section 2.2, "Char")."""
    return _IMPOSSIBLE.sub("", value)


def parameters(text: str, service: Service) -> tuple[tuple[str, Template], ...]:
    """C{Login={login}, Password={password}}: names as they go to the operator, and what goes with each.

    @raise ValueError: a part is not C{Name=value}, or has a place that is none.
    """
    found: list[tuple[str, Template]] = []
    for part in text.split(","):
        if not part.strip():
            continue
        match = _PARAMETER.match(part)
        if match is None:
            raise ValueError("must be Name={place} pairs with commas between them")
        if match[1] in (name for name, _ in found):
            raise ValueError(f"has {match[1]} twice")
        found.append((match[1], Template.parse(match[2].strip(), service)))
    return tuple(found)


DEFAULT_PARAMETERS: Final[Mapping[Service, str]] = {
    Service.SIGNUP: "Login={login}, Password={password}, Name={name}, EMail={email}, Phone={phone}",
    Service.PROVISIONING: "Login={login}, Password={password}",
    Service.BALANCE: "Number={number}",
    Service.LICENCE: "Number={number}, Key={key}",
}
"""As the document of the web services has them; it leaves the licence's to the operator."""
