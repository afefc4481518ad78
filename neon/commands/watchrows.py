"""The rows of the commands about others: extensions that are watched."""

from __future__ import annotations

from typing import Final

from neon import arguments
from neon.arguments import Parameter
from neon.commands import watching
from neon.commands.context import Command, Field
from neon.commands.shapes import ACCOUNT, CONNECTION_ID, ID, MOMENT, TEXT, URI, listed
from neon.values import Direction, Scope
from neon.watched import ExtensionState

EXTENSION: Final = Parameter(
    "extension", arguments.extension, about="A number or name of the account's domain, or user@host."
)

ROWS: Final = (
    Command(
        "watchextension",
        watching.watch_extension,
        (EXTENSION, CONNECTION_ID, ACCOUNT),
        scope=Scope.EVENTS,
        answer=(Field("connectionId", ID, "The account whose PBX is asked."),),
        extension=True,
    ),
    Command(
        "unwatchextension",
        watching.unwatch_extension,
        (EXTENSION, CONNECTION_ID, ACCOUNT),
        scope=Scope.EVENTS,
        extension=True,
    ),
    Command(
        "listextensions",
        watching.list_extensions,
        scope=Scope.EVENTS,
        once=False,
        answer=(
            *MOMENT,
            listed(
                "extensions",
                "The extensions that are watched.",
                Field("connectionId", ID, "The account whose PBX tells of it."),
                Field("extension", TEXT),
                Field("state", {"enum": [state.value for state in ExtensionState]}),
                Field("party", URI, "Whom it talks to or is called by, where the PBX says so.", optional=True),
                Field("partyName", TEXT, optional=True),
                Field("type", {"enum": [direction.value for direction in Direction]}, optional=True),
                Field("reason", TEXT, "Why nothing is known.", optional=True),
            ),
        ),
        extension=True,
    ),
)
