"""JSON Schemas (draft 2020-12) of every command, its answer, and every event, made from the tables that run.

The schemas of requests say what always works; NEON reads more than that (any case, booleans in several languages,
numbers as text). What a schema allows, the command takes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from neon import __version__
from neon.api import details, wire
from neon.arguments import MAX_ID, REQUIRED, Parameter
from neon.commands import TABLE, Command, Field, Needs
from neon.commands.devicerows import CHOSEN, DEVICES, LEVEL
from neon.commands.incomingrows import RULES
from neon.commands.shapes import REQUEST_ID
from neon.details import Why
from neon.events import (
    AudioLevels,
    AudioLost,
    AudioPlayed,
    CallStarted,
    ConferenceChanged,
    DeviceEvent,
    ExtensionChanged,
    LicenceChanged,
    MediaStatsKnown,
    MediaWarned,
    OperatorEvent,
    PanelEvent,
    RecordingChanged,
    RegistrationEvent,
    RulesChanged,
    SoundEvent,
    SpeechChanged,
    WatchEvent,
)
from neon.operatorvalues import Standing
from neon.values import AudioSide, Direction, MediaProblem, RecordingState
from neon.watched import ExtensionState

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

TOKEN: Final[Mapping[str, Any]] = {"type": "string", "description": "What authenticate answered."}

ERRORS: Final[Mapping[int, str]] = {
    0: "no error",
    100: "data format error: not JSON, not an object, not a form, no action, or too long",
    102: "invalid argument: an unknown action or call, a parameter that is missing or malformed, or a call that is "
    "not in a state for it",
    500: "internal error; the description has a reference that stands in NEON's log. Or the service of an operator "
    "did not work, as the description says",
    600: "invalid credentials; over HTTP also a token that is missing or dead",
    601: "not registered: no SIP account is registered, or not the one that was named",
    602: "not authorised: over WebSocket a token that is missing or dead; an origin, an application or a number "
    "that is not allowed",
}

YES_NO: Final[Mapping[str, Any]] = {"type": "boolean"}
COUNT: Final[Mapping[str, Any]] = {"type": "integer", "minimum": 0}

PERCENT: Final[Mapping[str, Any]] = {"type": "number", "minimum": 0, "maximum": 100}
MILLISECONDS: Final[Mapping[str, Any]] = {"type": "number", "minimum": 0}

_WORDS: Final[Mapping[str, tuple[Mapping[str, Any], str]]] = {
    **details.WORDS,
    "why": ({"enum": [why.value for why in Why]}, "What became of it here."),
    "forwardedTo": ({"type": "string"}, "Where it was sent, a bare SIP URI."),
    "target": ({"type": "string"}, "Whom we are to call, a SIP URI."),
    "attended": ({"type": "boolean"}, "Our call would take the place of one that the far end has there."),
    "callId": ({"type": "integer", "minimum": 1, "maximum": MAX_ID}, "The call's number."),
    "type": ({"enum": [direction.value for direction in Direction]}, "Who began it: they or we."),
    "from": ({"type": "string"}, "The caller, a bare SIP URI."),
    "to": ({"type": "string"}, "The callee, a bare SIP URI."),
    "duration": ({"type": "integer", "minimum": 0}, "Milliseconds from answer to end, 0 if it was not answered."),
    "SIPError": ({"type": "integer", "minimum": 0, "maximum": 699}, "The SIP status of the failure, 0 without one."),
    "connectionId": ({"type": "integer", "minimum": 1, "maximum": MAX_ID}, "The SIP account's number."),
    "reason": ({"type": "string"}, "Extension: Why, in words, where there is something to say."),
    "displayName": ({"type": "string"}, "Extension: The far end's name, where it has one."),
    "application": ({"type": "string"}, "Whose client it was."),
    "local": ({"type": "boolean"}, "The far end waits for us."),
    "remote": ({"type": "boolean"}, "We wait for the far end."),
    "muted": ({"type": "boolean"}, "The far end hears nothing of us."),
    "incoming": (RULES.schema, "What holds for calls to the account now, as in listaccounts."),
    "percent": ({"type": "integer", "minimum": 0, "maximum": 200}, "Of its amplitude: 100 is as it comes."),
    "callIds": (
        {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": MAX_ID}},
        "The calls that are together now; none: it is over.",
    ),
    "encrypted": ({"const": True}, "Extension: The audio is encrypted (SRTP); not there where it is not."),
    "status": ({"type": "integer", "minimum": 101, "maximum": 199}, "The provisional response's, 180 or 183 say."),
    "otherCallId": ({"type": "integer", "minimum": 1, "maximum": MAX_ID}, "The other leg of the conversation."),
    "operator": ({"type": "string"}, "The operator: the name of its file."),
    "balance": (
        {"type": "string", "pattern": "^-?[0-9]+(\\.[0-9]+)?$"},
        "What is left, exactly as the operator gave it, with a point before the decimals.",
    ),
    "currency": ({"type": "string"}, "ISO 4217, for example BRL; empty where nobody said it."),
    "low": ({"type": "boolean"}, "It is below the operator's threshold."),
    "minutesLeft": ({"type": "integer", "minimum": 0}, "About how many minutes of calls, where a rate is known."),
    "at": ({"type": "string", "format": "date-time"}, "When the operator said so, in UTC."),
    "active": ({"type": "boolean"}, "Of a licence: calls are allowed. Of a warning: it is so now, or no longer."),
    "standing": ({"enum": [standing.value for standing in Standing]}, "How the licence stands."),
    "checked": ({"type": "string", "format": "date-time"}, "When the operator last decided about it, in UTC."),
    "until": ({"type": "string", "format": "date-time"}, "How long it is good without a new check, in UTC."),
    "waiting": (YES_NO, "There are new messages."),
    "new": (COUNT, "How many new voice messages there are, where the PBX says so."),
    "old": (COUNT, "How many were heard already."),
    "urgentNew": (COUNT, "How many of the new ones are urgent."),
    "urgentOld": (COUNT, "How many of the old ones are urgent."),
    "extension": ({"type": "string"}, "The extension, as it is watched."),
    "state": (
        {"enum": [state.value for states in (ExtensionState, RecordingState) for state in states]},
        "What the extension is doing; or how the recording stands (started, paused, resumed, stopped, failed).",
    ),
    "packetsSent": (COUNT, "RTP packets that were sent in these seconds."),
    "packetsReceived": (COUNT, "RTP packets that arrived in that time."),
    "loss": (PERCENT, "How many of those for us never arrived, in percent."),
    "late": (PERCENT, "How many arrived too late to be heard, in percent."),
    "recovered": (PERCENT, "How many of them were heard all the same: Opus can repeat in a packet the one before."),
    "jitter": (MILLISECONDS, "How much their arrival varies (RFC 3550), in milliseconds."),
    "playoutDelay": (MILLISECONDS, "How long packets wait here for those that are late, in milliseconds."),
    "roundTrip": (MILLISECONDS, "The way there and back, in milliseconds, where the far end sends reports."),
    "remoteLoss": (PERCENT, "How many of ours the far end has missed during the call, in percent, where it says so."),
    "remoteJitter": (MILLISECONDS, "How much the arrival of ours varies there, in milliseconds."),
    "mos": (
        {"type": "number", "minimum": 1, "maximum": 4.5},
        "What listeners would say of what is heard here, 1 (bad) to 4.5 (ITU-T G.107), where something arrived.",
    ),
    "problem": ({"enum": [problem.value for problem in MediaProblem]}, "What is wrong."),
    "description": ({"type": "string"}, "What is wrong, in the words of the daemon's language."),
    "advice": ({"type": "string"}, "What a person can do about it."),
    "side": ({"enum": [side.value for side in AudioSide]}, "What was heard there, or what was to be spoken."),
    "milliseconds": ({"type": "integer", "minimum": 1}, "How much of it."),
    "speaking": (YES_NO, "Whether it speaks now."),
    "file": ({"type": "string"}, "The file, as playaudio named it."),
    "path": ({"type": "string"}, "Where the complete file is or will be; empty if there is none."),
    "party": ({"type": "string"}, "Whom it talks to or is called by: a bare SIP URI, where the PBX says so."),
    "partyName": ({"type": "string"}, "The name beside it."),
    "dtmf": ({"type": "string", "pattern": "^[0-9*#A-D]$"}, "The digit."),
    "show": (YES_NO, "Whether it is to be seen."),
    "number": ({"type": "string"}, "What is to stand in the dial pad: a person followed a link to a number."),
    "microphones": (DEVICES, "What can be spoken into."),
    "speakers": (DEVICES, "What can be heard from, for calls and for ringing."),
    "chosen": (CHOSEN, "What is to be used: an id, which need not be there now, or default. A kind that uses no sound "
               "card is not named."),
    "available": (YES_NO, "There is a sound device at all."),
    "microphone": (LEVEL, "dB below the loudest possible sine, -100 for digital silence; not there while closed."),
    "speaker": (LEVEL, "As microphone."),
    "pending": (COUNT, "How many wait for an answer now."),
}

_ATTRIBUTES: Final[Mapping[str, tuple[str, ...]]] = {
    "application": ("application",),
    "local": ("local",),
    "remote": ("remote",),
    "digit": ("dtmf",),
    "status": ("status",),
    "other": ("otherCallId",),
    "muted": ("muted",),
    "percent": ("percent",),
    "cause": ("SIPError",),
    "why": ("why",),
    "target": ("target",),
    "attended": ("attended",),
}
"""What an extension event's attributes are called on the wire."""

