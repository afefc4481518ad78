"""What both skins promise, told once: each class here is run over the JSON API and over the XML API.

An answer is compared in what the two have in common: whether it succeeded, its code, and its data with every scalar
as text, because XML knows no other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from lxml import etree
from twisted.trial.unittest import SynchronousTestCase

from neon.commands import Commands
from neon.errors import NeonError
from neon.events import CallTransferred, DigitReceived
from neon.values import Cause, Direction
from tests.api.web import HttpCase, Reply
from tests.api.websockets import Client as JsonConnection
from tests.api.websockets import WebSocketCase
from tests.api.world import Applications
from tests.fakes import AGREEMENT, FakeCall, FakeWorld


@dataclass(frozen=True)
class Answer:
    """What came back for a command."""

    success: bool
    code: int
    data: Any
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Happened:
    """An event."""

    name: str
    data: dict[str, Any]
    seq: int


class ApiClient(Protocol):
    """A program that uses one of the APIs; sends its token by itself once it has one."""

    token: str | None

    def command(self, action: str, **parameters: object) -> Answer: ...

    def events(self) -> list[Happened]:
        """What has happened since the last time."""


class Scenario(SynchronousTestCase):
    """What the mix-ins of the two skins bring."""

    world: FakeWorld
    applications: Applications
    commands: Commands
    missing_token: int

    def new_client(self) -> ApiClient:
        """A client that has not authenticated."""
        raise NotImplementedError

    def with_token(self, **extra: object) -> ApiClient:
        """A client with a token."""
        client = self.new_client()
        answer = client.command("authenticate", user="crm", password="secret", **extra)
        self.assertTrue(answer.success)
        client.token = answer.data["token"]
        return client

    def with_account(self) -> ApiClient:
        """A client with a token, and an account that is registered; that is no news to it."""
        self.world.registered()
        return self.with_token()

    def call_in(self) -> FakeCall:
        call = self.world.signalling.call_in()
        assert isinstance(call, FakeCall)
        return call

    def names(self, client: ApiClient) -> list[str]:
        return [happened.name for happened in client.events()]


class AuthenticationScenarios(Scenario):
    def test_token(self) -> None:
        """The right password gets a token of 32 lower-case hexadecimal digits."""
        answer = self.new_client().command("authenticate", user="crm", password="secret")
        self.assertEqual((answer.success, answer.code), (True, 0))
        self.assertRegex(answer.data["token"], r"\A[0-9a-f]{32}\Z")

    def test_wrong_password(self) -> None:
        """A wrong password, or user, is 600."""
        client = self.new_client()
        for user, password in (("crm", "Secret"), ("CRM", "secret"), ("x", "secret")):
            answer = client.command("authenticate", user=user, password=password)
            self.assertEqual((answer.success, answer.code, answer.data), (False, 600, ""))

    def test_missing_token(self) -> None:
        """Every other command needs a live token; without one its arguments are not even looked at."""
        client = self.new_client()
        for action in ("startcall", "listcalls", "nonsense", "logout"):
            self.assertEqual(client.command(action).code, self.missing_token, action)
            self.assertEqual(client.command(action, token="24b806ff").code, self.missing_token, action)

    def test_logout(self) -> None:
        """After logout the token is dead."""
        client = self.with_token()
        self.assertTrue(client.command("logout").success)
        self.assertEqual(client.command("listcalls").code, self.missing_token)

    def test_any_case(self) -> None:
        """Actions and parameters are read in any case."""
        client = self.new_client()
        self.assertTrue(client.command("AUTHENTICATE", User="crm", PASSWORD="secret").success)
        registered = self.with_account()
        self.assertTrue(registered.command("StartCall", Number="32").success)


class StartCallScenarios(Scenario):
    def test_call_without_account(self) -> None:
        """A call needs a registered account; without one the answer is 601."""
        self.assertEqual(self.with_token().command("startcall", number="32").code, 601)

    def test_order_of_checks(self) -> None:
        """A missing argument is 102 before the missing account is 601."""
        self.assertEqual(self.with_token().command("startcall").code, 102)

    def test_call(self) -> None:
        """The answer has the call's number, and the event comes after it."""
        client = self.with_account()
        answer = client.command("startcall", number="32")
        self.assertEqual((answer.success, answer.data), (True, {"callId": "43"}))
        self.world.turn()
        (started,) = client.events()
        self.assertEqual(started.name, "OnNewCall")
        self.assertEqual(
            started.data,
            {"callId": "43", "type": "outgoing", "from": "sip:31@sip.acme.com", "to": "sip:32@sip.acme.com"},
        )

    def test_whole_call(self) -> None:
        """A call's events in their order, each once, with their data."""
        client = self.with_account()
        client.command("startcall", number="32")
        call = self.world.signalling.calls[0]
        call.listener.answered(AGREEMENT)
        self.world.turn()
        self.world.clock.advance(5.25)
        self.assertTrue(client.command("finalizecall", callid="43").success)
        call.listener.ended(Cause())
        self.world.turn()
        started, accepted, finalized = client.events()
        names = [event.name for event in (started, accepted, finalized)]
        self.assertEqual(names, ["OnNewCall", "OnAcceptCall", "OnFinalizedCall"])
        self.assertEqual((accepted.data["duration"], accepted.data["SIPError"]), ("0", "0"))
        self.assertEqual((finalized.data["duration"], finalized.data["SIPError"]), ("5250", "0"))
        self.assertEqual(list(finalized.data)[:6], ["callId", "type", "from", "to", "duration", "SIPError"])

    def test_busy(self) -> None:
        """The far end's refusal is the SIPError of the last event."""
        client = self.with_account()
        client.command("startcall", number="32")
        self.world.signalling.calls[0].listener.ended(Cause(486, "Busy Here"))
        self.world.turn()
        last = client.events()[-1]
        self.assertEqual((last.name, last.data["SIPError"]), ("OnFinalizedCall", "486"))
        self.assertEqual(last.data["reason"], "Busy Here")

    def test_numbers(self) -> None:
        """Dial strings lose their decoration; control characters are 102."""
        client = self.with_account()
        for number, target in (("+55 (71) 3341-1525", "+557133411525"), ("*98#", "*98#"), ("sip:a@b.example", None)):
            self.assertTrue(client.command("startcall", number=number).success, number)
            if target is not None:
                self.assertEqual(self.world.signalling.calls[-1].target, target)
        for number in ("32\r\nX: y", "32\x00", "", "a b@"):
            self.assertEqual(client.command("startcall", number=number).code, 102, repr(number))


