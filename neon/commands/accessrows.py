"""The rows of the commands about being let in."""

from __future__ import annotations

from typing import Final

from neon import arguments
from neon.arguments import Parameter
from neon.commands import access
from neon.commands.context import Command, Field, Needs

ROWS: Final = (
    Command(
        "authenticate",
        access.authenticate,
        (
            Parameter("user", arguments.text, about="The application's name."),
            Parameter("password", arguments.password, about="The application's password."),
            Parameter(
                "spelling",
                arguments.choice("table", "prose"),
                default="table",
                about="How events are called that the documents spell in two ways: as their tables do, or their prose.",
                extension=True,
            ),
        ),
        needs=Needs.NOTHING,
        answer=(Field("token", {"type": "string", "pattern": "^[0-9a-f]{32}$"}, "For every other command."),),
        spelled="Authenticate",
    ),
    Command("logout", access.logout, extension=True),
)
