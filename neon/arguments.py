"""Reads the parameters of a command: names in any case, values in every spelling of spec section 2.

Values arrive as JSON has them (text, number, boolean, null) or as the text of a form; behind this module they have
the types that the functions of L{neon.commands} declare.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from neon import dialling, digits, headers, parsing
from neon.audioframes import RATES
from neon.errors import InvalidArgument
from neon.values import Codec

T = TypeVar("T")
E = TypeVar("E", bound=enum.Enum)
T_co = TypeVar("T_co", covariant=True)

REQUIRED: Final = object()

MAX_ID: Final = (1 << 53) - 1
"""The largest whole number that a JavaScript client keeps exactly."""

Given = Mapping[str, list[object]]

Schema = Mapping[str, Any]
"""A JSON Schema (draft 2020-12)."""


@dataclass(frozen=True, slots=True)
class Kind(Generic[T_co]):
    """A type of parameter: how it is read, and how it is described.

    Whatever C{schema} allows, C{parse} takes; C{parse} is more tolerant than C{schema} says.
    """

    parse: Callable[[object], T_co]
    schema: Schema

    def __call__(self, value: object) -> T_co:
        return self.parse(value)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a command.

    C{name} is its lower-case name; C{aliases} are misprints and synonyms that are accepted for it; C{into} is the
    keyword argument of the command's function, where that differs. Without a default it has to be given.
    C{parse} raises ValueError with the rest of a sentence that begins with the name. C{about} is a sentence for the
    reference documentation, C{spelled} the name with its capitals where it has some, C{extension} whether the
    original documents lack it.
    """

    name: str
    parse: Kind[Any]
    default: object = REQUIRED
    into: str = ""
    aliases: tuple[str, ...] = ()
    about: str = ""
    spelled: str = ""
    extension: bool = False

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


def _silent(warning: str) -> None:
    """Nobody wants to know."""


def read(
    parameters: Iterable[Parameter], given: Given, warn: Callable[[str], None] = _silent
) -> dict[str, Any]:
    """The keyword arguments that C{given} makes; names that no parameter has are ignored.

    C{warn} hears of every misprint that was accepted.

    @raise InvalidArgument: one is missing, malformed, or given twice with different values.
    """
    return {parameter.keyword: _read_one(parameter, given, warn) for parameter in parameters}


def _read_one(parameter: Parameter, given: Given, warn: Callable[[str], None]) -> Any:
    for alias in parameter.aliases:
        if alias in given:
            warn(f"the parameter {alias} was read as {parameter.name}")
    values = [value for name in (parameter.name, *parameter.aliases) for value in given.get(name, ())]
    if not values:
        if parameter.default is REQUIRED:
            raise InvalidArgument(f"{parameter.name} is missing")
        return parameter.default
    try:
        parsed = [parameter.parse(value) for value in values]
    except ValueError as error:
        raise InvalidArgument(f"{parameter.name} {error}") from None
    if len(parsed) > 1 and any(value != parsed[0] for value in parsed[1:]):
        raise InvalidArgument(f"{parameter.name} was given twice with different values")
    return parsed[0]


def shown(value: object) -> str:
    """What was given, short enough for a message."""
    # In JSON's words; what is none of these is an object, whatever class the skin's decoder makes of it.
    return parsing.quoted(value) if isinstance(value, str) else f"this {_JSON_TYPES.get(type(value), 'object')}"


_JSON_TYPES: Final = {bool: "boolean", int: "number", float: "number", list: "list"}


def _word(value: object, wanted: str = "text") -> str:
    """The text of a value that may also be a JSON number: C{600} dials as C{"600"} does."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_ID:
        return str(value)
    if isinstance(value, float) and value.is_integer() and abs(value) <= MAX_ID:
        return str(int(value))
    raise ValueError(f"must be {wanted}, not {shown(value)}")


def written(parse: Callable[[str], T], **schema: object) -> Kind[T]:
    """A kind of text; a number in its place is taken as its digits. The schema's words are those for text."""
    return Kind(lambda value: parse(_word(value)), {"type": "string", **schema})


def _boolean(value: object) -> bool:
    return value if isinstance(value, bool) else parsing.boolean(_word(value, "yes or no"))


