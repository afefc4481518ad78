"""Being transferred: the far end's wish, the user's answer, and what becomes of both calls."""

from __future__ import annotations

from automat import NoTransition
from twisted.trial.unittest import SynchronousTestCase

from neon.details import ReferPolicy, Referral
from neon.events import CallFinalized, TransferRequested
from neon.model.actions import (
    Announce,
    CallAction,
    FollowReferral,
    HangUp,
    NotifyReferral,
    Remind,
    Reminder,
    SilenceMedia,
    StopMedia,
)
from neon.model.call import Call
from neon.model.facts import CallFacts
from neon.values import Cause, Codec, Direction, MediaAgreement

AGREED = MediaAgreement(("192.0.2.7", 4002), Codec.PCMA, 8, 8)
WISH = Referral("sip:33@sip.acme.com", "sip:32@sip.acme.com")
WHO = (43, 1, Direction.OUTGOING, "sip:31@sip.acme.com", "sip:32@sip.acme.com", None)
DECLINED = NotifyReferral(603)


class ReferralTests(SynchronousTestCase):
    def up(self, policy: ReferPolicy) -> None:
        """A call that was answered."""
        self.call = Call(CallFacts(*WHO, refer_policy=policy))
        self.inputs = self.call.inputs
        self.inputs.begin(100.0)
        self.inputs.answered(101.0, AGREED)
        self.call.take_actions()

    def assert_taken(self, *actions: CallAction) -> None:
        self.assertEqual(self.call.take_actions(), list(actions))

    def asked(self) -> None:
        self.up(ReferPolicy.ASK)
        self.inputs.referred(102.0, WISH)
        question = TransferRequested(*WHO, "sip:33@sip.acme.com", "sip:32@sip.acme.com", attended=False)
        self.assert_taken(Announce(question), Remind(Reminder.CONSENT, 30.0))

    def test_refused(self) -> None:
        """By default the far end hears no."""
        self.up(ReferPolicy.REFUSE)
        self.inputs.referred(102.0, WISH)
        self.assert_taken(DECLINED)

    def test_allowed(self) -> None:
        """Where it is allowed the call is placed at once."""
        self.up(ReferPolicy.ALLOW)
        self.inputs.referred(102.0, WISH)
        self.assert_taken(FollowReferral(WISH))

    def test_yes(self) -> None:
        """Somebody says yes: the call is placed, once."""
        self.asked()
        self.inputs.answer_referral(103.0, True)
        self.assert_taken(FollowReferral(WISH))
        self.inputs.answer_referral(103.0, False)
        self.inputs.referral_expired(132.0)
        self.assert_taken()

    def test_no(self) -> None:
        """Somebody says no; the far end may ask again."""
        self.asked()
        self.inputs.answer_referral(103.0, False)
        self.assert_taken(DECLINED)
        self.inputs.referral_expired(132.0)
        self.assert_taken()
        self.inputs.referred(140.0, WISH)
        self.assertEqual(len(self.call.take_actions()), 2)

    def test_nobody_answers(self) -> None:
        """Silence is a no."""
        self.asked()
        self.inputs.referral_expired(132.0)
        self.assert_taken(DECLINED)
        self.inputs.answer_referral(133.0, True)
        self.assert_taken()

    def test_one_at_a_time(self) -> None:
        """A second wish is refused while the first one is open, and while we transfer the far end ourselves."""
        self.asked()
        self.inputs.referred(103.0, WISH)
        self.assert_taken(DECLINED)
        self.up(ReferPolicy.ALLOW)
        self.inputs.transfer(102.0, "sip:34@sip.acme.com", None)
        self.call.take_actions()
        self.inputs.referred(103.0, WISH)
        self.assert_taken(DECLINED)

    def following(self) -> None:
        self.up(ReferPolicy.ALLOW)
        self.inputs.referred(102.0, WISH)
        self.call.take_actions()

    def test_new_party_answers(self) -> None:
        """The far end hears of it and hangs up; meanwhile it does not hear what is said here."""
        self.following()
        self.inputs.referral_went(103.0, 180, "Ringing")
        self.assert_taken(NotifyReferral(180, "Ringing"))
        self.inputs.referral_went(105.0, 200, "OK")
        self.assert_taken(NotifyReferral(200, "OK"), SilenceMedia(True), Remind(Reminder.LEAVE, 5.0))
        self.inputs.ended(105.5, Cause())
        self.assert_taken(StopMedia(), Announce(CallFinalized(*WHO, 4500, Cause())))

    def test_far_end_stays(self) -> None:
        """If it does not hang up, we do."""
        self.following()
        self.inputs.referral_went(105.0, 200, "OK")
        self.call.take_actions()
        self.inputs.leave_due(110.0)
        self.assert_taken(StopMedia(), HangUp())
        self.inputs.ended(110.1, Cause())
        self.assert_taken(Announce(CallFinalized(*WHO, 9000, Cause(0, "transferred by the far end"))))

    def test_new_party_is_busy(self) -> None:
        """The far end hears of it, and the call goes on."""
        self.following()
        self.inputs.referral_went(103.0, 486, "Busy Here")
        self.assert_taken(NotifyReferral(486, "Busy Here"))
        self.inputs.leave_due(110.0)
        self.assert_taken()
        self.inputs.referred(111.0, WISH)
        self.assert_taken(FollowReferral(WISH))

    def test_nothing_after_the_last_word(self) -> None:
        """The end of the new call, later, is no news to whoever asked for it."""
        self.following()
        self.inputs.referral_went(105.0, 200, "OK")
        self.call.take_actions()
        self.inputs.referral_went(106.0, 487, "over")
        self.assert_taken()

    def test_not_up(self) -> None:
        """There is nothing to answer in a call that is not up."""
        call = Call(CallFacts(*WHO))
        call.inputs.begin(100.0)
        self.assertRaises(NoTransition, call.inputs.answer_referral, 101.0, True)
