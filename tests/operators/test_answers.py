"""Answers in every shape that the document of the web services shows, in those that it does not, and broken ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from neon.operators import answers
from neon.operators.answers import Answer
from neon.operators.documents import Expression
from neon.operators.words import LANGUAGES, Kind, Trouble, explain
from tests.operators.operatorcase import DATA

ACCOUNT = {"number": "55555555", "password": "123456", "domain": "sip.example.com"}


def read(
    body: bytes | str, kind: str = "auto", status: int = 200, expressions: Mapping[str, Expression] | None = None
) -> Answer:
    data = body.encode() if isinstance(body, str) else body
    return answers.read(data, kind, None, status, expressions or {})


class AnswerCase(SynchronousTestCase):
    def refused(self, body: bytes | str, **options: Any) -> Trouble:
        try:
            answer = read(body, **options)
        except Trouble as trouble:
            return trouble
        raise AssertionError(f"it is an answer: {answer}")


class ShapeTests(AnswerCase):
    def test_golden(self) -> None:
        """The document's answers: sign-up and provisioning."""
        for name in ("signup", "provisioning"):
            answer = read((DATA / f"{name}_answer.xml").read_bytes())
            self.assertEqual({key: answer.fields[key] for key in ACCOUNT}, ACCOUNT)
            self.assertEqual(answer.flaws, ())

    def test_misprint(self) -> None:
        """The document's own </GetBalancegResult>: recovered, and said."""
        answer = read((DATA / "balance_answer_misprint.xml").read_bytes())
        self.assertEqual(answer.fields["balance"], "20.15")
        self.assertEqual(len(answer.flaws), 1)

    def test_recommendation(self) -> None:
        """The recommended structure, with ErrorCode and ErrorDescription."""
        trouble = self.refused((DATA / "refused_answer.xml").read_bytes())
        self.assertEqual((trouble.kind, trouble.code, trouble.said), (Kind.REFUSED, 103, "Login em uso"))

    def test_namespaces(self) -> None:
        """Namespaces of any kind change nothing."""
        for opening, prefix in (('xmlns="urn:a"', ""), ('xmlns:a="urn:a"', "a:")):
            body = (
                f"<e:Envelope xmlns:e='http://www.w3.org/2003/05/soap-envelope'><e:Body><{prefix}R {opening}>"
                f"<{prefix}RResult><{prefix}Success>true</{prefix}Success><{prefix}Data><{prefix}Balance>1.5"
                f"</{prefix}Balance></{prefix}Data></{prefix}RResult></{prefix}R></e:Body></e:Envelope>"
            )
            self.assertEqual(read(body).fields["balance"], "1.5")

    def test_escaped_data(self) -> None:
        """Data as escaped XML text: one element, several, in CDATA, and the whole result as text."""
        inner = "<Number>31</Number><Password>x&amp;y</Password>"
        escaped = inner.replace("&", "&amp;").replace("<", "&lt;")
        for data in (escaped, f"<![CDATA[{inner}]]>", f"&lt;Data&gt;{escaped}&lt;/Data&gt;"):
            fields = read(f"<R><Success>true</Success><Data>{data}</Data></R>").fields
            self.assertEqual((fields["number"], fields["password"]), ("31", "x&y"))
        whole = "&lt;ReturnData&gt;&lt;Success&gt;true&lt;/Success&gt;&lt;Data&gt;&lt;Balance&gt;7&lt;/Balance&gt;"
        whole += "&lt;/Data&gt;&lt;/ReturnData&gt;"
        for element in ("GetBalanceResult", "string", "return"):
            self.assertEqual(read(f"<A><{element}>{whole}</{element}></A>").fields["balance"], "7")

    def test_html(self) -> None:
        """HTML for the user, escaped or as elements; it is not taken for data."""
        for html in ("&lt;p&gt;Hi &lt;b&gt;you&lt;/b&gt;&lt;/p&gt;", "<p>Hi <b>you</b></p>"):
            fields = read(f"<R><Success>1</Success><Data><Number>3</Number><Html>{html}</Html></Data></R>").fields
            self.assertEqual(fields["html"], "<p>Hi <b>you</b></p>")

    def test_json(self) -> None:
        """JSON with the same structure, and without; numbers stay as they were written."""
        structured = {"success": True, "error": {"code": 0, "description": ""}, "data": {"balance": 20.10}}
        self.assertEqual(read(json.dumps(structured)).fields["balance"], "20.1")
        self.assertEqual(read('{"balance": 20.1000000000000000001}').fields["balance"], "20.1000000000000000001")
        trouble = self.refused('{"success": false, "error": {"errorCode": 104}}')
        self.assertEqual(trouble.code, 104)
        self.assertEqual(self.refused('{"error": "no such user"}').said, "no such user")

    def test_form_and_text(self) -> None:
        """A form, lines, and a bare text."""
        self.assertEqual(read("success=true&number=31&domain=a.b").fields, {"number": "31", "domain": "a.b"})
        self.assertEqual(read("Success: true\nNumber = 31\n").fields["number"], "31")
        self.assertEqual(self.refused("success=0&code=102").code, 102)
        self.assertEqual(read("20.15\n").fields["balance"], "20.15")

    def test_faults(self) -> None:
        """SOAP faults of both versions, with the operator's code in the detail or without."""
        eleven = "<e:Envelope xmlns:e='u'><e:Body><e:Fault><faultcode>e:Server</faultcode><faultstring>Oh</faultstring>"
        end = "</e:Fault></e:Body></e:Envelope>"
        trouble = self.refused(eleven + end, status=500)
        self.assertEqual((trouble.kind, trouble.code, trouble.said), (Kind.REFUSED, 500, "Oh"))
        detail = "<detail><X><ErrorCode>103</ErrorCode></X></detail>"
        self.assertEqual(self.refused(eleven + detail + end).code, 103)
        twelve = "<e:Envelope xmlns:e='u'><e:Body><e:Fault><e:Reason><e:Text>Ai</e:Text></e:Reason>"
        self.assertEqual(self.refused(twelve + end).said, "Ai")

    def test_statuses(self) -> None:
        """A REST service that says it by HTTP's status only."""
        for status, kind, code in (
            (404, Kind.REFUSED, 102), (409, Kind.REFUSED, 103), (400, Kind.REFUSED, 100), (401, Kind.ACCESS, 0),
            (500, Kind.STATUS, 0), (302, Kind.STATUS, 0),
        ):
            for body in ("", "<html><body>Error</body></html>"):
                trouble = self.refused(body, status=status)
                self.assertEqual((trouble.kind, trouble.code), (kind, code), (status, body))

    def test_success_decides(self) -> None:
        """Success decides, whatever the code; without it the code does; without both the fields do."""
        answer = read("<R><Success>true</Success><Error><Code>5</Code></Error><Data><Balance>1</Balance></Data></R>")
        self.assertEqual((answer.fields["balance"], len(answer.flaws)), ("1", 1))
        self.assertEqual(self.refused("<R><Success>false</Success><Error><Code>0</Code></Error></R>").code, 501)
        answer = read("<R><Error><Code>0</Code></Error><Data><Balance>1</Balance></Data></R>")
        self.assertEqual(answer.fields["balance"], "1")
        self.assertEqual(self.refused("<R><Error><Code>100</Code></Error></R>").code, 100)
        self.assertEqual(read("<account><number>7</number></account>").fields["number"], "7")
        for nonsense in ("<html><body>Welcome</body></html>", "{}", "[]", "<a/>", "<R><Success>perhaps</Success></R>"):
            self.assertEqual(self.refused(nonsense).kind, Kind.NONSENSE, nonsense)

    def test_expressions(self) -> None:
        """Where the operator's file says where things are, they are looked for there only."""
        xml = "<a><ok>S</ok><conta ramal='31'><senha>x</senha></conta><number>9</number></a>"
        found = {
            "success": Expression.parse("/a/ok", "xml"),
            "number": Expression.parse("string(//conta/@ramal)", "xml"),
            "password": Expression.parse("//senha", "xml"),
            "domain": Expression.parse("//nothing", "xml"),
        }
        self.assertEqual(read(xml, expressions=found).fields, {"number": "31", "password": "x"})
        pointers = {"balance": Expression.parse("/accounts/0/money~1left", "json")}
        body = '{"accounts": [{"money/left": 3.50}]}'
        self.assertEqual(read(body, expressions=pointers).fields["balance"], "3.50")

    def test_words(self) -> None:
        """Every code is told in three languages, the operator's words in one line behind it."""
        for language in LANGUAGES:
            told = {explain(Trouble(Kind.REFUSED, code=code), language) for code in (100, 101, 102, 103, 104, 500, 501)}
            self.assertEqual(len(told), 7)
            for kind in Kind:
                self.assertTrue(explain(Trouble(kind), language))
        said = explain(Trouble(Kind.REFUSED, code=103, said="Login\n em \x1b[31muso" + "x" * 999), "pt")
        self.assertIn("já existe", said)
        self.assertIn("(103): Login em [31muso", said.replace("\ufffd", ""))
        self.assertLess(len(said), 300)


