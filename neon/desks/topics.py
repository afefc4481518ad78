"""What stands on the broker: topics, and pictures of extensions as JSON.

    neon/SITE/roll-call              (empty)                    not retained: every desk says its state again
    neon/SITE/DESK/state             {"v":1,"alive":true}       retained; the last will says false
    neon/SITE/DESK/extension/NAME    {"v":1,"hint":"sip:101@acme.com","registered":true,"calls":[...],"ended":[[55,16]]}

A call is C{{"id":55,"dir":"outgoing","a":"101","b":"600","phase":6}}, with C{"da"}, C{"db"}, C{"bridge"}, C{"hold"},
C{"rec"} and C{"conf"} where there is something to say. An extension that is gone has an empty payload, which takes it
off the broker. What arrives was written by another machine: it is read within bounds, and what does not fit is no
picture.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from neon.switchboard import CallId, CallPicture, Ended, ExtensionPicture, Phase
from neon.values import Direction

ROOT: Final = "neon"
VERSION: Final = 1

MAX_PAYLOAD: Final = 64 * 1024
MAX_CALLS: Final = 200
MAX_TEXT: Final = 512

_WORD: Final = re.compile(r"[A-Za-z0-9_.@+-]{1,128}")
_ENCODE: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
_PHASES: Final = {phase.value: phase for phase in Phase}
_DIRECTIONS: Final = {direction.value: direction for direction in Direction}


class NoPicture(ValueError):
    """A payload that says nothing about an extension or a desk."""


@dataclass(frozen=True, slots=True)
class DeskTopic:
    """C{.../state} of a desk."""

    desk: str


@dataclass(frozen=True, slots=True)
class ExtensionTopic:
    """C{.../extension/NAME} of a desk. C{name} is as the topic has it (L{word})."""

    desk: str
    name: str


Topic: TypeAlias = DeskTopic | ExtensionTopic


def word(text: str) -> str:
    """A level of a topic that stands for C{text}: itself, with what MQTT or readers could stumble over as C{_}."""
    return re.sub(r"[^A-Za-z0-9_.@-]", "_", text)[:128] or "_"


def roll_call(site: str) -> str:
    """Where a hub asks which desks are there."""
    return f"{ROOT}/{site}/roll-call"


def state(site: str, desk: str) -> str:
    """Whether a desk is there."""
    return f"{ROOT}/{site}/{desk}/state"


def extension(site: str, desk: str, name: str) -> str:
    """One extension of a desk."""
    return f"{ROOT}/{site}/{desk}/extension/{word(name)}"


def extensions(site: str, desk: str = "+") -> str:
    """What to subscribe to for the extensions of a desk, or of all of them."""
    return f"{ROOT}/{site}/{desk}/extension/+"


def parse(site: str, topic: str) -> Topic | None:
    """What a topic is about; None for one that is none of these."""
    levels = topic.split("/")
    if len(levels) < 4 or levels[:2] != [ROOT, site] or not all(_WORD.fullmatch(level) for level in levels[2:]):
        return None
    match levels[2:]:
        case [desk, "state"]:
            return DeskTopic(desk)
        case [desk, "extension", name]:
            return ExtensionTopic(desk, name)
    return None


# A desk


def alive(yes: bool) -> bytes:
    """What a desk, or its last will, says of itself."""
    return _ENCODE({"v": VERSION, "alive": yes}).encode()


def is_alive(payload: bytes) -> bool:
    """Whether a desk says that it is there."""
    try:
        return _object(payload).get("alive") is True
    except NoPicture:
        return False


# An extension


def encode(picture: ExtensionPicture) -> bytes:
    """A picture as a payload."""
    document = {
        "v": VERSION,
        "name": picture.name,
        "hint": picture.hint,
        "registered": picture.registered,
        "calls": [_call(call) for call in picture.calls[:MAX_CALLS]],
        "ended": [[end.call_id, end.cause] for end in picture.ended],
    }
    return _ENCODE(document).encode("utf-8", "replace")


def _call(call: CallPicture) -> dict[str, Any]:
    known = {"id": call.call_id, "dir": call.direction.value, "a": call.phone_a, "b": call.phone_b}
    optional = {
        "da": call.did_a, "db": call.did_b, "bridge": call.bridge, "hold": call.hold, "rec": call.recorded,
        "conf": call.conference,
    }  # fmt: skip
    return {**known, "phase": call.phase.value, **{name: value for name, value in optional.items() if value}}


def decode(payload: bytes) -> ExtensionPicture:
    """A payload as a picture.

    @raise NoPicture: it is none, or of a version that is not known here.
    """
    document = _object(payload)
    if document.get("v") != VERSION:
        raise NoPicture(f"version {document.get('v')!r} is not known here")
    calls, ended = document.get("calls"), document.get("ended")
    if not isinstance(calls, list) or not isinstance(ended, list) or max(len(calls), len(ended)) > MAX_CALLS:
        raise NoPicture("calls and ended must be lists")
    try:
        return ExtensionPicture(
            _text(document.get("name")),
            _text(document.get("hint")),
            document.get("registered") is True,
            tuple(_read_call(call) for call in calls),
            tuple(Ended(_id(call_id), _number(cause, 127)) for call_id, cause in ended),
        )
    except (TypeError, KeyError) as error:
        raise NoPicture(f"something is missing or of the wrong kind: {error}") from None
    except ValueError as error:
        raise NoPicture(str(error)) from None


def _read_call(call: Any) -> CallPicture:
    if not isinstance(call, dict):
        raise NoPicture("a call must be an object")
    return CallPicture(
        _id(call["id"]),
        _DIRECTIONS[call["dir"]],
        _text(call["a"]),
        _text(call["b"]),
        _text(call.get("da", "")),
        _text(call.get("db", "")),
        _PHASES[call["phase"]],
        None if call.get("bridge") is None else _id(call["bridge"]),
        call.get("hold") is True,
        call.get("rec") is True,
        call.get("conf") is True,
    )


def _object(payload: bytes) -> dict[str, Any]:
    if len(payload) > MAX_PAYLOAD:
        raise NoPicture(f"longer than {MAX_PAYLOAD} bytes")
    try:
        document = json.loads(payload.decode("utf-8"))
    except (ValueError, RecursionError):
        raise NoPicture("no JSON") from None
    if not isinstance(document, dict):
        raise NoPicture("no object")
    return document


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise NoPicture(f"must be text of up to {MAX_TEXT} characters")
    return value


def _id(value: object) -> CallId:
    return _number(value, (1 << 53) - 1)


def _number(value: object, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= most:
        raise NoPicture(f"must be a whole number up to {most}")
    return value
