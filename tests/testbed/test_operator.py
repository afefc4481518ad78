"""The test operator: every service in every language, over no network; what it refuses, and what calls cost."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from lxml import etree
from twisted.internet.defer import Deferred, execute
from twisted.trial.unittest import SynchronousTestCase

from neon import operatorvalues as codes
from neon.operators import answers, settings
from neon.operators.messages import Messages
from neon.operators.words import Kind, Trouble
from neon.operatorvalues import Service
from neon.store.customers import MIGRATIONS, Customer, CustomerTable
from neon.store.database import Database, StoreError
from neon.testbed import customers, operator, wire
from neon.testbed.customers import Customers, Refusal
from neon.testbed.operator import Asked, Operator, Told

SECRET = "s3cret"
SIGNED = "Basic " + base64.b64encode(f"neon:{SECRET}".encode()).decode()
SOAP = "application/soap+xml; charset=utf-8"
ENVELOPE = (
    '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>{}</soap:Body></soap:Envelope>'
)


def at_once(function: Callable[..., Any], *args: object) -> Deferred[Any]:
    return execute(function, *args)


class OperatorCase(SynchronousTestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.database = Database(self.folder / "testbed.sqlite", MIGRATIONS)
        self.database.open()
        self.addCleanup(self.database.close)
        self.start()

    def start(self) -> None:
        """The operator, with the books as they are."""
        table = CustomerTable(self.database)
        stored: list[Customer] = self.successResultOf(table.all())
        self.customers = Customers(table, stored, at_once)
        self.operator = Operator(self.customers, SECRET, lambda: "127.0.0.1:5062", lambda: "http://127.0.0.1:8/")

    def told(self, method: str, path: str, content_type: str = "", body: str | bytes = b"", query: str = "") -> Told:
        data = body.encode() if isinstance(body, str) else body
        asked = Asked(method, path, query, content_type, SIGNED, data)
        return self.successResultOf(self.operator.answer(asked))

    def soap(self, inside: str, path: str = "/") -> Any:
        """What is in the Body of the answer."""
        told = self.told("POST", path, SOAP, ENVELOPE.format(inside))
        return etree.fromstring(told.body)[0][0]

    def rest(self, method: str, path: str, **members: object) -> tuple[int, Any]:
        told = self.told(method, path, "application/json", json.dumps(members) if members else b"")
        return told.status, json.loads(told.body)

    def signed_up(self, login: str = "ana") -> Customer:
        return self.successResultOf(self.customers.signup(login, "hidden-1", "Ana", "", ""))


class ServiceTests(OperatorCase):
    def test_document(self) -> None:
        """The requests that the document shows are answered as it shows, element for element."""
        answer = self.soap(
            "<Signup><Login>Tester</Login><Password>123456</Password><Name>Test VoIP User</Name>"
            "<EMail>teste@acme.com</EMail><Phone>+557155555555</Phone ></Signup>", "/Signup"
        )
        password = self.customers.passwords["1001"]
        self.assertEqual(answer.tag, "SignupResponse")
        self.assertEqual(answer[0].tag, "SignupResult")
        self.assertEqual([child.tag for child in answer[0]], ["Success", "Error", "Data"])
        self.assertEqual([child.tag for child in answer[0].find("Error")], ["Code", "Description"])
        found = {child.tag: child.text for child in answer[0].find("Data")}
        self.assertIn("<h1>Welcome, Test VoIP User</h1>", found.pop("Html") or "")
        account = {"Number": "1001", "Password": password, "Domain": "127.0.0.1:5062", "DisplayName": "Test VoIP User"}
        self.assertEqual(found, account)
        again = self.soap("<Provisioning><Login>Tester</Login><Password>123456</Password></Provisioning>")
        self.assertEqual({child.tag: child.text for child in again[0].find("Data")}, account)
        balance = self.soap("<GetBalance><Number>1001</Number></GetBalance>", "/GetBalance")
        self.assertEqual(balance.findtext("GetBalanceResult/Data/Balance"), "20.15")

    def test_one_string(self) -> None:
        """The parameters as one string of XML, whatever it is called, with the operation around them or without."""
        for inside in (
            "<GetBalance><xml>&lt;GetBalance&gt;&lt;Number&gt;1000&lt;/Number&gt;&lt;/GetBalance&gt;</xml></GetBalance>",
            "<GetBalance><p>&lt;Number&gt;1000&lt;/Number&gt;</p></GetBalance>",
            "<GetBalance><p><![CDATA[ <x><Number>1000</Number></x> ]]></p></GetBalance>",
        ):
            self.assertEqual(self.soap(inside).findtext("GetBalanceResult/Data/Balance"), "20.15", inside)
        both = "&lt;Login&gt;ana&lt;/Login&gt;&lt;Password&gt;hidden-1&lt;/Password&gt;"
        self.signed_up()
        answer = self.soap(f"<Provisioning><p>{both}</p></Provisioning>")
        self.assertEqual(answer.findtext("ProvisioningResult/Data/Number"), "1001")

    def test_codes(self) -> None:
        """Every error code of the document that is the user's fault, with words."""
        self.signed_up()
        for code, operation, arguments in (
            (100, "Signup", "<Login>a</Login>"),
            (101, "Signup", "<Login>a b</Login><Password>hidden</Password>"),
            (101, "Signup", "<Login>a</Login><Password>hidden</Password><EMail>nowhere</EMail>"),
            (101, "Signup", "<Login>a</Login><Password>hidden</Password><Phone>call me</Phone>"),
            (104, "Signup", "<Login>a</Login><Password>x</Password>"),
            (103, "Signup", "<Login>ana</Login><Password>hidden</Password>"),
            (102, "Provisioning", "<Login>eva</Login><Password>hidden</Password>"),
            (104, "Provisioning", "<Login>ana</Login><Password>hidden</Password>"),
            (100, "Provisioning", ""), (100, "GetBalance", ""),
            (101, "GetBalance", "<Number>x</Number>"), (102, "GetBalance", "<Number>77</Number>"),
            (101, "ActivateLicense", "<Number>1000</Number><Key>!</Key>"),
        ):  # fmt: skip
            result = self.soap(f"<{operation}>{arguments}</{operation}>").find(f"{operation}Result")
            self.assertEqual(result.findtext("Success"), "false")
            self.assertEqual(result.findtext("Error/Code"), str(code), (operation, arguments))
            self.assertTrue(result.findtext("Error/Description"))
            self.assertEqual(len(result.find("Data")), 0)

    def test_rest(self) -> None:
        """The same as resources with statuses, in JSON."""
        status, made = self.rest("POST", "/customers", login="ana", password="hidden-1", name="Ana")
        self.assertEqual((status, made["success"], made["data"]["number"]), (201, True, "1001"))
        status, again = self.rest("POST", "/customers/ana/account", password="hidden-1")
        self.assertEqual((status, again["data"]["password"]), (200, made["data"]["password"]))
        status, balance = self.rest("GET", "/accounts/1001/balance")
        self.assertEqual((status, balance["data"]), (200, {"balance": "20.15", "currency": "BRL", "rate": "0.60"}))
        self.assertEqual(self.rest("POST", "/accounts/1001/licence", key="ABCD-1")[1]["data"], {"active": "true"})
        for status, code, (method, path), members in (
            (409, 103, ("POST", "/customers"), {"login": "ana", "password": "hidden-1"}),
            (403, 104, ("POST", "/customers/ana/account"), {"password": "wrong"}),
            (404, 102, ("GET", "/accounts/77/balance"), {}), (422, 101, ("GET", "/accounts/x/balance"), {}),
            (400, 100, ("POST", "/customers"), {"name": "Ana"}), (404, 102, ("GET", "/accounts"), {}),
            (400, 100, ("POST", "/customers/ana/account"), {"login": "eva", "password": "hidden-1"}),
            (422, 101, ("POST", "/customers"), {"login": ["ana"]}),
        ):  # fmt: skip
            found, document = self.rest(method, path, **members)
            self.assertEqual((found, document["error"]["code"]), (status, code), (path, members))

    def test_form(self) -> None:
        """The same as a form, by POST and by GET, answered in the structure that the document recommends."""
        form = "application/x-www-form-urlencoded"
        told = self.told("POST", "/Signup", form, "Login=ana&Password=hidden-1&Name=Jos%C3%A9+%3C%3E")
        answer = etree.fromstring(told.body)
        self.assertEqual(answer.tag, "ReturnData")
        self.assertEqual((answer.findtext("Error/ErrorCode"), answer.findtext("Data/DisplayName")), ("0", "José <>"))
        told = self.told("GET", "/getbalance", query="number=1001")
        self.assertEqual(etree.fromstring(told.body).findtext("Data/Balance"), "20.15")
        for query in ("number=1001&number=1002", "what=1", "number=%ff", "&".join(["a=1"] * 40)):
            answer = etree.fromstring(self.told("GET", "/GetBalance", query=query).body)
            self.assertEqual(answer.findtext("Success"), "false", query)

    def test_faults(self) -> None:
        """What is no request is a fault, of the envelope's own version."""
        for body, said in (
            ("<no/>", "Client"), ("no", "Client"), (ENVELOPE.format(""), "Client"), (ENVELOPE.format("<X/>"), "Client"),
            (ENVELOPE.format("<GetBalance><Number>1</Numbr></GetBalance>"), "Client"),
            (ENVELOPE.format("<GetBalance><Number>1</Number><Number>1</Number></GetBalance>"), "Client"),
            ("<!DOCTYPE a [<!ENTITY b 'c'>]>" + ENVELOPE.format("<GetBalance/>"), "Client"),
            (ENVELOPE.format("<GetBalance/>").replace("xmlsoap.org/soap", "example.org/soap"), "VersionMismatch"),
        ):  # fmt: skip
            told = self.told("POST", "/", SOAP, body)
            self.assertEqual(told.status, 500, body)
            self.assertIn(f"<faultcode>soap:{said}</faultcode>".encode(), told.body, body)
        later = ENVELOPE.format("<X/>").replace("http://schemas.xmlsoap.org/soap/envelope/", wire.SOAP_12)
        told = self.told("POST", "/", SOAP, later)
        self.assertEqual(told.status, 400)
        self.assertIn(b"soap:Sender", told.body)

    def test_strangers(self) -> None:
        """Without the password there is nothing but the WSDL."""
        other = SIGNED.replace("Basic", "Foo")
        for signed in ("", "Basic", "Basic !", "Basic bmVvbjo=", "Bearer x", SIGNED + "x", other):
            asked = Asked("GET", "/accounts/1000/balance", authorization=signed)
            told = self.successResultOf(self.operator.answer(asked))
            self.assertEqual((told.status, "WWW-Authenticate" in told.headers), (401, True), signed)
        told = self.successResultOf(self.operator.answer(Asked("GET", "/", "wsdl")))
        self.assertEqual(etree.fromstring(told.body).tag, "{http://schemas.xmlsoap.org/wsdl/}definitions")

    def test_nothing_there(self) -> None:
        """Other paths and methods."""
        self.assertEqual(self.told("GET", "/elsewhere").status, 404)
        self.assertEqual(self.told("DELETE", "/customers").status, 405)

    @examples(deadline=None)
    @given(st.binary(max_size=200), st.sampled_from((SOAP, "text/xml", "application/json", "x/y", "")))
    def test_any_bytes(self, body: bytes, kind: str) -> None:
        """Whatever is sent there is an answer, and never trouble inside."""
        for path in ("/", "/Signup", "/customers", "/accounts/1000/licence", "/%00", "//"):
            told = self.told("POST", path, kind, body)
            self.assertIn(told.status, (200, 201, 400, 403, 404, 422, 500), (path, body))
            self.assertNotIn(b"trouble of its own", told.body, (path, body))


