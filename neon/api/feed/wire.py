"""How the feed spells things (spec section 5): the messages of the server, and what clients may send.

What the server sends, a JSON object in each text frame, spelled as the documents' tables print it::

    {"servername":"BOBIf","version":"1.0","type":"welcome","auth":"required","server":"desk"}
    {"type":"auth-resp","auth":"ok","extension":"101","agent":"ana","server":"desk","token":"..."}
    {"type":"auth-resp","auth":"forbidden","server":"desk"}
    {"type":"init","server":"desk","data":[{"Status":"idle","Calls":[],"Extension":"101","Hint":"sip:101@..."}]}
    {"type":"update","server":"desk","extension":"101","action":"extension-status","status":"ringing"}

and of a client, in which names are read in any case::

    {"type":"auth-plain","user":"ana","passwd":"..."}
    {"type":"action","action":"call","phone":"600","customfield1":"order 17"}
    {"type":"action","action":"blindtransfer","call":55,"phone":"600"}
    {"type":"action","action":"hangup","call":[55,56]}

Extensions of ours: C{action-resp}, the answer to every action, and C{causedesc} beside C{cause}.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from neon import causes
from neon.api import frames
from neon.errors import DataFormatError, InvalidArgument
from neon.switchboard import (
    CallAppeared,
    CallGone,
    CallPicture,
    Change,
    ExtensionPicture,
    HoldSwitched,
    PhaseChanged,
    RecordingSwitched,
    StatusChanged,
)

SERVER_NAME: Final = "BOBIf"
VERSION: Final = "1.0"

MAX_LOGIN_BYTES: Final = 1024
MAX_CALLS: Final = 64
MAX_FIELD: Final = 255

_ENCODE: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False, ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class Login:
    """C{auth-plain}."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Dial:
    """C{call}: ring the extension, then dial. C{extension} (extension of ours) is for supervisors."""

    phone: str
    custom: tuple[str, str]
    extension: str | None = None


@dataclass(frozen=True, slots=True)
class BlindTransfer:
    """C{blindtransfer}."""

    call_id: int
    phone: str


@dataclass(frozen=True, slots=True)
class HangUp:
    """C{hangup}: of one call or several."""

    call_ids: tuple[int, ...]


Action = Dial | BlindTransfer | HangUp


def encode(message: Mapping[str, Any]) -> bytes:
    """A message as the frame's payload."""
    return _ENCODE(message).encode("utf-8", "replace")


# What the server says


def welcome(server: str) -> dict[str, Any]:
    """The first message on a connection."""
    return {"servername": SERVER_NAME, "version": VERSION, "type": "welcome", "auth": "required", "server": server}


def authenticated(server: str, extension: str, agent: str, token: str) -> dict[str, Any]:
    """The password was right. A supervisor has no extension of its own: it is empty."""
    who = {"extension": extension, "agent": agent, "server": server, "token": token}
    return {"type": "auth-resp", "auth": "ok", **who}


def forbidden(server: str) -> dict[str, Any]:
    """It was not, or there were too many wrong ones."""
    return {"type": "auth-resp", "auth": "forbidden", "server": server}


def init(server: str, pictures: tuple[ExtensionPicture, ...]) -> dict[str, Any]:
    """Every extension that this client may see, as it is now."""
    return {"type": "init", "server": server, "data": [extension(picture) for picture in pictures]}


def extension(picture: ExtensionPicture) -> dict[str, Any]:
    """An extension in C{init}."""
    return {
        "Status": picture.status.value,
        "Calls": [call(one) for one in picture.calls],
        "Extension": picture.name,
        "Hint": picture.hint,
    }


def call(picture: CallPicture) -> dict[str, Any]:
    """A call in C{init}."""
    return {
        "Monitored": True,
        "CallDirection": picture.direction.value,
        "PhoneA": picture.phone_a,
        "PhoneB": picture.phone_b,
        "Status": picture.phase.value,
        "Bridge": "" if picture.bridge is None else picture.bridge,
        "StatusDesc": picture.phase.words,
        "DIDA": picture.did_a,
        "DIDB": picture.did_b,
        "CallID": picture.call_id,
        "Hold": picture.hold,
    }