_SOMETIMES: Final[Mapping[str, str]] = {
    "forwarded_to": "forwardedTo", "referred_by": "referredBy", "encrypted": "encrypted"
}
"""Those that are not always there."""

BALANCE_FIELDS: Final[Mapping[str, bool]] = {
    **dict.fromkeys(("operator", "connectionId", "balance", "currency", "low"), True), "minutesLeft": False, "at": True
}
LICENCE_FIELDS: Final[Mapping[str, bool]] = {
    **dict.fromkeys(("operator", "active", "standing"), True), **dict.fromkeys(("reason", "checked", "until"), False)
}
"""The data of the events about operators, and whether each field is always there."""

MESSAGE_FIELDS: Final[Mapping[str, bool]] = {
    **dict.fromkeys(("connectionId", "waiting"), True), **dict.fromkeys(("new", "old", "urgentNew", "urgentOld"), False)
}
EXTENSION_FIELDS: Final[Mapping[str, bool]] = {
    **dict.fromkeys(("connectionId", "extension", "state"), True),
    **dict.fromkeys(("party", "partyName", "type", "reason"), False),
}
"""The data of the events about what a PBX tells without a call."""

MEDIA_FIELDS: Final[Mapping[wire.EventType, Mapping[str, bool]]] = {
    RecordingChanged: {**dict.fromkeys(("callId", "connectionId", "state", "path"), True), "reason": False},
    MediaStatsKnown: {
        **dict.fromkeys(
            ("callId", "connectionId", "packetsSent", "packetsReceived", "loss", "late", "jitter"), True
        ),
        **dict.fromkeys(("roundTrip", "remoteLoss", "remoteJitter", "mos", "recovered", "playoutDelay"), False),
    },
    AudioLost: dict.fromkeys(("callId", "connectionId", "side", "milliseconds"), True),
    SpeechChanged: dict.fromkeys(("callId", "connectionId", "speaking"), True),
    AudioPlayed: dict.fromkeys(("callId", "connectionId", "file", "reason"), True),
    MediaWarned: dict.fromkeys(("callId", "connectionId", "problem", "active", "description", "advice"), True),
}
"""The data of the events about the sound of a call."""

