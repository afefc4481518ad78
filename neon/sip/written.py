"""SIP messages as lines of text with sippy's face: what is written is text from the start, what is read is parsed then.

A L{Field} is what one header line says. sippy's object of it is made for whoever reads it, once, and nobody changes it:
to say something else a message gets another field. So fields are shared, between a request and its responses, ACK and
CANCEL, and between all requests that say the same.
"""

from __future__ import annotations

import functools
import secrets
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from sippy.SipGenericHF import SipGenericHF
from sippy.SipHeader import hf_types
from sippy.SipMsg import SipMsg
from sippy.SipRequest import SipRequest
from sippy.SipResponse import SipResponse
from sippy.SipURL import SipURL

_LABELS: Final = {
    "call-id": "Call-ID", "cseq": "CSeq", "www-authenticate": "WWW-Authenticate", "rseq": "RSeq", "rack": "RAck",
    "min-se": "Min-SE", "mime-version": "MIME-Version",
}  # fmt: skip
_SHORT: Final = {
    "accept-contact": "a", "allow-events": "u", "call-id": "i", "contact": "m", "event": "o", "from": "f",
    "refer-to": "r", "referred-by": "b", "session-expires": "x", "supported": "k", "to": "t", "via": "v",
}  # fmt: skip
"""RFC 3261, section 7.3.3, and what later RFCs have added to it."""


_ADDRESSES: Final = frozenset(("contact", "from", "record-route", "route", "to"))
"""Most messages of a call say the same here as the one before."""

_REPEATED: Final = frozenset(("from", "to", "call-id", "cseq"))
"""What a response repeats of its request, beside Via and Record-Route."""


def _body(name: str, text: str) -> Any:
    kind = hf_types.get(name)
    return SipGenericHF(text, name) if kind is None else kind(text)


def _parse(name: str, text: str) -> Any:
    body = _body(name, text)
    if not body.parsed:
        body.parse()
    return body


parsed_address = functools.lru_cache(maxsize=128)(_parse)
"""sippy's object of an address in a header field: name and text as in L{Field}."""


@functools.lru_cache(maxsize=256)
def _label(name: str) -> str:
    return _LABELS.get(name) or name.title()


class Key(NamedTuple):
    """What names a transaction (RFC 3261, section 17): that of a request, or of the one that is answered."""

    call_id: str
    from_tag: str | None
    cseq: int
    method: str
    branch: str | None


class Field:
    """What one header line says; C{name} is the long one in lower case."""

    __slots__ = ("_body", "_parsed", "label", "name", "text")

    def __init__(self, name: str, text: str, label: str | None = None) -> None:
        self.name = name
        self.text = text
        self.label = label or _label(name)
        self._body: Any = None
        self._parsed: Any = None

    @property
    def body(self) -> Any:
        """sippy's object, perhaps not parsed yet."""
        if self._body is None:
            self._body = _body(self.name, self.text)
        return self._body

    def getBody(self) -> Any:
        """The same, parsed; raises whatever sippy's string operations raise."""
        if self._parsed is None:
            self._parsed = (parsed_address if self.name in _ADDRESSES else _parse)(self.name, self.text)
        return self._parsed

    def getBCopy(self) -> Any:
        return self.body.getCopy()

    def getCopy(self) -> Field:
        return self

    def localStr(self, local_addr: Any = None, compact: bool = False) -> str:
        """The line; C{local_addr} is the address, port and transport that it leaves by."""
        return f"{_SHORT.get(self.name, self.label) if compact else self.label}: {self.text}"

    __str__ = localStr


class OwnVia(Field):
    """The Via of a request of ours: where answers come back to is known when it leaves (RFC 3261, section 18.1.1)."""

    __slots__ = ("branch",)

    def __init__(self, branch: str | None = None) -> None:
        self.branch = branch or "z9hG4bK" + secrets.token_hex(16)
        # RFC 3581: whoever answers shall use the port that it came from.
        super().__init__("via", f"SIP/2.0/UDP 0.0.0.0;rport;branch={self.branch}", "Via")

    def localStr(self, local_addr: Any = None, compact: bool = False) -> str:
        if local_addr is None:
            return super().localStr(None, compact)
        (host, port), transport = local_addr
        label = "v" if compact else "Via"
        place = host if (port, transport) == (5060, "udp") else f"{host}:{port}"
        return f"{label}: SIP/2.0/{transport.upper()} {place};rport;branch={self.branch}"


class Written(SipMsg):  # type: ignore[misc]
    """A message of L{Field}s."""

    headers: list[Field]
    key: Key
    to_tag: Any

    def getTId(self, wCSM: bool = False, wBRN: bool = False, wTTG: bool = False) -> tuple[Any, ...]:
        """The parts of the key that sippy's tables want."""
        key = self.key
        found: tuple[Any, ...] = key[:3]
        if wCSM:
            found += (key.method,)
        if wBRN:
            found += (key.branch,)
        return (*found, self.to_tag) if wTTG else found

    def getHFBody(self, name: str, idx: int = 0) -> Any:
        """The first, or another, value of a header field; raises IndexError."""
        for field in self.headers:
            if field.name == name:
                if not idx:
                    return field.getBody()
                idx -= 1
        raise IndexError(name)

    def add(self, name: str, text: str) -> None:
        """One more header line, whose name is written as it is here."""
        self.headers.append(Field(name.lower(), text, name))

    def localStr(self, local_addr: Any = None, compact: bool = False) -> str:
        lines = [self.getSL()]
        if compact:
            lines += [field.localStr(local_addr, True) for field in self.headers]
        else:
            # Only a Via has more to say than its text.
            lines += [
                field.localStr(local_addr) if field.name == "via" else f"{field.label}: {field.text}"
                for field in self.headers
            ]
        kind, length = ("c", "l") if compact else ("Content-Type", "Content-Length")
        body = self.body
        if body is None:
            return "\r\n".join((*lines, f"{length}: 0\r\n\r\n"))
        text = body.localStr(local_addr)
        return "\r\n".join((*lines, f"{kind}: {body.mtype}", f"{length}: {len(text)}\r\n", text))

    def __str__(self) -> str:
        return self.localStr()


