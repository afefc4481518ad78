"""Messages from the network as sippy's objects, made of their L{Envelope}: no header field is read again as text.

Every field that somebody is going to read is parsed before the message is believed, so that a bad one is a 400. A
response to such a request repeats fields as they were written (RFC 3261, section 8.2.6.2), and copies no objects.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sippy.ESipHeaderCSV import ESipHeaderCSV
from sippy.ESipHeaderIgnore import ESipHeaderIgnore
from sippy.MsgBody import MsgBody
from sippy.SipHeader import SipHeader
from sippy.SipRequest import SipRequest
from sippy.SipResponse import SipResponse
from sippy.SipURL import SipURL

from neon.sip.envelope import Envelope
from neon.sip.transport import is_numeric

_WITH_URL = frozenset(("from", "to", "contact", "record-route", "route"))
_READ = _WITH_URL | {"via", "call-id", "cseq", "max-forwards", "expires"}


class ReceivedRequest(SipRequest):  # type: ignore[misc]
    """A request of somebody else's; nobody changes its fields."""

    def __init__(self, envelope: Envelope) -> None:
        self.method, self.sipver = envelope.method, "SIP/2.0"
        self.ruri = SipURL(envelope.uri)
        self.headers, self.body = _contents(envelope)

    def genResponse(
        self, scode: int, reason: str, body: Any = None, server: str | None = None, ext_reason: Any = None
    ) -> SipResponse:
        """A response; its To may get a tag and is a copy, the rest are the request's own fields."""
        response = SipResponse(scode=scode, reason=reason, sipver=self.sipver, body=body, server=server)
        fields = [field for name in ("via", "record-route", "from") for field in self.headers if field.name == name]
        fields.append(SipHeader(name="to", body=self.getHFBCopy("to")))
        fields += [field for field in self.headers if field.name in ("call-id", "cseq")]
        response.headers[:0] = fields
        return response


class ReceivedResponse(SipResponse):  # type: ignore[misc]
    """A response of somebody else's."""

    def __init__(self, envelope: Envelope) -> None:
        self.scode, self.reason, self.sipver = envelope.status, envelope.reason.strip() or "Unspecified", "SIP/2.0"
        self.headers, self.body = _contents(envelope)


class _Field(SipHeader):  # type: ignore[misc]
    """A header field, which is written again as it was."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(name=name, bodys=text, fixname=True)
        self._text = text

    def localStr(self, local_addr: object = None, compact: bool = False) -> str:
        return f"{self.body.getCanName(self.name)}: {self._text}"


def read(kind: Callable[[Envelope], Any], envelope: Envelope) -> Any:
    """A L{ReceivedRequest} or L{ReceivedResponse}, None if one of its fields is not well formed."""
    try:
        message = kind(envelope)
        names = [header.name for header in message.headers]
        for header in message.headers:
            if header.name not in _READ:
                continue
            body = header.getBody()
            if header.name in ("from", "to"):
                TelUrl.adopt(body.getUrl())
            if header.name in _WITH_URL and not getattr(body, "asterisk", False) and not _usable(body.getUrl()):
                return None
        if names.count("from") != 1 or names.count("to") != 1:
            return None
        if envelope.is_request and not _usable(message.ruri):
            return None
    except Exception:
        return None  # sippy's parser raises whatever its string operations raise
    return message


def _contents(envelope: Envelope) -> tuple[list[SipHeader], MsgBody | None]:
    """The header fields, each value of a list a field of its own, and the body with its type."""
    headers: list[SipHeader] = []
    body: MsgBody | None = None
    if envelope.body:
        body = MsgBody(envelope.body.decode("utf-8", "surrogateescape"))
    for name, text in (*(("via", str(via)) for via in envelope.vias), *envelope.headers):
        if name == "content-length":
            continue  # it has done its work
        try:
            found = [_Field(name, text)]
        except ESipHeaderCSV as several:
            found = [_Field(name, part.strip()) for part in several.bodys]
        except ESipHeaderIgnore:
            continue
        if name != "content-type":
            headers += found
        elif body is not None:
            body.mtype = found[0].getBody()
    return headers, body


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
