"""What happens in a call that is up: digits, hold, transfer. Effects of the machines of L{neon.model.call}.

Hold is a fact, not a state: the call goes on whatever becomes of a re-INVITE. A transfer is hold, REFER, and what
the far end then tells; the call ends only when the new party has answered.
"""

from __future__ import annotations

from typing import Protocol

from neon.events import CallTransferFailed, CallTransferred, DigitReceived, MuteChanged, VolumeChanged
from neon.model.actions import Announce, Deflect, PlayDigits, SendDigits, SendRefer, SetVolume
from neon.model.facts import DIGITS_AT_ONCE, DIGITS_PER_SECOND, CallFacts, Transfer
from neon.values import Cause, DigitsBy, MediaAgreement

DEFLECTED = Cause(302, "Moved Temporarily")

TRANSFERRED = "transferred"


class ControlInputs(Protocol):
    """What can happen to a call that is up. C{now} is in seconds of a monotonic clock.

    The user's inputs (the first six) are refused unless the call is confirmed; C{transfer} also fits an incoming
    call that rings, and C{hold} one that we make or have answered: it is a wish until then. The network's are legal in
    every state.
    """

    def send_digits(self, now: float, digits: str) -> None:
        """The user types C{0-9 * # A-D}; a comma is a pause."""

    def hold(self, now: float, wanted: bool) -> None:
        """The user has the far end wait, or goes on with it; before the answer it is only not spoken to."""

    def transfer(self, now: float, uri: str, other: int | None) -> None:
        """The user passes the far end on to C{uri}, or to the far end of our call C{other}.

        Does nothing while another transfer is under way.
        """

    def mute(self, now: float, on: bool) -> None:
        """The user is not, or is again, to be heard."""

    def set_volume(self, now: float, percent: int) -> None:
        """The user wants to hear the far end louder or softer; 100 is as it comes."""

    def confer(self, now: float, on: bool) -> None:
        """The far end is of the user's conference, or no longer. Whoever comes to it on hold is taken off hold."""

    def hold_answered(self, now: float, agreement: MediaAgreement) -> None:
        """Our re-INVITE was accepted."""

    def hold_refused(self, now: float, cause: Cause) -> None:
        """Our re-INVITE was not; the session is as it was before."""

    def digit_received(self, now: float, digit: str) -> None:
        """The far end typed something."""

    def digits_refused(self, now: float, digits: str) -> None:
        """The far end does not take digits by INFO; these were not sent."""

    def transferred(self, now: float) -> None:
        """The new party has answered the far end."""

    def transfer_failed(self, now: float, cause: Cause) -> None:
        """The REFER was refused, or the far end could not reach the new party."""

    def hang_up(self, now: float, reason: str) -> None:
        """As L{neon.model.call.CallInputs.hang_up}."""


def send_digits(call: ControlInputs, facts: CallFacts, now: float, digits: str) -> None:
    """As the configuration wants it; what is no media, or may not be sent as media now, goes by INFO.

    By default as telephone events where those were agreed, else by INFO; as tones if the far end wants no INFO.
    """
    agreement, by = facts.agreement, facts.digits_by
    sends = agreement is not None and agreement.direction.sends
    events = agreement is not None and agreement.telephone_event is not None
    as_media = by in (DigitsBy.EVENTS, DigitsBy.TONES) or (by is DigitsBy.AUTO and events) or facts.info_refused
    facts.do(PlayDigits(digits) if sends and as_media else SendDigits(digits))


def resend_digits(call: ControlInputs, facts: CallFacts, now: float, digits: str) -> None:
    facts.info_refused = True
    if facts.agreement is not None and facts.agreement.direction.sends:
        facts.do(PlayDigits(digits))


def hear_digit(call: ControlInputs, facts: CallFacts, now: float, digit: str) -> None:
    earned = max(0.0, now - facts.digit_at) * DIGITS_PER_SECOND
    facts.digit_credit = min(float(DIGITS_AT_ONCE), facts.digit_credit + earned)
    facts.digit_at = now
    if facts.digit_credit >= 1.0:
        facts.digit_credit -= 1.0
        facts.do(Announce(DigitReceived(*facts.who, digit=digit)))


