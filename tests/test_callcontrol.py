"""The phone's verbs for calls that are up, with its ports faked; and the commands that stand for them."""

from __future__ import annotations

import dataclasses

from neon.errors import InvalidArgument
from neon.events import (
    CallFinalized,
    CallTransferFailed,
    CallTransferred,
    DigitReceived,
    HoldChanged,
    MuteChanged,
)
from neon.values import Cause, MediaDirection
from tests.fakes import AGREEMENT, FakeCall
from tests.test_phone import PhoneTestCase

HOLDING = dataclasses.replace(AGREEMENT, direction=MediaDirection.SENDONLY)
PLAIN = dataclasses.replace(AGREEMENT, telephone_event=None, receive_telephone_event=None)
REFUSED = Cause(488, "Not Acceptable Here")
NOBODY = 9999


class ControlCase(PhoneTestCase):
    def held(self) -> tuple[int, FakeCall]:
        call_id, call = self.connected()
        self.phone.control.set_hold(call_id, True)
        call.listener.hold_answered(HOLDING)
        self.world.take_events()
        return call_id, call


class HoldTests(ControlCase):
    def test_hold(self) -> None:
        """A re-INVITE, silence, the event, the snapshot; and all of it back."""
        call_id, call = self.connected()
        stream = self.world.media.streams[call_id]
        self.phone.control.set_hold(call_id, True)
        self.assertEqual((call.requests, stream.silent), (["hold"], True))
        self.assertEqual(self.world.take_events(), [])
        call.listener.hold_answered(HOLDING)
        (event,) = self.world.take_events()
        assert isinstance(event, HoldChanged)
        self.assertEqual((event.local, event.remote, event.cause), (True, False, Cause()))
        self.assertTrue(self.phone.calls()[0].held)
        self.phone.control.set_hold(call_id, False)
        call.listener.hold_answered(AGREEMENT)
        self.assertEqual((call.requests, stream.silent), (["hold", "resume"], False))
        self.assertEqual(stream.started, [AGREEMENT, HOLDING, AGREEMENT])
        self.assertFalse(self.phone.calls()[0].held)

    def test_silence_of_a_held_call(self) -> None:
        """A call on hold, by us or by them, may be silent for ever."""
        call_id, call = self.held()
        self.phone.silent(call_id)
        self.assertNotIn("hang_up", call.requests)
        other_id, other = self.connected()
        other.listener.media_changed(dataclasses.replace(AGREEMENT, direction=MediaDirection.RECVONLY))
        self.phone.silent(other_id)
        self.assertNotIn("hang_up", other.requests)

    def test_refused(self) -> None:
        """A refusal is told with its status."""
        call_id, call = self.connected()
        self.phone.control.set_hold(call_id, True)
        call.listener.hold_refused(REFUSED)
        (event,) = self.world.take_events()
        assert isinstance(event, HoldChanged)
        self.assertEqual((event.local, event.cause), (False, REFUSED))

    def test_broken(self) -> None:
        """What breaks on our side is a refusal too."""
        call_id, call = self.connected()
        call.broken.add("hold")
        self.phone.control.set_hold(call_id, True)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        (event,) = self.world.take_events()
        assert isinstance(event, HoldChanged)
        self.assertEqual((event.local, event.cause.status), (False, 500))
        self.assertFalse(self.world.media.streams[call_id].silent)

    def test_microphone_stays_open(self) -> None:
        """If silence cannot be had, the call ends: nobody may be heard who thinks that he is not."""
        call_id, call = self.connected()
        self.world.media.streams[call_id].broken = True
        self.phone.control.set_hold(call_id, True)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        self.assertIn("hang_up", call.requests)

    def test_not_up(self) -> None:
        """A call that is ending cannot be held, nor one that is not there."""
        call_id, _ = self.dial()
        self.phone.finalize_call(call_id)
        self.assertRaises(InvalidArgument, self.phone.control.set_hold, call_id, True)
        self.assertRaises(InvalidArgument, self.phone.control.set_hold, NOBODY, True)


class MuteTests(ControlCase):
    def test_mute(self) -> None:
        """The stream is silent, the far end is asked nothing, and the snapshot and the event say so."""
        call_id, call = self.connected()
        for mute in (True, False):
            self.phone.control.set_mute(call_id, mute)
            self.assertEqual((self.world.media.streams[call_id].silent, call.requests), (mute, []))
            (event,) = self.world.take_events()
            assert isinstance(event, MuteChanged)
            self.assertEqual((event.muted, self.phone.calls()[0].muted), (mute, mute))

    def test_not_up(self) -> None:
        """Only a call that is up can be muted."""
        call_id, _ = self.dial()
        self.assertRaises(InvalidArgument, self.phone.control.set_mute, call_id, True)
        self.assertRaises(InvalidArgument, self.phone.control.set_mute, NOBODY, True)


