"""Many accounts, one registrar: no storm."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.sip.pacing import Pacer


class PacerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.pacer = Pacer(self.clock, burst=5, per_second=10.0)
        self.begun: list[tuple[int, float]] = []

    def ask(self, number: int, registrar: str = "acme.test", delay: float = 0.0) -> None:
        self.pacer.later(registrar, delay, lambda: self.begun.append((number, round(self.clock.seconds() - 1000, 2))))

    def test_one(self) -> None:
        """A single account never waits, and is not begun from inside."""
        self.ask(1)
        self.assertEqual(self.begun, [])
        self.clock.advance(0)
        self.assertEqual(self.begun, [(1, 0.0)])

    def test_many(self) -> None:
        """Some at once, the others one after the other in their order, none twice."""
        for number in range(25):
            self.ask(number)
        self.clock.advance(0)
        self.assertEqual([number for number, _ in self.begun], [0, 1, 2, 3, 4])
        self.clock.pump([0.05] * 41)
        self.assertEqual([number for number, _ in self.begun], list(range(25)))
        self.assertTrue(all(at >= 0.1 * (number - 4) - 0.01 for number, at in self.begun), self.begun)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_registrars_apart(self) -> None:
        """A crowd at one registrar keeps nobody else waiting."""
        for number in range(25):
            self.ask(number)
        self.ask(99, "other.test")
        self.clock.advance(0)
        self.assertIn((99, 0.0), self.begun)

    def test_rested(self) -> None:
        """After a rest some may go at once again."""
        for number in range(5):
            self.ask(number)
        self.clock.advance(0)
        self.clock.advance(10)
        for number in range(5, 10):
            self.ask(number)
        self.clock.advance(0)
        self.assertEqual(len(self.begun), 10)

    def test_cancel(self) -> None:
        """One that is given up is not begun, before its turn or in the row."""
        timers = [self.pacer.later("acme.test", 0.0, self.fail) for _ in range(9)]
        timers[0].cancel()
        for timer in timers[1:]:
            self.assertTrue(timer.active())
            timer.cancel()
        self.clock.advance(5)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        for number in range(6):
            self.ask(number)
        waiting = self.pacer.later("acme.test", 0.0, self.fail)
        self.clock.advance(0)
        self.assertTrue(waiting.active())
        waiting.cancel()
        self.clock.advance(5)
        self.assertEqual(len(self.begun), 6)

    def test_many_registrars(self) -> None:
        """What is remembered of registrars is bounded."""
        for number in range(3000):
            self.ask(number, f"r{number}.test")
            self.clock.advance(1)
        self.assertLess(len(self.pacer._next), 1001)
