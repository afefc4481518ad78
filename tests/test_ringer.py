"""When it rings."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.bus import Bus
from neon.events import CallAccepted, CallClaimed, CallFinalized, CallStarted
from neon.ringer import AFTER, Ringer
from neon.values import CallSnapshot, CallState, Cause, Direction

IN, OUT = Direction.INCOMING, Direction.OUTGOING
EARLY, UP = CallState.EARLY, CallState.CONFIRMED


class RingerTests(SynchronousTestCase):
    """L{Ringer}"""

    def setUp(self) -> None:
        self.clock = Clock()
        self.bus = Bus(self.clock)
        self.there: dict[int, CallSnapshot] = {}
        self.rung: list[bool] = []
        self.asked = 0
        self.ringer = Ringer(self.bus, self.clock, self.call, self.rung.append)

    def call(self, call_id: int) -> CallSnapshot | None:
        self.asked += 1
        return self.there.get(call_id)

    def put(self, number: int, direction: Direction = IN, state: CallState = EARLY) -> None:
        self.there[number] = CallSnapshot(number, 1, direction, state, "sip:1@a", "sip:2@a", None, None)

    def comes(self, number: int, direction: Direction = IN) -> None:
        self.put(number, direction)
        self.bus.publish(CallStarted(number, 1, direction, "sip:1@a", "sip:2@a", None))
        self.clock.advance(0)

    def answered(self, number: int, direction: Direction = IN) -> None:
        self.put(number, direction, UP)
        self.bus.publish(CallAccepted(number, 1, direction, "sip:1@a", "sip:2@a", None))
        self.clock.advance(0)

    def ends(self, number: int) -> None:
        del self.there[number]
        self.bus.publish(CallFinalized(number, 1, IN, "sip:1@a", "sip:2@a", None, 0, Cause()))
        self.clock.advance(0)

    def test_until_answered(self) -> None:
        """A call rings until it is answered."""
        self.comes(1)
        self.clock.advance(AFTER)
        self.assertEqual(self.rung, [True])
        self.answered(1)
        self.assertEqual(self.rung, [True, False])

    def test_claimed(self) -> None:
        """It is quiet as soon as somebody says yes, before the network has agreed."""
        self.comes(1)
        self.clock.advance(AFTER)
        self.bus.publish(CallClaimed(1, 1, IN, "sip:1@a", "sip:2@a", None, "crm", "key"))
        self.clock.advance(0)
        self.assertEqual(self.rung, [True, False])
        self.ends(1)
        self.comes(1)
        self.clock.advance(AFTER)
        self.assertEqual(self.rung, [True, False, True])

    def test_refused_or_gone(self) -> None:
        """The end of the call is the end of the ringing."""
        self.comes(1)
        self.clock.advance(AFTER)
        self.ends(1)
        self.assertEqual(self.rung, [True, False])

    def test_by_itself(self) -> None:
        """A call that answers by itself, or is gone at once, is not heard."""
        self.comes(1)
        self.answered(1)
        self.ends(1)
        self.comes(2)
        self.ends(2)
        self.clock.advance(10)
        self.assertEqual(self.rung, [])

    def test_outgoing(self) -> None:
        """Our own calls do not ring here."""
        self.comes(1, OUT)
        self.clock.advance(10)
        self.assertEqual(self.rung, [])

    def test_second_caller(self) -> None:
        """While somebody talks there is no bell; whoever still waits afterwards is rung for."""
        self.answered(1, OUT)
        self.comes(2)
        self.clock.advance(10)
        self.assertEqual(self.rung, [])
        self.ends(1)
        self.clock.advance(AFTER)
        self.assertEqual(self.rung, [True])

    def test_two_wait(self) -> None:
        """Of two that wait one may give up: it goes on ringing for the other."""
        self.comes(1)
        self.comes(2)
        self.clock.advance(AFTER)
        self.ends(1)
        self.assertEqual(self.rung, [True])
        self.ends(2)
        self.assertEqual(self.rung, [True, False])

    def test_leaving(self) -> None:
        """Who has hung up talks no more, even while the far end has not agreed yet."""
        self.answered(1, OUT)
        self.put(1, OUT, CallState.RELEASING)
        self.comes(2)
        self.clock.advance(AFTER)
        self.assertEqual(self.rung, [True])

    def test_many(self) -> None:
        """One more call costs the same beside a thousand others."""
        for number in range(1000):
            self.answered(number, OUT)
        self.asked = 0
        self.comes(1000)
        self.answered(1000)
        self.ends(1000)
        self.assertLess(self.asked, 10)

    def test_stop(self) -> None:
        """The end is quiet, and leaves no timer behind."""
        self.comes(1)
        self.ringer.stop()
        self.assertEqual((self.rung, self.clock.getDelayedCalls()), ([], []))
        self.comes(2)
        self.clock.advance(AFTER)
        self.ringer.stop()
        self.assertEqual(self.rung, [True, False])
