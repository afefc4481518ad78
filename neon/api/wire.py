"""How the APIs spell what happens: event names and fields (spec section 2, "Events"), shared by all skins.

An event as a skin sees it is a name and an ordered dictionary of fields; what that looks like in bytes is the
skin's own business::

    OnNewCall        callId type from to
    OnAcceptCall     callId type from to duration SIPError
    OnFinalizedCall  callId type from to duration SIPError
    OnSIPRegister    connectionId SIPError                     and the other registration events

C{reason} (the failure in words) and C{displayName} are extensions, there only where there is something to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from neon.events import (
    CallAccepted,
    CallEvent,
    CallFinalized,
    CallStarted,
    Event,
    Registered,
    RegistrationCancelled,
    RegistrationEvent,
    RegistrationExpired,
    RegistrationFailed,
    RegistrationFinalized,
    RegistrationRefused,
    Unregistered,
)
from neon.values import Cause

NAMES: Final[Mapping[type[CallEvent] | type[RegistrationEvent], str]] = {
    CallStarted: "OnNewCall",
    CallAccepted: "OnAcceptCall",
    CallFinalized: "OnFinalizedCall",
    Registered: "OnSIPRegister",
    Unregistered: "OnSIPUnRegister",
    RegistrationRefused: "OnSIPRegisterRefused",
    RegistrationFailed: "OnSIPRegisterError",
    RegistrationExpired: "OnSIPRegisterExpired",
    RegistrationCancelled: "OnSIPRegisterCancelled",
    RegistrationFinalized: "OnSIPRegisterFinalized",
}

PROSE: Final[Mapping[str, str]] = {
    "OnSIPUnRegister": "OnSIPUnregister",
    "OnSIPRegisterCancelled": "OnSIPRegisterCanceled",
}
"""What the documents' prose spells differently from their tables (C{authenticate} with C{spelling: "prose"})."""


def name(event: Event, prose: bool = False) -> str:
    """The event's name in one of the two spellings."""
    table_name = NAMES[type(event)]
    return PROSE.get(table_name, table_name) if prose else table_name


def fields(event: Event) -> dict[str, Any]:
    """The event's data, in the documents' order."""
    if isinstance(event, RegistrationEvent):
        return {"connectionId": event.connection_id, **_outcome(event.cause)}
    data: dict[str, Any] = {
        "callId": event.call_id,
        "type": event.direction.value,
        "from": event.caller,
        "to": event.callee,
    }
    if isinstance(event, CallFinalized):
        data |= {"duration": event.duration_ms, **_outcome(event.cause)}
    elif not isinstance(event, CallStarted):
        data |= {"duration": 0, "SIPError": 0}
    if event.display_name:
        data["displayName"] = event.display_name
    return data


def timestamp(at: datetime) -> str:
    """UTC, ISO 8601, milliseconds: C{2018-04-17T12:30:00.250Z}."""
    utc = at.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


def _outcome(cause: Cause) -> dict[str, Any]:
    reason = {"reason": cause.reason} if cause.reason else {}
    return {"SIPError": cause.status, **reason}
