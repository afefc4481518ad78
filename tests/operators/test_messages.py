"""Requests, byte for byte as the document of the web services has them, and in every other form."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from neon.operators.messages import WSSE, WSU, Messages, Outgoing
from neon.operatorvalues import Service
from tests.operators.operatorcase import DATA, GENERAL, OperatorCase

SIGNUP = {
    "login": "Tester",
    "password": "123456",
    "name": "Test VoIP User",
    "email": "teste@acme.com",
    "phone": "+557155555555",
}


class MessagesCase(OperatorCase):
    def build(self, text: str, service: Service, **options: Any) -> Outgoing:
        values = options.pop("values", SIGNUP)
        settings = self.settings(text)
        return Messages(settings, **options).build(settings.operations[service], values)


class GoldenTests(MessagesCase):
    def test_signup(self) -> None:
        """Sign-up is the document's request: POST /Signup, its Content-Type, its envelope."""
        request = self.build(GENERAL + "[signup]\n", Service.SIGNUP)
        self.assertEqual((request.method, request.url), ("POST", "https://ws.example.com/Signup"))
        self.assertIn(("Content-Type", "application/soap+xml; charset=utf-8"), request.headers)
        self.assertNotIn("SOAPAction", dict(request.headers))
        self.assertEqual(request.body, (DATA / "signup_request.xml").read_bytes())

    def test_provisioning(self) -> None:
        """Provisioning is the document's request."""
        request = self.build(GENERAL + "[provisioning]\n", Service.PROVISIONING)
        self.assertEqual(request.url, "https://ws.example.com/Provisioning")
        self.assertEqual(request.body, (DATA / "provisioning_request.xml").read_bytes())

    def test_balance(self) -> None:
        """The balance is the document's request, and has no secret in it."""
        request = self.build(GENERAL + "[balance]\n", Service.BALANCE, values={"number": "5555555"})
        self.assertEqual(request.url, "https://ws.example.com/GetBalance")
        self.assertEqual(request.body, (DATA / "balance_request.xml").read_bytes())
        self.assertFalse(request.secret)

    def test_one_string(self) -> None:
        """All parameters in one string that holds XML, escaped once for each level."""
        request = self.build(
            GENERAL + "arguments = string\n[provisioning]\n",
            Service.PROVISIONING,
            values={"login": "Tester", "password": "1<2"},
        )
        self.assertEqual(request.body, (DATA / "provisioning_request_string.xml").read_bytes())


class SoapTests(MessagesCase):
    def root(self, request: Outgoing) -> etree._Element:
        return etree.fromstring(request.body)

    def test_soap12(self) -> None:
        """SOAP 1.2: its namespace, and the action in the Content-Type."""
        request = self.build(
            GENERAL + "protocol = soap12\n[signup]\nsoap-action = urn:signup\n", Service.SIGNUP
        )
        self.assertEqual(self.root(request).tag, "{http://www.w3.org/2003/05/soap-envelope}Envelope")
        self.assertEqual(
            dict(request.headers)["Content-Type"], 'application/soap+xml; charset=utf-8; action="urn:signup"'
        )

    def test_soap_action(self) -> None:
        """SOAP 1.1's header, quoted, where the file has one; and another Content-Type."""
        request = self.build(
            GENERAL + "[signup]\nsoap-action = urn:signup\ncontent-type = text/xml; charset=utf-8\n", Service.SIGNUP
        )
        self.assertEqual(dict(request.headers)["SOAPAction"], '"urn:signup"')
        self.assertEqual(dict(request.headers)["Content-Type"], "text/xml; charset=utf-8")

    def test_namespace(self) -> None:
        """The operation is in the operator's namespace; its parameters are where they are qualified."""
        for qualified in (False, True):
            text = GENERAL + f"namespace = urn:acme\nqualified = {'yes' if qualified else 'no'}\n[signup]\n"
            call = self.root(self.build(text, Service.SIGNUP))[0][0]
            self.assertEqual(call.tag, "{urn:acme}Signup")
            self.assertEqual(call[0].tag, "{urn:acme}Login" if qualified else "Login")

    def test_username_token(self) -> None:
        """WS-Security with the password as it is."""
        text = GENERAL + "auth = wsse\nuser = neon\npassword = s<e>c\n[balance]\n"
        request = self.build(text, Service.BALANCE, values={"number": "1"})
        token = self.root(request).find(f".//{{{WSSE}}}UsernameToken")
        assert token is not None
        self.assertEqual([child.text for child in token], ["neon", "s<e>c"])
        self.assertTrue(request.secret)

    def test_username_token_digest(self) -> None:
        """WS-Security with a digest: Base64(SHA-1(nonce + created + password)), section 3.1 of the profile."""
        text = GENERAL + "auth = wsse-digest\nuser = neon\npassword = secret\n[balance]\n"
        request = self.build(
            text,
            Service.BALANCE,
            values={"number": "1"},
            now=lambda: datetime(2024, 5, 1, 12, tzinfo=UTC),
            nonce=lambda: b"0123456789abcdef",
        )
        root = self.root(request)
        created = root.findtext(f".//{{{WSU}}}Created")
        self.assertEqual(created, "2024-05-01T12:00:00Z")
        wanted = hashlib.sha1(b"0123456789abcdef2024-05-01T12:00:00Zsecret").digest()
        self.assertEqual(root.findtext(f".//{{{WSSE}}}Password"), base64.b64encode(wanted).decode())
        self.assertNotIn(b"secret<", request.body)

    def test_own_header(self) -> None:
        """A header element of the operator's own."""
        text = GENERAL + "auth = soap-header\nuser = neon\npassword = secret\nnamespace = urn:acme\n[balance]\n"
        header = self.root(self.build(text, Service.BALANCE, values={"number": "1"}))[0]
        self.assertEqual([child.tag for child in header], ["{urn:acme}AuthHeader"])
        self.assertEqual(
            [(child.tag, child.text) for child in header[0]],
            [("{urn:acme}UserName", "neon"), ("{urn:acme}Password", "secret")],
        )

    @given(st.text(max_size=40))
    def test_any_value(self, value: str) -> None:
        """Whatever a user types arrives as it is, but for what XML cannot hold, and is never markup."""
        for arguments in ("elements", "string"):
            text = GENERAL + f"arguments = {arguments}\n[provisioning]\n"
            request = self.build(text, Service.PROVISIONING, values={"login": value, "password": "x"})
            call = self.root(request)[0][0]
            if arguments == "string":
                call = etree.fromstring(call[0].text or "")
            self.assertEqual([child.tag for child in call], ["Login", "Password"])
            kept = re.sub("[^\t\n -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", value)
            self.assertEqual((call[0].text or "").replace("\r", ""), kept)


