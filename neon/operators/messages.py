"""Requests as an operator's file describes them: SOAP 1.1 and 1.2, a form, JSON, or bare XML.

    <soap:Envelope ...><soap:Body><Signup><Login>Tester</Login>...</Signup></soap:Body></soap:Envelope>

with one element for each parameter, or with one string parameter that holds the same as XML text.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from lxml import etree

from neon.operators import templates
from neon.operators.settings import Operation, Settings
from neon.operators.templates import Values

SOAP_11: Final = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12: Final = "http://www.w3.org/2003/05/soap-envelope"
XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
XSD: Final = "http://www.w3.org/2001/XMLSchema"
WSSE: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
_PROFILE: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0"
_ENCODING: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"

DECLARATION: Final = b'<?xml version="1.0" encoding="utf-8"?>\n'


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request, but for HTTP's own authentication. Nothing of it but the method and the host is ever logged."""

    method: str
    url: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)
    secret: bool = True
    """Whether a password or the like is in it."""

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc


class Messages:
    """Makes the requests of one operator; C{now} and C{nonce} are for WS-Security's digests."""

    def __init__(
        self,
        settings: Settings,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        nonce: Callable[[], bytes] = lambda: secrets.token_bytes(16),
    ) -> None:
        self._settings = settings
        self._general = settings.general
        self._now = now
        self._nonce = nonce

    def build(self, operation: Operation, values: Values) -> Outgoing:
        """The request for these values, which are as the user gave them."""
        url = operation.url.render(values, templates.in_url)
        headers = [("Accept", "application/soap+xml, text/xml, application/xml, application/json, */*;q=0.1")]
        secret = operation.sends_secrets or self._general.auth not in ("none", "digest")
        pairs = [(name, template.render(values, templates.as_it_is)) for name, template in operation.parameters]
        if operation.method == "GET":
            query = urlencode(pairs)
            if query:
                url += ("&" if "?" in url else "?") + query
            return Outgoing("GET", url, tuple(headers), b"", secret)
        headers.append(("Content-Type", self._content_type(operation)))
        if self._general.protocol == "soap" and operation.soap_action is not None:
            headers.append(("SOAPAction", f'"{operation.soap_action}"'))
        body = self._body(operation, values, pairs)
        return Outgoing(operation.method, url, tuple(headers), body, secret)

    def _content_type(self, operation: Operation) -> str:
        if self._general.protocol == "soap12" and operation.soap_action:
            return f'{operation.content_type}; action="{operation.soap_action}"'
        return operation.content_type

    def _body(self, operation: Operation, values: Values, pairs: list[tuple[str, str]]) -> bytes:
        protocol = self._general.protocol
        template = operation.body
        if protocol == "json":
            if template is not None:
                return template.render(values, templates.in_json).encode("utf-8")
            return json.dumps(dict(pairs), ensure_ascii=False).encode("utf-8", "replace")
        if protocol == "form":
            if template is not None:
                return template.render(values, templates.in_url).encode("utf-8")
            return urlencode(pairs, errors="replace").encode("ascii")
        if template is not None:
            inside = etree.fromstring(template.render(values, templates.in_xml).encode("utf-8"), _PARSER)
        else:
            inside = self._call(operation.operation, pairs)
        return _written(inside if protocol == "xml" else self._envelope(inside))

    def _call(self, operation: str, pairs: list[tuple[str, str]]) -> etree._Element:
        """The element that is the call: the operation, with its parameters."""
        namespace = self._general.namespace
        inside = namespace if self._general.qualified else ""
        # A default namespace would be that of the parameters too, which are in none where they are not qualified.
        call = etree.Element(_name(namespace, operation), nsmap=_default(namespace, "" if inside else "m"))
        if self._general.arguments == "string":
            plain = etree.Element(operation)
            _add(plain, "", pairs)
            _add(call, inside, [(self._general.string_parameter, etree.tostring(plain, encoding="unicode"))])
        else:
            _add(call, inside, pairs)
        return call

    def _envelope(self, call: etree._Element) -> etree._Element:
        soap = SOAP_11 if self._general.protocol == "soap" else SOAP_12
        envelope = etree.Element(f"{{{soap}}}Envelope", nsmap={"soap": soap, "xsi": XSI, "xsd": XSD})
        if self._general.auth in ("wsse", "wsse-digest", "soap-header"):
            header = etree.SubElement(envelope, f"{{{soap}}}Header")
            if self._general.auth == "soap-header":
                self._own_header(header)
            else:
                self._username_token(header, soap)
        etree.SubElement(envelope, f"{{{soap}}}Body").append(call)
        return envelope

    def _own_header(self, header: etree._Element) -> None:
        """A header element of the operator's own, with two elements for user and password, as ASP.NET services have."""
        namespace = self._general.namespace
        own = etree.SubElement(header, _name(namespace, self._general.soap_header), nsmap=_default(namespace))
        user, password = self._general.soap_header_names
        _add(own, namespace, [(user, self._general.user), (password, self._settings.password)])

    def _username_token(self, header: etree._Element, soap: str) -> None:
        """WS-Security UsernameToken Profile 1.0, section 3.1."""
        security = etree.SubElement(header, f"{{{WSSE}}}Security", nsmap={"wsse": WSSE, "wsu": WSU})
        security.set(f"{{{soap}}}mustUnderstand", "1" if soap == SOAP_11 else "true")
        token = etree.SubElement(security, f"{{{WSSE}}}UsernameToken")
        etree.SubElement(token, f"{{{WSSE}}}Username").text = templates.xml_text(self._general.user)
        password = etree.SubElement(token, f"{{{WSSE}}}Password")
        if self._general.auth == "wsse":
            password.set("Type", f"{_PROFILE}#PasswordText")
            password.text = templates.xml_text(self._settings.password)
            return
        nonce = self._nonce()
        created = self._now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        digest = hashlib.sha1(
            nonce + created.encode() + self._settings.password.encode("utf-8"), usedforsecurity=False
        ).digest()
        password.set("Type", f"{_PROFILE}#PasswordDigest")
        password.text = base64.b64encode(digest).decode()
        written = etree.SubElement(token, f"{{{WSSE}}}Nonce", {"EncodingType": _ENCODING})
        written.text = base64.b64encode(nonce).decode()
        etree.SubElement(token, f"{{{WSU}}}Created").text = created


_PARSER: Final = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)


def _default(namespace: str, prefix: str = "") -> Any:
    """The declaration of a namespace; the default one, which lxml's stubs do not know, without a prefix."""
    return {prefix or None: namespace} if namespace else None


def _name(namespace: str, local: str) -> str:
    return f"{{{namespace}}}{local}" if namespace else local


def _add(parent: etree._Element, namespace: str, pairs: list[tuple[str, str]]) -> None:
    for name, value in pairs:
        etree.SubElement(parent, _name(namespace, name)).text = templates.xml_text(value)


def _written(root: etree._Element) -> bytes:
    encoded: bytes = etree.tostring(root, encoding="utf-8", pretty_print=True, xml_declaration=False)
    return DECLARATION + encoded