class IncomingScenarios(Scenario):
    def test_accept(self) -> None:
        """An incoming call is answered; a second time it is a success that says so."""
        client = self.with_account()
        self.call_in()
        self.world.turn()
        (started,) = client.events()
        self.assertEqual((started.name, started.data["type"]), ("OnNewCall", "incoming"))
        call_id = started.data["callId"]
        self.assertEqual(client.command("acceptcall", callid=call_id).data, "")
        self.assertEqual(client.command("AcceptCall", CallId=call_id).data, {"alreadyAnswered": "true"})

    def test_reject(self) -> None:
        """A ringing call that is finalized is refused, and its last event comes."""
        client = self.with_account()
        call = self.call_in()
        self.assertTrue(client.command("finalizecall", callid=43).success)
        self.assertIn("reject 486", call.requests)
        call.listener.ended(Cause(486, "refused"))
        self.world.turn()
        self.assertEqual(self.names(client), ["OnNewCall", "OnFinalizedCall"])

    def test_finalize_again(self) -> None:
        """To end a call that has just ended is a success; a call that never was is 102."""
        client = self.with_account()
        call = self.call_in()
        call.listener.ended(Cause(487, "cancelled"))
        self.assertTrue(client.command("finalizecall", callid=43).success)
        self.assertEqual(client.command("finalizecall", callid=44).code, 102)
        self.assertEqual(client.command("acceptcall", callid=44).code, 102)

    def test_call_numbers(self) -> None:
        """callid is a positive whole number."""
        client = self.with_account()
        for wrong in ("x", "", "-1", "0", "1.5", "99999999999999999999"):
            self.assertEqual(client.command("finalizecall", callid=wrong).code, 102, wrong)

    def test_list(self) -> None:
        """The live calls and the accounts are listed."""
        client = self.with_account()
        self.call_in()
        (call,) = client.command("listcalls").data["calls"]
        self.assertEqual((call["callId"], call["type"], call["from"]), ("43", "incoming", "sip:32@sip.acme.com"))
        (account,) = client.command("listaccounts").data["accounts"]
        self.assertEqual((account["connectionId"], account["state"]), ("1", "registered"))


