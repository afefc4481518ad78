"""What becomes of a call that comes in: rings, is refused, is sent elsewhere. Pure: facts in, one decision out.

The order, first match first:

  1. a call that takes the place of one of ours (RFC 3891) is answered, whatever else is said;
  2. "forward always" sends it on (302): it would not ring here anyway, so DND does not matter;
  3. DND refuses it, with the status of the configuration (480 by default, RFC 3261, section 21.4.18);
  4. no room, or no call waiting while another call is there: "forward busy" sends it on, else 486;
  5. it rings: as a waiting call if there is another one, with an answer of its own if the caller may wish for that,
     and for so many seconds if "forward no answer" has a target.

A call is not sent on for the sixth time, nor to where it has been: it is treated as if nothing were set.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from neon.details import CallDetails, IncomingRules, Why

MOST_DIVERSIONS: Final = 5
BUSY: Final = 486
LONGEST_DELAY: Final = 60
"""Seconds that a caller may have us wait before the answer that it wishes for."""


@dataclass(frozen=True, slots=True)
class Ring:
    """Let it ring. C{waiting}: there is another call. C{answer_after}: seconds, None if a user has to answer.

    C{forward_to}, C{forward_after}: where it goes if nobody answers, a dial string here and a SIP URI once the shell
    has made one of it; and after how many seconds.
    """

    waiting: bool = False
    answer_after: int | None = None
    forward_to: str | None = None
    forward_after: int = 0


@dataclass(frozen=True, slots=True)
class Refuse:
    """Refuse it."""

    status: int
    why: Why


@dataclass(frozen=True, slots=True)
class Divert:
    """Send it on: C{target} is a dial string, C{reason} a word of RFC 5806."""

    target: str
    reason: str


PLAIN_RING: Final = Ring()

Decision: TypeAlias = Ring | Refuse | Divert


@dataclass(frozen=True, slots=True)
class Situation:
    """How things stand: C{live} calls of at most C{max_calls}; C{trusted}: the call came by a registrar of ours.

    Where there is room anyway, C{live} may be 1 for any number of them.
    """

    live: int = 0
    max_calls: int = 4
    call_waiting: bool = True
    dnd_status: int = 480
    trusted: bool = True


def decide(caller: str, callee: str, details: CallDetails, rules: IncomingRules, now: Situation) -> Decision:
    """What becomes of a call from C{caller} to C{callee}, both bare SIP URIs."""
    if rules.forward_always is not None and may_divert(callee, details, rules.forward_always):
        return Divert(rules.forward_always, "unconditional")
    if rules.dnd:
        return Refuse(now.dnd_status, Why.DND)
    waiting = now.live > 0
    if now.live >= now.max_calls or (waiting and not now.call_waiting):
        if rules.forward_busy is not None and may_divert(callee, details, rules.forward_busy):
            return Divert(rules.forward_busy, "user-busy")
        return Refuse(BUSY, Why.BUSY)
    answer_after: int | None = None
    # Not while somebody talks here: they would be heard by whoever calls in.
    possible = now.trusted and not waiting and _is_one_of(details.asserted or caller, rules.auto_answer)
    if possible and details.answer_after is not None:
        answer_after = min(details.answer_after, LONGEST_DELAY)
    target = rules.forward_no_answer
    if target is None or not may_divert(callee, details, target):
        return Ring(waiting, answer_after)
    return Ring(waiting, answer_after, target, rules.seconds)


def may_divert(callee: str, details: CallDetails, target: str) -> bool:
    """Whether sending the call on is no loop, as far as the call tells where it has been."""
    been = {_address(diversion.uri) for diversion in details.diversions}
    here, there = _address(callee), _address(_absolute(target, callee))
    return details.times_diverted < MOST_DIVERSIONS and here not in been and there not in been and there != here


def _is_one_of(caller: str, callers: tuple[str, ...]) -> bool:
    user, host = _address(caller)
    return any(one in (user, f"{user}@{host}") for one in (_listed(name) for name in callers))


def _listed(name: str) -> str:
    user, at, host = name.removeprefix("sip:").partition("@")
    return f"{user}@{host.lower()}" if at else user


def _absolute(target: str, callee: str) -> str:
    """A number is one of the callee's domain."""
    return target if target.startswith("sip:") else f"sip:{target}@{callee.rpartition('@')[2]}"


def _address(uri: str) -> tuple[str, str]:
    """User and host; ports and parameters make no other person of somebody."""
    user, _, rest = uri.removeprefix("sip:").rpartition("@")
    host = rest.partition(";")[0].lower()
    if not host.startswith("["):
        host = host.partition(":")[0]
    return user, host
