"""What each number of the testbed does when the account calls it: one table, no code."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

TONE_HZ = 1004
"""The telephone test tone (ITU-T O.22 family): no whole fraction of 8,000 Hz, so that every code word gets its turn."""

TONE_DBM0 = -10.0


class Sound(enum.Enum):
    """What a call hears."""

    NOTHING = "nothing"
    ECHO = "echo"
    TONE = "tone"


@dataclass(frozen=True, slots=True)
class Number:
    """C{refuse} is a status to refuse with; without it the call rings, and C{answers} if it is to be answered.

    C{seconds} is how long it lasts at most; with C{call_back} the account is called a second after its end.
    """

    words: str
    sound: Sound = Sound.NOTHING
    refuse: int | None = None
    answers: bool = True
    seconds: float = 3600.0
    call_back: bool = False


NUMBERS: Mapping[str, Number] = {
    "600": Number("echoes what you say", Sound.ECHO),
    "601": Number("plays a tone of 1,004 Hz", Sound.TONE),
    "602": Number("beeps for a second, hangs up and calls you back", Sound.TONE, seconds=1.0, call_back=True),
    "603": Number("is busy", refuse=486),
    "604": Number("rings and never answers", answers=False),
}

CALL_BACK_AFTER = 1.0
CALLING_BACK = Number("plays a tone of 1,004 Hz when you answer, and hangs up after 30 s", Sound.TONE, seconds=30.0)
RING_BACK_FOR = 30.0
"""So long the phone that is called back may ring."""