class NeonTests(OperatorCase):
    """What NEON sends is understood, and NEON understands what comes back: both sides of the wire, no network."""

    def ask(self, protocol: str, sections: str, service: Service, **values: str) -> dict[str, str] | int:
        path = self.folder / "testbed.conf"
        path.write_text(f"[operator]\nurl = http://127.0.0.1:1/\nallow-http = yes\n{protocol}\n{sections}")
        read = settings.read(path)
        operation = read.operations[service]
        request = Messages(read).build(operation, {"language": "pt", "version": "1", **values})
        where, _, query = request.url.removeprefix("http://127.0.0.1:1").partition("?")
        kind = dict(request.headers).get("Content-Type", "")
        told = self.told(request.method, where, kind, request.body, query)
        try:
            return dict(answers.read(told.body, "auto", None, told.status, operation.answers).fields)
        except Trouble as trouble:
            self.assertEqual(trouble.kind, Kind.REFUSED)
            return trouble.code

    def test_every_protocol(self) -> None:
        """Sign-up, account, balance and an error, in every protocol that NEON's files know."""
        rest = (
            "[signup]\npath = customers\nparameters = login={login}, password={password}\n"
            "[provisioning]\npath = customers/{login}/account\nparameters = password={password}\n"
            "[balance]\npath = accounts/{number}/balance\nmethod = GET\nparameters =\n"
        )
        plain = "[signup]\n[provisioning]\n[balance]\n"
        for number, (protocol, sections) in enumerate((
            ("", plain), ("arguments = string", plain), ("protocol = soap12", plain),
            ("namespace = urn:x\nqualified = yes", plain), ("namespace = urn:x", plain), ("protocol = form", plain),
            ("protocol = form", plain.replace("[balance]", "[balance]\nmethod = GET")), ("protocol = json", rest),
        ), 1001):  # fmt: skip
            who = {"login": f"ana{number}", "password": "hidden <&> 1"}
            made = self.ask(protocol, sections, Service.SIGNUP, **who)
            assert isinstance(made, dict), (protocol, made)
            self.assertEqual((made["number"], made["domain"]), (str(number), "127.0.0.1:5062"))
            self.assertIn("<h1>", made["html"])
            again = self.ask(protocol, sections, Service.PROVISIONING, **who)
            assert isinstance(again, dict), (protocol, again)
            self.assertEqual(again["password"], made["password"])
            balance = self.ask(protocol, sections, Service.BALANCE, number=made["number"])
            self.assertEqual(balance, {"balance": "20.15", "currency": "BRL", "rate": "0.60"})
            self.assertEqual(self.ask(protocol, sections, Service.SIGNUP, **who), codes.USER_EXISTS)

    def test_own_file(self) -> None:
        """The file that the daemon writes about the operator is one that it takes, with a licence and without."""
        for licence in (False, True):
            path = self.folder / "testbed.conf"
            path.write_text(operator.configuration("http://127.0.0.1:1/", SECRET, "127.0.0.1", licence=licence))
            path.chmod(0o600)
            read = settings.read(path)
            self.assertEqual((read.warnings, read.password, read.general.user), ((), SECRET, "neon"))
            self.assertEqual(Service.LICENCE in read.operations, licence)