class RegistrationScenarios(Scenario):
    ACCOUNT = {"domain": "sip.acme.com", "number": "31", "password": "x"}

    def test_register(self) -> None:
        """An account is registered, and given up; each process ends with its event."""
        client = self.with_token()
        answer = client.command("SIPRegister", **self.ACCOUNT)
        self.assertEqual(answer.data, {"connectionId": "1"})
        self.world.signalling.answer_registration(1)
        self.world.turn()
        self.assertEqual(self.names(client), ["OnSIPRegister", "OnSIPRegisterFinalized"])
        self.assertTrue(client.command("sipunregister").success)
        self.world.signalling.end_registration(1)
        self.world.turn()
        self.assertEqual(self.names(client), ["OnSIPUnRegister", "OnSIPRegisterFinalized"])

    def test_refused(self) -> None:
        """A refused registration says so, with the SIP status."""
        client = self.with_token()
        client.command("sipregister", **self.ACCOUNT)
        self.world.signalling.registrations[1].listener.refused(Cause(403, "Forbidden"))
        self.world.turn()
        refused = client.events()[0]
        self.assertEqual(refused.name, "OnSIPRegisterRefused")
        self.assertEqual((refused.data["connectionId"], refused.data["SIPError"]), ("1", "403"))

    def test_booleans(self) -> None:
        """Booleans in every spelling of the documents' clients; anything else is 102."""
        client = self.with_token()
        for word in ("true", "FALSE", "1", "0", "yes", "no", "on", "off", "sim", "não", "si", "sí"):
            self.assertTrue(client.command("sipregister", **self.ACCOUNT, autodisconnect=word).success, word)
        self.assertEqual(client.command("sipregister", **self.ACCOUNT, autodisconnect="perhaps").code, 102)

    def test_prose(self) -> None:
        """Who asked for the prose names gets those, everybody else the tables'."""
        client, other = self.with_token(spelling="prose"), self.with_token()
        client.command("sipregister", **self.ACCOUNT)
        self.world.signalling.answer_registration(1)
        client.command("sipunregister")
        self.world.signalling.end_registration(1)
        self.world.turn()
        self.assertIn("OnSIPUnregister", self.names(client))
        self.assertIn("OnSIPUnRegister", self.names(other))


