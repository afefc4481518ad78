"""Why a call ended, in the numbers of ITU-T Q.850, by the mapping of RFC 3398, section 8.2.6.1.

SIP says it with a status; telephone systems, and those who watch them, with a cause. Status 0 is an ordinary end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

NORMAL_CLEARING: Final = 16
INTERWORKING: Final = 127

WORDS: Final[Mapping[int, str]] = {
    1: "Unallocated number",
    16: "Normal call clearing",
    17: "User busy",
    18: "No user responding",
    19: "No answer from user",
    20: "Subscriber absent",
    21: "Call rejected",
    22: "Number changed",
    23: "Redirection to new destination",
    25: "Exchange routing error",
    27: "Destination out of order",
    28: "Invalid number format",
    31: "Normal, unspecified",
    34: "No circuit available",
    38: "Network out of order",
    41: "Temporary failure",
    57: "Bearer capability not authorized",
    63: "Service or option not available",
    65: "Bearer capability not implemented",
    79: "Service or option not implemented",
    102: "Recovery on timer expiry",
    127: "Interworking, unspecified",
}
"""What each cause is called; every cause that L{from_status} gives is here."""

_BY_STATUS: Final[Mapping[int, int]] = {
    0: NORMAL_CLEARING,
    300: 23,
    301: 23,
    302: 23,
    305: 23,
    400: 41,
    401: 21,
    402: 21,
    403: 21,
    404: 1,
    405: 63,
    406: 79,
    407: 21,
    408: 102,
    410: 22,
    413: 127,
    414: 127,
    415: 79,
    416: 127,
    420: 127,
    421: 127,
    423: 127,
    480: 18,
    481: 41,
    482: 25,
    483: 25,
    484: 28,
    485: 1,
    486: 17,
    # A call that the caller gave up: RFC 3398 has no cause for it, since whoever sends CANCEL has cleared normally.
    487: NORMAL_CLEARING,
    # Section 8.2.6.1 leaves it to the Warning header, whose commonest meaning here is a codec that nobody shares.
    488: 65,
    500: 41,
    501: 79,
    502: 38,
    503: 41,
    504: 102,
    505: 127,
    513: 127,
    580: 41,
    600: 17,
    603: 21,
    604: 1,
    606: 65,
}


def from_status(status: int) -> int:
    """The cause for a SIP status: its own, else its class's (4xx: 31, 5xx: 41, 6xx: 21), else 127."""
    known = _BY_STATUS.get(status)
    return {4: 31, 5: 41, 6: 21}.get(status // 100, INTERWORKING) if known is None else known


def words(cause: int) -> str:
    """What a cause is called, empty for one that NEON never gives."""
    return WORDS.get(cause, "")
