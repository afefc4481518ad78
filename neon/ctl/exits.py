"""How neonctl ends: its exit statuses, and the exceptions that lead to them."""

from __future__ import annotations

from typing import Final

DONE: Final = 0
REFUSED: Final = 1
USAGE: Final = 2
NOT_RUNNING: Final = 3
SILENT: Final = 4
FAILED: Final = 5

MEANINGS: Final = (
    (DONE, "done"),
    (REFUSED, "NEON refused; its error code and sentence are on standard error"),
    (USAGE, "the command line is wrong, or a CALLID is needed because there is not exactly one call"),
    (NOT_RUNNING, "NEON could not be reached: it is not running, or it is another user's"),
    (SILENT, "NEON did not answer in time, or closed the connection"),
    (FAILED, "what was waited for failed: a call not answered, an account not registered; the doctor found something"),
)
"""What the manual says about them."""


class Ending(Exception):
    """Ends the program; C{str(error)} is a sentence for standard error."""

    status: int = FAILED


class Refused(Ending):
    """NEON answered with an error."""

    status = REFUSED

    def __init__(self, code: int, description: str) -> None:
        super().__init__(f"refused ({code}): {description}")
        self.code = code
        self.description = description


class Usage(Ending):
    """The command line makes no sense as things are."""

    status = USAGE


class NotRunning(Ending):
    """There is no daemon to talk to."""

    status = NOT_RUNNING


class Silent(Ending):
    """The daemon does not answer."""

    status = SILENT


class Failed(Ending):
    """What was waited for did not happen."""

    status = FAILED
