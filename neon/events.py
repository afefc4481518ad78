"""What happened, as values: one frozen class per event that the bus carries.

Wire names and spellings are the skins' business (spec section 2, "Events"). C{caller} and C{callee} are
bare SIP URIs; durations are whole milliseconds from answer to end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from neon.details import NO_DETAILS, CallDetails, IncomingRules, Why
from neon.operatorvalues import Balance, Licence
from neon.quality import Figures
from neon.sounddevices import Levels, SoundDevices
from neon.values import AudioSide, Cause, Direction, MediaProblem, PlayEnd, RecordingState
from neon.watched import ExtensionStatus, MessageSummary


@dataclass(frozen=True, slots=True)
class CallEvent:
    """Something about one call."""

    call_id: int
    connection_id: int
    direction: Direction
    caller: str
    callee: str
    display_name: str | None


@dataclass(frozen=True, slots=True)
class CallStarted(CallEvent):
    """A call began: we dialled, or somebody calls us."""

    details: CallDetails = NO_DETAILS


@dataclass(frozen=True, slots=True)
class CallRinging(CallEvent):
    """The far end of an outgoing call is being alerted; C{status} is the provisional response's, 180 to 183."""

    status: int


@dataclass(frozen=True, slots=True)
class CallAccepted(CallEvent):
    """A call was answered, by us or by the far end. C{encrypted}: its audio is SRTP."""

    encrypted: bool = False


@dataclass(frozen=True, slots=True)
class CallClaimed(CallEvent):
    """Somebody took an incoming call; whoever else is being rung by it can stop.

    C{application} is whose client it was, empty for the daemon's own; C{claimant} tells clients apart.
    """

    application: str
    claimant: str


@dataclass(frozen=True, slots=True)
class CallFinalized(CallEvent):
    """A call is over; the last event of every call."""

    duration_ms: int
    cause: Cause


@dataclass(frozen=True, slots=True)
class CallTransferred(CallEvent):
    """The far end of a call talks to somebody else now, as we asked it to. The end of this call follows."""

    duration_ms: int


@dataclass(frozen=True, slots=True)
class CallTransferFailed(CallEvent):
    """It could not be passed on; the call goes on as before."""

    cause: Cause


@dataclass(frozen=True, slots=True)
class CallMissed(CallEvent):
    """Somebody called and nobody here answered or refused; a call that was turned away at once has no other event.

    C{forwarded_to} is where it was sent, a SIP URI.
    """

    cause: Cause
    why: Why
    forwarded_to: str | None = None


@dataclass(frozen=True, slots=True)
class TransferRequested(CallEvent):
    """The far end asks us to call somebody else in its place; answertransfer says yes or no within 30 seconds. Only
    applications with the scope C{call} are asked.

    C{target}, C{referred_by}: bare SIP URIs of whom to call and of who wishes it.
    """

    target: str
    referred_by: str | None
    attended: bool


@dataclass(frozen=True, slots=True)
class HoldChanged(CallEvent):
    """Who is on hold: C{local} is by us, C{remote} by the far end. C{cause} says why a change was refused."""

    local: bool
    remote: bool
    cause: Cause


@dataclass(frozen=True, slots=True)
class MuteChanged(CallEvent):
    """Our side of a call was muted, or is heard again."""

    muted: bool


@dataclass(frozen=True, slots=True)
class VolumeChanged(CallEvent):
    """Whoever is here hears the far end of a call at so many percent of its amplitude."""

    percent: int


@dataclass(frozen=True, slots=True)
class DigitReceived(CallEvent):
    """The far end typed a digit, one of C{0-9 * # A-D}."""

    digit: str


@dataclass(frozen=True, slots=True)
class CallBridged(CallEvent):
    """A call is one leg of a conversation whose other leg is the call C{other}."""

    other: int


@dataclass(frozen=True, slots=True)
class RegistrationEvent:
    """Something about the registration of one account."""

    connection_id: int
    cause: Cause


@dataclass(frozen=True, slots=True)
class Registered(RegistrationEvent):
    """The registrar accepted the account: for the first time, or again after it had been lost."""


@dataclass(frozen=True, slots=True)
class Unregistered(RegistrationEvent):
    """The account was taken off the registrar as asked."""


@dataclass(frozen=True, slots=True)
class RegistrationRefused(RegistrationEvent):
    """The registrar said no to the account or its password (401, 403, 404, 6xx)."""


@dataclass(frozen=True, slots=True)
class RegistrationFailed(RegistrationEvent):
    """The registrar could not be found or reached, or broke (DNS, network, 5xx)."""


@dataclass(frozen=True, slots=True)
class RegistrationExpired(RegistrationEvent):
    """No answer in time, or the binding lapsed before a refresh succeeded."""


@dataclass(frozen=True, slots=True)
class RegistrationCancelled(RegistrationEvent):
    """Given up by us before it finished."""


