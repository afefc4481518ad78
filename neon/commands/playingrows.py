"""The rows of the commands about playing files into calls."""

from __future__ import annotations

from typing import Final

from neon import arguments
from neon.arguments import Parameter
from neon.commands import playing
from neon.commands.context import Command, Field, Needs
from neon.commands.shapes import CALL_ID, SOUND
from neon.values import Scope

ROWS: Final = (
    Command(
        "playaudio",
        playing.play_audio,
        (
            CALL_ID,
            Parameter(
                "file",
                SOUND,
                about="A WAV file (PCM of 8 or 16 bits, mono or stereo, any usual rate, up to ten minutes) by its name "
                "in the directory for sounds, the configuration's [playing].",
            ),
            Parameter("loop", arguments.boolean, default=False, about="Over and over, until it is stopped."),
            Parameter(
                "mix", arguments.boolean, default=False, about="Together with the microphone instead of in its place."
            ),
        ),
        needs=Needs.REGISTERED,
        scope=Scope.CALL,
        answer=(Field("seconds", {"type": "number", "minimum": 0}, "How long the file is."),),
        extension=True,
    ),
    Command(
        "stopaudio",
        playing.stop_audio,
        (CALL_ID,),
        needs=Needs.REGISTERED,
        scope=Scope.CALL,
        extension=True,
    ),
)
