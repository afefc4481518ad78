"""How the APIs spell what a call tells beside its two ends: extension fields of OnNewCall, there where needed.

    assertedIdentity assertedName privacy diversions headers replaces referredBy autoAnswer
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from neon.arguments import MAX_ID
from neon.details import NO_DETAILS, CallDetails

_TEXT: Final = {"type": "string"}

WORDS: Final[Mapping[str, tuple[Mapping[str, Any], str]]] = {
    "assertedIdentity": (_TEXT, "Extension: Who calls, as the provider vouches for it (P-Asserted-Identity)."),
    "assertedName": (_TEXT, "Extension: The name that goes with it."),
    "privacy": (
        {"type": "array", "items": _TEXT},
        "Extension: What the caller wants kept back (RFC 3323): id, user, header, session, none, critical.",
    ),
    "diversions": (
        {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"uri": _TEXT, "reason": _TEXT, "count": {"type": "integer", "minimum": 1}},
                "required": ["uri", "reason", "count"],
                "additionalProperties": False,
            },
        },
        "Extension: Whom the call was for before, the latest first (Diversion or History-Info): reason is a word such "
        "as user-busy, or a SIP status.",
    ),
    "headers": (
        {"type": "object", "additionalProperties": _TEXT},
        "Extension: Header fields of the call that the configuration lets through (headers-in).",
    ),
    "replaces": (
        {"type": "integer", "minimum": 1, "maximum": MAX_ID},
        "Extension: Our call whose place this one takes: its far end was transferred, or transferred us.",
    ),
    "referredBy": (_TEXT, "Extension: Who sent the caller, or had us call, a bare SIP URI."),
    "autoAnswer": (
        {"type": "integer", "minimum": 0},
        "Extension: The call is answered without anybody's doing after so many seconds.",
    ),
}


def fields(details: CallDetails) -> dict[str, Any]:
    """What there is to say."""
    if details is NO_DETAILS:
        return {}
    headers: dict[str, str] = {}
    for name, value in details.headers:
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    told = {
        "assertedIdentity": details.asserted,
        "assertedName": details.asserted_name,
        "privacy": list(details.privacy),
        "diversions": [{"uri": one.uri, "reason": one.reason, "count": one.count} for one in details.diversions],
        "headers": headers,
        "replaces": details.replaces,
        "referredBy": details.referred_by,
        "autoAnswer": details.answer_after,
    }
    return {name: value for name, value in told.items() if value is not None and value != [] and value != {}}
