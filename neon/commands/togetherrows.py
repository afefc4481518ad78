"""The rows of the commands about several calls at once, and about how loud one is."""

from __future__ import annotations

from typing import Final

from neon import arguments
from neon.arguments import Parameter
from neon.commands import together
from neon.commands.context import Command, Needs
from neon.commands.shapes import CALL_ID
from neon.values import Scope

ROWS: Final = (
    Command(
        "startconference",
        together.start_conference,
        (
            Parameter(
                "callids",
                arguments.identifiers(8),
                into="call_ids",
                spelled="callIds",
                about="Calls that were answered: two at least, or one for a conference that there is already. Over "
                "HTTP, text with commas between them.",
            ),
        ),
        scope=Scope.CALL,
        extension=True,
    ),
    Command(
        "leaveconference",
        together.leave_conference,
        (CALL_ID,),
        needs=Needs.REGISTERED,
        scope=Scope.CALL,
        extension=True,
    ),
    Command(
        "holdconference",
        together.hold_conference,
        (Parameter("hold", arguments.boolean, about="Whether everybody is to wait."),),
        scope=Scope.CALL,
        extension=True,
    ),
    Command(
        "muteconference",
        together.mute_conference,
        (Parameter("mute", arguments.boolean, about="Whether nobody is to hear the user."),),
        scope=Scope.CALL,
        extension=True,
    ),
    Command(
        "swapcalls",
        together.swap_calls,
        (CALL_ID,),
        needs=Needs.REGISTERED,
        scope=Scope.CALL,
        extension=True,
    ),
    Command(
        "setvolume",
        together.set_volume,
        (
            CALL_ID,
            Parameter(
                "percent",
                arguments.whole_number(0, 200),
                about="Of its amplitude: 100 is as it comes, 0 silence, 200 twice as loud (6 dB).",
            ),
        ),
        needs=Needs.REGISTERED,
        scope=Scope.CALL,
        extension=True,
    ),
)
