"""What the machines want done: frozen values that the shell carries out, in order.

A machine never touches the world; it appends these to a list, and L{neon.line} takes them from there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from neon.events import Event
from neon.values import AccountSettings, MediaAgreement


@dataclass(frozen=True, slots=True)
class SendInvite:
    """Call the far end."""


@dataclass(frozen=True, slots=True)
class SendRinging:
    """Tell the caller that we ring (180)."""


@dataclass(frozen=True, slots=True)
class AcceptCall:
    """Answer an incoming call (200)."""


@dataclass(frozen=True, slots=True)
class RejectCall:
    """Refuse an incoming call that was not accepted."""

    status: int


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call from our side: CANCEL or BYE, whichever fits."""


@dataclass(frozen=True, slots=True)
class StartMedia:
    """Send and receive audio as agreed; also said again when the agreement changed."""

    agreement: MediaAgreement


@dataclass(frozen=True, slots=True)
class StopMedia:
    """No more audio: the call's stream and its ports are given back."""


@dataclass(frozen=True, slots=True)
class SilenceMedia:
    """Send silence instead of what is said here, or what is said here again."""

    on: bool


@dataclass(frozen=True, slots=True)
class PlayDigits:
    """Send digits in the media: telephone events where those were agreed, else tones. A comma is a pause."""

    digits: str


@dataclass(frozen=True, slots=True)
class SendDigits:
    """Send digits by SIP INFO. A comma is a pause."""

    digits: str


@dataclass(frozen=True, slots=True)
class SendHold:
    """Tell the far end that it is on hold, or no longer (a re-INVITE)."""

    on: bool


@dataclass(frozen=True, slots=True)
class SendRefer:
    """Ask the far end to call C{uri}, or to take our place in our call C{other}."""

    uri: str
    other: int | None


@dataclass(frozen=True, slots=True)
class Deflect:
    """Send the caller of an incoming call that was not accepted to C{uri} (302)."""

    uri: str


@dataclass(frozen=True, slots=True)
class StartRegistration:
    """Register with these settings, in place of any earlier ones, and keep registered."""

    settings: AccountSettings


@dataclass(frozen=True, slots=True)
class StopRegistration:
    """Give up what is under way and remove the binding."""


@dataclass(frozen=True, slots=True)
class Announce:
    """Tell everybody what happened."""

    event: Event


CallAction: TypeAlias = (
    SendInvite
    | SendRinging
    | AcceptCall
    | RejectCall
    | HangUp
    | StartMedia
    | StopMedia
    | SilenceMedia
    | PlayDigits
    | SendDigits
    | SendHold
    | SendRefer
    | Deflect
    | Announce
)

AccountAction: TypeAlias = StartRegistration | StopRegistration | Announce
