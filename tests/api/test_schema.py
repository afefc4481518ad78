"""The schemas, and the documents made of them, against what the commands take and what really is sent."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import jsonschema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV31SpecValidator
from twisted.trial.unittest import SynchronousTestCase

from neon import events
from neon.api import docs, frames, schema, wire
from neon.api.asyncapi import asyncapi
from neon.api.openapi import openapi
from neon.arguments import Kind, Parameter
from neon.bus import Published
from neon.commands import TABLE
from neon.details import NO_DETAILS, CallDetails, Diversion, IncomingRules, Why
from neon.events import Event
from neon.operatorvalues import Balance, Licence, Standing
from neon.quality import Figures
from neon.sounddevices import DeviceKind, Levels, SoundDevice, SoundDevices
from neon.values import AudioSide, Cause, Direction, MediaProblem, PlayEnd, RecordingState
from neon.watched import ExtensionState, ExtensionStatus, MessageSummary
from tests.api.websockets import Client, WebSocketCase
from tests.fakes import AGREEMENT, EPOCH, FakeCall

MANUAL = schema.manual()


def values(described: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a schema of ours allows."""
    if "enum" in described:
        return st.sampled_from(described["enum"])
    match described["type"]:
        case "integer":
            return st.integers(described["minimum"], described["maximum"])
        case "array":
            return st.lists(
                values(described["items"]),
                min_size=described.get("minItems", 0),
                max_size=min(described["maxItems"], 5),
                unique=described.get("uniqueItems", False),
            )
        case "object":
            names = values({"type": "string", **described["propertyNames"]})
            return st.dictionaries(names, values(described["additionalProperties"]), max_size=3)
        case "string":
            pattern = described["pattern"].removeprefix("^").removesuffix("$")
            texts = st.from_regex(re.compile(pattern), fullmatch=True)
            return texts.filter(lambda text: jsonschema.Draft202012Validator(described).is_valid(text))
    raise AssertionError(f"a schema that this test does not know: {described}")


def all_parameters() -> Iterator[tuple[str, Parameter]]:
    for command in TABLE:
        for parameter in schema.parameters_of(command):
            yield f"{command.name} {parameter.name}", parameter


DETAILS = CallDetails(
    "sip:1@a", "Ann", ("id",), (Diversion("sip:4@a", "user-busy", 2),), (("X-CRM-Id", "7"),), 42, "sip:5@a", 0
)