@dataclass(frozen=True, slots=True)
class RegistrationFinalized(RegistrationEvent):
    """The end of one registration or un-registration process, however it went."""


@dataclass(frozen=True, slots=True)
class OperatorEvent:
    """Something about the services of a VoIP operator, by the name that its file has."""

    operator: str


@dataclass(frozen=True, slots=True)
class BalanceKnown(OperatorEvent):
    """The operator told what is left to spend on an account."""

    balance: Balance


@dataclass(frozen=True, slots=True)
class BalanceLow(OperatorEvent):
    """What is left to spend fell below the operator's threshold, or is below it and somebody dials."""

    balance: Balance


@dataclass(frozen=True, slots=True)
class LicenceChanged(OperatorEvent):
    """The operator's licence stands otherwise than before: calls may be allowed now, or may not any more."""

    licence: Licence


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """Something that the PBX of an account tells without a call."""

    connection_id: int


@dataclass(frozen=True, slots=True)
class MessagesWaiting(WatchEvent):
    """Voice messages wait for the account, or no longer (RFC 3842)."""

    summary: MessageSummary


@dataclass(frozen=True, slots=True)
class ExtensionChanged(WatchEvent):
    """An extension that is watched is doing something else than before (RFC 4235)."""

    extension: str
    now: ExtensionStatus


@dataclass(frozen=True, slots=True)
class RulesChanged:
    """Something else than before holds for calls to an account: somebody used setdnd or setforward."""

    connection_id: int
    rules: IncomingRules


@dataclass(frozen=True, slots=True)
class PanelEvent:
    """Something about what a person sees of NEON."""


@dataclass(frozen=True, slots=True)
class ScreenAsked(PanelEvent):
    """Somebody wants the panel to be seen, or not to be (showui). Panels that are open get it.

    C{number} is to stand in the dial pad: a link was clicked, and the person decides whether to call.
    """

    show: bool
    number: str | None = None


@dataclass(frozen=True, slots=True)
class QuestionsChanged(PanelEvent):
    """A web page asks to use NEON, or was answered; which one, the panel and neonctl may see."""

    pending: int


@dataclass(frozen=True, slots=True)
class RecordingChanged:
    """A call is being recorded, pauses, or its recording is over: then the file is complete, and no state follows.

    That may come after the call's last event, since a disk takes its time. C{path} is where the complete file will be,
    empty if there is none; C{reason} says what failed.
    """

    call_id: int
    connection_id: int
    state: RecordingState
    path: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class MediaStatsKnown:
    """How a call that is up sounded since the last such event, or in its first five seconds; not sent again later."""

    call_id: int
    connection_id: int
    figures: Figures


@dataclass(frozen=True, slots=True)
class MediaWarned:
    """Something is wrong with the sound of a call, or no longer; C{what} and C{advice} are for a person."""

    call_id: int
    connection_id: int
    problem: MediaProblem
    on: bool
    what: str
    advice: str


@dataclass(frozen=True, slots=True)
class ConferenceChanged:
    """These calls are together now: their far ends hear each other as well as us. Fewer than two are none."""

    call_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SoundEvent:
    """Something about what an application does with the audio of a call."""

    call_id: int
    connection_id: int


@dataclass(frozen=True, slots=True)
class AudioPlayed(SoundEvent):
    """A file is being said in a call no more (playaudio): it ended, was stopped, another was begun in its place, or the
    call ended.
    """

    file: str
    how: PlayEnd


@dataclass(frozen=True, slots=True)
class AudioLost(SoundEvent):
    """Some of the audio that was opened (openaudio) is lost: what was heard was not read in time, or what was sent came
    when too much waited to be spoken. Told to whoever opened it, without having been subscribed, once a second at most.

    C{opener} tells that client from all others.
    """

    side: AudioSide
    milliseconds: int
    opener: str


@dataclass(frozen=True, slots=True)
class SpeechChanged(SoundEvent):
    """The far end of a call began or ceased to speak: half a second after its last word. Looked for only while somebody
    has subscribed to this.
    """

    speaking: bool


@dataclass(frozen=True, slots=True)
class DeviceEvent:
    """Something about the sound devices of this machine."""


@dataclass(frozen=True, slots=True)
class DevicesChanged(DeviceEvent):
    """A sound device was plugged in or out, another is the default, or another was chosen."""

    devices: SoundDevices


@dataclass(frozen=True, slots=True)
class AudioLevels(DeviceEvent):
    """How loud microphone and speaker are right now, five times a second while somebody watches (watchlevels).

    Not sent again later.
    """

    levels: Levels


MediaEvent: TypeAlias = RecordingChanged | MediaStatsKnown | MediaWarned | SoundEvent

Event: TypeAlias = (
    CallEvent
    | ConferenceChanged
    | RegistrationEvent
    | OperatorEvent
    | WatchEvent
    | MediaEvent
    | DeviceEvent
    | RulesChanged
    | PanelEvent
)
