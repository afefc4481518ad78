"""How the APIs spell what happens: event names and fields (spec section 2, "Events"), shared by all skins.

An event as a skin sees it is a name and an ordered dictionary of fields; what that looks like in bytes is the
skin's own business::

    OnNewCall        callId type from to
    OnAcceptCall     callId type from to duration SIPError
    OnTransferedCall callId type from to duration SIPError
    OnFinalizedCall  callId type from to duration SIPError
    OnSIPRegister    connectionId SIPError                     and the other registration events

C{reason} (the failure in words) and C{displayName} are extensions, there only where there is something to say.
Extension events go only to clients that asked for them (L{neon.api.subscription}).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from neon.api import details
from neon.api.sessions import Session
from neon.commands.incoming import rules_data
from neon.commands.operators import balance_data, licence_data
from neon.commands.watchdata import extension_data, message_data
from neon.events import (
    AudioLevels,
    AudioLost,
    AudioPlayed,
    BalanceKnown,
    BalanceLow,
    CallAccepted,
    CallBridged,
    CallClaimed,
    CallEvent,
    CallFinalized,
    CallMissed,
    CallRinging,
    CallStarted,
    CallTransferFailed,
    CallTransferred,
    ConferenceChanged,
    DeviceEvent,
    DevicesChanged,
    DigitReceived,
    Event,
    ExtensionChanged,
    HoldChanged,
    LicenceChanged,
    MediaEvent,
    MediaStatsKnown,
    MediaWarned,
    MessagesWaiting,
    MuteChanged,
    OperatorEvent,
    PanelEvent,
    QuestionsChanged,
    RecordingChanged,
    Registered,
    RegistrationCancelled,
    RegistrationEvent,
    RegistrationExpired,
    RegistrationFailed,
    RegistrationFinalized,
    RegistrationRefused,
    RulesChanged,
    ScreenAsked,
    SoundEvent,
    SpeechChanged,
    TransferRequested,
    Unregistered,
    VolumeChanged,
    WatchEvent,
)
from neon.values import Cause

EventType: TypeAlias = (
    type[CallEvent]
    | type[ConferenceChanged]
    | type[RegistrationEvent]
    | type[OperatorEvent]
    | type[WatchEvent]
    | type[RulesChanged]
    | type[PanelEvent]
    | type[DeviceEvent]
    | type[RecordingChanged]
    | type[MediaStatsKnown]
    | type[MediaWarned]
    | type[SoundEvent]
)

NAMES: Final[Mapping[EventType, str]] = {
    CallStarted: "OnNewCall",
    CallAccepted: "OnAcceptCall",
    CallTransferred: "OnTransferedCall",
    CallFinalized: "OnFinalizedCall",
    Registered: "OnSIPRegister",
    Unregistered: "OnSIPUnRegister",
    RegistrationRefused: "OnSIPRegisterRefused",
    RegistrationFailed: "OnSIPRegisterError",
    RegistrationExpired: "OnSIPRegisterExpired",
    RegistrationCancelled: "OnSIPRegisterCancelled",
    RegistrationFinalized: "OnSIPRegisterFinalized",
}
"""The documented events: every client with a token gets them."""

EXTENSIONS: Final[Mapping[EventType, str]] = {
    CallRinging: "OnRinging",
    CallClaimed: "OnCallClaimed",
    CallMissed: "OnMissedCall",
    CallTransferFailed: "OnTransferFailed",
    TransferRequested: "OnTransferRequest",
    HoldChanged: "OnHold",
    MuteChanged: "OnMute",
    VolumeChanged: "OnVolume",
    ConferenceChanged: "OnConference",
    DigitReceived: "OnDTMF",
    CallBridged: "OnBridge",
    RecordingChanged: "OnRecording",
    MediaStatsKnown: "OnMediaStats",
    MediaWarned: "OnMediaWarning",
    AudioPlayed: "OnAudioPlayed",
    AudioLost: "OnAudioLost",
    SpeechChanged: "OnSpeech",
    DevicesChanged: "OnDevices",
    AudioLevels: "OnAudioLevels",
    BalanceKnown: "OnBalance",
    BalanceLow: "OnBalanceLow",
    LicenceChanged: "OnLicense",
    MessagesWaiting: "OnMessageWaiting",
    ExtensionChanged: "OnExtensionState",
    ScreenAsked: "OnShowUI",
    RulesChanged: "OnRules",
    QuestionsChanged: "OnOriginRequest",
}
"""The others: a client written from the documents alone never meets one."""

ALL_NAMES: Final[Mapping[EventType, str]] = {**NAMES, **EXTENSIONS}


@dataclass(frozen=True, slots=True)
class Spelling:
    """How a client spells the event names that the documents spell in two ways; never both for one client.

    C{prose}: it asked for the names of the documents' prose. C{transferred}: it was written from the copy of the
    document that spells the event C{OnTransferredCall} and the action C{transferecall}, which it has sent.
    """

    prose: bool = False
    transferred: bool = False

    @classmethod
    def of(cls, session: Session) -> Spelling:
        """As this session's client does."""
        return _SPELLINGS[session.prose, "transferecall" in session.heard]


_SPELLINGS: Final = {(prose, double): Spelling(prose, double) for prose in (False, True) for double in (False, True)}
TABLE: Final = Spelling()

