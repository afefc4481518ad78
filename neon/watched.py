"""What a PBX tells about others without a call: waiting messages, and what an extension is doing. Frozen values."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from neon.values import Direction


@dataclass(frozen=True, slots=True)
class MessageSummary:
    """The voice messages of an account (RFC 3842): how many are new and old, and how many of these are urgent.

    A PBX may say only whether there are new ones (C{waiting}); the numbers are None then.
    """

    waiting: bool
    new: int | None = None
    old: int | None = None
    urgent_new: int | None = None
    urgent_old: int | None = None


class ExtensionState(enum.Enum):
    """What an extension is doing; the value is the APIs' word for it. UNKNOWN: nobody tells us (any more)."""

    UNKNOWN = "unknown"
    IDLE = "idle"
    RINGING = "ringing"
    BUSY = "busy"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class ExtensionStatus:
    """An extension at one moment.

    C{party} is the bare SIP URI of whom it talks to or is called by, C{party_name} the name beside it, C{direction}
    whether the call goes to the extension or comes from it: each None where the PBX does not say. C{reason} is why
    nothing is known.
    """

    state: ExtensionState = ExtensionState.UNKNOWN
    party: str | None = None
    party_name: str | None = None
    direction: Direction | None = None
    reason: str = ""
