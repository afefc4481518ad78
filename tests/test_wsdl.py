"""An operator's WSDL, in the styles that are met, becomes a file about the operator."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from neon.operators import settings as operator_settings
from neon.operators.settings import Settings
from neon.operatorvalues import Service
from neon.wsdl import BadWsdl, Wsdl, written

DOCUMENT = """<?xml version="1.0"?>
<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
 xmlns:t="urn:acme" xmlns:x="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:acme">
 <types>{types}</types>
 <message name="In"><part name="parameters" element="t:GetBalance"/></message>
 <message name="SignupIn"><part name="parameters" element="t:Cadastro"/></message>
 <portType name="P">
  <operation name="GetBalance"><input message="t:In"/></operation>
  <operation name="Cadastro"><input message="t:SignupIn"/></operation>
  <operation name="Reboot"><input message="t:In"/></operation>
 </portType>
 <binding name="B" type="t:P"><soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>
  <operation name="GetBalance"><soap:operation soapAction="urn:acme/GetBalance"/></operation>
  <operation name="Cadastro"><soap:operation soapAction=""/></operation>
  <operation name="Reboot"><soap:operation soapAction="urn:r"/></operation>
 </binding>
 <service name="S"><port name="P" binding="t:B"><soap:address location="{address}"/></port></service>
</definitions>
"""

TYPES = """<x:schema targetNamespace="urn:acme" elementFormDefault="qualified">
 <x:element name="GetBalance"><x:complexType>
  <x:sequence><x:element name="numero"/></x:sequence></x:complexType></x:element>
 <x:element name="Cadastro" type="t:CadastroType"/>
 <x:complexType name="CadastroType"><x:sequence>
  <x:element name="usuario"/><x:element name="senha"/><x:element name="E_Mail"/><x:element name="CPF"/>
 </x:sequence></x:complexType>
</x:schema>"""

RPC = """<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap12/"
 xmlns:t="urn:acme"><message name="In"><part name="xmlRequest"/></message>
 <portType name="P"><operation name="Provisioning"><input message="t:In"/></operation></portType>
 <binding name="B" type="t:P"><soap:binding style="rpc"/>
  <operation name="Provisioning"><soap:operation soapAction="p"/>
   <input><soap:body namespace="urn:rpc"/></input></operation>
 </binding>
 <service name="S"><port name="P" binding="t:B"><soap:address location="https://ws.acme.com/s"/></port></service>
</definitions>"""


def made(documents: dict[str, str], place: str = "https://acme/s.wsdl") -> str:
    return written(Wsdl(place, lambda where: documents[where].encode()).description(), place)


class WsdlTests(SynchronousTestCase):
    def read(self, text: str) -> Settings:
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "acme.conf"
            path.write_text(text)
            return operator_settings.read(path)

    def test_document_style(self) -> None:
        """Document style: namespace, qualification, actions, parameters by their names; the rest is said."""
        text = made({"https://acme/s.wsdl": DOCUMENT.format(types=TYPES, address="https://ws.acme.com/s")})
        read = self.read(text)
        self.assertEqual((read.general.namespace, read.general.qualified), ("urn:acme", True))
        self.assertEqual(set(read.operations), {Service.SIGNUP, Service.BALANCE})
        signup = read.operations[Service.SIGNUP]
        self.assertEqual((signup.operation, signup.soap_action), ("Cadastro", ""))
        self.assertEqual(signup.url.text, "https://ws.acme.com/s")
        self.assertEqual(
            [(name, template.text) for name, template in signup.parameters],
            [("usuario", "{login}"), ("senha", "{password}"), ("E_Mail", "{email}")],
        )
        self.assertEqual(read.operations[Service.BALANCE].soap_action, "urn:acme/GetBalance")
        self.assertIn("CPF", text)
        self.assertIn("# Not used: Reboot", text)

    def test_rpc_style(self) -> None:
        """RPC style over SOAP 1.2, with one string that holds XML."""
        read = self.read(made({"https://acme/s.wsdl": RPC}))
        self.assertEqual((read.general.protocol, read.general.namespace), ("soap12", "urn:rpc"))
        self.assertEqual((read.general.arguments, read.general.string_parameter), ("string", "xmlRequest"))

    def test_imports(self) -> None:
        """Documents that it imports are read too, but not without an end."""
        imported = '<x:schema><x:import schemaLocation="types.xsd"/></x:schema>'
        main = DOCUMENT.format(types=imported, address="https://ws.acme.com/s")
        types = TYPES.replace("<x:schema ", '<x:schema xmlns:x="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:acme" ')
        text = made({"https://acme/s.wsdl": main, "https://acme/types.xsd": types})
        self.assertIn("usuario={login}", text)

        def endless(place: str) -> bytes:
            head = '<definitions xmlns="http://schemas.xmlsoap.org/wsdl/">'
            return f'{head}<import location="{len(place)}x{place[-30:]}"/></definitions>'.encode()

        self.assertRaises(BadWsdl, Wsdl, "https://acme/a", endless)

    def test_nothing(self) -> None:
        """What is no WSDL, has no SOAP, or nothing that we know."""
        for text in (
            "<a/>", "<definitions xmlns='http://schemas.xmlsoap.org/wsdl/'/>", "no", "<!DOCTYPE a><a/>",
            DOCUMENT.format(types="", address="").replace("GetBalance", "Foo").replace("Cadastro", "Bar"),
            DOCUMENT.format(types="", address="https://x/").replace("GetBalance", "Foo").replace("Cadastro", "Bar"),
        ):
            self.assertRaises(BadWsdl, made, {"https://acme/s.wsdl": text})

    def test_hostile(self) -> None:
        """No name in a WSDL begins a line of its own in the file."""
        evil = DOCUMENT.format(types=TYPES, address="https://ws.acme.com/s").replace(
            "urn:acme/GetBalance", "x&#10;[operator]&#10;allow-http = yes"
        )
        text = made({"https://acme/s.wsdl": evil}, "https://acme/s.wsdl")
        lines = [line for line in text.splitlines() if line.startswith(("[operator]", "allow-http"))]
        self.assertEqual(lines, ["[operator]"])

    @settings(max_examples=60, deadline=None)
    @given(st.data())
    def test_damaged(self, data: st.DataObject) -> None:
        """A damaged WSDL is refused or read; nothing else happens."""
        body = list(DOCUMENT.format(types=TYPES, address="https://ws.acme.com/s"))
        for _ in range(data.draw(st.integers(1, 8))):
            place = data.draw(st.integers(0, len(body) - 1))
            body[place : place + data.draw(st.integers(0, 12))] = data.draw(st.text(max_size=3))
        with contextlib.suppress(BadWsdl, KeyError):
            made({"https://acme/s.wsdl": "".join(body).encode("utf-8", "replace").decode()})