class WrittenRequest(Written, SipRequest):  # type: ignore[misc]
    """A request, of ours or of somebody else's."""

    def __init__(self, key: Key, ruri: SipURL, headers: list[Field], body: Any = None) -> None:
        self.key, self.method, self.ruri, self.sipver = key, key.method, ruri, "SIP/2.0"
        self.headers, self.body = headers, body

    @functools.cached_property
    def to_tag(self) -> str | None:
        """The tag in To, which a request within a dialog has."""
        tag: str | None = self.getHFBody("to").getTag()
        return tag

    def getSL(self, local_addr: Any = None) -> str:
        return f"{self.method} {url_text(self.ruri)} SIP/2.0"

    def fields(self, *names: str) -> list[Field]:
        """The fields of these names, in the order in which they stand."""
        return [field for field in self.headers if field.name in names]

    def genResponse(
        self, scode: int, reason: str, body: Any = None, server: str | None = None, ext_reason: Any = None
    ) -> WrittenResponse:
        """A response; it repeats the request's own fields (RFC 3261, section 8.2.6.2)."""
        fields = [field for field in self.headers if field.name == "via"]
        fields += [field for field in self.headers if field.name == "record-route"]
        fields += [field for field in self.headers if field.name in _REPEATED]
        return WrittenResponse(self.key, scode, reason, fields, body, self.to_tag)

    def genCANCEL(self) -> WrittenRequest:
        """Its CANCEL, by the same way (RFC 3261, section 9.1)."""
        return self._sibling(self.key._replace(method="CANCEL"), self.ruri, self.fields("via", "route"), None)

    def acknowledge(
        self, to_tag: str | None, ruri: SipURL | None = None, *, routes: Iterable[Field], anew: bool
    ) -> WrittenRequest:
        """The ACK of a final response with this To tag; C{anew}, with a branch of its own, that of a 2xx."""
        via = OwnVia(None if anew else self.key.branch)
        key = self.key._replace(method="ACK", branch=via.branch)
        ack = self._sibling(key, self.ruri if ruri is None else ruri, [via, *routes], to_tag)
        # RFC 3261, section 22.1: an ACK cannot be challenged, so it carries what its INVITE carried.
        ack.headers += self.fields("authorization", "proxy-authorization")
        return ack

    def _sibling(self, key: Key, ruri: SipURL, headers: list[Field], to_tag: str | None) -> WrittenRequest:
        for field in self.fields("max-forwards", "from", "to", "call-id", "cseq", "user-agent"):
            if field.name == "cseq":
                field = Field("cseq", f"{key.cseq} {key.method}")
            elif field.name == "to" and to_tag is not None and self.to_tag is None:
                field = tagged(field, to_tag)
            headers.append(field)
        request = WrittenRequest(key, ruri, headers)
        request.target = self.target
        return request


class WrittenResponse(Written, SipResponse):  # type: ignore[misc]
    """A response; C{to_tag} is what its To says."""

    def __init__(
        self, key: Key, scode: int, reason: str, headers: list[Field], body: Any, to_tag: str | None
    ) -> None:
        self.key = key
        self.scode, self.reason, self.sipver = scode, reason, "SIP/2.0"
        self.headers, self.body = headers, body
        self.to_tag = to_tag

    def getSL(self, local_addr: Any = None) -> str:
        return f"SIP/2.0 {self.scode} {self.reason}"

    def tag(self, to_tag: str) -> None:
        """Give To this tag, if it has none."""
        if self.to_tag is None:
            self.to_tag = to_tag
            self.headers = [tagged(field, to_tag) if field.name == "to" else field for field in self.headers]


def tagged(field: Field, tag: str) -> Field:
    """From or To with a tag behind everything else."""
    return Field(field.name, f"{field.text.rstrip('; ')};tag={tag}", field.label)


def url_text(url: SipURL) -> str:
    """A URI as it is written; most are short, and sippy takes as long for any."""
    plain = not (url.userparams or url.other or url.headers or url.password or url.usertype or url.lr)
    user = url.username
    if not plain or url.transport or url.ttl or url.maddr or url.method or url.tag or type(url) is not SipURL:
        return str(url.localStr())
    if user is not None and not (user.isascii() and user.isalnum()):
        return str(url.localStr())
    start = f"{url.scheme}:" if user is None else f"{url.scheme}:{user}@"
    return f"{start}{url.host}" if url.port is None else f"{start}{url.host}:{url.port}"
