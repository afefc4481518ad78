"""The test operator's languages: a request becomes an operation with arguments, what comes of it an answer in kind.

SOAP 1.1 and 1.2 with the parameters as elements or as XML in one string, forms, JSON. Nothing of a request but its
bounded text is used.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

from lxml import etree

from neon import operatorvalues as codes
from neon import safexml
from neon.testbed.customers import Refusal

OPERATIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "Signup": ("Login", "Password", "Name", "EMail", "Phone"),
    "Provisioning": ("Login", "Password"),
    "GetBalance": ("Number",),
    "ActivateLicense": ("Number", "Key"),
}
"""What is offered, with its parameters."""

SOAP_11: Final = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12: Final = "http://www.w3.org/2003/05/soap-envelope"
XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
XSD: Final = "http://www.w3.org/2001/XMLSchema"

MOST_FIELDS: Final = 32
"""As many fields a form may have."""


class Fault(Exception):
    """This is no request; C{code} is SOAP 1.1's (section 4.4.1), C{str(error)} what it says."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code


@dataclass(frozen=True, slots=True)
class Call:
    """An operation that is wanted; C{namespace} is that of its element, C{envelope} that of its envelope."""

    operation: str
    arguments: Mapping[str, str]
    namespace: str = ""
    envelope: str = SOAP_11