class ParameterTests(SynchronousTestCase):
    @settings(deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def test_taken(self, data: st.DataObject) -> None:
        """Whatever a parameter's schema allows, the command takes."""
        _, parameter = data.draw(st.sampled_from(list(all_parameters())))
        parameter.parse(data.draw(values(parameter.parse.schema)))

    def test_described(self) -> None:
        """Every command, parameter and field has its sentence, and names whose capitals are only capitals."""
        for command in TABLE:
            self.assertTrue(schema.about(command.function).endswith("."), command.name)
            self.assertIn(command.spelled.lower(), ("", command.name))
            self.assertTrue(command.extension or command.spelled, command.name)
        for where, parameter in all_parameters():
            self.assertTrue(parameter.about.endswith("."), where)
            self.assertIn(parameter.spelled.lower(), ("", parameter.name))
            self.assertIsInstance(parameter.parse, Kind, where)

    def test_defaults(self) -> None:
        """A default is a value that the schema allows."""
        for where, parameter in all_parameters():
            described = schema.parameter_schema(parameter)
            if "default" in described:
                self.assertTrue(jsonschema.Draft202012Validator(described).is_valid(described["default"]), where)


class DocumentTests(SynchronousTestCase):
    def test_json_schema(self) -> None:
        """Every schema of the manual is one, of draft 2020-12."""
        parts = [part for command in MANUAL["commands"].values() for part in command.values()]
        for part in (*parts, *MANUAL["events"].values(), *MANUAL["$defs"].values()):
            jsonschema.Draft202012Validator.check_schema(part)
        json.dumps(MANUAL)

    def test_complete(self) -> None:
        """Every command and every event class is in the manual."""
        self.assertEqual(set(MANUAL["commands"]), {command.name for command in TABLE})
        # By name: a dataclass with slots is made twice.
        bases = (
            events.CallEvent,
            events.RegistrationEvent,
            events.OperatorEvent,
            events.WatchEvent,
            events.PanelEvent,
            events.DeviceEvent,
            events.SoundEvent,
        )
        kinds = {kind.__name__ for base in bases for kind in type.__subclasses__(base)} | {
            "RecordingChanged", "MediaStatsKnown", "MediaWarned", "RulesChanged", "ConferenceChanged"
        }
        self.assertEqual({kind.__name__ for kind in wire.ALL_NAMES}, kinds)
        self.assertEqual(set(MANUAL["events"]), set(wire.ALL_NAMES.values()))

    def test_openapi(self) -> None:
        """The OpenAPI document is valid, and names every command."""
        document = openapi("localhost:1")
        self.assertEqual([error.message for error in OpenAPIV31SpecValidator(document).iter_errors()], [])
        actions = document["paths"]["/Command"]["get"]["parameters"][0]["schema"]["enum"]
        self.assertEqual(actions, [command.name for command in TABLE])
        self.assertEqual(document["servers"], [{"url": "http://localhost:1"}])
        json.dumps(document)

    def test_openapi_forms(self) -> None:
        """A form that the document allows is read as it says: one example per command."""
        forms = openapi()["components"]["schemas"]
        for command in TABLE:
            form = forms[command.spelled or command.name]
            jsonschema.Draft202012Validator.check_schema(form)
            self.assertEqual(form["properties"]["action"], {"const": command.name})

    def test_asyncapi(self) -> None:
        """Every reference in the AsyncAPI document leads somewhere, and every payload is a schema of its dialect."""
        document = asyncapi("localhost:1")
        self.assertEqual(document["asyncapi"], "3.0.0")
        self.assertEqual(document["servers"]["local"]["host"], "localhost:1")
        for reference in references(document):
            place: Any = document
            for word in reference.removeprefix("#/").split("/"):
                place = place[word]
        for message in document["components"]["messages"].values():
            # What AsyncAPI asks for without a schemaFormat is a superset of draft 7.
            jsonschema.Draft7Validator.check_schema(message["payload"])
        sent = [message["$ref"].rpartition("/")[2] for message in document["operations"]["event"]["messages"]]
        self.assertEqual(sent, list(wire.ALL_NAMES.values()))
        json.dumps(document)

    def test_no_inner_names(self) -> None:
        """The words about events name them as clients know them, not by our classes."""
        inner = {f"{{{kind.__name__}}}" for kind in wire.ALL_NAMES}
        for kind in wire.ALL_NAMES:
            self.assertEqual([name for name in inner if name in (kind.__doc__ or "")], [])

    def test_reference(self) -> None:
        """docs/api.rst is what the tables say; if this fails, run python -m neon.api.docs."""
        self.assertEqual(docs.PATH.read_text("utf-8"), docs.render())
        self.assertEqual(docs.main(["--check"]), 0)


def references(value: Any) -> Iterator[str]:
    """Every $ref in a document."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "$ref":
                yield item
            else:
                yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


class AnswerTests(WebSocketCase):
    def asked(self, client: Client, action: str, **parameters: object) -> Any:
        """An answer, which has to be as the manual says."""
        client.send({"id": 1, "token": client.token, "action": action, **parameters})
        answer = next(message for message in client.take() if message.get("action") != "event")
        described = MANUAL["commands"][action]["answer"]
        jsonschema.Draft202012Validator({**described, "$defs": MANUAL["$defs"]}).validate(answer)
        return answer

    def test_answers(self) -> None:
        """What every command really answers fits its schema, and so does every event that comes of it."""
        client = self.connected()
        self.asked(client, "authenticate", user="crm", password="wrong")
        client.token = self.asked(client, "authenticate", user="crm", password="secret")["data"]["token"]
        self.asked(client, "startcall", number="32")
        self.asked(client, "sipregister", domain="sip.acme.com", number="31", password="x", displayName="Zé")
        self.world.signalling.answer_registration(1)
        for action in ("listaccounts", "getversion", "help", "listcalls"):
            self.assertTrue(self.asked(client, action)["success"], action)
        self.assertTrue(self.asked(client, "subscribe", events=["OnCallClaimed", "OnNothing"], since=0)["warnings"])
        self.asked(client, "showui", show=True)
        call = self.world.signalling.call_in(display_name="Ana")
        assert isinstance(call, FakeCall)
        self.asked(client, "listcalls")
        self.asked(client, "acceptcall", callId=43)
        self.assertTrue(self.asked(client, "acceptcall", callId=43)["data"]["alreadyAnswered"])
        call.listener.answered(AGREEMENT)
        self.assertEqual(self.asked(client, "startcall", number="32")["data"], {"callId": 44})
        self.asked(client, "finalizecall", callId=43)
        self.asked(client, "sipunregister")
        self.asked(client, "logout")

    def test_requests(self) -> None:
        """The documents' examples are requests as the manual describes them."""
        for request in (
            {"id": 0, "action": "authenticate", "user": "[appUserId]", "password": "[appUserPassword]"},
            {"id": 1, "token": "24b806ff", "action": "startcall", "number": "7155555555"},
            {"action": "showui", "show": True, "token": "xxxx"},
            {"action": "finalizecall", "callId": 55, "token": "xxxx"},
        ):
            described = MANUAL["commands"][request["action"]]["request"]
            jsonschema.Draft202012Validator(described).validate(request)

    def test_help_over_the_wire(self) -> None:
        """help answers the manual, whole."""
        client = self.authenticated()
        self.assertEqual(client.command("help")["data"], json.loads(json.dumps(MANUAL)))


class EventTests(SynchronousTestCase):
    def events(self) -> Iterator[Event]:
        """Every event there is, with everything in it that may be there, and with nothing."""
        for cause, display_name in ((Cause(486, "Busy Here"), "Zé"), (Cause(), None)):
            known: dict[str, Any] = {
                "call_id": 43,
                "connection_id": 1,
                "direction": Direction.INCOMING,
                "caller": "sip:1@a",
                "callee": "sip:2@a",
                "display_name": display_name,
                "cause": cause,
                "duration_ms": 5,
                "application": "crm",
                "claimant": "secret",
                "local": True,
                "remote": False,
                "digit": "#",
                "muted": True,
                "percent": 150,
                "call_ids": (43, 44) if display_name else (),
                "state": RecordingState.FAILED if display_name else RecordingState.STARTED,
                "path": "/r/43.wav",
                "file": "a.wav",
                "how": PlayEnd.REPLACED,
                "side": AudioSide.HEARD,
                "milliseconds": 20,
                "opener": "secret",
                "speaking": True,
                "figures": Figures(250, 248, 0.8, 0.4, 3.2, 41.0, 1.0, 2.0, 4.3, -20.0, 0.4, 40.0)
                if display_name
                else Figures(250, 0, 0.0, 0.0, 0.0, None, None, None, None, None),
                "problem": MediaProblem.ONE_WAY,
                "on": True,
                "what": "Nothing arrives.",
                "advice": "Look.",
                "show": True,
                "rules": IncomingRules(forward_busy="33") if display_name else IncomingRules(dnd=True),
                "pending": 1,
                "reason": "disk full" if display_name else "",
                "encrypted": bool(display_name),
                "details": DETAILS if display_name else NO_DETAILS,
                "why": Why.FORWARDED,
                "status": 180,
                "other": 44,
                "forwarded_to": "sip:3@a" if display_name else None,
                "target": "sip:3@a",
                "referred_by": "sip:1@a" if display_name else None,
                "attended": True,
                "summary": MessageSummary(True, 2, 8, 0, 1) if display_name else MessageSummary(False),
                "extension": "201",
                "now": ExtensionStatus(ExtensionState.BUSY, "sip:3@a", "Zé", Direction.INCOMING)
                if display_name
                else ExtensionStatus(reason="481 gone"),
                "number": "600" if display_name else None,
                "devices": SoundDevices(
                    (SoundDevice("mic", "Microfone", True),), (SoundDevice("spk", "Fone"),), ((DeviceKind.RING, "spk"),)
                )
                if display_name
                else SoundDevices(),
                "levels": Levels(-20.0, -100.0) if display_name else Levels(None, None),
                "operator": "acme",
                "balance": Balance("acme", 1, Decimal("20.15"), "BRL", False, 9 if display_name else None, EPOCH),
                "licence": Licence("acme", Standing.GRACE, "why", EPOCH, EPOCH)
                if display_name
                else Licence("acme", Standing.UNCHECKED),
            }
            for kind in wire.ALL_NAMES:
                make: Any = kind
                yield make(**{field.name: known[field.name] for field in dataclasses.fields(kind)})

    def test_events(self) -> None:
        """Every event, in every spelling, fits its schema; nothing of it is left out."""
        for event in self.events():
            for spelling in (wire.Spelling(prose, double) for prose in (False, True) for double in (False, True)):
                message = json.loads(frames.event(Published(7, EPOCH, event), spelling))
                described = MANUAL["events"][wire.name(event)]
                jsonschema.Draft202012Validator(described).validate(message)
                fields = list(schema.event_fields(type(event)))
                self.assertEqual([field for field in fields if field in message["data"]], list(message["data"]))
                self.assertNotIn("secret", json.dumps(message))
