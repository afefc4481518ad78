"""The rows of the commands about what a client gets to hear and see."""

from __future__ import annotations

from typing import Final

from neon import arguments
from neon.arguments import MAX_ID, Parameter
from neon.commands import listening
from neon.commands.context import Command, Field
from neon.commands.shapes import MOMENT, TEXT, YES_NO
from neon.values import Scope

ROWS: Final = (
    Command(
        "showui",
        listening.show_ui,
        (Parameter("show", arguments.boolean, about="Whether it is to be seen."),),
        scope=Scope.UI,
        waits=True,
        answer=(Field("ui", YES_NO, "Whether this machine has a panel at all.", extension=True),),
        spelled="ShowUI",
    ),
    Command(
        "subscribe",
        listening.subscribe,
        (
            Parameter(
                "since",
                arguments.whole_number(0, MAX_ID),
                default=None,
                about="Send the events after the one with this number.",
            ),
            Parameter(
                "boot",
                arguments.text,
                default=None,
                about="The life of the daemon that the number is from. A number of an earlier one is a gap.",
            ),
            Parameter(
                "events",
                arguments.names,
                default=None,
                about="The extension events that are wanted from now on: their names, or all, or none.",
            ),
        ),
        scope=Scope.EVENTS,
        once=False,
        answer=(
            *MOMENT,
            Field("events", {"type": "array", "items": TEXT}, "The extension events that are sent from now on."),
            Field("replayed", {"type": "integer", "minimum": 0}, "How many earlier events follow."),
            Field("gap", YES_NO, "Some events after that number are gone for good: look again with listcalls."),
        ),
        extension=True,
    ),
    Command(
        "help",
        listening.help_,
        once=False,
        answer=(
            Field("$schema", {"const": "https://json-schema.org/draft/2020-12/schema"}),
            Field("title", TEXT),
            Field("version", TEXT, "Which NEON this is."),
            Field("$defs", {"type": "object"}, "The schemas."),
            Field("commands", {"type": "object"}, "By action: what to send, and the data of the answer."),
            Field("events", {"type": "object"}, "By name: what is sent."),
        ),
        extension=True,
    ),
    Command(
        "getversion",
        listening.get_version,
        once=False,
        answer=(
            Field("name", {"const": "NEON"}),
            Field("version", TEXT),
            Field("brand", TEXT, "What the operator that NEON comes from calls it; NEON where there is none."),
            Field("boot", TEXT),
        ),
        extension=True,
    ),
)
