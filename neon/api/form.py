"""Forms as browsers and scripts send them (spec section 4): what arrives is judged here.

C{application/x-www-form-urlencoded} in the query or the body, and C{multipart/form-data} (RFC 7578) in the body.
Fields come out as pairs in their order, duplicates included, for L{neon.arguments} to judge.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import Message
from typing import Final, TypeAlias

from neon.errors import DataFormatError

MAX_URL: Final = 8 * 1024
MAX_BODY: Final = 64 * 1024
MAX_FIELDS: Final = 100

Pair: TypeAlias = tuple[str, str]

_ESCAPE: Final = re.compile(rb"%([0-9A-Fa-f]{2})?")
_PLUS_NUMBERS: Final = frozenset({"number", "to"})


def query(raw: bytes) -> list[Pair]:
    """The fields of a URL's query.

    A number that begins with a space began with a C{+} that nobody escaped.

    @raise DataFormatError: there is no text behind the escapes, or there are too many fields.
    """
    return [(name, _plus(value) if name.strip().lower() in _PLUS_NUMBERS else value) for name, value in urlencoded(raw)]


def body(content_type: str | None, raw: bytes) -> list[Pair]:
    """The fields of a body; an empty body has none, whatever it calls itself.

    @raise DataFormatError: it is no form, or not within the limits.
    """
    if not raw:
        return []
    header = Message()
    header["Content-Type"] = "application/octet-stream" if content_type is None else _printable(content_type)
    kind = header.get_content_type()
    if kind == "application/x-www-form-urlencoded":
        return urlencoded(raw)
    if kind == "multipart/form-data":
        boundary = header.get_boundary()
        if not boundary or len(boundary) > 70 or not boundary.isascii():
            raise DataFormatError("the body is multipart/form-data without a boundary")
        return multipart(boundary.encode("ascii"), raw)
    raise DataFormatError("the body must be application/x-www-form-urlencoded or multipart/form-data")


def urlencoded(raw: bytes) -> list[Pair]:
    """Decode C{name=value&name=value}.

    @raise DataFormatError: as L{query}.
    """
    pieces = [piece for piece in raw.split(b"&") if piece]
    _check_count(len(pieces))
    pairs = []
    for piece in pieces:
        name, _, value = piece.partition(b"=")
        pairs.append((_unescaped(name), _unescaped(value)))
    return pairs


def multipart(boundary: bytes, raw: bytes) -> list[Pair]:
    """Decode a multipart body (RFC 2046, section 5.1.1); a file counts as the text that is in it.

    @raise DataFormatError: it is torn or damaged, or has too many fields.
    """
    # The line break before a delimiter belongs to the delimiter; the first one may have none.
    sections = (b"\r\n" + raw).split(b"\r\n--" + boundary)
    if len(sections) < 2 or not sections[-1].startswith(b"--"):
        raise DataFormatError("the multipart body does not end with its boundary")
    _check_count(len(sections) - 2)
    return list(_parts(sections[1:-1]))


def _parts(sections: list[bytes]) -> Iterator[Pair]:
    for section in sections:
        padding, line_break, part = section.partition(b"\r\n")
        head, blank, content = (b"\r\n" + part).partition(b"\r\n\r\n")
        if padding.strip(b" \t") or not line_break or not blank:
            raise DataFormatError("a part of the multipart body is damaged")
        yield _field_name(head), _text(content)


def _field_name(head: bytes) -> str:
    header = Message()
    for line in _text(head).split("\r\n"):
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-disposition":
            header["Content-Disposition"] = _printable(value.strip())
            break
    # Browsers escape what cannot stand between quotes (WHATWG, "multipart/form-data encoding algorithm").
    found = header.get_param("name", header="Content-Disposition")
    if header.get_content_disposition() != "form-data" or not isinstance(found, str):
        raise DataFormatError("a part of the multipart body has no name")
    return found.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")


def _printable(text: str) -> str:
    """Header text without what the standard library's parser would raise for."""
    return "".join(char if char.isprintable() else " " for char in text)


def _unescaped(text: bytes) -> str:
    def octet(match: re.Match[bytes]) -> bytes:
        if match[1] is None:
            raise DataFormatError("there is a % that is not followed by two hexadecimal digits")
        return bytes.fromhex(match[1].decode("ascii"))

    return _text(_ESCAPE.sub(octet, text.replace(b"+", b" ")))


def _text(octets: bytes) -> str:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        raise DataFormatError("the form is not UTF-8 text") from None


def _plus(value: str) -> str:
    digits = value.lstrip(" ")
    return digits if digits == value or digits.startswith("+") else f"+{digits}"


def _check_count(count: int) -> None:
    if count > MAX_FIELDS:
        raise DataFormatError(f"the form has more than {MAX_FIELDS} fields")
