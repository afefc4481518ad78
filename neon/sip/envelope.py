"""The outside of a SIP message, read before sippy's parser sees it, and answers that need no transaction.

L{read} turns a datagram into an L{Envelope}: start line and header fields in one canonical spelling (long
names, unfolded, Via without white space, body cut to Content-Length, which counts octets), within the limits.
C{Envelope.text} is the message again. Responses written by L{reply} copy what RFC 3261, section 8.2.6.2 says,
even of requests that no parser would take.
"""

from __future__ import annotations

import functools
import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from neon.sip.transport import encode, is_numeric, unbracketed
from neon.values import Address

_COMPACT = {
    "a": "accept-contact", "b": "referred-by", "c": "content-type", "d": "request-disposition",
    "e": "content-encoding", "f": "from", "i": "call-id", "j": "reject-contact", "k": "supported",
    "l": "content-length", "m": "contact", "o": "event", "r": "refer-to", "s": "subject", "t": "to",
    "u": "allow-events", "v": "via", "x": "session-expires", "y": "identity",
}  # fmt: skip

_TOKEN = r"[A-Za-z0-9\-.!%*_+`'~]+"
_REQUEST_LINE = re.compile(rf"({_TOKEN}) (\S+) SIP/(\d+\.\d+)[ \t]*\Z", re.IGNORECASE)
_LOOSE_REQUEST_LINE = re.compile(rf"({_TOKEN})[ \t].*[ \t]SIP/\d+\.\d+[ \t]*\Z", re.IGNORECASE)
_STATUS_LINE = re.compile(r"SIP/2\.0 ([1-6]\d\d)(?: (.*))?\Z", re.IGNORECASE)
_NAME = re.compile(rf"{_TOKEN}\Z")
_VIA = re.compile(
    rf"SIP\s*/\s*(\d+\.\d+)\s*/\s*({_TOKEN})\s+(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9._\-]*[A-Za-z0-9.])?)"
    r"\s*(?::\s*(\d{1,5}))?\s*((?:;.*)?)\Z",
    re.IGNORECASE | re.DOTALL,
)
_TAG = re.compile(r";\s*tag\s*=", re.IGNORECASE)
_PLAIN_LINE = re.compile(r"(?:([^:\r]*): *([^\r]*)|[^\r]+)(?:\r\n|\Z)")
_LENGTH = re.compile(r"[0-9]{1,9}\Z")
_MEDIA_LINE = re.compile(rb"^m=", re.MULTILINE)
# What str.splitlines, with which sippy cuts lines, takes for a line end beside CR LF: inside a value it is a blank.
_LINE_ENDS = str.maketrans(dict.fromkeys("\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029", " "))
_SINGLE = frozenset(("call-id", "content-type", "cseq", "expires", "from", "max-forwards", "to"))
_ADDRESSES = frozenset(("from", "to", "contact"))
# The other lists of addresses: each element becomes an object of the parser's, and 13 kB of commas take 60 ms.
_LISTS = frozenset(
    ("route", "record-route", "path", "p-asserted-identity", "diversion", "cc-diversion", "also", "refer-to",
     "referred-by")
)
_MANDATORY = frozenset(("from", "to", "call-id", "cseq"))

