"""SIP messages and URIs as NEON writes and reads them, over sippy's classes (RFC 3261, sections 8, 19 and 20).

Everything that comes from a user or a configuration and ends up in a header passes through here, so that
nothing in it can start another header. What comes from the network leaves here as plain, printable text.
"""

from __future__ import annotations

import functools
import re
import secrets
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias, cast
from urllib.parse import quote, unquote

import sippy.SipURL
from sippy.MsgBody import MsgBody
from sippy.SipAddress import SipAddress
from sippy.SipContentType import SipContentType
from sippy.SipRequest import SipRequest
from sippy.SipResponse import SipResponse
from sippy.SipURL import SipURL

from neon import dialling
from neon.errors import InvalidArgument
from neon.sip.transport import is_numeric, unbracketed
from neon.sip.written import Field, Key, OwnVia, WrittenRequest, WrittenResponse, url_text
from neon.values import Address, Destination

Headers: TypeAlias = Iterable[tuple[str, str]]

METHODS = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "NOTIFY", "REFER", "UPDATE", "PRACK")
"""What Allow says: the methods that are served, not those that are known only to be refused.

REFER is among them although it needs somebody's yes: whoever is told no hears 603.
"""

KNOWN_METHODS = frozenset(
    (*METHODS, "REGISTER", "SUBSCRIBE", "MESSAGE", "PUBLISH")
)

ALLOW: Headers = (("Allow", ", ".join(METHODS)),)

MAX_FORWARDS = Field("max-forwards", "70")

REASONS = {
    100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 182: "Queued", 183: "Session Progress",
    200: "OK", 202: "Accepted",
    300: "Multiple Choices", 301: "Moved Permanently", 302: "Moved Temporarily",
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    406: "Not Acceptable", 407: "Proxy Authentication Required", 408: "Request Timeout", 410: "Gone",
    415: "Unsupported Media Type", 416: "Unsupported URI Scheme", 420: "Bad Extension", 421: "Extension Required",
    422: "Session Interval Too Small", 423: "Interval Too Brief",
    469: "Bad Info Package", 480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist",
    482: "Loop Detected", 484: "Address Incomplete", 486: "Busy Here", 487: "Request Terminated",
    488: "Not Acceptable Here", 489: "Bad Event", 491: "Request Pending",
    500: "Server Internal Error", 501: "Not Implemented", 503: "Service Unavailable", 504: "Server Time-out",
    600: "Busy Everywhere", 603: "Decline", 604: "Does Not Exist Anywhere", 606: "Not Acceptable", 607: "Unwanted",
}  # fmt: skip

# user-unreserved and mark of RFC 3261, section 25.1. sippy adds "#", which must be escaped.
_USER_SAFE = "&=+$,;?/-_.!~*'()"
sippy.SipURL.USERNAME_SAFE = _USER_SAFE

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*\.?|\[[0-9A-Fa-f:.]{{2,45}}\])\Z")
_LONGEST_NAME = 128
NOWHERE = "anonymous.invalid"
"""The host of a caller without one (RFC 3323, section 4.1.1.3)."""


def new_tag() -> str:
    return secrets.token_hex(8)


def new_call_id() -> str:
    return secrets.token_hex(16)


# URIs


def target_url(target: str, domain: str, port: int | None) -> SipURL:
    """What a user dials, as a URI: a number of C{domain}, or any SIP URI.

    @raise InvalidArgument: it is neither (L{neon.dialling.parse}).
    """
    text = dialling.parse(target)
    if not text.startswith(("sip:", "sips:")):
        return SipURL(username=text, host=uri_host(domain), port=port if port != 5060 else None)
    url = SipURL(text)
    if not _HOST.match(str(url.host)):
        raise InvalidArgument("the host of the URI is not well formed")
    # It goes where the account's requests go, whatever the URI wishes; only sips is a promise that must be kept.
    url.transport = url.maddr = url.ttl = url.method = url.headers = None
    return url


