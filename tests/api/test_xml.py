"""The XML of the HTTP API, byte for byte."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from twisted.trial.unittest import SynchronousTestCase

from neon.api import wire, xml
from neon.bus import Published
from neon.events import CallFinalized, CallStarted, Unregistered
from neon.values import Cause, Direction
from tests.fakes import EPOCH

DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'
NO_ERROR = b"<Error><Code>0</Code><SystemCode/><Description/></Error>"
CALL = (43, 1, Direction.OUTGOING, "sip:31@sip.acme.com", "sip:32@sip.acme.com", None)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


class GoldenTests(SynchronousTestCase):
    def test_success(self) -> None:
        """The document's answer to startcall."""
        self.assertEqual(
            xml.success({}), DECLARATION + b"<ReturnData><Success>true</Success>" + NO_ERROR + b"<Data/></ReturnData>"
        )

    def test_token(self) -> None:
        """The document's answer to authenticate."""
        self.assertEqual(
            xml.success({"token": "497a0735"}),
            DECLARATION
            + b"<ReturnData><Success>true</Success>"
            + NO_ERROR
            + b"<Data><Token>497a0735</Token></Data></ReturnData>",
        )

    def test_refusal(self) -> None:
        """Every element is there, in the same order, when a command was refused."""
        self.assertEqual(
            xml.refusal(601, "no SIP account is registered"),
            DECLARATION + b"<ReturnData><Success>false</Success><Error><Code>601</Code><SystemCode/>"
            b"<Description>no SIP account is registered</Description></Error><Data/></ReturnData>",
        )

    def test_system_code(self) -> None:
        """SystemCode is the SIP status, where there is one."""
        self.assertIn(b"<SystemCode>486</SystemCode>", xml.refusal(102, "busy", 486))

    def test_warnings(self) -> None:
        """What was tolerated is said behind everything else."""
        warnings = b"<Data/><Warnings><Warning>a</Warning><Warning>b</Warning></Warnings></ReturnData>"
        for document in (xml.success({}, ["a", "b"]), xml.refusal(102, "x", warnings=["a", "b"])):
            self.assertTrue(document.endswith(warnings))

    def test_event(self) -> None:
        """The document's event, and behind it the number and the time that every event has."""
        self.assertEqual(
            xml.event(Published(7, EPOCH, CallStarted(*CALL))),
            DECLARATION + b"<EventData><Name>OnNewCall</Name><Data><CallId>43</CallId><Type>outgoing</Type>"
            b"<From>sip:31@sip.acme.com</From><To>sip:32@sip.acme.com</To></Data>"
            b"<Seq>7</Seq><Ts>2024-05-01T12:00:00.000Z</Ts></EventData>",
        )

    def test_last_event(self) -> None:
        """Duration and SIPError where they apply."""
        published = Published(8, EPOCH, CallFinalized(*CALL, 61000, Cause(486, "Busy Here")))
        self.assertIn(
            b"<Duration>61000</Duration><SIPError>486</SIPError><Reason>Busy Here</Reason></Data>", xml.event(published)
        )

    def test_registration(self) -> None:
        """A registration event, in both spellings of its name."""
        published = Published(1, EPOCH, Unregistered(3, Cause()))
        data = b"<Data><ConnectionId>3</ConnectionId><SIPError>0</SIPError></Data>"
        self.assertIn(b"<EventData><Name>OnSIPUnRegister</Name>" + data, xml.event(published))
        prose = xml.event(published, wire.Spelling(prose=True))
        self.assertIn(b"<EventData><Name>OnSIPUnregister</Name>" + data, prose)

    def test_no_event(self) -> None:
        """A poll with nothing to report has an empty name and empty data."""
        self.assertEqual(xml.NO_EVENT, DECLARATION + b"<EventData><Name/><Data/></EventData>")


class ValueTests(SynchronousTestCase):
    def data(self, data: dict[str, Any]) -> bytes:
        inner = xml.success(data).partition(b"<Data>")[2].rpartition(b"</Data>")[0]
        etree.fromstring(xml.success(data))
        return inner

    def test_list(self) -> None:
        """A list has a child per item, named by its singular."""
        data = {"calls": [{"callId": 1, "connectionId": 2}, {"callId": 3}], "warnings": ["a", "b"], "events": []}
        self.assertEqual(
            self.data(data),
            b"<Calls><Call><CallId>1</CallId><ConnectionId>2</ConnectionId></Call><Call><CallId>3</CallId></Call></Calls>"
            b"<Warnings><Warning>a</Warning><Warning>b</Warning></Warnings><Events/>",
        )

    def test_scalars(self) -> None:
        """Booleans are words, nothing is an empty element."""
        data = {"a": True, "b": False, "c": None, "d": "", "e": 0, "f": 1.5}
        self.assertEqual(self.data(data), b"<A>true</A><B>false</B><C/><D/><E>0</E><F>1.5</F>")

    def test_escaped(self) -> None:
        """Markup is text; other alphabets are UTF-8."""
        self.assertEqual(self.data({"a": '<b> & "é" ]]>'}), '<A>&lt;b&gt; &amp; "é" ]]&gt;</A>'.encode())

    def test_impossible_characters(self) -> None:
        """What XML cannot hold is dropped, and the rest stays."""
        self.assertEqual(self.data({"a": "x\x00\x08\x0b\x1f\ud800\ufffe\uffffy\t\u0085"}), "<A>xy\t\u0085</A>".encode())

    def test_impossible_names(self) -> None:
        """What cannot be the name of an element is said in an attribute."""
        self.assertEqual(self.data({"$id": 1, "a b": 2, "": 3}).count(b"<Entry Name="), 3)

    @given(st.dictionaries(st.text(max_size=6), JSON, max_size=4), st.text(max_size=20))
    def test_well_formed(self, data: dict[str, Any], description: str) -> None:
        """Whatever a command answers, the document is well-formed and keeps the four elements in order."""
        for document in (xml.success(data), xml.refusal(102, description)):
            root = etree.fromstring(document)
            self.assertEqual([child.tag for child in root], ["Success", "Error", "Data"])
            self.assertEqual([child.tag for child in root[1]], ["Code", "SystemCode", "Description"])
