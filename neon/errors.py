"""What can go wrong when a client asks for something, with the code that the APIs send.

The numbers are those of spec section 2, "Error codes"; both APIs share them.
"""

from __future__ import annotations

from typing import ClassVar


class NeonError(Exception):
    """A request could not be carried out; C{str(error)} is a sentence for the client.

    C{system_code} is the SIP status that was the reason, or the operator's error code, 0 where there is none.
    """

    code: ClassVar[int] = 500

    def __init__(self, description: str = "", *, system_code: int = 0) -> None:
        super().__init__(description)
        self.system_code = system_code


class OperatorFailed(NeonError):
    """The web service of a VoIP operator did not work; that is nobody's bug here, and is told as it is."""


class RecordingFailed(NeonError):
    """A file could not be made: the disk's fault or the configuration's, and told as it is."""


class DataFormatError(NeonError):
    """What arrived is not a request at all: not JSON, not an object, no action, too long."""

    code = 100


class InvalidArgument(NeonError):
    """An unknown action or call, a missing or malformed parameter, or a call in the wrong state."""

    code = 102


class InvalidCredentials(NeonError):
    """Wrong user or password."""

    code = 600


class NotRegistered(NeonError):
    """A call command while no SIP account is registered."""

    code = 601


class NotAuthorised(NeonError):
    """A missing, dead or foreign token, or an action this application may not use."""

    code = 602


class DeadToken(NotAuthorised):
    """No token, or one that is not alive. The HTTP API's table has no 602 for it and says 600."""