def update(server: str, change: Change) -> dict[str, Any]:
    """What happened to an extension."""
    head = {"type": "update", "server": server, "extension": change.extension}
    match change:
        case StatusChanged(status=status):
            return {**head, "action": "extension-status", "status": status.value}
        case CallAppeared(call=picture):
            return {
                **head,
                "action": "new-call",
                "callid": picture.call_id,
                "direction": picture.direction.value,
                "phonea": picture.phone_a,
                "phoneb": picture.phone_b,
                "dida": picture.did_a,
                "didb": picture.did_b,
            }
        case PhaseChanged(call_id=call_id, phase=phase):
            return {**head, "action": "call-state", "callid": call_id, "state": phase.value, "statedesc": phase.words}
        case HoldSwitched(call_id=call_id, on=on):
            return {**head, "action": "start-moh" if on else "stop-moh", "callid": call_id}
        case RecordingSwitched(call_id=call_id, on=on):
            return {**head, "action": "start-record" if on else "end-record", "callid": call_id}
        case CallGone(call_id=call_id, cause=cause):
            return {**head, "action": "hangup", "callid": call_id, "cause": cause, "causedesc": causes.words(cause)}


def done(action: str, **more: Any) -> dict[str, Any]:
    """An action was begun."""
    return {"type": "action-resp", "action": action, "result": "ok", **more}


def refused(action: str, code: int, description: str) -> dict[str, Any]:
    """An action was not; the codes are those of the other APIs."""
    error = {"code": code, "description": description}
    return {"type": "action-resp", "action": action, "result": "error", "error": error}


# What clients say


def read(payload: bytes) -> dict[str, object]:
    """A client's message, its names in lower case.

    @raise DataFormatError: it is no JSON object, or says the same thing twice.
    """
    read_pairs = frames.decode(payload)
    message: dict[str, object] = dict(read_pairs.reply)
    for name, value in read_pairs.pairs:
        key = name.strip().lower()
        if key in message and message[key] != value:
            raise DataFormatError(f"{key} was given twice with different values")
        message[key] = value
    return message


def kind(message: Mapping[str, object]) -> str:
    """The message's C{type}, in lower case; empty if it has none."""
    word = message.get("type")
    return word.strip().lower() if isinstance(word, str) else ""


def login(message: Mapping[str, object]) -> Login | None:
    """What an C{auth-plain} says, None for anything else."""
    user, password = _scalar(message.get("user")), _scalar(message.get("passwd"))
    if kind(message) != "auth-plain" or user is None or password is None:
        return None
    return Login(user, password)


def action_name(message: Mapping[str, object]) -> str:
    """The action's name as it is answered."""
    word = _scalar(message.get("action"))
    return "" if word is None else word.strip().lower()[:32]


def action(message: Mapping[str, object]) -> Action:
    """What a client wants done.

    @raise InvalidArgument: there is no such action, or something is missing or malformed.
    """
    match action_name(message):
        case "call":
            custom = (_custom(message, "customfield1"), _custom(message, "customfield2"))
            return Dial(_phone(message), custom, _scalar(message.get("extension")))
        case "blindtransfer":
            calls = _calls(message)
            if len(calls) != 1:
                raise InvalidArgument("blindtransfer takes one call")
            return BlindTransfer(calls[0], _phone(message))
        case "hangup":
            return HangUp(_calls(message))
        case "":
            raise InvalidArgument("there is no action")
        case other:
            raise InvalidArgument(f"there is no action {other!r}: call, blindtransfer and hangup")


def _phone(message: Mapping[str, object]) -> str:
    phone = _scalar(message.get("phone"))
    if phone is None or not phone.strip():
        raise InvalidArgument("phone is missing")
    return phone


def _custom(message: Mapping[str, object], name: str) -> str:
    value = message.get(name)
    if value is None:
        return ""
    text = _scalar(value)
    if text is None:
        raise InvalidArgument(f"{name} must be text")
    if len(text) > MAX_FIELD or not text.isprintable():
        raise InvalidArgument(f"{name} must be up to {MAX_FIELD} printable characters")
    return text


def _calls(message: Mapping[str, object]) -> tuple[int, ...]:
    """Ids of calls: a list of them, or one."""
    given = message.get("call", message.get("callid"))
    values = given if isinstance(given, list) else [given]
    if not values or len(values) > MAX_CALLS:
        raise InvalidArgument(f"call must be a list of 1 to {MAX_CALLS} ids")
    return tuple(dict.fromkeys(_id(value) for value in values))


def _id(value: object) -> int:
    text = _scalar(value)
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 15 or not int(text):
        raise InvalidArgument("call must be the id of a call, or a list of them")
    return int(text)


def _scalar(value: object) -> str | None:
    """Text as it is, numbers as text, a list of one of them as that one; None for anything else."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    return str(value)
