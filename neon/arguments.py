"""Reads the parameters of a command: names in any case, values in every spelling of spec section 2.

Values arrive as JSON has them (text, number, boolean, null) or as the text of a form; behind this module they have
the types that the functions of L{neon.commands} declare.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from neon import dialling, parsing
from neon.errors import InvalidArgument

T = TypeVar("T")

REQUIRED: Final = object()

MAX_ID: Final = (1 << 53) - 1
"""The largest whole number that a JavaScript client keeps exactly."""

Given = Mapping[str, list[object]]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a command.

    C{name} is its lower-case name; C{aliases} are misprints and synonyms that are accepted for it; C{into} is the
    keyword argument of the command's function, where that differs. Without a default it has to be given.
    C{parse} raises ValueError with the rest of a sentence that begins with the name.
    """

    name: str
    parse: Callable[[object], Any]
    default: object = REQUIRED
    into: str = ""
    aliases: tuple[str, ...] = ()

    @property
    def keyword(self) -> str:
        return self.into or self.name


def fold(pairs: Iterable[tuple[str, object]]) -> dict[str, list[object]]:
    """All values by lower-case name; null is the same as not given."""
    given: dict[str, list[object]] = {}
    for name, value in pairs:
        if value is not None:
            given.setdefault(name.strip().lower(), []).append(value)
    return given


def read(parameters: Iterable[Parameter], given: Given) -> dict[str, Any]:
    """The keyword arguments that C{given} makes; names that no parameter has are ignored.

    @raise InvalidArgument: one is missing, malformed, or given twice with different values.
    """
    return {parameter.keyword: _read_one(parameter, given) for parameter in parameters}


def _read_one(parameter: Parameter, given: Given) -> Any:
    values = [value for name in (parameter.name, *parameter.aliases) for value in given.get(name, ())]
    if not values:
        if parameter.default is REQUIRED:
            raise InvalidArgument(f"{parameter.name} is missing")
        return parameter.default
    try:
        parsed = [parameter.parse(value) for value in values]
    except ValueError as error:
        raise InvalidArgument(f"{parameter.name} {error}") from None
    if any(value != parsed[0] for value in parsed[1:]):
        raise InvalidArgument(f"{parameter.name} was given twice with different values")
    return parsed[0]


def shown(value: object) -> str:
    """What was given, short enough for a message."""
    return parsing.quoted(value) if isinstance(value, str) else f"this {type(value).__name__}"


def _word(value: object) -> str:
    """The text of a value that may also be a JSON number: C{600} dials as C{"600"} does."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_ID:
        return str(value)
    if isinstance(value, float) and value.is_integer() and abs(value) <= MAX_ID:
        return str(int(value))
    raise ValueError("must be text")


def _from_text(parse: Callable[[str], T]) -> Callable[[object], T]:
    def parsed(value: object) -> T:
        return parse(_word(value))

    return parsed


def boolean(value: object) -> bool:
    """A boolean in every spelling that the documents' clients use."""
    return value if isinstance(value, bool) else parsing.boolean(_word(value))


def whole_number(lowest: int, highest: int) -> Callable[[object], int]:
    """A JSON number or its decimal text."""
    return _from_text(parsing.whole_number(lowest, highest))


identifier: Final = whole_number(1, MAX_ID)


def choice(*words: str) -> Callable[[object], str]:
    """One of some words."""
    return _from_text(parsing.choice(*words))


def _something(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    return parsing.line(text)


def _trimmed(parse: Callable[[str], T]) -> Callable[[str], T]:
    return lambda text: parse(text.strip(" "))


text: Final = _from_text(_something)
password: Final = _from_text(parsing.secret)
sip_user: Final = _from_text(_trimmed(parsing.sip_user))
proxy: Final = _from_text(_trimmed(parsing.proxy))
dial_string: Final = _from_text(dialling.parse)


@dataclass(frozen=True, slots=True)
class Domain:
    """C{host}, C{host:port}, and the transport that may follow."""

    host: str
    port: int | None
    transport: str


def _domain(text: str) -> Domain:
    address, *options = (part.strip(" ") for part in text.split(";"))
    transport = "udp"
    for option in options:
        name, _, value = option.partition("=")
        if name.strip(" ").lower() != "transport":
            raise ValueError(f"must be host or host:port, optionally with ;transport=udp, not {parsing.quoted(text)}")
        transport = parsing.transport(value)
    return Domain(*parsing.host_port(address), transport)


domain: Final = _from_text(_domain)