boolean: Final = Kind(
    _boolean,
    {"type": ["boolean", "string", "integer"], "enum": [True, False, *sorted(parsing.TRUE_WORDS),
                                                       *sorted(parsing.FALSE_WORDS)]},
)
"""A boolean in every spelling that the documents' clients use."""


def whole_number(lowest: int, highest: int) -> Kind[int]:
    """A JSON number or its decimal text."""
    limits = {"type": "integer", "minimum": lowest, "maximum": highest}
    parse = parsing.whole_number(lowest, highest)
    return Kind(lambda value: parse(_word(value, f"a whole number from {lowest} to {highest}")), limits)


identifier: Final = whole_number(1, MAX_ID)


def identifiers(most: int) -> Kind[tuple[int, ...]]:
    """A list of whole numbers; in a form, text with commas between them."""

    def parse(value: object) -> tuple[int, ...]:
        items = value.replace(",", " ").split() if isinstance(value, str) else value
        items = [items] if isinstance(items, int) else items  # one of them, without brackets
        if not isinstance(items, (list, tuple)) or not 1 <= len(items) <= most:
            raise ValueError(f"must be a list of one to {most} numbers, or text with commas between them")
        return tuple(dict.fromkeys(identifier(item) for item in items))

    schema = {"type": "array", "items": identifier.schema, "minItems": 1, "maxItems": most}
    return Kind(parse, schema)


packet_time: Final = Kind(
    lambda value: parsing.packet_time(_word(value, "10, 20, 30, 40, 50 or 60")),
    {"type": "integer", "enum": [10, 20, 30, 40, 50, 60]},
)


def status_of(*numbers: int) -> Kind[int]:
    """One of some SIP statuses."""
    parse = parsing.status_of(*numbers)
    described = f"one of {', '.join(map(str, numbers))}"
    return Kind(lambda value: parse(_word(value, described)), {"type": "integer", "enum": list(numbers)})


audio_rate: Final = Kind(
    lambda value: parsing.status_of(*RATES)(_word(value, "8000 or 16000")), {"type": "integer", "enum": list(RATES)}
)


def _header_fields(value: object) -> headers.Headers:
    if isinstance(value, str):  # in a form
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise ValueError('must be an object such as {"X-CRM-Id": "7"}') from None
    # A decoder that keeps what was given twice makes an object a list of pairs, of a class of its own.
    pairs = list(value.items()) if isinstance(value, Mapping) else value
    if not isinstance(pairs, list) or type(value) is list or not all(isinstance(pair, tuple) for pair in pairs):
        raise ValueError(f'must be an object such as {{"X-CRM-Id": "7"}}, not {shown(value)}')
    if len(pairs) > headers.MOST:
        raise ValueError(f"must have at most {headers.MOST} header fields")
    fields = []
    for name, item in pairs:
        text = _word(item, f"text in {name[:40]!r}")
        headers.check(name, text)
        fields.append((name, text.strip()))
    if len({name.lower() for name, _ in fields}) < len(fields):
        raise ValueError("must not have a header field twice")
    return tuple(fields)


header_fields: Final = Kind(
    _header_fields,
    {
        "type": "object",
        "propertyNames": {"pattern": "^[Xx]-[A-Za-z0-9]{1,30}$"},
        "additionalProperties": {"type": "string", "pattern": "^[!-~]{1,64}$"},
        "maxProperties": headers.MOST,
    },
)
"""Header fields by name; in a form, the text of the same JSON object."""


def choice(*words: str) -> Kind[str]:
    """One of some words."""
    return written(parsing.choice(*words), enum=list(words))


def one_of(kind: type[E]) -> Kind[E]:
    """A member of an enumeration whose values are the words for it."""
    words = [str(member.value) for member in kind]
    parse = parsing.choice(*words)
    return written(lambda text: kind(parse(text)), enum=words)