class DigitTests(ControlCase):
    def test_media(self) -> None:
        """Digits go into the stream at a human pace."""
        call_id, call = self.connected()
        self.phone.control.send_digits(call_id, "12")
        stream = self.world.media.streams[call_id]
        self.assertEqual(stream.digits, "1")
        self.clock.advance(0.2)
        self.assertEqual((stream.digits, call.requests), ("12", []))

    def test_info(self) -> None:
        """Without telephone events they go by INFO, and into the stream when that is refused."""
        call_id, call = self.dial()
        call.listener.answered(PLAIN)
        self.phone.control.send_digits(call_id, "1")
        self.assertEqual(call.requests, ["digit 1"])
        call.listener.digits_refused("1")
        self.clock.advance(0.2)
        self.assertEqual(self.world.media.streams[call_id].digits, "1")

    def test_end(self) -> None:
        """What was not typed yet goes with the call."""
        call_id, call = self.connected()
        self.phone.control.send_digits(call_id, "12,345")
        self.phone.finalize_call(call_id)
        call.listener.ended(Cause())
        self.clock.advance(10)
        self.assertEqual(self.world.media.streams[call_id].digits, "1")
        self.assert_nothing_left()

    def test_received(self) -> None:
        """Digits of the far end become events, by whichever way they came."""
        call_id, call = self.connected()
        self.phone.control.digit_received(call_id, "5")
        call.listener.digit_received("#")
        self.phone.control.digit_received(NOBODY, "5")
        events = self.world.take_events()
        self.assertEqual([event.digit for event in events if isinstance(event, DigitReceived)], ["5", "#"])
        self.assertEqual(len(events), 2)

    def test_not_up(self) -> None:
        """A call that rings takes no digits."""
        call_id, _ = self.call_in()
        self.assertRaises(InvalidArgument, self.phone.control.send_digits, call_id, "1")
        self.assertRaises(InvalidArgument, self.phone.control.send_digits, NOBODY, "1")


class TransferTests(ControlCase):
    def test_blind(self) -> None:
        """Hold, its 200, REFER to a URI of the account's domain; then CallTransferred and CallFinalized."""
        call_id, call = self.connected()
        self.phone.control.transfer(call_id, "33")
        self.assertEqual(call.requests, ["hold"])
        call.listener.hold_answered(HOLDING)
        self.assertEqual(call.requests, ["hold", "refer sip:33@sip.acme.com"])
        call.listener.transferred()
        self.assertEqual(call.requests[2:], ["hang_up"])
        call.listener.ended(Cause())
        self.assertEqual(self.taken_kinds(), [HoldChanged, CallTransferred, CallFinalized])
        self.assert_nothing_left()

    def test_failed(self) -> None:
        """A failed transfer is told, and the call is taken off hold."""
        call_id, call = self.connected()
        self.phone.control.transfer(call_id, "sip:33@other.example")
        call.listener.hold_answered(HOLDING)
        self.assertRaises(InvalidArgument, self.phone.control.transfer, call_id, "34")
        call.listener.transfer_failed(Cause(486, "Busy Here"))
        self.assertEqual(call.requests, ["hold", "refer sip:33@other.example", "resume"])
        call.listener.hold_answered(AGREEMENT)
        self.assertEqual(self.taken_kinds(), [HoldChanged, CallTransferFailed, HoldChanged])
        self.assertFalse(self.phone.calls()[0].held)

    def test_broken(self) -> None:
        """A REFER that cannot be sent is a failed transfer."""
        call_id, call = self.held()
        call.broken.add("refer")
        self.phone.control.transfer(call_id, "33")
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertEqual(self.taken_kinds(), [CallTransferFailed])

    def test_attended(self) -> None:
        """The far ends of two calls get each other."""
        call_id, call = self.held()
        other_id, other = self.connected()
        self.phone.control.transfer(call_id, None, other_id)
        self.assertEqual(call.requests[-1], f"refer sip:32@sip.acme.com replacing {other.call_id}")

    def test_attended_too_late(self) -> None:
        """If the other call has ended when the hold is agreed, the transfer has failed."""
        call_id, call = self.connected()
        other_id, other = self.connected()
        self.phone.control.transfer(call_id, None, other_id)
        other.listener.ended(Cause())
        call.listener.hold_answered(HOLDING)
        self.assertEqual(call.requests, ["hold", "resume"])
        self.assertIn(CallTransferFailed, self.taken_kinds())

    def test_attended_refused(self) -> None:
        """The other call must be another one, and both must be up."""
        call_id, _ = self.connected()
        ringing_id, _ = self.call_in()
        for one, other in ((call_id, call_id), (call_id, NOBODY), (call_id, ringing_id), (ringing_id, call_id)):
            self.assertRaises(InvalidArgument, self.phone.control.transfer, one, None, other)
        self.assertRaises(InvalidArgument, self.phone.control.transfer, call_id, None)

    def test_ringing(self) -> None:
        """A call that rings here is deflected."""
        call_id, call = self.call_in()
        self.phone.control.transfer(call_id, "33")
        self.assertEqual(call.requests[-1], "deflect sip:33@sip.acme.com")
        call.listener.ended(Cause(302, "Moved Temporarily"))
        final = self.world.take_events()[-1]
        assert isinstance(final, CallFinalized)
        self.assertEqual(final.cause.status, 302)
        self.assert_nothing_left()

    def test_not_up(self) -> None:
        """Our own call that still rings there cannot be passed on."""
        call_id, _ = self.dial()
        self.assertRaises(InvalidArgument, self.phone.control.transfer, call_id, "33")
