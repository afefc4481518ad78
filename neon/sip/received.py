"""Messages from the network as sippy's objects, made of their L{Envelope}: no header field is read again as text.

Every field that somebody is going to read is parsed before the message is believed, so that a bad one is a 400; CSeq,
Call-ID and Max-Forwards were looked at by the door (L{neon.sip.door}), and how often each field is there by
L{neon.sip.envelope}. A response to such a request repeats fields as they were written (RFC 3261, section 8.2.6.2), and
copies no objects.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from sippy.ESipHeaderCSV import ESipHeaderCSV
from sippy.MsgBody import MsgBody
from sippy.SipContentType import SipContentType
from sippy.SipResponse import SipResponse
from sippy.SipURL import SipURL

from neon.sip.envelope import Envelope
from neon.sip.transport import is_numeric
from neon.sip.written import Field, Key, Written, WrittenRequest, parsed_address

_WITH_URL = frozenset(("from", "to", "contact", "record-route", "route"))
_WITH_TAG = frozenset(("from", "to"))


class ReceivedRequest(WrittenRequest):
    """A request of somebody else's."""

    def __init__(self, envelope: Envelope) -> None:
        headers, body = _contents(envelope)
        super().__init__(_key(envelope), _uri(envelope.uri), headers, body)
        self.to_tag = _tag("to", envelope.fields["to"][0])


class ReceivedResponse(Written, SipResponse):  # type: ignore[misc]
    """A response of somebody else's."""

    def __init__(self, envelope: Envelope) -> None:
        self.scode, self.reason, self.sipver = envelope.status, envelope.reason.strip() or "Unspecified", "SIP/2.0"
        self.headers, self.body = _contents(envelope)
        self.key = _key(envelope)
        self.to_tag = _tag("to", envelope.fields["to"][0])


def read(kind: Callable[[Envelope], Any], envelope: Envelope) -> Any:
    """A L{ReceivedRequest} or L{ReceivedResponse}, None if one of its fields is not well formed."""
    try:
        message = kind(envelope)
        for field in message.headers:
            if field.name in _WITH_URL:
                if not _has_usable_url(field.name, field.text):
                    return None
            elif field.name == "expires":
                field.getBody()
        if envelope.is_request and not _is_usable_uri(envelope.uri):
            return None
    except Exception:
        return None  # sippy's parser raises whatever its string operations raise
    return message


def _contents(envelope: Envelope) -> tuple[list[Field], MsgBody | None]:
    """The header fields, each value of a list a field of its own, and the body with its type."""
    headers = [Field("via", str(via), "Via") for via in envelope.vias]
    body: MsgBody | None = None
    if envelope.body:
        body = MsgBody(envelope.body.decode("utf-8", "surrogateescape"))
    for name, text in envelope.headers:
        if name == "content-length":
            continue  # it has done its work
        if name == "content-type":
            if body is not None:
                body.mtype = SipContentType(text)
                body.mtype.parse()
            continue
        field = Field(name, text)
        if "," in text:
            try:
                field.body  # noqa: B018
            except ESipHeaderCSV as several:
                headers += [Field(name, part.strip()) for part in several.bodys]
                continue
        headers.append(field)
    return headers, body


@lru_cache(maxsize=64)
def _uri(text: str) -> SipURL:
    """A Request-URI; it is the same in most requests of a call, and nobody changes it."""
    return SipURL(text)


@lru_cache(maxsize=64)
def _is_usable_uri(text: str) -> bool:
    return _usable(_uri(text))


@lru_cache(maxsize=128)
def _tag(name: str, text: str) -> str | None:
    """The tag of From or To."""
    tag: str | None = parsed_address(name, text).getTag()
    return tag


@lru_cache(maxsize=128)
def _has_usable_url(name: str, text: str) -> bool:
    """Whether the value of a header field is an address that can be written again, or an asterisk."""
    body = parsed_address(name, text)
    if name in _WITH_TAG:
        TelUrl.adopt(body.getUrl())
    return bool(getattr(body, "asterisk", False)) or _usable(body.getUrl())


def _key(envelope: Envelope) -> Key:
    fields = envelope.fields
    number, _, method = fields["cseq"][0].partition(" ")
    tag = _tag("from", fields["from"][0])
    return Key(fields["call-id"][0], tag, int(number), method.strip(), envelope.vias[0].branch)


class TelUrl(SipURL):  # type: ignore[misc]
    """A tel: URI in From or To. sippy makes a sip: URI of it, but a response must repeat it as it was."""

    def localStr(self, local_addr: object = None) -> str:
        return str(self.original_uri)

    def getCopy(self) -> TelUrl:
        copy = TelUrl(self.original_uri, relaxedparser=True)
        copy.host = self.host
        return copy

    @classmethod
    def adopt(cls, url: Any) -> Any:
        if str(url.original_uri)[:4].lower() == "tel:":
            url.__class__ = cls
            url.host = "invalid"
        return url


def _usable(url: Any) -> bool:
    """Whether sippy can write the URL again, and its host is one.

    A tel: URI in a Contact has our own address for sippy; octets that are no UTF-8 must be escaped in a URI, and
    sippy cannot write them: a Record-Route of that kind would keep every request of ours in the dialog from leaving.
    """
    text, host = str(url.original_uri), url.host
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        return False
    return isinstance(host, str) and host != "" and (not host.startswith("[") or is_numeric(host))
