"""The rows of the commands about calls that are over."""

from __future__ import annotations

from typing import Final

from neon.commands import history
from neon.commands.context import Command
from neon.values import Scope

ROWS: Final = (
    Command(
        "callhistory",
        history.call_history,
        (*history.PAGE, *history.FILTERS),
        scope=Scope.EVENTS,
        once=False,
        answer=history.ANSWER,
        extension=True,
    ),
)
