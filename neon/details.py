"""What an INVITE tells beyond who calls whom, and what becomes of calls to an account: frozen values, no behaviour.

C{CallDetails} is shown to applications with OnNewCall; L{IncomingRules} are what a user has said about calls to come.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final, TypeAlias

Headers: TypeAlias = tuple[tuple[str, str], ...]
"""Header fields, as name and value, in their order."""


@dataclass(frozen=True, slots=True)
class Diversion:
    """One step on the way of a call before it came here: whom it was for, and why it went on.

    C{reason} is a word of RFC 5806 (C{unconditional}, C{user-busy}, C{no-answer}...), or a status of History-Info.
    """

    uri: str
    reason: str = "unknown"
    count: int = 1


@dataclass(frozen=True, slots=True)
class CallDetails:
    """What is known of a call beside its two ends.

    C{asserted}, C{asserted_name}: who calls, as the network vouches for it (RFC 3325); only from a registrar or an
    outbound proxy of ours. C{privacy}: what the caller wants kept back (RFC 3323). C{diversions}: whom the call was for
    before, the latest first. C{headers}: those that the configuration lets through. C{replaces}: our call whose
    place this one takes (RFC 3891, or a transfer of its far end). C{referred_by}: who sent the caller.
    C{answer_after}: the seconds after which the caller wishes to be answered without anybody's doing (RFC 5373).
    """

    asserted: str | None = None
    asserted_name: str | None = None
    privacy: tuple[str, ...] = ()
    diversions: tuple[Diversion, ...] = ()
    headers: Headers = ()
    replaces: int | None = None
    referred_by: str | None = None
    answer_after: int | None = None

    @property
    def times_diverted(self) -> int:
        """How often the call was sent on before it came here."""
        return sum(diversion.count for diversion in self.diversions)


NO_DETAILS: Final = CallDetails()


@dataclass(frozen=True, slots=True)
class Referral:
    """A far end's wish that we call somebody (REFER, RFC 3515).

    C{target} is the SIP URI to call, C{headers} what our INVITE is to carry (Referred-By, Replaces). C{by} is the bare
    URI of who wishes it, C{replaces} whether our call is to take the place of another one there.
    """

    target: str
    by: str | None = None
    headers: Headers = ()
    replaces: bool = False


ANSWERED_ELSEWHERE: Final = "answered elsewhere"
"""The reason of a L{neon.values.Cause} that is no failure: another phone of ours took the call (RFC 3326)."""


class Why(enum.Enum):
    """Why a call to us was not answered by anybody here; the value is the APIs' word for it."""

    UNANSWERED = "unanswered"
    BUSY = "busy"
    DND = "dnd"
    FORWARDED = "forwarded"
    FAILED = "failed"


class ReferPolicy(enum.Enum):
    """What a REFER in a call of ours is answered with; the value is the configuration's word for it."""

    REFUSE = "refuse"
    ASK = "ask"
    ALLOW = "allow"


class ForwardKind(enum.Enum):
    """When calls are forwarded; the value is the APIs' word for it."""

    ALWAYS = "always"
    BUSY = "busy"
    NO_ANSWER = "noanswer"


@dataclass(frozen=True, slots=True)
class IncomingRules:
    """What becomes of calls to one account. Targets are dial strings (L{neon.dialling.parse}), None where off.

    C{seconds}: after so many a call that nobody answers goes to C{forward_no_answer}. C{auto_answer}: the callers, as
    C{user} or C{user@host}, who are answered at once when they ask for it.
    """

    dnd: bool = False
    forward_always: str | None = None
    forward_busy: str | None = None
    forward_no_answer: str | None = None
    seconds: int = 20
    auto_answer: tuple[str, ...] = ()


NO_RULES: Final = IncomingRules()