PROSE: Final[Mapping[str, str]] = {
    "OnSIPUnRegister": "OnSIPUnregister",
    "OnSIPRegisterCancelled": "OnSIPRegisterCanceled",
}
"""What the documents' prose spells differently from their tables (C{authenticate} with C{spelling: "prose"})."""

TRANSFERRED: Final[Mapping[str, str]] = {"OnTransferedCall": "OnTransferredCall"}
"""What the second copy of the document spells differently."""

OTHER_SPELLINGS: Final = (PROSE, TRANSFERRED)
OTHER_NAMES: Final = tuple(name for spelling in OTHER_SPELLINGS for name in spelling.values())

DOCUMENTED: Final = frozenset({*NAMES.values(), *PROSE.values(), *TRANSFERRED, *TRANSFERRED.values()})
"""Every spelling of a documented event."""


def name(event: Event, spelling: Spelling = TABLE) -> str:
    """The event's name."""
    spelled = ALL_NAMES[type(event)]
    if spelling.prose:
        spelled = PROSE.get(spelled, spelled)
    if spelling.transferred:
        spelled = TRANSFERRED.get(spelled, spelled)
    return spelled


def is_extension(event: Event) -> bool:
    """Whether the documents do not know this event."""
    return type(event) in EXTENSIONS


def fields(event: Event) -> dict[str, Any]:
    """The event's data, in the documents' order."""
    if isinstance(event, CallEvent):
        return _of_call(event)
    if isinstance(event, RegistrationEvent):
        return {"connectionId": event.connection_id, **_outcome(event.cause)}
    if isinstance(event, (BalanceKnown, BalanceLow)):
        return balance_data(event.balance)
    if isinstance(event, LicenceChanged):
        return licence_data(event.licence)
    if isinstance(event, MessagesWaiting):
        return {"connectionId": event.connection_id, **message_data(event.summary)}
    if isinstance(event, ExtensionChanged):
        return {"connectionId": event.connection_id, **extension_data(event.extension, event.now)}
    if isinstance(event, RulesChanged):
        return {"connectionId": event.connection_id, "incoming": rules_data(event.rules)}
    if isinstance(event, ConferenceChanged):
        return {"callIds": list(event.call_ids)}
    if isinstance(event, ScreenAsked):
        return {"show": event.show, **({} if event.number is None else {"number": event.number})}
    if isinstance(event, QuestionsChanged):
        return {"pending": event.pending}
    if isinstance(event, DevicesChanged):
        return event.devices.data()
    if isinstance(event, AudioLevels):
        return event.levels.data()
    assert isinstance(event, (RecordingChanged, MediaStatsKnown, MediaWarned, SoundEvent))
    return {"callId": event.call_id, "connectionId": event.connection_id, **_of_media(event)}


def _of_call(event: CallEvent) -> dict[str, Any]:
    data: dict[str, Any] = {
        "callId": event.call_id,
        "type": event.direction.value,
        "from": event.caller,
        "to": event.callee,
    }
    match event:
        case CallStarted():
            data |= details.fields(event.details)
        case CallFinalized():
            data |= {"duration": event.duration_ms, **_outcome(event.cause)}
        case CallTransferred():
            data |= {"duration": event.duration_ms, "SIPError": 0}
        case CallClaimed():
            data["application"] = event.application
        case CallTransferFailed():
            data |= _outcome(event.cause)
        case HoldChanged():
            data |= {"local": event.local, "remote": event.remote, **_outcome(event.cause)}
        case MuteChanged():
            data["muted"] = event.muted
        case VolumeChanged():
            data["percent"] = event.percent
        case DigitReceived():
            data["dtmf"] = event.digit
        case CallMissed():
            forwarded = {"forwardedTo": event.forwarded_to} if event.forwarded_to else {}
            data |= {"SIPError": event.cause.status, "why": event.why.value, **_outcome(event.cause), **forwarded}
        case TransferRequested():
            by = {"referredBy": event.referred_by} if event.referred_by else {}
            data |= {"target": event.target, "attended": event.attended, **by}
        case CallRinging():
            data["status"] = event.status
        case CallBridged():
            data["otherCallId"] = event.other
        case _:
            encrypted = {"encrypted": True} if isinstance(event, CallAccepted) and event.encrypted else {}
            data |= {"duration": 0, "SIPError": 0, **encrypted}
    if event.display_name:
        data["displayName"] = event.display_name
    return data


def _of_media(event: MediaEvent) -> dict[str, Any]:
    if isinstance(event, RecordingChanged):
        reason = {"reason": event.reason} if event.reason else {}
        return {"state": event.state.value, "path": event.path, **reason}
    if isinstance(event, MediaStatsKnown):
        return event.figures.data()
    if isinstance(event, AudioPlayed):
        return {"file": event.file, "reason": event.how.value}
    if isinstance(event, AudioLost):
        return {"side": event.side.value, "milliseconds": event.milliseconds}
    if isinstance(event, SpeechChanged):
        return {"speaking": event.speaking}
    assert isinstance(event, MediaWarned)
    return {"problem": event.problem.value, "active": event.on, "description": event.what, "advice": event.advice}


def timestamp(at: datetime) -> str:
    """UTC, ISO 8601, milliseconds: C{2018-04-17T12:30:00.250Z}."""
    utc = at if at.tzinfo is UTC else at.astimezone(UTC)
    return utc.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _outcome(cause: Cause) -> dict[str, Any]:
    reason = {"reason": cause.reason} if cause.reason else {}
    return {"SIPError": cause.status, **reason}