class EventScenarios(Scenario):
    def test_no_token_no_events(self) -> None:
        """Without a token there are no events."""
        client = self.new_client()
        self.world.registered()
        self.assertEqual(client.events(), [])

    def test_everybody(self) -> None:
        """Every token gets every event, in the same order, numbered without holes."""
        one, two = self.with_token(), self.with_token()
        for _ in range(3):
            self.world.registered()
        first, second = one.events(), two.events()
        self.assertEqual(first, second)
        numbers = [event.seq for event in first]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(first))))

    def test_subscribe(self) -> None:
        """Who says where it was gets what it missed, once and in order."""
        self.world.registered()
        client = self.with_token()
        answer = client.command("subscribe", since="0")
        self.assertEqual((answer.success, answer.data["gap"], answer.data["replayed"]), (True, "false", "2"))
        self.world.registered()
        self.world.turn()
        numbers = [event.seq for event in client.events()]
        self.assertEqual(numbers, list(range(1, 1 + len(numbers))))
        self.assertGreaterEqual(len(numbers), 2)

    def test_gap(self) -> None:
        """Who was in another life of the daemon is told that there is a gap."""
        client = self.with_token()
        self.assertEqual(client.command("subscribe", since="7", boot="0123").data["gap"], "true")


    def test_transferred(self) -> None:
        """Who sends transferecall was written from the copy that spells the event so; each gets one name, once."""
        client, other = self.with_account(), self.with_token()
        self.assertEqual(client.command("transferecall", callid="9", to="33").code, 102)
        self.world.bus.publish(CallTransferred(43, 1, Direction.INCOMING, "sip:1@a", "sip:2@a", None, 5))
        self.world.turn()
        self.assertEqual(self.names(client), ["OnTransferredCall"])
        self.assertEqual(self.names(other), ["OnTransferedCall"])

    def test_extensions(self) -> None:
        """Events that the documents do not name come to those that asked for them, until they ask otherwise."""
        client, other = self.with_token(), self.with_token()
        answer = client.command("subscribe", events="OnDTMF, OnFuture")
        self.assertEqual(answer.data["events"], ["OnDTMF"])
        self.assertEqual(len(answer.warnings), 1)
        digit = DigitReceived(43, 1, Direction.INCOMING, "sip:1@a", "sip:2@a", None, "5")
        for events, names in ((None, ["OnDTMF"]), ("none", [])):
            if events is not None:
                self.assertEqual(client.command("subscribe", events=events).data["events"], "")
            self.world.bus.publish(digit)
            self.world.turn()
            self.assertEqual((self.names(client), self.names(other)), (names, []))

    def test_claimed(self) -> None:
        """Of several clients that ring the first that answers has the call, and the others that asked learn it."""
        first, second = self.with_account(), self.with_token()
        for client in (first, second):
            client.command("subscribe", events="OnCallClaimed")
        self.call_in()
        self.world.turn()
        self.assertEqual((self.names(first), self.names(second)), (["OnNewCall"], ["OnNewCall"]))
        self.assertEqual(first.command("acceptcall", callid="43").data, "")
        self.assertEqual(second.command("acceptcall", callid="43").data, {"alreadyAnswered": "true"})
        self.world.turn()
        self.assertEqual((self.names(first), self.names(second)), ([], ["OnCallClaimed"]))


class ExtensionScenarios(Scenario):
    def test_show_ui(self) -> None:
        """Without a panel ShowUI succeeds, and says that there is none."""
        self.assertEqual(self.with_token().command("ShowUI", show="sim").data, {"ui": "false"})

    def test_snapshot(self) -> None:
        """A list says which event was the last; whoever goes on from there misses nothing and gets nothing twice."""
        client = self.with_account()
        with self.world.bus.held():  # nothing is delivered yet
            self.call_in()
        snapshot = client.command("listcalls").data
        with self.world.bus.held():
            self.call_in()
        answer = client.command("subscribe", since=snapshot["seq"], boot=snapshot["boot"])
        self.assertEqual((answer.data["gap"], answer.data["replayed"]), ("false", "1"))
        self.assertEqual([event.data["callId"] for event in client.events()], ["44"])

    def test_version(self) -> None:
        """The version is told."""
        self.assertEqual(self.with_token().command("getversion").data["name"], "NEON")

    def test_help(self) -> None:
        """help answers with a schema of the commands."""
        answer = self.with_token().command("help")
        self.assertTrue(answer.success)
        self.assertIn("startcall", str(answer.data).lower())

    def test_request_id(self) -> None:
        """The same requestId twice is one call."""
        client = self.with_account()
        first = client.command("startcall", number="32", requestId="a")
        second = client.command("startcall", number="32", requestId="a")
        self.assertEqual(first.data, second.data)
        self.assertEqual(len(self.world.signalling.calls), 1)

    def test_warnings(self) -> None:
        """What was tolerated is said."""
        client = self.with_account()
        call = self.call_in()
        call.listener.ended(Cause())
        answer = client.command("transferecall", callid="43", to="33")
        self.assertNotEqual(answer.code, 100)
        self.assertTrue(any("transferecall" in warning for warning in answer.warnings), answer)

    def test_contradiction(self) -> None:
        """The same parameter in two spellings with different values is 102."""
        client = self.with_account()
        self.assertEqual(client.command("startcall", number="32", Number="33").code, 102)
        self.assertTrue(client.command("startcall", number="32", Number="32").success)

    def test_internal_error(self) -> None:
        """A bug is 500, and the next command is served."""
        client = self.with_account()
        self.world.phone.calls = None  # type: ignore[method-assign,assignment]  # on purpose
        self.assertEqual(client.command("listcalls").code, NeonError.code)
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)
        self.assertTrue(client.command("listaccounts").success)


