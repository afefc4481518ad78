"""What the machines want done: frozen values that the shell carries out, in order.

A machine never touches the world; it appends these to a list, and L{neon.line} takes them from there.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TypeAlias

from neon.details import Referral
from neon.events import Event
from neon.values import AccountSettings, MediaAgreement


@dataclass(frozen=True, slots=True)
class SendInvite:
    """Call the far end."""


@dataclass(frozen=True, slots=True)
class SendRinging:
    """Tell the caller that we ring (180); C{waiting}: that somebody else is being talked to (RFC 7462)."""

    waiting: bool = False


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
class MixMedia:
    """Let the far end hear, and be heard by, those of the conference, or no longer."""

    on: bool


@dataclass(frozen=True, slots=True)
class SetVolume:
    """Play what the far end says at so many percent of its amplitude."""

    percent: int


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
    """Send the caller of an incoming call that was not accepted to C{uri} (302).

    C{reason} is a word of RFC 5806 for whoever comes there.
    """

    uri: str
    reason: str = "deflection"


class Reminder(enum.Enum):
    """What may be due later, if nothing has come in between."""

    UNANSWERED = enum.auto()
    ANSWER = enum.auto()
    CONSENT = enum.auto()
    LEAVE = enum.auto()


@dataclass(frozen=True, slots=True)
class Remind:
    """Say so in so many seconds."""

    what: Reminder
    seconds: float


@dataclass(frozen=True, slots=True)
class Beep:
    """Let whoever is here hear that the call was answered without anybody's doing."""


@dataclass(frozen=True, slots=True)
class EndReplaced:
    """Hang up our call C{call_id}: this one has taken its place."""

    call_id: int


@dataclass(frozen=True, slots=True)
class FollowReferral:
    """Call whom the far end wishes, and tell how that goes."""

    referral: Referral


@dataclass(frozen=True, slots=True)
class NotifyReferral:
    """Tell the far end how the call that it wished for goes; a C{status} of 200 or more is the last word."""

    status: int
    reason: str = ""


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
    | MixMedia
    | SetVolume
    | PlayDigits
    | SendDigits
    | SendHold
    | SendRefer
    | Deflect
    | Remind
    | Beep
    | EndReplaced
    | FollowReferral
    | NotifyReferral
    | Announce
)

AccountAction: TypeAlias = StartRegistration | StopRegistration | Announce
