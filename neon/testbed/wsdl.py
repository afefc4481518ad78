"""The test operator's WSDL 1.1: document/literal, wrapped, over SOAP 1.1 (sections 3.2 to 3.5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final
from xml.sax.saxutils import quoteattr

from neon.testbed.wire import OPERATIONS

NAMESPACE: Final = "urn:neon:testbed"

ANSWERS: Final[Mapping[str, tuple[str, ...]]] = {
    "Signup": ("Number", "Password", "Domain", "DisplayName", "Html"),
    "Provisioning": ("Number", "Password", "Domain", "DisplayName"),
    "GetBalance": ("Balance", "Currency", "Rate"),
    "ActivateLicense": ("Active",),
}
"""What an answer's Data may hold."""

REQUIRED: Final = {"Login", "Password", "Number"}


def wsdl(location: str) -> bytes:
    """The description; C{location} is the URL that calls go to."""
    return "\n".join(_lines(location)).encode()


def _lines(location: str) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="utf-8"?>'
    yield (
        '<wsdl:definitions name="Operator" xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/"'
        ' xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
        f' xmlns:tns="{NAMESPACE}" targetNamespace="{NAMESPACE}">'
    )
    yield f'<wsdl:types><xsd:schema elementFormDefault="qualified" targetNamespace="{NAMESPACE}">'
    yield (
        '<xsd:complexType name="Error"><xsd:sequence><xsd:element name="Code" type="xsd:int"/>'
        '<xsd:element name="Description" type="xsd:string"/></xsd:sequence></xsd:complexType>'
    )
    for operation, parameters in OPERATIONS.items():
        yield from _types(operation, parameters)
    yield "</xsd:schema></wsdl:types>"
    for operation in OPERATIONS:
        for suffix in ("", "Response"):
            yield (
                f'<wsdl:message name="{operation}{suffix}">'
                f'<wsdl:part name="parameters" element="tns:{operation}{suffix}"/></wsdl:message>'
            )
    yield '<wsdl:portType name="Operator">'
    for operation in OPERATIONS:
        yield (
            f'<wsdl:operation name="{operation}"><wsdl:input message="tns:{operation}"/>'
            f'<wsdl:output message="tns:{operation}Response"/></wsdl:operation>'
        )
    yield '</wsdl:portType><wsdl:binding name="Operator" type="tns:Operator">'
    yield '<soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>'
    for operation in OPERATIONS:
        yield (
            f'<wsdl:operation name="{operation}"><soap:operation soapAction="{NAMESPACE}#{operation}"/>'
            '<wsdl:input><soap:body use="literal"/></wsdl:input>'
            '<wsdl:output><soap:body use="literal"/></wsdl:output></wsdl:operation>'
        )
    yield '</wsdl:binding><wsdl:service name="Operator"><wsdl:port name="Operator" binding="tns:Operator">'
    yield f"<soap:address location={quoteattr(location)}/></wsdl:port></wsdl:service></wsdl:definitions>"


def _types(operation: str, parameters: tuple[str, ...]) -> Iterator[str]:
    yield f'<xsd:element name="{operation}"><xsd:complexType><xsd:sequence>'
    for name in parameters:
        least = "" if name in REQUIRED else ' minOccurs="0"'
        yield f'<xsd:element name="{name}" type="xsd:string"{least}/>'
    yield "</xsd:sequence></xsd:complexType></xsd:element>"
    yield (
        f'<xsd:element name="{operation}Response"><xsd:complexType><xsd:sequence>'
        f'<xsd:element name="{operation}Result"><xsd:complexType><xsd:sequence>'
        '<xsd:element name="Success" type="xsd:boolean"/><xsd:element name="Error" type="tns:Error"/>'
        '<xsd:element name="Data"><xsd:complexType><xsd:sequence>'
    )
    for name in ANSWERS[operation]:
        yield f'<xsd:element name="{name}" type="xsd:string" minOccurs="0"/>'
    yield (
        "</xsd:sequence></xsd:complexType></xsd:element></xsd:sequence></xsd:complexType></xsd:element>"
        "</xsd:sequence></xsd:complexType></xsd:element>"
    )
