"""What is known of one call, and what is to be done next: the data behind the machines of L{neon.model.call}."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from neon.details import NO_DETAILS, CallDetails, ReferPolicy, Referral, Why
from neon.events import CallFinalized, CallMissed, CallStarted, HoldChanged
from neon.model.actions import (
    Announce,
    CallAction,
    Deflect,
    HangUp,
    MixMedia,
    RejectCall,
    SendHold,
    SilenceMedia,
    StartMedia,
    StopMedia,
)
from neon.model.incoming import PLAIN_RING, Ring
from neon.values import CallState, Cause, DigitsBy, Direction, MediaAgreement

NO_FAILURE = Cause()

DIGITS_AT_ONCE = 32
DIGITS_PER_SECOND = 20.0
"""What a far end may type: the faster ones are not heard, so that it cannot flood everybody with events."""


@dataclass(slots=True)
class Hold:
    """Who waits for whom.

    C{wanted} is what our user wants, C{agreed} what the far end has accepted, C{asked} what a re-INVITE under way
    asks for (None if there is none). C{remote}: the far end does not listen to us.
    """

    wanted: bool = False
    agreed: bool = False
    asked: bool | None = None
    remote: bool = False


@dataclass(slots=True)
class Transfer:
    """A transfer under way: to C{uri}, or to the far end of our call C{other}.

    C{hold_after} is the user's wish for the call if the transfer fails.
    """

    uri: str
    other: int | None
    hold_after: bool
    asked: bool = False


@dataclass(slots=True)
class Referred:
    """The far end wishes that we call somebody: C{wish}, which has to be granted, and then leads to a call of its own.

    C{done}: that call was answered; this one is only waiting for its end.
    """

    wish: Referral
    granted: bool = False
    done: bool = False


@dataclass
class CallFacts:
    """One call. The methods note facts and append actions, nothing else."""

    call_id: int
    connection_id: int
    direction: Direction
    caller: str
    callee: str
    display_name: str | None
    reject_status: int = 486
    digits_by: DigitsBy = DigitsBy.AUTO
    details: CallDetails = NO_DETAILS
    ring: Ring = PLAIN_RING
    refer_policy: ReferPolicy = ReferPolicy.REFUSE
    state: CallState = CallState.TRYING
    accepted: bool = False
    answered_at: float | None = None
    ended_at: float | None = None
    cause: Cause | None = None
    agreement: MediaAgreement | None = None
    media_stopped: bool = False
    silenced: bool = False
    muted: bool = False
    volume: int = 100
    conference: bool = False
    mixed: bool = False
    hold: Hold = field(default_factory=Hold)
    transfer: Transfer | None = None
    referral: Referred | None = None
    missed: Why | None = None
    beeps: bool = False
    info_refused: bool = False
    digit_credit: float = DIGITS_AT_ONCE
    digit_at: float = 0.0
    actions: list[CallAction] = field(default_factory=list)

    def do(self, *actions: CallAction) -> None:
        self.actions.extend(actions)

    @property
    def who(self) -> tuple[int, int, Direction, str, str, str | None]:
        """What every event of the call begins with."""
        return self.call_id, self.connection_id, self.direction, self.caller, self.callee, self.display_name

    def announce_start(self) -> None:
        self.do(Announce(CallStarted(*self.who, details=self.details)))

    @property
    def asked_to_refer(self) -> bool:
        """Whether the far end waits for our user's yes."""
        return self.referral is not None and not self.referral.granted

    def duration_ms(self, until: float) -> int:
        """From the answer, 0 if there was none."""
        return 0 if self.answered_at is None else round(max(0.0, until - self.answered_at) * 1000)

    # Media

    def use_media(self, agreement: MediaAgreement) -> None:
        """Start the media, or move them, unless they are so already."""
        if self.digits_by is DigitsBy.TONES:
            # Ours are tones then; theirs are understood as agreed.
            agreement = replace(agreement, telephone_event=None)
        if agreement != self.agreement:
            self.agreement = agreement
            self.do(StartMedia(agreement))

    def stop_media(self) -> None:
        if not self.media_stopped:
            self.media_stopped = True
            self.do(StopMedia())

    def pursue_silence(self) -> None:
        """While the call is muted, held or over for its user nothing that is said here may be heard there.

        What others of the conference say may be while it is only muted.
        """
        passed_on = self.referral is not None and self.referral.done
        apart = self.hold.wanted or self.hold.agreed or passed_on
        on = self.muted or apart
        if on != self.silenced:
            self.silenced = on
            self.do(SilenceMedia(on))
        mixed = self.conference and not apart
        if mixed != self.mixed:
            self.mixed = mixed
            self.do(MixMedia(mixed))

    # Hold

    def pursue_hold(self) -> None:
        """Ask the far end for what the user wants, once what was asked before is answered.

        We fall silent at once, and are heard again only when the far end has agreed.
        """
        hold = self.hold
        self.pursue_silence()
        if hold.asked is None and hold.wanted != hold.agreed:
            hold.asked = hold.wanted
            self.do(SendHold(hold.wanted))

    def note_remote_hold(self, agreement: MediaAgreement) -> bool:
        """Whether the far end has begun or ceased to listen. We always wish to send, so if we may not, it is they."""
        before, self.hold.remote = self.hold.remote, not agreement.direction.sends
        return self.hold.remote != before

    def announce_hold(self, cause: Cause = NO_FAILURE) -> None:
        self.do(Announce(HoldChanged(*self.who, local=self.hold.agreed, remote=self.hold.remote, cause=cause)))

    # The end

    def release(self, now: float, cause: Cause, request: HangUp | RejectCall | Deflect) -> None:
        """We end the call: silence at once, and the dialog when the far end has agreed."""
        self.state = CallState.RELEASING
        self.ended_at = now
        self.cause = cause
        self.stop_media()
        self.do(request)

    def terminate(self, now: float, cause: Cause) -> None:
        """The dialog is gone."""
        self.state = CallState.TERMINATED
        if self.ended_at is None:
            self.ended_at = now
        if self.cause is None:
            self.cause = cause
        self.stop_media()
        if self.missed is not None and not self.accepted:
            to = self.ring.forward_to if self.missed is Why.FORWARDED else None
            self.do(Announce(CallMissed(*self.who, cause=self.cause, why=self.missed, forwarded_to=to)))
        duration_ms = self.duration_ms(self.ended_at)
        self.do(Announce(CallFinalized(*self.who, duration_ms=duration_ms, cause=self.cause)))