# The two skins


class JsonClientMixin(WebSocketCase):
    """The scenarios over WebSocket and JSON."""

    missing_token = 602

    def new_client(self) -> ApiClient:
        return JsonClient(self.connected())


class JsonClient:
    def __init__(self, connection: JsonConnection) -> None:
        self.token: str | None = None
        self._connection = connection
        self._events: list[Happened] = []

    def command(self, action: str, **parameters: object) -> Answer:
        token = {} if self.token is None else {"token": self.token}
        # Everything as text, as a form has it; WebSocket clients may do that.
        self._connection.send({"id": 1, "action": action, **token, **parameters})
        messages = self._connection.take()
        (message,) = [message for message in messages if message.get("action") != "event"]
        self._keep(messages)
        return Answer(
            message["success"],
            message["error"]["code"] if "error" in message else 0,
            _as_text(message["data"]),
            message.get("warnings", []),
        )

    def events(self) -> list[Happened]:
        self._keep(self._connection.take())
        events, self._events = self._events, []
        return events

    def _keep(self, messages: list[Any]) -> None:
        for message in messages:
            if message.get("action") == "event":
                self._events.append(Happened(message["name"], _as_text(message["data"]), message["seq"]))


class XmlClientMixin(HttpCase):
    """The scenarios over HTTP and XML."""

    missing_token = 600

    def new_client(self) -> ApiClient:
        return XmlClient(self)


class XmlClient:
    def __init__(self, case: HttpCase) -> None:
        self.token: str | None = None
        self._case = case
        self._replies: list[Reply] = []
        self._polling = False

    def command(self, action: str, **parameters: object) -> Answer:
        token = {} if self.token is None else {"token": self.token}
        fields = {name: str(value) for name, value in {"action": action, **token, **parameters}.items()}
        reply = self._case.post("/Command", fields)
        warnings = [element.text or "" for element in reply.xml.findall("Warnings/Warning")]
        data = reply.xml.find("Data")
        assert data is not None
        return Answer(reply.text("Success") == "true", reply.code, _from_xml(data), warnings)

    def events(self) -> list[Happened]:
        """Poll until a poll is held; that one gets the next event."""
        happened = []
        while self.token is not None:
            if not self._polling:
                self._polling = True
                self._case.poll(self.token).addCallback(self._replies.append)
            self._case.http.flush()
            if not self._replies:
                break
            event = self._replies.pop().xml
            self._polling = False
            data, name, seq = event.find("Data"), event.findtext("Name"), event.findtext("Seq")
            assert data is not None
            assert name
            assert seq
            happened.append(Happened(name, _from_xml(data), int(seq)))
        return happened


def _as_text(value: Any) -> Any:
    """JSON with what XML cannot tell apart made the same."""
    if isinstance(value, dict):
        return {name: _as_text(item) for name, item in value.items()} or ""
    if isinstance(value, list):
        return [_as_text(item) for item in value] or ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _from_xml(element: etree._Element) -> Any:
    """The other way round."""
    children = list(element)
    if not children:
        return element.text or ""
    if all(child.tag == element.tag.removesuffix("s") and element.tag.endswith("s") for child in children):
        return [_from_xml(child) for child in children]
    return {_uncapitalised(child): _from_xml(child) for child in children}


def _uncapitalised(element: etree._Element) -> str:
    name = str(element.get("Name") or element.tag)
    return name if name.startswith("SIP") else name[:1].lower() + name[1:]
