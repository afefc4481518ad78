"""Calls that ring here first."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from neon.callback import Callbacks
from neon.errors import InvalidArgument, NotRegistered
from neon.events import CallAccepted, CallBridged, CallFinalized, CallStarted, Event, HoldChanged
from neon.ports import Ids
from neon.values import Cause, Direction
from tests.fakes import AGREEMENT, FakeCall, FakeIds, FakeWorld


class CallbackCase(SynchronousTestCase):
    answers = True

    def setUp(self) -> None:
        self.world = FakeWorld()
        ids: Ids = FakeIds()
        for _ in range(100):
            ids.next_call_id()
        self.callbacks = Callbacks(self.world.phone, ids, self.world.clock, answers=self.answers)
        self.dialled: list[tuple[int, int]] = []
        self.callbacks.dialled = lambda first, second: self.dialled.append((first, second))
        self.account = self.world.registered()
        self.world.take_events()

    def turns(self) -> list[Event]:
        return [event for _ in range(6) for event in self.world.take_events()]

    @property
    def dialling(self) -> FakeCall:
        call = self.world.signalling.calls[-1]
        assert isinstance(call, FakeCall)
        return call


class AnsweringTests(CallbackCase):
    def test_both_legs(self) -> None:
        """It rings here, is answered, the number is dialled, and the two are one conversation."""
        first = self.callbacks.start("600", self.account)
        events = self.turns()
        kinds = [type(event) for event in events]
        self.assertEqual(kinds[:2], [CallStarted, CallAccepted])
        self.assertNotIn(HoldChanged, kinds)
        ((_, second),) = self.dialled
        bridged = [(event.call_id, event.other) for event in events if isinstance(event, CallBridged)]
        self.assertEqual(bridged, [(first, second), (second, first)])
        directions = {call.call_id: call.direction for call in self.world.phone.calls()}
        self.assertEqual(directions, {first: Direction.INCOMING, second: Direction.OUTGOING})
        self.assertEqual(self.dialling.target, "600")

    def test_far_end_hangs_up(self) -> None:
        """When the far end has gone, so has the leg here."""
        first = self.callbacks.start("600", self.account)
        self.turns()
        self.dialling.listener.answered(AGREEMENT)
        self.dialling.listener.ended(Cause())
        ended = [event.call_id for event in self.turns() if isinstance(event, CallFinalized)]
        self.assertEqual(ended, [self.dialled[0][1], first])
        self.assertEqual(self.world.phone.calls(), ())

    def test_busy(self) -> None:
        """A number that is busy ends both."""
        self.callbacks.start("600", self.account)
        self.turns()
        self.dialling.listener.ended(Cause(486, "Busy Here"))
        self.assertEqual(len([event for event in self.turns() if isinstance(event, CallFinalized)]), 2)

    def test_hang_up_here(self) -> None:
        """Whoever hangs up the first leg hangs up the second."""
        first = self.callbacks.start("600", self.account)
        self.turns()
        self.world.phone.finalize_call(first)
        self.turns()
        self.assertEqual(self.dialling.requests, ["hang_up"])

    def test_account_lost_meanwhile(self) -> None:
        """If the number cannot be dialled any more, the first leg does not stay."""
        self.callbacks.start("600", self.account)
        self.world.phone.unregister(self.account)
        self.turns()
        self.assertEqual((self.dialled, self.world.phone.calls()), ([], ()))

    def test_no_account(self) -> None:
        """Nothing rings for an account that is not there, or not registered."""
        self.assertRaises(InvalidArgument, self.callbacks.start, "600", 99)
        self.world.phone.unregister(self.account)
        self.assertRaises((NotRegistered, InvalidArgument), self.callbacks.start, "600", self.account)
        self.assertEqual(self.turns(), [])

    def test_first_leg_has_no_network(self) -> None:
        """What a network would have to do for the first leg is refused, and the call goes on."""
        first = self.callbacks.start("600", self.account)
        self.turns()
        self.world.phone.control.set_hold(first, True)
        self.world.phone.control.transfer(first, "601", None)
        self.turns()
        self.assertEqual(len(self.world.phone.calls()), 2)
        self.assertFalse(self.world.phone.calls()[0].held)

    def test_stop(self) -> None:
        """NEON stops with both legs up."""
        self.callbacks.start("600", self.account)
        self.turns()
        stopped = self.world.phone.stop()
        self.dialling.listener.ended(Cause(487))
        self.turns()
        self.assertEqual(self.world.phone.calls(), ())
        self.world.clock.advance(10)
        self.successResultOf(stopped)


class RingingTests(CallbackCase):
    answers = False

    def test_answered_by_the_user(self) -> None:
        """Nothing is dialled before the user has answered."""
        first = self.callbacks.start("600", self.account)
        self.turns()
        self.assertEqual(self.dialled, [])
        self.world.phone.accept_call(first)
        self.turns()
        self.assertEqual(len(self.dialled), 1)

    def test_refused_by_the_user(self) -> None:
        """A user who refuses has not called."""
        first = self.callbacks.start("600", self.account)
        self.turns()
        self.world.phone.finalize_call(first)
        self.turns()
        self.assertEqual((self.dialled, self.world.phone.calls()), ([], ()))
