"""What REGISTER requests say and what their answers grant (RFC 3261 section 10, RFC 3608, RFC 3327).

Pure reading and writing of messages; when to send them is the business of L{neon.sip.registrar}.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from sippy.SipAddress import SipAddress
from sippy.SipRequest import SipRequest
from sippy.SipResponse import SipResponse
from sippy.SipURL import SipURL

from neon.sip import messages
from neon.sip.messages import build_request, is_callable, named_address
from neon.sip.transport import bracketed, unbracketed
from neon.values import AccountSettings, Address, Destination

LONGEST_LIFETIME = 86_400
"""A registrar that grants or demands more than a day gets a day: an early refresh hurts nobody."""

LONGEST_RETRY_AFTER = 1800

MARGIN = 32.0
"""A refresh starts at least one transaction time-out (64*T1) before the end, where the lifetime allows it."""


class NoBinding(ValueError):
    """A 2xx to REGISTER that does not hold a binding of ours."""


@dataclass(frozen=True, slots=True)
class RegistrationOptions:
    """C{refuse_downgrade}: MD5 is not answered once a realm has offered more (RFC 8760).

    C{learn_public_address}: where the registrar sees another address than our own, that one is registered.
    """

    refuse_downgrade: bool = True
    learn_public_address: bool = True


USUAL = RegistrationOptions()


@dataclass(frozen=True, slots=True)
class Identity:
    """What stays the same over all REGISTERs of one registration (RFC 3261, section 10.2.4)."""

    call_id: str
    from_tag: str
    contact_user: str


def default_port(transport: str) -> int:
    """The port of a URI without one (RFC 3261, section 19.1.2)."""
    return 5061 if transport == "tls" else 5060


def next_hop(settings: AccountSettings) -> tuple[str, int | None]:
    """The host and port whose address is to be looked up: the outbound proxy's, or the domain's.

    @raise ValueError: one of them is not well formed.
    """
    if not is_callable(SipURL(host=bracketed(settings.domain), port=settings.port)):
        raise ValueError("the domain is not well formed")
    if settings.proxy is None:
        return unbracketed(settings.domain), settings.port
    host, port = split_host_port(settings.proxy)
    if not is_callable(SipURL(host=bracketed(host), port=port)):
        raise ValueError("the outbound proxy is not well formed")
    return host, port


def split_host_port(text: str) -> tuple[str, int | None]:
    """C{host}, C{host:port}, C{[v6]:port} or the same with C{sip:} before and parameters behind it.

    @raise ValueError: there is no host, or the port is none.
    """
    text = text.strip().removeprefix("sip:").split(";", 1)[0]
    match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^\s:@\[\]]+)(?::(\d{1,5}))?", text)
    if match is None:
        raise ValueError(f"{text!r} is not host or host:port")
    port = int(match[2]) if match[2] else None
    if port is not None and not 0 < port < 65536:
        raise ValueError(f"{port} is not a port")
    return unbracketed(match[1]), port


def contact_url(identity: Identity, address: Destination) -> SipURL:
    return messages.contact_url(identity.contact_user, address)


def build_register(
    settings: AccountSettings,
    identity: Identity,
    cseq: int,
    remote: Destination,
    contact: Destination,
    expires: int,
    *,
    obsolete: Destination | None = None,
    request_uri: SipURL | None = None,
) -> SipRequest:
    """A REGISTER for C{contact}; C{expires} 0 takes the binding away.

    C{obsolete} is an address of ours whose binding is taken away by the same request. C{request_uri} replaces
    the registrar's domain after a redirection.
    """
    port = None if settings.port in (None, default_port(settings.transport)) else settings.port
    transport = None if settings.transport in ("udp", "auto") else settings.transport
    domain = bracketed(settings.domain)
    record = named_address(SipURL(username=settings.number, host=domain, port=port), settings.display_name)
    routes = []
    if settings.proxy is not None and request_uri is None:
        # An outbound proxy is a preloaded route (RFC 3261, section 8.1.2).
        host, proxy_port = split_host_port(settings.proxy)
        routes = [SipURL(host=bracketed(host), port=proxy_port, transport=transport, lr=True)]
    places = [(contact, expires)]
    if obsolete is not None and obsolete != contact:
        places.append((obsolete, 0))
    contacts = [("Contact", f"<{contact_url(identity, place)}>;expires={time}") for place, time in places]
    return build_request(
        "REGISTER",
        SipURL(host=domain, port=port) if request_uri is None else request_uri,
        sender=record,
        sender_tag=identity.from_tag,
        to=record,
        to_tag=None,
        call_id=identity.call_id,
        cseq=cseq,
        remote=remote,
        routes=routes,
        expires=expires,
        headers=[*contacts, ("Supported", "path")],
    )


def granted_lifetime(response: SipResponse, own: SipURL, asked: int) -> int:
    """For how many seconds a 2xx binds our Contact C{own}.

    Ours is found by URI comparison among several. As its user part is random, a Contact with that user is ours
    even if a proxy on the way put another address in; a lone Contact is taken for ours rewritten altogether.

    @raise NoBinding: ours is not there, its lifetime is zero or junk, or C{Contact: *} came back.
    """
    contacts = []
    for header in response.getHFs("contact"):
        try:
            contact = header.getBody()
        except Exception as error:
            # sippy's parser raises whatever its string handling runs into.
            raise NoBinding("a Contact in the answer cannot be read") from error
        if contact.asterisk:
            raise NoBinding("Contact: * in an answer")
        contacts.append(contact.address)
    lifetime = None
    if contacts:
        lifetime = _parameter(_ours(contacts, own), "expires")
    if lifetime is None:
        headers = response.getHFs("expires")
        lifetime = str(headers[0].body) if headers else str(asked)
    if not re.fullmatch(r"\d{1,10}", lifetime.strip()):
        raise NoBinding("the lifetime in the answer is not a number")
    if int(lifetime) == 0:
        raise NoBinding("the answer grants a lifetime of zero")
    return min(int(lifetime), LONGEST_LIFETIME)


def refresh_delay(lifetime: int, draw: float) -> float:
    """When a binding is to be renewed: at 85 to 90 % of its lifetime, spread by a C{draw} from 0 to 1."""
    delay = (0.85 + 0.05 * draw) * lifetime
    return min(delay, lifetime - MARGIN) if lifetime >= 120 else delay


def _ours(contacts: list[SipAddress], own: SipURL) -> SipAddress:
    mine = [contact for contact in contacts if contact.url.username == own.username]
    for contact in mine:
        if same_place(contact.url, own):
            return contact
    if mine:
        return mine[0]
    if len(contacts) == 1:
        return contacts[0]
    raise NoBinding("our Contact is not among those in the answer")


def same_place(one: SipURL, other: SipURL) -> bool:
    """Whether two URIs agree in scheme, user, host and port (RFC 3261, section 19.1.4, as far as bindings need it)."""
    return bool(
        one.scheme == other.scheme
        and one.username == other.username
        and str(one.host).lower() == str(other.host).lower()
        and (one.port or 5060) == (other.port or 5060)
    )


def _parameter(address: SipAddress, name: str) -> str | None:
    for key, value in address.params.items():
        if key.strip().lower() == name:
            return value or ""
    return None


def minimum_lifetime(response: SipResponse) -> int | None:
    """Min-Expires of a 423 (RFC 3261, section 20.23), None where it is missing, junk or more than a day."""
    value = _seconds(response, "min-expires")
    return value if value is not None and 0 < value <= LONGEST_LIFETIME else None


def retry_after(response: SipResponse) -> int:
    """Retry-After in seconds (RFC 3261, section 20.33), capped; 0 where there is none."""
    return min(_seconds(response, "retry-after") or 0, LONGEST_RETRY_AFTER)


def _seconds(response: SipResponse, name: str) -> int | None:
    for header in response.getHFs(name):
        # Retry-After may go on with a comment and parameters.
        if match := re.match(r"\s*(\d{1,10})\b", str(header.body)):
            return int(match[1])
    return None


def uris(response: SipResponse, name: str) -> tuple[str, ...]:
    """The SIP URIs of a Service-Route or Path, in order; what is no such URI in angle brackets is left out."""
    found = []
    for header in response.getHFs(name):
        for text in re.findall(r"<([^<>]+)>", str(header.body)):
            try:
                usable = is_callable(SipURL(text))
            except Exception:  # noqa: S112 (sippy's parser raises whatever its string handling runs into)
                continue
            if usable:
                found.append(text)
    return tuple(found)


def seen_address(response: SipResponse) -> Address | None:
    """Where the registrar saw our request come from: received and rport of our Via (RFC 3581), None if unsaid."""
    vias = response.getHFs("via")
    if len(vias) != 1:
        return None
    via = vias[0].getBody()
    if not via.params.get("received") and not via.params.get("rport"):
        return None
    host = unbracketed(str(via.params.get("received") or via.hostname))
    port = str(via.params.get("rport") or via.port or 5060)
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if not port.isdecimal() or not 0 < int(port) < 65536 or address.is_unspecified or address.is_multicast:
        return None
    return (str(address), int(port))


def redirection(response: SipResponse) -> SipURL | None:
    """The first usable Contact of a 3xx."""
    for header in response.getHFs("contact"):
        try:
            contact = header.getBody()
        except Exception:  # noqa: S112 (unreadable: the next may do)
            continue
        if not contact.asterisk and is_callable(contact.address.url):
            url = contact.address.url.getCopy()
            url.headers = None
            return url
    return None
