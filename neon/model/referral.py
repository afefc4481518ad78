"""Being transferred: the far end of a call that is up asks us to call somebody else (REFER, RFC 3515).

Whether we do is the user's decision (spec: refuse, ask or allow). The call that follows is one of its own; what
becomes of it is told to whoever asked, and this call ends when that one was answered: the far end hangs up, or we do
when it does not. If it is not answered this call goes on as before.
"""

from __future__ import annotations

from typing import Final, Protocol

from neon.details import ReferPolicy, Referral
from neon.events import TransferRequested
from neon.model.actions import Announce, FollowReferral, NotifyReferral, Remind, Reminder
from neon.model.facts import CallFacts, Referred

CONSENT_SECONDS: Final = 30.0
"""How long an application may take to say yes."""

LEAVE_SECONDS: Final = 5.0
"""How long the far end may take to hang up once it has heard that the new call is up."""

DECLINED: Final = 603
PASSED_ON: Final = "transferred by the far end"


class ReferralInputs(Protocol):
    """What can happen around a far end's wish. All but C{answer_referral} are legal in every state."""

    def referred(self, now: float, wish: Referral) -> None:
        """The far end asks us to call somebody; it has been told that it will hear."""

    def answer_referral(self, now: float, yes: bool) -> None:
        """The user says whether we do. Does nothing when there is no such question (any more)."""

    def referral_expired(self, now: float) -> None:
        """Nobody said yes in time."""

    def referral_went(self, now: float, status: int, reason: str) -> None:
        """The call that we placed for the far end rings, was answered, or failed."""

    def leave_due(self, now: float) -> None:
        """The far end should have hung up by now."""

    def hang_up(self, now: float, reason: str) -> None:
        """As L{neon.model.call.CallInputs.hang_up}."""


def be_referred(call: ReferralInputs, facts: CallFacts, now: float, wish: Referral) -> None:
    if facts.referral is not None or facts.transfer is not None or facts.refer_policy is ReferPolicy.REFUSE:
        facts.do(NotifyReferral(DECLINED))
        return
    facts.referral = Referred(wish)
    if facts.refer_policy is ReferPolicy.ALLOW:
        _grant(facts)
        return
    asked = TransferRequested(*facts.who, target=wish.target, referred_by=wish.by, attended=wish.replaces)
    facts.do(Announce(asked), Remind(Reminder.CONSENT, CONSENT_SECONDS))


def answer(call: ReferralInputs, facts: CallFacts, now: float, yes: bool) -> None:
    if not facts.asked_to_refer:
        return
    if yes:
        _grant(facts)
    else:
        _decline(facts)


def expire(call: ReferralInputs, facts: CallFacts, now: float) -> None:
    if facts.asked_to_refer:
        _decline(facts)


def tell(call: ReferralInputs, facts: CallFacts, now: float, status: int, reason: str) -> None:
    referral = facts.referral
    if referral is None or not referral.granted or referral.done:
        return
    facts.do(NotifyReferral(status, reason))
    if 200 <= status < 300:
        referral.done = True
        # Whoever is here talks to the new party now.
        facts.pursue_silence()
        facts.do(Remind(Reminder.LEAVE, LEAVE_SECONDS))
    elif status >= 300:
        facts.referral = None


def leave(call: ReferralInputs, facts: CallFacts, now: float) -> None:
    if facts.referral is not None and facts.referral.done:
        call.hang_up(now, PASSED_ON)


def _grant(facts: CallFacts) -> None:
    assert facts.referral is not None
    facts.referral.granted = True
    facts.do(FollowReferral(facts.referral.wish))


def _decline(facts: CallFacts) -> None:
    facts.referral = None
    facts.do(NotifyReferral(DECLINED))