DEVICE_FIELDS: Final = ("microphones", "speakers", "chosen", "available")

_WARNINGS: Final[Mapping[str, Any]] = {
    "type": "array",
    "items": {"type": "string"},
    "description": "Sentences about what was tolerated, where something was.",
}


def about(thing: Any) -> str:
    """The first paragraph of a docstring, as one line."""
    return " ".join((thing.__doc__ or "").strip().split("\n\n")[0].split())


def spelled(parameter: Parameter) -> str:
    """A parameter's name in the documents' capitals."""
    return parameter.spelled or parameter.name


def closed(properties: Mapping[str, Any], required: Sequence[str]) -> dict[str, Any]:
    """An object with these properties and no others."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def parameter_schema(parameter: Parameter) -> dict[str, Any]:
    """One parameter."""
    schema = {**parameter.parse.schema, "description": parameter.about}
    if parameter.default is not REQUIRED and parameter.default is not None:
        schema["default"] = parameter.default
    return schema


def parameters_of(command: Command) -> tuple[Parameter, ...]:
    """A command's parameters, with those that every one of its kind has."""
    repeatable = not command.once or command.needs is Needs.NOTHING
    return command.parameters if repeatable else (*command.parameters, REQUEST_ID)


def request_schema(command: Command) -> dict[str, Any]:
    """What is sent over the WebSocket."""
    parameters = parameters_of(command)
    properties: dict[str, Any] = {
        "id": {"type": ["string", "number", "boolean", "null"], "description": "Comes back with the answer."},
        "action": {"const": command.name},
    }
    required = ["action"]
    if command.needs is not Needs.NOTHING:
        properties["token"] = TOKEN
        required.append("token")
    properties |= {spelled(parameter): parameter_schema(parameter) for parameter in parameters}
    required += [spelled(parameter) for parameter in parameters if parameter.default is REQUIRED]
    return {"type": "object", "properties": properties, "required": required, "description": about(command.function)}


def data_schema(fields: Sequence[Field]) -> dict[str, Any]:
    """The data of an answer."""
    properties = {
        field.name: {**field.schema, **({"description": field.about} if field.about else {})} for field in fields
    }
    return closed(properties, [field.name for field in fields if not field.optional])


