"""The rows of the commands about the audio of calls for programs."""

from __future__ import annotations

from typing import Final

from neon import arguments
from neon.arguments import Parameter
from neon.commands import audio
from neon.commands.context import Command, Field, Needs
from neon.commands.shapes import CALL_ID
from neon.values import Scope

RATE: Final = {"enum": [8000, 16000]}

ROWS: Final = (
    Command(
        "openaudio",
        audio.open_audio,
        (
            CALL_ID,
            Parameter("rate", arguments.audio_rate, default=8000, about="Samples a second, both ways."),
            Parameter(
                "mix",
                arguments.boolean,
                default=False,
                about="Speak together with the microphone instead of in its place.",
            ),
        ),
        needs=Needs.REGISTERED,
        scope=Scope.AUDIO,
        once=False,
        answer=(
            Field("rate", RATE),
            Field("frameMilliseconds", {"const": 20}, "How much audio a message of NEON's has."),
        ),
        extension=True,
    ),
    Command(
        "closeaudio",
        audio.close_audio,
        (CALL_ID,),
        needs=Needs.REGISTERED,
        scope=Scope.AUDIO,
        once=False,
        extension=True,
    ),
)