def uri_host(host: str) -> str:
    """A host as URIs want it: IPv6 literals in brackets."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def bare(url: SipURL) -> str:
    """C{sip:user@host:port} of a URI from the network, without parameters, printable whatever was in it."""
    host = str(url.host or "")
    if not _HOST.match(host):
        host = NOWHERE
    port = f":{url.port}" if url.port not in (None, 5060) and isinstance(url.port, int) else ""
    if url.username is None:
        return f"sip:{host}{port}"
    return f"sip:{_escaped(str(url.username))}@{host}{port}"


@functools.lru_cache(maxsize=256)
def _escaped(user: str) -> str:
    """A user part as a URI has it."""
    return quote(user.encode("utf-8", "surrogateescape"), safe=_USER_SAFE)


def display_name(address: SipAddress) -> str | None:
    """The display name of a From or To, for people: unescaped, printable, None if there is none."""
    if not address.name:
        return None
    name = re.sub(r"\\(.)", r"\1", str(address.name or ""))
    name = _CONTROL.sub("", name).strip()[:_LONGEST_NAME]
    return name or None


def named_address(url: SipURL, name: str | None = None) -> SipAddress:
    """An address for From, To or Contact. sippy writes the quotes but escapes nothing within them."""
    if name is not None:
        name = _CONTROL.sub("", name).replace("\\", "\\\\").replace('"', '\\"')
    return SipAddress(name=name, url=url)


def contact_url(user: str | None, place: Destination) -> SipURL:
    """Our URI at one of our own addresses, with the transport that leads there unless it is UDP."""
    transport = place.transport if place.reliable else None
    return SipURL(username=user, host=uri_host(place.host), port=place.port, transport=transport)


def secured(url: SipURL) -> SipURL:
    """The same as a sips URI, which says by itself that TLS leads there (RFC 5630, section 3.3)."""
    secure = url.getCopy()
    secure.scheme, secure.transport = "sips", None
    return secure


def transport_of(url: SipURL) -> str:
    """C{udp}, C{tcp} or C{tls}, as the URI wants it; empty where it says nothing (RFC 3261, section 26.2.2)."""
    wanted = str(url.transport or "").lower()
    return "tls" if url.scheme == "sips" and wanted in ("", "tcp") else wanted


def numeric_destination(url: SipURL, home: Destination) -> Destination | None:
    """Where a URI leads whose host is numeric, None for a name (RFC 3263, section 4).

    It is C{home} if the URI has its host and port and does not contradict it: some proxies forget their transport.
    """
    host = str(url.host)
    if not is_numeric(host):
        return None
    host, transport = unbracketed(host), transport_of(url)
    port = url.port or (home.port if transport in ("", home.transport) and host == home.host else None)
    if (host, port) == home.address and transport in ("", home.transport):
        return home
    transport = transport or "udp"
    name = host if transport == "tls" else None
    return Destination(host, url.port or (5061 if transport == "tls" else 5060), transport, name)


def is_callable(url: SipURL, *, secure: bool = False) -> bool:
    """Whether requests can be sent to a URI that the network gave us; to a sips URI only on a C{secure} way."""
    host_fits = bool(_HOST.match(str(url.host or "")))
    port_fits = url.port is None or (isinstance(url.port, int) and 0 < url.port < 65536)
    transport_fits = transport_of(url) in (("tls",) if url.scheme == "sips" else ("", "udp", "tcp", "tls"))
    return host_fits and port_fits and transport_fits and url.scheme in (("sip", "sips") if secure else ("sip",))


# Messages


def build_request(
    method: str,
    ruri: SipURL,
    *,
    sender: SipAddress,
    sender_tag: str,
    to: SipAddress,
    to_tag: str | None,
    call_id: str,
    cseq: int,
    remote: Destination,
    contact: SipURL | None = None,
    routes: Sequence[SipURL] = (),
    body: str | None = None,
    content_type: str | None = None,
    expires: int | None = None,
    headers: Headers = (),
    branch: str | None = None,
) -> WrittenRequest:
    """A request with a fresh branch, unless one is given, to be sent to C{remote}. The endpoint fills in Via's address
    and User-Agent.

    A body is a session description unless C{content_type} says otherwise.
    """
    via = OwnVia(branch)
    fields: list[Field] = [via]
    fields += [Field("route", f"<{url_text(url)}>", "Route") for url in routes]
    fields += (
        MAX_FORWARDS,
        Field("from", _written(sender, sender_tag), "From"),
        Field("to", _written(to, to_tag), "To"),
        Field("call-id", call_id, "Call-ID"),
        Field("cseq", f"{cseq} {method}", "CSeq"),
    )
    if contact is not None:
        fields.append(Field("contact", f"<{url_text(contact)}>", "Contact"))
    if expires is not None:
        fields.append(Field("expires", str(expires), "Expires"))
    fields += [_field(name, value) for name, value in headers]
    key = Key(call_id, sender_tag, cseq, method, via.branch)
    request = WrittenRequest(key, ruri, fields, None if body is None else _body(body, content_type))
    request.target = (remote.address, remote.transport)
    request.to_tag = to_tag
    return request


def _body(text: str, content_type: str | None) -> MsgBody:
    if content_type is None:
        return MsgBody(text)
    kind = SipContentType(content_type)
    kind.parse()
    return MsgBody(text, kind)


def _written(address: SipAddress, tag: str | None) -> str:
    """An address for From or To, without the parameters that it had elsewhere."""
    named = address.name
    text = str(SipAddress(name=named, url=address.url)) if named else f"<{url_text(address.url)}>"
    return text if tag is None else f"{text};tag={tag}"


@functools.lru_cache(maxsize=128)
def _field(name: str, value: str) -> Field:
    """A header line of ours; most say the same in every call, and fields are shared."""
    return Field(name.lower(), value, name)


def build_response(
    request: WrittenRequest,
    status: int,
    *,
    reason: str | None = None,
    to_tag: str | None = None,
    contact: SipURL | None = None,
    body: str | None = None,
    headers: Headers = (),
) -> WrittenResponse:
    """The response to a request; the transaction layer makes up a To tag where C{to_tag} is None."""
    response = request.genResponse(status, reason or REASONS.get(status, "Unknown"))
    if to_tag is not None:
        response.tag(to_tag)
    if contact is not None:
        response.headers.append(Field("contact", f"<{url_text(contact)}>", "Contact"))
    response.headers += [_field(name, value) for name, value in headers]
    if body is not None:
        response.setBody(MsgBody(body))
    return response


def description_of(message: SipRequest | SipResponse) -> str | None:
    """The session description in a message, None if it has none."""
    body: Any = message.getBody()
    if body is None or body.getType() != "application/sdp":
        return None
    return str(body)


def tag_of(message: SipRequest | SipResponse, name: str) -> str | None:
    """The tag of From or To."""
    return cast("str | None", message.to_tag if name == "to" else message.key.from_tag)


def call_id_of(message: SipRequest | SipResponse) -> str:
    return str(message.key.call_id)


def cseq_of(message: SipRequest | SipResponse) -> int:
    return int(message.key.cseq)


def contact_of(message: SipRequest | SipResponse) -> SipURL | None:
    """The URI of the first Contact, without what may not stand in a Request-URI; None if it cannot be called."""
    secure = message.source is not None and message.source[1] == "tls"
    for body in message.getHFBodys("contact"):
        if not body.asterisk and is_callable(body.getUrl(), secure=secure):
            url = body.getUrl().getCopy()
            url.headers = None
            return url
    return None


def callable_from(request: SipRequest) -> SipURL | None:
    """The URI of From as a target, without the parameters that may not stand there; None if it cannot be called."""
    url = request.getHFBody("from").getUrl()
    return SipURL(username=url.username, host=url.host, port=url.port) if is_callable(url) else None


def user_of(url: SipURL) -> str:
    """The whole user part, unescaped: sippy keeps what follows a semicolon in it apart (RFC 4475, section 3.1.1.9)."""
    return ";".join((str(url.username or ""), *(unquote(part) for part in url.userparams)))


def source_of(message: SipRequest | SipResponse) -> Address | None:
    """Where a message came from; None for a response that was made on our side."""
    if message.source is None:
        return None
    address = message.getSource()
    return str(address[0]).strip("[]"), int(address[1])
