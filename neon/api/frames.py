"""The JSON of the WebSocket API (spec section 3): what arrives is judged here, what leaves is spelled here.

Request, answer, refusal and event::

    {"id": 1, "token": "...", "action": "startcall", "number": "7155555555"}
    {"id": 1, "success": true, "data": {"callId": 55}}
    {"id": 1, "success": false, "error": {"code": 601, "description": "..."}, "data": {}}
    {"action": "event", "name": "OnNewCall", "seq": 7, "ts": "...", "data": {"callId": 55, ...}}

C{id} is any JSON scalar; it comes back as it was, and is absent where it was absent. C{warnings} (an extension), a
list of sentences, is there where something was tolerated. A short text that is no JSON is tried once as JSON5.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeAlias

from neon.api import lenient, wire
from neon.bus import Published
from neon.errors import DataFormatError, InvalidArgument

MAX_BYTES: Final = 64 * 1024
MAX_DEPTH: Final = 8
MAX_DIGITS: Final = 40
ENCODE: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode

Id: TypeAlias = str | int | float | bool | None

_TOKENS: Final = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', re.DOTALL)


class _Object(list[tuple[str, Any]]):
    """A JSON object as pairs, so that a name given twice is seen."""


@dataclass(frozen=True, slots=True)
class Request:
    """An object that arrived: its pairs without C{id}; C{reply} holds the id, or nothing."""

    pairs: tuple[tuple[str, object], ...]
    reply: Mapping[str, Id]
    warnings: tuple[str, ...] = ()


def decode(payload: bytes) -> Request:
    """Read one message.

    @raise DataFormatError: it is not a JSON object within the limits (error 100).
    @raise InvalidArgument: two different ids (error 102).
    """
    if len(payload) > MAX_BYTES:
        raise DataFormatError(f"the message is longer than {MAX_BYTES} bytes")
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError:
        raise DataFormatError("the message is not UTF-8 text") from None
    warnings: tuple[str, ...] = ()
    try:
        value = _parse(text)
    except json.JSONDecodeError as error:
        try:
            value = _parse(lenient.to_json(text))
        except (lenient.NotJson5, json.JSONDecodeError):
            place = f"in line {error.lineno}, column {error.colno}"
            raise DataFormatError(f"the message is not JSON: {error.msg} {place}") from None
        warnings = (lenient.WARNING,)
    if not isinstance(value, _Object):
        raise DataFormatError("the message is not a JSON object")
    ids = [item for key, item in value if key.lower() == "id"]
    if any(isinstance(item, (list, dict)) for item in ids):
        raise DataFormatError("the id must be text, a number, true, false or null")
    if any(type(item) is not type(ids[0]) or item != ids[0] for item in ids[1:]):
        raise InvalidArgument("id was given twice with different values")
    pairs = tuple((key, item) for key, item in value if key.lower() != "id")
    return Request(pairs, {"id": ids[0]} if ids else {}, warnings)


def success(reply: Mapping[str, Id], data: Mapping[str, Any], warnings: Sequence[str] = ()) -> bytes:
    """The answer to a command that was carried out."""
    return ENCODE({**reply, "success": True, "data": data, **_warned(warnings)}).encode("ascii")


def refusal(
    reply: Mapping[str, Id], code: int, description: str, warnings: Sequence[str] = (), system_code: int = 0
) -> bytes:
    """The answer to a command that was not; C{system_code} (an extension) is SIP's or an operator's, 0 without one."""
    error = {"code": code, "description": description, **({"systemCode": system_code} if system_code else {})}
    return ENCODE({**reply, "success": False, "error": error, "data": {}, **_warned(warnings)}).encode("ascii")


def event(published: Published, spelling: wire.Spelling = wire.TABLE) -> bytes:
    """What happened, for every client that spells it so."""
    return ENCODE(
        {
            "action": "event",
            "name": wire.name(published.event, spelling),
            "seq": published.seq,
            "ts": wire.timestamp(published.at),
            "data": wire.fields(published.event),
        }
    ).encode("ascii")


def _warned(warnings: Sequence[str]) -> dict[str, Any]:
    return {"warnings": list(warnings)} if warnings else {}


def _parse(text: str) -> Any:
    """Strict JSON, objects as pairs."""
    _check_depth(text)
    return _DECODER.decode(text)


def _check_depth(text: str) -> None:
    """Refuse deep nesting before the parser has to descend into it."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for match in _TOKENS.finditer(text):
        if match[0] in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise DataFormatError(f"the message is nested deeper than {MAX_DEPTH}")
        elif match[0] in "]}":
            depth -= 1


def _no_constant(word: str) -> NoReturn:
    raise DataFormatError(f"{word} is not JSON")


def _whole(digits: str) -> int:
    if len(digits.lstrip("-")) > MAX_DIGITS:
        raise DataFormatError(f"a number has more than {MAX_DIGITS} digits")
    return int(digits)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise DataFormatError("a number is too large")
    return number


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_Object, parse_constant=_no_constant, parse_int=_whole, parse_float=_finite
)