def hold(call: ControlInputs, facts: CallFacts, now: float, wanted: bool) -> None:
    if facts.transfer is not None:
        facts.transfer.hold_after = wanted
        return
    facts.hold.wanted = wanted
    facts.pursue_hold()


def wish_hold(call: ControlInputs, facts: CallFacts, now: float, wanted: bool) -> None:
    # There is nothing to modify before the answer: an early dialog may never be the one that is answered.
    facts.hold.wanted = wanted
    facts.pursue_silence()


def mute(call: ControlInputs, facts: CallFacts, now: float, on: bool) -> None:
    if on != facts.muted:
        facts.muted = on
        facts.pursue_silence()
        facts.do(Announce(MuteChanged(*facts.who, muted=on)))


def set_volume(call: ControlInputs, facts: CallFacts, now: float, percent: int) -> None:
    if percent != facts.volume:
        facts.volume = percent
        facts.do(SetVolume(percent), Announce(VolumeChanged(*facts.who, percent=percent)))


def confer(call: ControlInputs, facts: CallFacts, now: float, on: bool) -> None:
    facts.conference = on
    if on and facts.transfer is None:
        facts.hold.wanted = False
        facts.pursue_hold()
    else:
        facts.pursue_silence()


def note_hold(call: ControlInputs, facts: CallFacts, now: float, agreement: MediaAgreement) -> None:
    if facts.hold.asked is None:
        return
    facts.hold.agreed, facts.hold.asked = facts.hold.asked, None
    if not facts.hold.agreed:
        # Only now the answer says whether they listen: many answer our hold with "inactive".
        facts.note_remote_hold(agreement)
    facts.use_media(agreement)
    facts.announce_hold()
    facts.pursue_hold()
    _refer_when_held(facts)


def restore_hold(call: ControlInputs, facts: CallFacts, now: float, cause: Cause) -> None:
    if facts.hold.asked is None:
        return
    facts.hold.asked = None
    facts.hold.wanted = facts.hold.agreed
    facts.pursue_hold()
    facts.announce_hold(cause)
    if facts.hold.agreed:
        _refer_when_held(facts)
    else:
        fail_transfer(call, facts, now, cause)


def move_media(call: ControlInputs, facts: CallFacts, now: float, agreement: MediaAgreement) -> None:
    changed = facts.note_remote_hold(agreement)
    facts.use_media(agreement)
    if changed:
        facts.announce_hold()


def transfer(call: ControlInputs, facts: CallFacts, now: float, uri: str, other: int | None) -> None:
    if facts.transfer is not None:
        return
    facts.transfer = Transfer(uri, other, hold_after=facts.hold.wanted)
    facts.hold.wanted = True
    facts.pursue_hold()
    _refer_when_held(facts)


def deflect(call: ControlInputs, facts: CallFacts, now: float, uri: str, other: int | None) -> None:
    facts.release(now, DEFLECTED, Deflect(uri))


def _refer_when_held(facts: CallFacts) -> None:
    under_way = facts.transfer
    if under_way is not None and not under_way.asked and facts.hold.agreed and facts.hold.asked is None:
        under_way.asked = True
        facts.do(SendRefer(under_way.uri, under_way.other))


def finish_transfer(call: ControlInputs, facts: CallFacts, now: float) -> None:
    if facts.transfer is None or not facts.transfer.asked:
        return
    facts.transfer = None
    facts.do(Announce(CallTransferred(*facts.who, duration_ms=facts.duration_ms(now))))
    call.hang_up(now, TRANSFERRED)


def fail_transfer(call: ControlInputs, facts: CallFacts, now: float, cause: Cause) -> None:
    if facts.transfer is None:
        return
    wanted, facts.transfer = facts.transfer.hold_after, None
    facts.do(Announce(CallTransferFailed(*facts.who, cause=cause)))
    facts.hold.wanted = wanted
    facts.pursue_hold()