class BooksTests(OperatorCase):
    def test_kept(self) -> None:
        """Customers, their accounts and what they have left outlive a restart; the password is not in the books."""
        made = self.signed_up()
        self.customers.spent("1001", 61.2)
        self.start()
        self.assertEqual(self.customers.passwords["1001"], made.sip_password)
        self.assertEqual(self.customers.seconds_left("1001"), 2015 - 62)
        self.assertEqual(self.successResultOf(self.customers.provisioning("ana", "hidden-1")).number, "1001")
        self.assertEqual(self.signed_up("eva").number, "1002")
        books = b"".join(path.read_bytes() for path in self.folder.iterdir())
        self.assertNotIn(b"hidden-1", books)

    def test_spent(self) -> None:
        """Each second that has begun costs; there is never less than nothing; without credit there is no licence."""
        self.customers.spent("1000", 0.2)
        self.assertEqual(self.customers.customer("1000").cents, customers.GIFT_CENTS - 1)
        self.assertTrue(self.customers.licensed("1000", ""))
        self.customers.spent("1000", 100_000.0)
        self.assertEqual((self.customers.seconds_left("1000"), self.customers.licensed("1000", "")), (0.0, False))
        self.customers.spent("nobody", 5.0)
        self.assertEqual(self.customers.seconds_left("nobody"), 0.0)

    def test_full(self) -> None:
        """It takes so many customers and no more."""
        self.patch(customers, "MOST_CUSTOMERS", 2)
        self.signed_up()
        refused = self.failureResultOf(self.customers.signup("eva", "hidden-1", "", "", ""), Refusal)
        self.assertEqual(refused.value.code, codes.INTERNAL)

    def test_twice_at_once(self) -> None:
        """Two sign-ups under one name while the first is still hashed: one gets it."""
        waiting: list[Deferred[Any]] = []

        def later(function: Callable[..., Any], *args: object) -> Deferred[Any]:
            waiting.append(Deferred().addCallback(lambda _: function(*args)))
            return waiting[-1]

        table = CustomerTable(self.database)
        stored: list[Customer] = self.successResultOf(table.all())
        both = Customers(table, stored, later)
        first = both.signup("ana", "hidden-1", "", "", "")
        second = both.signup("ana", "hidden-2", "", "", "")
        self.assertEqual(self.failureResultOf(second, Refusal).value.code, codes.USER_EXISTS)
        waiting[0].callback(None)
        self.assertEqual(self.successResultOf(first).number, "1001")

    def test_not_written(self) -> None:
        """A customer that could not be written is none, and hears of trouble."""
        self.successResultOf(self.database.close())
        told = self.told("POST", "/customers", "application/json", '{"login": "ana", "password": "hidden-1"}')
        self.assertEqual((told.status, json.loads(told.body)["error"]["code"]), (500, 500))
        self.assertEqual(list(self.customers.passwords), ["1000"])
        self.assertEqual(len(self.flushLoggedErrors(StoreError)), 1)