def _tag() -> st.SearchStrategy[str]:
    return st.sampled_from(
        ("Success", "Error", "Code", "ErrorCode", "Data", "Number", "Balance", "Description", "Fault", "Html",
         "XResult", "Envelope", "Body", "a:b", "string")
    )


def _trees() -> st.SearchStrategy[str]:
    leaves = st.one_of(
        st.text(max_size=12),
        st.sampled_from(
            ("true", "false", "0", "103", "20.15", "&lt;Data&gt;", "&x;", "<![CDATA[<Number>1</Number>]]>", "<")
        ),
    )

    def grown(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.builds(
            lambda opening, closing, inside: f"<{opening}>{''.join(inside)}</{closing}>",
            _tag(), _tag(), st.lists(children, max_size=4),
        ) | st.builds(lambda tag, inside: f"<{tag}>{''.join(inside)}</{tag}>", _tag(), st.lists(children, max_size=4))

    return st.recursive(leaves, grown, max_leaves=12)


def _values() -> st.SearchStrategy[Any]:
    scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    known = ("success", "error", "code", "data", "number", "balance", "description")
    keys = st.sampled_from(known) | st.text(max_size=4)
    return st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4), max_leaves=12
    )


class VariantTests(SynchronousTestCase):
    """Whatever an operator answers, we have an answer or a trouble; nothing else is ever raised."""

    EXPRESSIONS = {"number": Expression.parse("//Number", "xml"), "success": Expression.parse("//Success", "xml")}

    def survive(self, body: bytes, status: int, kind: str = "auto") -> None:
        for expressions in ({}, self.EXPRESSIONS):
            try:
                answer = answers.read(body, kind, None, status, expressions)
            except Trouble as trouble:
                for language in LANGUAGES:
                    self.assertTrue(explain(trouble, language).isprintable())
            else:
                self.assertIsInstance(answer.fields, dict)

    STATUSES = st.sampled_from((200, 200, 201, 302, 401, 404, 500, 599))

    @settings(max_examples=200, deadline=None)
    @given(_trees(), STATUSES)
    def test_xml(self, text: str, status: int) -> None:
        """Trees of the names that we look for, well-formed and not."""
        self.survive(text.encode("utf-8", "replace"), status)
        self.survive(f"<?xml version='1.0'?><R>{text}</R>".encode("utf-8", "replace"), status)

    @settings(max_examples=200, deadline=None)
    @given(_values(), STATUSES)
    def test_json(self, value: Any, status: int) -> None:
        """JSON of the names that we look for."""
        self.survive(json.dumps(value).encode(), status)

    @settings(max_examples=200, deadline=None)
    @given(st.binary(max_size=200), STATUSES, st.sampled_from(("auto", "xml", "json", "form", "text")))
    def test_bytes(self, body: bytes, status: int, kind: str) -> None:
        """Bytes of no kind."""
        self.survive(body, status, kind)

    @settings(max_examples=200, deadline=None)
    @given(st.data())
    def test_damaged(self, data: st.DataObject) -> None:
        """The document's answers with a few bytes lost, changed or doubled, and cut off anywhere."""
        name = data.draw(st.sampled_from(("signup_answer", "balance_answer_misprint", "refused_answer")))
        body = bytearray((DATA / f"{name}.xml").read_bytes())
        for _ in range(data.draw(st.integers(0, 6))):
            place = data.draw(st.integers(0, len(body) - 1))
            match data.draw(st.sampled_from("lcd")):
                case "l":
                    del body[place]
                case "c":
                    body[place] = data.draw(st.integers(0, 255))
                case _:
                    body[place:place] = body[place : place + 20]
        self.survive(bytes(body[: data.draw(st.integers(0, len(body)))]), data.draw(self.STATUSES))