def arguments(operation: str, pairs: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """The parameters of an operation, by name and in any case; what was not given is empty.

    @raise Refusal: one is given twice, or is none.
    """
    known = {name.lower(): name for name in OPERATIONS[operation]}
    found: dict[str, str] = {}
    for name, value in pairs:
        parameter = known.get(name.lower())
        if parameter is None or parameter in found:
            raise Refusal(codes.INVALID_ARGUMENT, f"{operation} takes {', '.join(OPERATIONS[operation])}, each once")
        found[parameter] = value.strip()
    return {name: found.get(name, "") for name in OPERATIONS[operation]}


# SOAP


def read_soap(body: bytes, charset: str | None) -> Call:
    """What an envelope holds.

    @raise Fault: it is none, or holds nothing that is offered.
    @raise Refusal: the arguments are wrong.
    """
    envelope = _document(body, charset)
    namespace, name = _split(envelope)
    if name != "Envelope":
        raise Fault("Client", "this is no SOAP envelope")
    if namespace not in (SOAP_11, SOAP_12):
        raise Fault("VersionMismatch", "the envelope is neither SOAP 1.1 nor 1.2")
    for header in envelope.iterfind(f"{{{namespace}}}Header/*"):
        if header.get(f"{{{namespace}}}mustUnderstand") in ("1", "true"):
            raise Fault("MustUnderstand", f"the header {_split(header)[1]} is not understood")
    found = envelope.find(f"{{{namespace}}}Body")
    calls = [] if found is None else list(found)
    if len(calls) != 1:
        raise Fault("Client", "the Body must hold one operation")
    inside, operation = _split(calls[0])
    if operation not in OPERATIONS:
        raise Fault("Client", f"there is no operation of that name; there are {', '.join(OPERATIONS)}")
    return Call(operation, arguments(operation, _parameters(operation, calls[0])), inside, namespace)


def _parameters(operation: str, call: Any) -> list[tuple[str, str]]:
    children = list(call)
    if len(children) == 1 and (children[0].text or "").lstrip().startswith("<"):
        # All of them as XML in one string, with an element around them or without.
        text = children[0].text.strip()
        try:
            call = _document(text.encode(), "utf-8")
        except Fault:
            call = _document(f"<x>{text}</x>".encode(), "utf-8")
        children = list(call) if len(call) or _split(call)[1] == operation else [call]
    return [(_split(child)[1], child.text or "") for child in children]


def _document(data: bytes, charset: str | None) -> Any:
    try:
        parsed = safexml.parse(data, charset, keep_namespaces=True)
    except safexml.BadXml as error:
        raise Fault("Client", f"this cannot be read: {error}") from None
    if parsed.flaws:
        raise Fault("Client", f"this is no XML: {parsed.flaws[0]}")
    return parsed.root


def _split(element: Any) -> tuple[str, str]:
    name = etree.QName(element)
    return name.namespace or "", name.localname


def write_soap(call: Call, data: Mapping[str, str] | Refusal) -> bytes:
    """The answer to a call, with or without a namespace as the call had it."""
    envelope, body = _envelope(call.envelope)

    def child(parent: Any, name: str, text: str = "") -> Any:
        made = etree.SubElement(parent, f"{{{call.namespace}}}{name}" if call.namespace else name)
        made.text = text or None
        return made

    default: Any = {None: call.namespace} if call.namespace else None
    name = f"{call.operation}Response"
    response = etree.SubElement(body, f"{{{call.namespace}}}{name}" if call.namespace else name, nsmap=default)
    result = child(response, f"{call.operation}Result")
    refusal = data if isinstance(data, Refusal) else None
    child(result, "Success", "true" if refusal is None else "false")
    error = child(result, "Error")
    child(error, "Code", "0" if refusal is None else str(refusal.code))
    child(error, "Description", "" if refusal is None else str(refusal))
    held = child(result, "Data")
    if not isinstance(data, Refusal):
        for field, value in data.items():
            child(held, field, value)
    return _written(envelope)


def write_fault(fault: Fault, envelope: str = SOAP_11) -> bytes:
    """SOAP 1.1, section 4.4; SOAP 1.2 part 1, section 5.4."""
    root, body = _envelope(envelope)
    made = etree.SubElement(body, f"{{{envelope}}}Fault")
    if envelope == SOAP_11:
        etree.SubElement(made, "faultcode").text = f"soap:{fault.code}"
        etree.SubElement(made, "faultstring").text = str(fault)
        return _written(root)
    code = {"Client": "Sender", "Server": "Receiver"}.get(fault.code, fault.code)
    etree.SubElement(etree.SubElement(made, f"{{{envelope}}}Code"), f"{{{envelope}}}Value").text = f"soap:{code}"
    text = etree.SubElement(etree.SubElement(made, f"{{{envelope}}}Reason"), f"{{{envelope}}}Text")
    text.set("{http://www.w3.org/XML/1998/namespace}lang", "en")
    text.text = str(fault)
    return _written(root)


def _envelope(namespace: str) -> tuple[Any, Any]:
    envelope = etree.Element(f"{{{namespace}}}Envelope", nsmap={"soap": namespace, "xsi": XSI, "xsd": XSD})
    return envelope, etree.SubElement(envelope, f"{{{namespace}}}Body")


def _written(root: Any) -> bytes:
    text: bytes = etree.tostring(root, encoding="utf-8", pretty_print=True, xml_declaration=False)
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + text


# Forms and JSON


def read_form(text: str) -> list[tuple[str, str]]:
    """The fields of a form.

    @raise Refusal: it is none.
    """
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError:
        raise Refusal(codes.INVALID_FORMAT, "this is no form in UTF-8") from None


def write_xml(data: Mapping[str, str] | Refusal) -> bytes:
    """The structure that the document of the web services recommends for every answer."""
    root = etree.Element("ReturnData")
    refusal = data if isinstance(data, Refusal) else None
    etree.SubElement(root, "Success").text = "true" if refusal is None else "false"
    error = etree.SubElement(root, "Error")
    etree.SubElement(error, "ErrorCode").text = "0" if refusal is None else str(refusal.code)
    etree.SubElement(error, "ErrorDescription").text = None if refusal is None else str(refusal)
    held = etree.SubElement(root, "Data")
    if not isinstance(data, Refusal):
        for field, value in data.items():
            etree.SubElement(held, field).text = value
    return _written(root)


def read_json(body: bytes) -> list[tuple[str, str]]:
    """The members of an object of texts and numbers.

    @raise Refusal: it is none.
    """
    try:
        members = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        members = None
    if not isinstance(members, dict) or len(members) > MOST_FIELDS:
        raise Refusal(codes.INVALID_FORMAT, "this is no JSON object")
    if not all(isinstance(value, str | int) and not isinstance(value, bool) for value in members.values()):
        raise Refusal(codes.INVALID_FORMAT, "the members must be texts")
    return [(name, str(value)) for name, value in members.items()]


def write_json(data: Mapping[str, str] | Refusal) -> bytes:
    """The same structure as an object; its members begin with a small letter."""
    document: dict[str, Any]
    if isinstance(data, Refusal):
        document = {"success": False, "error": {"code": data.code, "description": str(data)}, "data": {}}
    else:
        members = {name[:1].lower() + name[1:]: value for name, value in data.items()}
        document = {"success": True, "error": {"code": 0, "description": ""}, "data": members}
    return json.dumps(document, ensure_ascii=False).encode()