class OtherTests(MessagesCase):
    def test_form(self) -> None:
        """A form, percent-encoded."""
        request = self.build(GENERAL + "protocol = form\n[signup]\n", Service.SIGNUP)
        self.assertEqual(dict(request.headers)["Content-Type"], "application/x-www-form-urlencoded")
        self.assertEqual(
            dict(parse_qsl(request.body.decode())),
            {"Login": "Tester", "Password": "123456", "Name": "Test VoIP User", "EMail": "teste@acme.com",
             "Phone": "+557155555555"},
        )

    def test_get(self) -> None:
        """A query, beside what the path has already; places of the path are escaped, slashes too."""
        text = GENERAL + "protocol = form\n[balance]\nmethod = GET\npath = /b/{number}?v=2\nparameters = n={number}\n"
        request = self.build(text, Service.BALANCE, values={"number": "a/../b&c"})
        parts = urlsplit(request.url)
        self.assertEqual(parts.path, "/b/a%2F..%2Fb%26c")
        self.assertEqual(parse_qs(parts.query), {"v": ["2"], "n": ["a/../b&c"]})
        self.assertEqual(request.body, b"")

    def test_json(self) -> None:
        """An object of the parameters."""
        request = self.build(GENERAL + "protocol = json\n[provisioning]\n", Service.PROVISIONING)
        self.assertEqual(json.loads(request.body), {"Login": "Tester", "Password": "123456"})

    @given(st.text(max_size=40).filter(lambda text: not any("\ud800" <= c <= "\udfff" for c in text)))
    def test_json_template(self, value: str) -> None:
        """A template of JSON: values stay inside of their strings."""
        text = GENERAL + 'protocol = json\n[provisioning]\nbody = {"user": {"login": "{login}"}, "v": 1}\n'
        request = self.build(text, Service.PROVISIONING, values={"login": value, "password": "x"})
        self.assertEqual(json.loads(request.body), {"user": {"login": value}, "v": 1})

    def test_bare_xml(self) -> None:
        """XML without an envelope; a template of it, with its values escaped."""
        request = self.build(GENERAL + "protocol = xml\n[provisioning]\n", Service.PROVISIONING)
        self.assertEqual(etree.fromstring(request.body).tag, "Provisioning")
        text = GENERAL + 'protocol = xml\n[provisioning]\nbody = <q u="{login}"><p>{password}</p></q>\n'
        request = self.build(text, Service.PROVISIONING, values={"login": 'a"><x/>', "password": "&<"})
        root = etree.fromstring(request.body)
        self.assertEqual((root.get("u"), root.findtext("p"), len(root)), ('a"><x/>', "&<", 1))

    def test_repr(self) -> None:
        """What is sent does not show where a request is printed."""
        for protocol in ("soap", "form", "json"):
            text = GENERAL + f"protocol = {protocol}\nauth = basic\nuser = a\npassword = hidden-1\n[signup]\n"
            settings = self.settings(text)
            request = Messages(settings).build(settings.operations[Service.SIGNUP], SIGNUP)
            self.assertNotIn("123456", repr(request))
            self.assertNotIn("hidden-1", repr(settings))