def success_schema(command: Command) -> dict[str, Any]:
    """What comes back over the WebSocket from a command that was carried out."""
    return closed(
        {"id": {}, "success": {"const": True}, "data": data_schema(command.answer), "warnings": _WARNINGS},
        ["success", "data"],
    )


def answer_schema(command: Command) -> dict[str, Any]:
    """What comes back over the WebSocket: the data of a success, or an error."""
    return {"oneOf": [success_schema(command), {"$ref": "#/$defs/refusal"}]}


def event_fields(kind: wire.EventType) -> dict[str, bool]:
    """The fields of an event's data in their order, and whether each is always there."""
    own = [field.name for field in dataclasses.fields(kind)]
    if kind is ConferenceChanged:
        return {"callIds": True}
    if issubclass(kind, RegistrationEvent):
        return {"connectionId": True, "SIPError": True, "reason": False}
    if issubclass(kind, OperatorEvent):
        return dict(LICENCE_FIELDS if kind is LicenceChanged else BALANCE_FIELDS)
    if issubclass(kind, (RecordingChanged, MediaStatsKnown, MediaWarned, SoundEvent)):
        return dict(MEDIA_FIELDS[kind])
    if issubclass(kind, DeviceEvent):
        levels = kind is AudioLevels
        return dict.fromkeys(("microphone", "speaker") if levels else DEVICE_FIELDS, not levels)
    if issubclass(kind, WatchEvent):
        return dict(EXTENSION_FIELDS if kind is ExtensionChanged else MESSAGE_FIELDS)
    if kind is RulesChanged:
        return dict.fromkeys(("connectionId", "incoming"), True)
    if issubclass(kind, PanelEvent):
        return {name: name != "number" for name in own}
    fields = dict.fromkeys(("callId", "type", "from", "to"), True)
    if kind in wire.NAMES:
        fields |= dict.fromkeys(details.WORDS, False) if kind is CallStarted else {"duration": True, "SIPError": True}
    else:
        fields |= {name: True for attribute in own for name in _ATTRIBUTES.get(attribute, ())}
    if "cause" in own:
        fields["reason"] = False
    fields |= {name: False for attribute, name in _SOMETIMES.items() if attribute in own}
    return {**fields, "displayName": False}


def field_schema(name: str) -> dict[str, Any]:
    """A field of an event."""
    schema, description = _WORDS[name]
    return {**schema, "description": description}


def event_data_schema(kind: wire.EventType) -> dict[str, Any]:
    """The data of an event."""
    fields = event_fields(kind)
    return closed({name: field_schema(name) for name in fields}, [name for name, always in fields.items() if always])


def event_schema(kind: wire.EventType) -> dict[str, Any]:
    """What is sent over the WebSocket."""
    table_name = wire.ALL_NAMES[kind]
    names = [table_name, *(spelling[table_name] for spelling in wire.OTHER_SPELLINGS if table_name in spelling)]
    properties: dict[str, Any] = {
        "action": {"const": "event"},
        "name": {"const": table_name} if len(names) == 1 else {"enum": names},
        "seq": {"type": "integer", "minimum": 1, "description": "Increasing, daemon-wide."},
        "ts": {"type": "string", "format": "date-time", "description": "UTC, to the millisecond."},
        "data": event_data_schema(kind),
    }
    return {**closed(properties, list(properties)), "description": about(kind)}


SYSTEM_CODE: Final[Mapping[str, Any]] = {
    "type": "integer",
    "minimum": 1,
    "description": "Extension: The SIP status behind it, or an operator's error code, where there is one.",
}


def refusal_schema() -> dict[str, Any]:
    """What comes back when a command was not carried out."""
    codes = {"enum": [code for code in ERRORS if code], "description": "See the table of errors."}
    return closed(
        {
            "id": {},
            "success": {"const": False},
            "error": closed(
                {"code": codes, "description": {"type": "string"}, "systemCode": SYSTEM_CODE}, ["code", "description"]
            ),
            "data": closed({}, []),
            "warnings": _WARNINGS,
        },
        ["success", "error", "data"],
    )


@cache
def manual() -> Mapping[str, Any]:
    """All of it, as C{help} answers it."""
    return {
        "$schema": DIALECT,
        "title": "NEON WebSocket API",
        "version": __version__,
        "$defs": {"refusal": refusal_schema()},
        "commands": {
            command.name: {"request": request_schema(command), "answer": answer_schema(command)} for command in TABLE
        },
        "events": {name: event_schema(kind) for kind, name in wire.ALL_NAMES.items()},
    }
