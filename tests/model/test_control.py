"""A call that is up, as a conversation: digits, hold, transfer."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable

from automat import NoTransition
from twisted.trial.unittest import SynchronousTestCase

from neon.events import (
    CallFinalized,
    CallTransferFailed,
    CallTransferred,
    DigitReceived,
    HoldChanged,
    MuteChanged,
    VolumeChanged,
)
from neon.model.actions import (
    Announce,
    CallAction,
    Deflect,
    HangUp,
    MixMedia,
    PlayDigits,
    SendDigits,
    SendHold,
    SendRefer,
    SetVolume,
    SilenceMedia,
    StartMedia,
    StopMedia,
)
from neon.model.call import Call, CallInputs
from neon.model.facts import CallFacts
from neon.values import Cause, Codec, DigitsBy, Direction, MediaAgreement, MediaDirection

US, THEM, OTHER = "sip:31@sip.acme.com", "sip:32@sip.acme.com", "sip:33@sip.acme.com"
WHO = (43, 1, Direction.OUTGOING, US, THEM, None)

AGREED = MediaAgreement(
    ("192.0.2.7", 4000), Codec.PCMA, 8, 8, telephone_event=101, receive_telephone_event=101
)
PLAIN = dataclasses.replace(AGREED, telephone_event=None, receive_telephone_event=None)
HOLDING = dataclasses.replace(AGREED, direction=MediaDirection.SENDONLY)
HELD = dataclasses.replace(AGREED, direction=MediaDirection.RECVONLY)
INACTIVE = dataclasses.replace(AGREED, direction=MediaDirection.INACTIVE)
REFUSED = Cause(488, "Not Acceptable Here")


def hold_changed(local: bool, remote: bool, cause: Cause = Cause()) -> Announce:  # noqa: B008
    return Announce(HoldChanged(*WHO, local=local, remote=remote, cause=cause))


class ControlCase(SynchronousTestCase):
    agreement = AGREED

    def setUp(self) -> None:
        self.call = Call(CallFacts(*WHO))
        self.inputs = self.call.inputs
        self.inputs.begin(100.0)
        self.inputs.answered(101.0, self.agreement)
        self.call.take_actions()

    def assert_taken(self, *actions: CallAction) -> None:
        self.assertEqual(self.call.take_actions(), list(actions))

    def held(self) -> None:
        """On hold; what led there is taken."""
        self.inputs.hold(102.0, True)
        self.inputs.hold_answered(102.1, HOLDING)
        self.call.take_actions()


class MuteTests(ControlCase):
    def muted(self, on: bool) -> Announce:
        return Announce(MuteChanged(*WHO, muted=on))

    def test_mute(self) -> None:
        """Silence and the event, each once; and back."""
        for on in (True, False):
            self.inputs.mute(102.0, on)
            self.assert_taken(SilenceMedia(on), self.muted(on))
            self.assertEqual(self.call.snapshot().muted, on)
            self.inputs.mute(102.1, on)
            self.assert_taken()

    def test_held_meanwhile(self) -> None:
        """A muted call is not heard when its hold ends, and a held one not when it is muted no more."""
        self.inputs.mute(102.0, True)
        self.inputs.hold(102.1, True)
        self.inputs.hold_answered(102.2, HOLDING)
        self.inputs.hold(102.3, False)
        self.inputs.hold_answered(102.4, AGREED)
        self.assertNotIn(SilenceMedia(False), self.call.take_actions())
        self.held()
        self.inputs.mute(103.0, False)
        self.assert_taken(self.muted(False))

    def test_every_order(self) -> None:
        """In no order of mute and hold is anybody heard who is muted, or silent who is neither muted nor held."""
        steps: tuple[Callable[[CallInputs], None], ...] = (
            lambda inputs: inputs.mute(102.0, True),
            lambda inputs: inputs.mute(102.0, False),
            lambda inputs: inputs.hold(102.0, True),
            lambda inputs: inputs.hold(102.0, False),
            lambda inputs: inputs.hold_answered(102.0, AGREED),
            lambda inputs: inputs.hold_refused(102.0, REFUSED),
        )
        for sequence in itertools.product(range(len(steps)), repeat=5):
            call = Call(CallFacts(*WHO))
            call.inputs.begin(100.0)
            call.inputs.answered(101.0, AGREED)
            silent = False
            for step in sequence:
                steps[step](call.inputs)
                for action in call.take_actions():
                    silent = action.on if isinstance(action, SilenceMedia) else silent
                if call.snapshot().muted and not silent:
                    self.fail(f"muted, and heard all the same: {sequence}")
            if silent and not call.snapshot().muted and 2 not in sequence:
                self.fail(f"silent for nothing: {sequence}")

    def test_not_up(self) -> None:
        """Only a call that is up can be muted."""
        self.assertRaises(NoTransition, Call(CallFacts(*WHO)).inputs.mute, 1.0, True)
        self.inputs.hang_up(102.0, "")
        self.assertRaises(NoTransition, self.inputs.mute, 102.1, True)


class HoldTests(ControlCase):
    def test_hold_and_resume(self) -> None:
        """Silence at once, the fact when the far end agreed; sound comes back only with its second agreement."""
        self.inputs.hold(102.0, True)
        self.assert_taken(SilenceMedia(True), SendHold(True))
        self.assertFalse(self.call.snapshot().held)
        self.inputs.hold_answered(102.1, HOLDING)
        self.assert_taken(StartMedia(HOLDING), hold_changed(True, False))
        self.assertTrue(self.call.snapshot().held)
        self.inputs.hold(103.0, False)
        self.assert_taken(SendHold(False))
        self.inputs.hold_answered(103.1, AGREED)
        self.assert_taken(StartMedia(AGREED), hold_changed(False, False), SilenceMedia(False))
        self.assertFalse(self.call.snapshot().held)

    def test_twice(self) -> None:
        """Holding what is held, or is being held, asks for nothing."""
        self.inputs.hold(102.0, True)
        self.call.take_actions()
        self.inputs.hold(102.1, True)
        self.assert_taken()
        self.inputs.hold_answered(102.2, HOLDING)
        self.call.take_actions()
        self.inputs.hold(102.3, True)
        self.assert_taken()

    def test_refused(self) -> None:
        """A far end that refuses is not on hold, and hears us again; the call goes on."""
        self.inputs.hold(102.0, True)
        self.call.take_actions()
        self.inputs.hold_refused(102.1, REFUSED)
        self.assert_taken(SilenceMedia(False), hold_changed(False, False, REFUSED))
        self.assertFalse(self.call.snapshot().held)

    def test_resume_refused(self) -> None:
        """A far end that does not want to be resumed stays on hold, unheard."""
        self.held()
        self.inputs.hold(103.0, False)
        self.assert_taken(SendHold(False))
        self.inputs.hold_refused(103.1, REFUSED)
        self.assert_taken(hold_changed(True, False, REFUSED))
        self.assertTrue(self.call.snapshot().held)

    def test_second_thoughts(self) -> None:
        """One re-INVITE at a time: who changes his mind meanwhile gets what he wanted last."""
        self.inputs.hold(102.0, True)
        self.call.take_actions()
        self.inputs.hold(102.1, False)
        self.assert_taken(SilenceMedia(False))
        self.inputs.hold_answered(102.2, HOLDING)
        self.assert_taken(StartMedia(HOLDING), hold_changed(True, False), SilenceMedia(True), SendHold(False))
        self.inputs.hold_answered(102.3, AGREED)
        self.assert_taken(StartMedia(AGREED), hold_changed(False, False), SilenceMedia(False))

    def test_remote(self) -> None:
        """A far end that does not listen holds us, until it does."""
        self.inputs.media_changed(102.0, HELD)
        self.assert_taken(StartMedia(HELD), hold_changed(False, True))
        self.assertTrue(self.call.snapshot().held_remotely)
        self.inputs.media_changed(103.0, AGREED)
        self.assert_taken(StartMedia(AGREED), hold_changed(False, False))

    def test_remote_move(self) -> None:
        """Media that only move are no hold."""
        self.inputs.media_changed(102.0, PLAIN)
        self.assert_taken(StartMedia(PLAIN))

    def test_both(self) -> None:
        """Both may hold; each is reported for itself. An "inactive" in answer to our hold is not theirs."""
        self.inputs.hold(102.0, True)
        self.call.take_actions()
        self.inputs.hold_answered(102.1, INACTIVE)
        self.assert_taken(StartMedia(INACTIVE), hold_changed(True, False))
        self.inputs.media_changed(103.0, INACTIVE)
        self.assert_taken(hold_changed(True, True))
        self.inputs.hold(104.0, False)
        self.assert_taken(SendHold(False))
        self.inputs.hold_answered(104.1, HELD)
        self.assert_taken(StartMedia(HELD), hold_changed(False, True), SilenceMedia(False))

    def test_unasked(self) -> None:
        """Answers to nothing change nothing."""
        self.inputs.hold_answered(102.0, HOLDING)
        self.inputs.hold_refused(102.0, REFUSED)
        self.assert_taken()

    def test_before_the_answer(self) -> None:
        """A call that we make is silent at once, and held when it is answered; one that rings here cannot be held."""
        call = Call(CallFacts(*WHO))
        call.inputs.begin(100.0)
        call.take_actions()
        call.inputs.hold(101.0, True)
        self.assertEqual(call.take_actions(), [SilenceMedia(True)])
        call.inputs.ringing(101.0, 180, None)
        call.inputs.answered(102.0, AGREED)
        self.assertEqual(call.take_actions()[-1], SendHold(True))
        self.assertFalse(call.snapshot().held)
        call.inputs.hold_answered(103.0, HOLDING)
        self.assertTrue(call.snapshot().held)
        incoming = Call(CallFacts(43, 1, Direction.INCOMING, THEM, US, None))
        incoming.inputs.begin(100.0)
        self.assertRaises(NoTransition, incoming.inputs.hold, 101.0, True)


class ConferenceTests(ControlCase):
    def test_every_order(self) -> None:
        """In no order of things is anybody mixed who is on hold, or apart who is not."""
        steps: tuple[Callable[[CallInputs], None], ...] = (
            lambda inputs: inputs.confer(102.0, True),
            lambda inputs: inputs.confer(102.0, False),
            lambda inputs: inputs.hold(102.0, True),
            lambda inputs: inputs.hold(102.0, False),
            lambda inputs: inputs.hold_answered(102.0, AGREED),
            lambda inputs: inputs.hold_refused(102.0, REFUSED),
            lambda inputs: inputs.mute(102.0, True),
        )
        for sequence in itertools.product(range(len(steps)), repeat=5):
            facts = CallFacts(*WHO)
            call = Call(facts)
            call.inputs.begin(100.0)
            call.inputs.answered(101.0, AGREED)
            mixed = False
            for step in sequence:
                steps[step](call.inputs)
                for action in call.take_actions():
                    if isinstance(action, MixMedia):
                        self.assertNotEqual(action.on, mixed, sequence)
                        mixed = action.on
                apart = facts.hold.wanted or facts.hold.agreed
                self.assertEqual(mixed, call.snapshot().conference and not apart, sequence)

    def test_volume(self) -> None:
        """What is wished is done and told, once."""
        for _ in range(2):
            self.inputs.set_volume(102.0, 30)
        self.assert_taken(SetVolume(30), Announce(VolumeChanged(*WHO, percent=30)))

    def test_not_up(self) -> None:
        """Only a call that is up can be in a conference, or be louder; one that is ending is not in one any more."""
        self.inputs.confer(102.0, True)
        self.inputs.hang_up(103.0, "")
        self.assertFalse(self.call.snapshot().conference)
        self.assertRaises(NoTransition, self.inputs.confer, 104.0, True)
        self.assertRaises(NoTransition, self.inputs.set_volume, 104.0, 20)


class DigitTests(ControlCase):
    def test_telephone_events(self) -> None:
        """Where telephone events were agreed, digits are media."""
        self.inputs.send_digits(102.0, "12,#")
        self.assert_taken(PlayDigits("12,#"))

    def test_received(self) -> None:
        """What the far end types is told."""
        self.inputs.digit_received(102.0, "5")
        self.assert_taken(Announce(DigitReceived(*WHO, digit="5")))

    def test_flood(self) -> None:
        """Of a flood of digits, what nobody could type is not heard."""
        for _ in range(1000):
            self.inputs.digit_received(102.0, "5")
        self.assertEqual(len(self.call.take_actions()), 32)
        self.inputs.digit_received(102.125, "6")
        self.inputs.digit_received(102.125, "7")
        self.inputs.digit_received(102.125, "8")
        self.assertEqual(len(self.call.take_actions()), 2)

    def test_held_by_them(self) -> None:
        """While we may not send media, digits go by INFO."""
        self.inputs.media_changed(102.0, HELD)
        self.call.take_actions()
        self.inputs.send_digits(102.0, "1")
        self.assert_taken(SendDigits("1"))
        self.inputs.digits_refused(102.1, "1")
        self.assert_taken()

    def test_not_up(self) -> None:
        """A call that is over takes no digits."""
        self.inputs.hang_up(102.0, "enough")
        self.assertRaises(NoTransition, self.inputs.send_digits, 103.0, "1")


class PlainDigitTests(ControlCase):
    agreement = PLAIN

    def test_info(self) -> None:
        """Without telephone events, digits go by INFO, and as tones once the far end has refused that."""
        self.inputs.send_digits(102.0, "1")
        self.assert_taken(SendDigits("1"))
        self.inputs.digits_refused(102.1, "1")
        self.assert_taken(PlayDigits("1"))
        self.inputs.send_digits(103.0, "23")
        self.assert_taken(PlayDigits("23"))


class ConfiguredDigitTests(SynchronousTestCase):
    def taken(self, by: DigitsBy, agreement: MediaAgreement) -> list[CallAction]:
        """What typing a digit leads to, and what its refusal by INFO does."""
        call = Call(CallFacts(*WHO, digits_by=by))
        call.inputs.begin(100.0)
        call.inputs.answered(101.0, agreement)
        call.take_actions()
        call.inputs.send_digits(102.0, "1")
        actions = call.take_actions()
        if SendDigits("1") in actions:
            call.inputs.digits_refused(102.1, "1")
            call.inputs.send_digits(102.2, "2")
        return actions + call.take_actions()

    def test_ways(self) -> None:
        """The configuration overrules what was agreed; a far end that refuses INFO gets media all the same."""
        played = [PlayDigits("1")]
        by_info = [SendDigits("1"), PlayDigits("1"), PlayDigits("2")]
        for by, with_events, without in (
            (DigitsBy.AUTO, played, by_info),
            (DigitsBy.EVENTS, played, played),
            (DigitsBy.INFO, by_info, by_info),
            (DigitsBy.TONES, played, played),
        ):
            self.assertEqual(self.taken(by, AGREED), with_events, by)
            self.assertEqual(self.taken(by, PLAIN), without, by)

    def test_tones(self) -> None:
        """For tones we send no telephone events, and understand those of the far end."""
        call = Call(CallFacts(*WHO, digits_by=DigitsBy.TONES))
        call.inputs.begin(100.0)
        call.inputs.answered(101.0, AGREED)
        self.assertIn(StartMedia(dataclasses.replace(AGREED, telephone_event=None)), call.take_actions())


class TransferTests(ControlCase):
    def transfer(self) -> None:
        self.inputs.transfer(102.0, OTHER, None)

    def test_success(self) -> None:
        """Hold, its answer, REFER, the new party's answer; then CallTransferred, BYE, and the end."""
        self.transfer()
        self.assertTrue(self.call.transferring)
        self.assert_taken(SilenceMedia(True), SendHold(True))
        self.inputs.hold_answered(103.0, HOLDING)
        self.assert_taken(StartMedia(HOLDING), hold_changed(True, False), SendRefer(OTHER, None))
        self.inputs.transferred(105.0)
        self.assert_taken(Announce(CallTransferred(*WHO, duration_ms=4000)), StopMedia(), HangUp())
        self.inputs.ended(105.1, Cause())
        self.assert_taken(Announce(CallFinalized(*WHO, duration_ms=4000, cause=Cause(0, "transferred"))))

    def test_failure(self) -> None:
        """A transfer that fails is told, and takes the call off hold."""
        self.transfer()
        self.inputs.hold_answered(103.0, HOLDING)
        self.call.take_actions()
        self.inputs.transfer_failed(104.0, REFUSED)
        self.assert_taken(Announce(CallTransferFailed(*WHO, cause=REFUSED)), SendHold(False))
        self.inputs.hold_answered(104.1, AGREED)
        self.assert_taken(StartMedia(AGREED), hold_changed(False, False), SilenceMedia(False))
        self.assertFalse(self.call.transferring)

    def test_hold_refused(self) -> None:
        """Without hold there is no REFER; the call goes on."""
        self.transfer()
        self.call.take_actions()
        self.inputs.hold_refused(103.0, REFUSED)
        self.assert_taken(
            SilenceMedia(False), hold_changed(False, False, REFUSED), Announce(CallTransferFailed(*WHO, cause=REFUSED))
        )

    def test_on_hold_already(self) -> None:
        """A call on hold is referred at once, and stays on hold if that fails."""
        self.held()
        self.transfer()
        self.assert_taken(SendRefer(OTHER, None))
        self.inputs.transfer_failed(104.0, REFUSED)
        self.assert_taken(Announce(CallTransferFailed(*WHO, cause=REFUSED)))
        self.assertTrue(self.call.snapshot().held)

    def test_while_resuming(self) -> None:
        """A call that is being resumed is held again before it is referred."""
        self.held()
        self.inputs.hold(103.0, False)
        self.transfer()
        self.assert_taken(SendHold(False))
        self.inputs.hold_answered(103.1, AGREED)
        self.assert_taken(StartMedia(AGREED), hold_changed(False, False), SendHold(True))
        self.inputs.hold_answered(103.2, HOLDING)
        self.assert_taken(StartMedia(HOLDING), hold_changed(True, False), SendRefer(OTHER, None))

    def test_hold_wish_meanwhile(self) -> None:
        """What the user wants of hold during a transfer counts when it has failed."""
        self.transfer()
        self.inputs.hold_answered(103.0, HOLDING)
        self.call.take_actions()
        self.inputs.hold(103.5, True)
        self.assert_taken()
        self.inputs.transfer_failed(104.0, REFUSED)
        self.assert_taken(Announce(CallTransferFailed(*WHO, cause=REFUSED)))

    def test_twice(self) -> None:
        """A second transfer while one is under way is nothing; after a failure it is another."""
        self.transfer()
        self.call.take_actions()
        self.transfer()
        self.assert_taken()
        self.inputs.hold_refused(103.0, REFUSED)
        self.call.take_actions()
        self.transfer()
        self.assert_taken(SilenceMedia(True), SendHold(True))

    def test_far_end_leaves(self) -> None:
        """A far end that hangs up during the transfer told no success: none is announced."""
        self.transfer()
        self.inputs.hold_answered(103.0, HOLDING)
        self.call.take_actions()
        self.inputs.ended(104.0, Cause())
        self.inputs.transferred(105.0)
        self.assert_taken(StopMedia(), Announce(CallFinalized(*WHO, duration_ms=3000, cause=Cause())))

    def test_attended(self) -> None:
        """The other call goes with the REFER."""
        self.held()
        self.inputs.transfer(103.0, OTHER, 44)
        self.assert_taken(SendRefer(OTHER, 44))

    def test_unasked(self) -> None:
        """News of no transfer is none."""
        self.inputs.transferred(102.0)
        self.inputs.transfer_failed(102.0, REFUSED)
        self.assert_taken()

    def test_before_the_refer(self) -> None:
        """Success before anything was asked of the far end is none."""
        self.transfer()
        self.call.take_actions()
        self.inputs.transferred(102.5)
        self.assert_taken()


class DeflectionTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.call = Call(CallFacts(43, 1, Direction.INCOMING, THEM, US, None))
        self.call.inputs.begin(100.0)
        self.call.take_actions()

    def test_ringing(self) -> None:
        """A call that rings here is sent elsewhere; that is its end."""
        self.call.inputs.transfer(101.0, OTHER, None)
        self.assertEqual(self.call.take_actions(), [StopMedia(), Deflect(OTHER)])
        self.call.inputs.ended(101.1, Cause(302, "Moved Temporarily"))
        (final,) = self.call.take_actions()
        assert isinstance(final, Announce) and isinstance(final.event, CallFinalized)
        self.assertEqual((final.event.cause.status, final.event.duration_ms), (302, 0))

    def test_being_answered(self) -> None:
        """After our 200 it is too late for a 302 and too early for a REFER."""
        self.call.inputs.accept(101.0)
        self.assertRaises(NoTransition, self.call.inputs.transfer, 101.1, OTHER, None)