def _something(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    return parsing.line(text)


def _trimmed(parse: Callable[[str], T]) -> Callable[[str], T]:
    return lambda text: parse(text.strip(" "))


MAX_NAMES: Final = 100


def _names(value: object) -> tuple[str, ...]:
    items = value.replace(",", " ").split() if isinstance(value, str) else value
    if not isinstance(items, (list, tuple)) or not all(isinstance(item, str) for item in items):
        raise ValueError("must be a list of names, or text with commas between them")
    if len(items) > MAX_NAMES or any(len(item) > 64 for item in items):
        raise ValueError(f"must have at most {MAX_NAMES} names of 64 characters")
    return tuple(dict.fromkeys(_something(item) for item in items))


_OCTET: Final = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_HOST: Final = (
    r"(?:(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,40}[A-Za-z0-9])?\.){0,4}[A-Za-z](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?"
    rf"|(?:{_OCTET}\.){{3}}{_OCTET})"
)
_HOST_PORT: Final = rf"{_HOST}(?::[1-9][0-9]{{0,3}})?"
_NO_CONTROL: Final = r"[^\u0000-\u001f\u007f-\u009f\u2028\u2029]"
_SEEN: Final = r"[^\s\u0000-\u001f\u007f-\u009f\u2028\u2029]"

text: Final = written(_something, minLength=1, maxLength=255, pattern=f"^{_NO_CONTROL}*{_SEEN}{_NO_CONTROL}*$")
"""A line that is not empty."""

password: Final = written(parsing.secret, minLength=1, maxLength=255, pattern=f"^{_NO_CONTROL}+$", format="password")
request_id: Final = written(_something, minLength=1, maxLength=255, pattern=f"^{_NO_CONTROL}*{_SEEN}{_NO_CONTROL}*$")
"""Made up by the client, a new one for each thing that it wants done."""

names: Final = Kind(
    _names,
    {
        "type": "array",
        "items": {"type": "string", "pattern": "^[A-Za-z]{1,64}$"},
        "maxItems": MAX_NAMES,
    },
)
"""A list of names; in a form, text with commas between them."""

sip_user: Final = written(_trimmed(parsing.sip_user), minLength=1, maxLength=64, pattern=r"^[A-Za-z0-9_.+*-]+$")
extension: Final = written(parsing.extension, maxLength=320, pattern=rf"^[A-Za-z0-9_.+*-]{{1,64}}(@{_HOST_PORT})?$")
"""Somebody whose state can be watched."""

codecs: Final = Kind(
    lambda value: parsing.codecs(" ".join(_names(value))),
    {
        "type": "array",
        "items": {"enum": [codec.value for codec in Codec]},
        "minItems": 1,
        "maxItems": len(Codec),
        "uniqueItems": True,
    },
)
"""Codecs by preference."""

extensions: Final = Kind(
    lambda value: parsing.extensions(" ".join(_names(value))),
    {
        "type": "array",
        "items": {"type": "string", "maxLength": 64, "pattern": r"^[A-Za-z0-9_.+*-]{1,64}$"},
        "maxItems": MAX_NAMES,
    },
)
"""Whoever's state is to be watched."""

account: Final = written(_trimmed(parsing.line), minLength=1, maxLength=255, pattern=r"^[!-~]+$")
"""How a person calls a SIP account."""

proxy: Final = written(_trimmed(parsing.proxy), pattern=f"^{_HOST_PORT}$")
dial_string: Final = written(
    dialling.parse, maxLength=255, pattern=rf"^(?:\+?[0-9*#]{{1,60}}|sips?:[A-Za-z0-9_.+-]{{1,64}}@{_HOST_PORT})$"
)
"""A number, or a SIP URI."""

forward_target: Final = written(
    lambda text: dialling.parse(text) if text.strip() else None,
    maxLength=255,
    pattern=rf"^(?:|\+?[0-9*#]{{1,60}}|sips?:[A-Za-z0-9_.+-]{{1,64}}@{_HOST_PORT})$",
)
"""A number or a SIP URI; nothing for nobody."""

dtmf: Final = written(digits.parse, maxLength=digits.LONGEST, pattern=r"^,*[0-9*#A-Da-d][0-9*#A-Da-d,]*$")
"""Digits to type into a call."""


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
            expected = "must be host or host:port, optionally with ;transport=udp, tcp, tls or auto"
            raise ValueError(f"{expected}, not {parsing.quoted(text)}")
        transport = parsing.transport(value)
    return Domain(*parsing.host_port(address), transport)


domain: Final = written(_domain, pattern=f"^{_HOST_PORT}(?:;transport=(?:udp|tcp|tls|auto))?$")