# Tags of stateless answers must be the same for a retransmission (RFC 3261, section 8.2.7) and not guessable.
_TAG_KEY = secrets.token_bytes(16)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a message is read (robustness rules, "SIP door")."""

    smallest: int = 32
    largest: int = 16 * 1024
    headers: int = 64
    header_line: int = 2048
    vias: int = 8
    contacts: int = 10
    addresses: int = 16
    media_lines: int = 16


@dataclass(frozen=True, slots=True)
class Via:
    """A Via value: C{parameters} in order; of a request's topmost one without C{received} and the value of C{rport}."""

    version: str
    transport: str
    host: str
    port: int | None
    parameters: tuple[tuple[str, str | None], ...]

    def __str__(self) -> str:
        port = f":{self.port}" if self.port is not None else ""
        parameters = "".join(f";{name}" if value is None else f";{name}={value}" for name, value in self.parameters)
        return f"SIP/{self.version}/{self.transport} {self.host}{port}{parameters}"

    @property
    def branch(self) -> str | None:
        for name, value in self.parameters:
            if name == "branch":
                return value
        return None

    def received_from(self, source: Address) -> Via:
        """The value with C{received} and C{rport} as the server writes them (RFC 3581, section 4)."""
        kept = [item for item in self.parameters if item[0] not in ("rport", "received")]
        wants_port = "rport" in dict(self.parameters)
        if wants_port or unbracketed(self.host) != source[0]:
            kept += (("received", source[0]),)
        if wants_port:
            kept += (("rport", str(source[1])),)
        return Via(self.version, self.transport, self.host, self.port, tuple(kept))


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message. C{method} and C{uri} of a request, C{status} of a response; names are in lower case.

    C{fields} are the values of C{headers} by name: each is asked for several times.
    """

    method: str
    uri: str
    version: str
    status: int
    reason: str
    vias: tuple[Via, ...]
    headers: tuple[tuple[str, str], ...]
    body: bytes
    fields: Mapping[str, Sequence[str]] = field(repr=False, compare=False)

    @property
    def is_request(self) -> bool:
        return self.status == 0

    def values(self, name: str) -> Sequence[str]:
        """Every value of a header field other than Via, as written."""
        return self.fields.get(name, ())

    def value(self, name: str) -> str | None:
        values = self.fields.get(name)
        return None if values is None else values[0]

    @property
    def call_id(self) -> str:
        return self.value("call-id") or ""

    @property
    def has_to_tag(self) -> bool:
        """Whether the request claims to belong to a dialog."""
        value = self.value("to")
        return value is not None and _TAG.search(value.rpartition(">")[2]) is not None

    @property
    def text(self) -> str:
        """The message in one spelling, without Content-Length, which has done its work."""
        first = f"{self.method} {self.uri} SIP/2.0" if self.is_request else f"SIP/2.0 {self.status} {self.reason}"
        lines = [first, *(f"Via: {via}" for via in self.vias)]
        lines += [f"{name}: {value}" for name, value in self.headers if name != "content-length"]
        return "\r\n".join(lines) + "\r\n\r\n" + self.body.decode("utf-8", "surrogateescape")

    def __str__(self) -> str:
        return self.text


class BadMessage(Exception):
    """Not a SIP message, or not within the limits.

    C{envelope} is as much of a request as is needed for an answer with C{status}, None where silence is right.
    """

    def __init__(self, reason: str, envelope: Envelope | None = None, status: int = 400) -> None:
        super().__init__(reason)
        self.reason = reason
        self.envelope = envelope
        self.status = status


def split_list(value: str) -> list[str]:
    """The elements of a comma-separated value; commas inside quotes and angle brackets do not count."""
    if "," not in value:
        return [value]
    parts, start, quoted, bracket, escaped = [], 0, False, False, False
    for index, character in enumerate(value):
        if escaped:
            escaped = False
        elif quoted:
            escaped = character == "\\"
            quoted = character != '"'
        elif character == '"':
            quoted = True
        elif character in "<>":
            bracket = character == "<"
        elif character == "," and not bracket:
            parts.append(value[start:index])
            start = index + 1
    return [*parts, value[start:]]


@functools.lru_cache(maxsize=512)
def _canonical_name(spelling: str) -> str | None:
    """The long name in lower case of a header field, None if it is no name."""
    name = spelling.rstrip(" \t").lower()
    return _COMPACT.get(name, name) if _NAME.match(name) else None


def quotes_balance(value: str) -> bool:
    """Whether every quoted string of the value is closed."""
    if '"' not in value:
        return True
    quoted = escaped = False
    for character in value:
        if escaped:
            escaped = False
        elif character == "\\" and quoted:
            escaped = True
        elif character == '"':
            quoted = not quoted
    return not quoted


def _read_via(value: str, senders: bool, trouble: list[str]) -> Via | None:
    """The Via, or None if it names no host and port; what is wrong with its parameters goes to C{trouble}.

    C{senders}: whoever sent the request wrote it itself. In a response it says how we are seen (RFC 3581).
    """
    match = _VIA.match(value.strip())
    if match is None or (match[3].startswith("[") and not is_numeric(match[3])):
        return None
    port = int(match[4]) if match[4] else None
    if port is not None and not 1 <= port <= 65535:
        return None
    parameters: list[tuple[str, str | None]] = []
    names: set[str] = set()
    for part in match[5].split(";")[1:]:
        name, equals, content = part.partition("=")
        name = name.strip().lower()
        if name in names or not _NAME.match(name):
            trouble.append("a Via parameter is not well formed")
            continue
        names.add(name)
        # What the network says about our own view of it is not believed; proxies below the top rely on theirs.
        if senders and name == "received":
            continue
        parameters.append((name, content.strip() if equals and not (senders and name == "rport") else None))
    return Via(match[1], match[2].upper(), match[3], port, tuple(parameters))


def read(data: bytes, limits: Limits) -> Envelope:
    """Read a datagram.

    @raise BadMessage: with what is needed to answer it, if it should be answered.
    """
    data = data.lstrip(b"\r\n")  # RFC 3261, section 7.5
    separator = b"\r\n\r\n" if b"\r\n\r\n" in data else b"\n\n"
    head, _, body = data.partition(separator)
    trouble: list[str] = []
    text = head.decode("utf-8", "surrogateescape")
    first, lines = _plain_lines(text, limits) or _lines(text, limits, trouble)
    request = _REQUEST_LINE.match(first)
    status = None if request else _STATUS_LINE.match(first)
    loose = request or _LOOSE_REQUEST_LINE.match(first)
    if status is None and loose is None:
        raise BadMessage("the first line is not of SIP")

    headers = [(name, value) for spelling, value in lines if (name := _canonical_name(spelling)) is not None]
    if len(headers) < len(lines):
        trouble.append("a header line without a name")
    if len(headers) > limits.headers:
        raise BadMessage("too many header lines")
    by_name: dict[str, list[str]] = {}
    for name, value in headers:
        if name in by_name:
            by_name[name].append(value)
        else:
            by_name[name] = [value]

    vias: list[Via] = []
    for part in [part for value in by_name.pop("via", ()) for part in split_list(value)]:
        if vias and not part.strip(" ;"):
            trouble.append("an empty Via")
            continue
        via = _read_via(part, not vias and status is None, trouble)
        if via is None or len(vias) == limits.vias:
            raise BadMessage("a Via is not well formed, or there are too many")
        vias.append(via)
    if not vias:
        raise BadMessage("no Via")

    length = _content_length(by_name, body)
    envelope = Envelope(
        method="" if loose is None else loose[1],
        uri="" if request is None else request[2],
        version="2.0" if request is None else request[3],
        status=0 if status is None else int(status[1]),
        reason="" if status is None else (status[2] or "").translate(_LINE_ENDS),
        vias=tuple(vias),
        headers=tuple([header for header in headers if header[0] != "via"]),
        body=body if length is None else body[:length],
        fields=by_name,
    )
    if status is None and request is None:
        trouble.append("the request line is not well formed")
    if envelope.version != "2.0":
        raise BadMessage("a version other than SIP/2.0", envelope, 505)
    if len(first) > limits.header_line:
        raise BadMessage("the first line is too long", envelope, 414)
    trouble += ["a Via of another version" for via in vias if via.version != "2.0"]
    trouble += _structure(by_name, body, limits)
    if length is None or length > len(body):
        trouble.append("Content-Length does not fit")
    if trouble:
        raise BadMessage(trouble[0], envelope)
    return envelope


def _plain_lines(head: str, limits: Limits) -> tuple[str, list[tuple[str, str]]] | None:
    """What L{_lines} makes of the head, at once, if it is as almost all are: short, ASCII, nothing folded or odd."""
    if len(head) > limits.header_line or not head.isascii() or not head.replace("\r\n", "").isprintable():
        return None
    if "\r\n " in head or " \r\n" in head or head.endswith(" "):
        return None
    first, _, rest = head.partition("\r\n")
    lines = _PLAIN_LINE.findall(rest)
    return (first, lines) if len(lines) == rest.count("\r\n") + 1 else None


def _lines(head: str, limits: Limits, trouble: list[str]) -> tuple[str, list[tuple[str, str]]]:
    """The first line, and name and value of the others as they are spelled."""
    first, *others = head.split("\n")
    lines: list[tuple[str, str]] = []
    for line in _unfold(others):
        spelling, colon, value = line.partition(":")
        if not colon:
            trouble.append("a header line without a name")
            continue
        # A character is four octets at most, so the short ones need not be counted.
        if 4 * len(line) > limits.header_line < len(line.encode("utf-8", "surrogateescape")):
            trouble.append("a header line is too long")
        lines.append((spelling, (value if value.isprintable() else value.translate(_LINE_ENDS)).strip()))
    return first.rstrip("\r"), lines


def _unfold(lines: list[str]) -> list[str]:
    """Join continuation lines (RFC 3261, section 7.3.1)."""
    joined: list[str] = []
    for line in lines:
        if line[-1:] == "\r":
            line = line.rstrip("\r")
        if line[:1] in (" ", "\t") and joined:
            joined[-1] += " " + line.strip()
        elif line:
            joined.append(line)
    return joined


def _structure(fields: Mapping[str, Sequence[str]], body: bytes, limits: Limits) -> list[str]:
    """What is wrong with the number of header fields and of media lines, and with quoting."""
    trouble = [] if fields.keys() >= _MANDATORY else [f"no {name}" for name in _MANDATORY.difference(fields)]
    for name, values in fields.items():
        value = values[0]
        if "," not in value and '"' not in value and len(values) == 1:
            continue
        if name in _SINGLE and len(values) > 1:
            trouble.append(f"more than one {name}")
        if name in _ADDRESSES:
            trouble += _addresses(name, values, limits)
        elif name in _LISTS and _elements(values) > limits.addresses:
            trouble.append(f"too many in {name}")
    if body.count(b"m=") > limits.media_lines < len(_MEDIA_LINE.findall(body)):
        trouble.append("too many media lines")
    return trouble


def _addresses(name: str, values: Sequence[str], limits: Limits) -> list[str]:
    """What is wrong with From, To or Contact."""
    for value in values:
        if not quotes_balance(value):
            return [f"a quote is not closed in {name}"]
    count = _elements(values)
    if name == "contact":
        return ["too many Contacts"] if count > limits.contacts else []
    return [f"more than one {name}"] if count > len(values) else []


def _elements(values: Sequence[str]) -> int:
    """How many elements these values of a list have together."""
    count = 0
    for value in values:
        count += len(split_list(value)) if "," in value else 1
    return count


def _content_length(fields: Mapping[str, Sequence[str]], body: bytes) -> int | None:
    """The length of the body in octets; None if the header field is not one non-negative number."""
    values = fields.get("content-length")
    if values is None:
        return len(body)
    value, *others = values
    agreed = not others or set(others) == {value}
    return int(value) if agreed and _LENGTH.match(value) else None


def reply(
    envelope: Envelope, source: Address, status: int, reason: str, server: str, extra: tuple[tuple[str, str], ...] = ()
) -> bytes:
    """A response without a transaction (RFC 3261, section 8.2.7), for C{source}."""
    top, *others = envelope.vias
    lines = [f"SIP/2.0 {status} {reason}", f"Via: {top.received_from(source)}", *(f"Via: {via}" for via in others)]
    for name, label in (("from", "From"), ("to", "To"), ("call-id", "Call-ID"), ("cseq", "CSeq")):
        value = envelope.value(name)
        if value is None:
            continue
        if name == "to" and not envelope.has_to_tag:
            value += ";tag=" + stateless_tag(envelope)
        lines.append(f"{label}: {value}")
    lines += [f"{name}: {value}" for name, value in extra]
    lines += [f"Server: {server}", "Content-Length: 0"]
    return encode("\r\n".join(lines) + "\r\n\r\n")


def stateless_tag(envelope: Envelope) -> str:
    """The To tag of every stateless answer to this request and its retransmissions."""
    key = "\0".join((str(envelope.vias[0]), envelope.value("call-id") or "", envelope.value("from") or ""))
    return hashlib.blake2s(key.encode("utf-8", "surrogateescape"), key=_TAG_KEY, digest_size=8).hexdigest()


def with_source(envelope: Envelope, source: Address) -> Envelope:
    """The request as the transaction layer wants it: the topmost Via says where it came from."""
    top = envelope.vias[0].received_from(source)
    return Envelope(
        envelope.method, envelope.uri, envelope.version, envelope.status, envelope.reason,
        (top, *envelope.vias[1:]), envelope.headers, envelope.body, envelope.fields,
    )  # fmt: skip
