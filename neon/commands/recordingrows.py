"""The rows of the commands about recording calls."""

from __future__ import annotations

from typing import Final

from neon import arguments
from neon.arguments import Parameter
from neon.commands import recording
from neon.commands.context import Command, Field, Needs
from neon.commands.shapes import CALL_ID, TEXT
from neon.values import Scope

ROWS: Final = (
    Command(
        "startrecording",
        recording.start_recording,
        (CALL_ID,),
        needs=Needs.REGISTERED,
        scope=Scope.CALL,
        answer=(Field("path", TEXT, "Where the complete file will be; until then its name has .part behind it."),),
        extension=True,
    ),
    Command(
        "stoprecording",
        recording.stop_recording,
        (CALL_ID,),
        needs=Needs.REGISTERED,
        scope=Scope.CALL,
        extension=True,
    ),
    Command(
        "pauserecording",
        recording.pause_recording,
        (CALL_ID, Parameter("pause", arguments.boolean, about="Whether silence is recorded instead of the call.")),
        needs=Needs.REGISTERED,
        scope=Scope.CALL,
        extension=True,
    ),
)
