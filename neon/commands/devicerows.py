"""The rows of the commands about sound devices."""

from __future__ import annotations

from typing import Any, Final

from neon import arguments
from neon.arguments import Parameter
from neon.commands import devices
from neon.commands.context import Command, Field
from neon.commands.shapes import TEXT, YES_NO
from neon.sounddevices import DeviceKind, Verdict
from neon.values import Scope


def _closed(properties: dict[str, Any], required: tuple[str, ...]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


DEVICES: Final = {
    "type": "array",
    "items": _closed({"id": TEXT, "name": TEXT, "default": YES_NO}, ("id", "name", "default")),
}
CHOSEN: Final = _closed({kind.value: TEXT for kind in DeviceKind}, ())
LEVEL: Final = {"type": "number", "minimum": -100}

_ANSWER: Final = (
    Field("microphones", DEVICES, "What can be spoken into. The id is stable, the name is for people."),
    Field("speakers", DEVICES, "What can be heard from, for calls and for ringing."),
    Field(
        "chosen",
        CHOSEN,
        "What is to be used: an id, which need not be there now, or default. A kind that uses no sound card, by the "
        "configuration, is not named.",
    ),
    Field("available", YES_NO, "There is a sound device at all."),
)

ROWS: Final = (
    Command(
        "listdevices",
        devices.list_devices,
        scope=Scope.EVENTS,
        once=False,
        answer=_ANSWER,
        extension=True,
    ),
    Command(
        "setdevice",
        devices.set_device,
        (
            Parameter("kind", arguments.one_of(DeviceKind), about="What it is to be used for."),
            Parameter("device", arguments.text, about="An id of listdevices, or default."),
        ),
        scope=Scope.CALL,
        answer=_ANSWER,
        extension=True,
    ),
    Command(
        "watchlevels",
        devices.watch_levels,
        (Parameter("on", arguments.boolean, about="Whether this client wants them."),),
        scope=Scope.CALL,
        once=False,
        extension=True,
    ),
    Command(
        "testaudio",
        devices.test_audio,
        (
            Parameter(
                "seconds", arguments.whole_number(1, 30), default=3, about="How long the microphone is recorded."
            ),
        ),
        waits=True,
        scope=Scope.CALL,
        answer=(
            Field("verdict", {"enum": [verdict.value for verdict in Verdict]}, "What came of it."),
            Field("description", TEXT, "The same as a sentence for the user, in the language of the daemon's locale."),
            Field("level", LEVEL, "The microphone, in dB below the loudest possible sine.", optional=True),
            Field("peak", LEVEL, "Its loudest moment.", optional=True),
            Field("heard", LEVEL, "How loud the tone was there.", optional=True),
            Field("problem", TEXT, "What the sound system said.", optional=True),
        ),
        extension=True,
    ),
)
