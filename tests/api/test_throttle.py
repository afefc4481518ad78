"""How often somebody may do something, on a clock."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.api.throttle import Bucket, PasswordThrottle, Recent, TokenThrottle


class BucketTests(SynchronousTestCase):
    def test_rate(self) -> None:
        """Fifty at once, then fifty a second; what was not used does not pile up."""
        clock = Clock()
        bucket = Bucket(clock, 50)
        self.assertEqual([bucket.take() for _ in range(50)], [0.0] * 50)
        self.assertAlmostEqual(bucket.take(), 0.02)
        clock.advance(0.0201)
        self.assertEqual(bucket.take(), 0.0)
        self.assertGreater(bucket.take(), 0)
        clock.advance(1000)
        self.assertEqual(len([1 for _ in range(200) if bucket.take() == 0.0]), 50)

    def test_no_limit(self) -> None:
        """A rate of 0 is no limit."""
        bucket = Bucket(Clock(), 0)
        self.assertEqual({bucket.take() for _ in range(10_000)}, {0.0})


class RecentTests(SynchronousTestCase):
    def test_bounded(self) -> None:
        """The entry that was not looked at longest goes."""
        recent: Recent[int, str] = Recent(3)
        for key in range(3):
            recent.put(key, str(key))
        recent.get(0)
        recent.put(3, "3")
        self.assertEqual([recent.get(key) for key in range(4)], ["0", None, "2", "3"])
        self.assertEqual(len(recent), 3)


class PasswordTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.throttle: PasswordThrottle[str] = PasswordThrottle(self.clock)

    def guess(self, right: bool = False, key: str = "a") -> float:
        wait = self.throttle.begin(key)
        if not wait:
            self.throttle.end(key, right)
        return wait

    def test_doubling(self) -> None:
        """Five wrong ones are free; then a second, two, four, and no more than a minute between two."""
        self.assertEqual([self.guess() for _ in range(5)], [0.0] * 5)
        waits = []
        for _ in range(9):
            wait = self.guess()
            waits.append(wait)
            self.clock.advance(wait - 0.001)
            self.assertGreater(self.guess(), 0)
            self.clock.advance(0.002)
            self.assertEqual(self.guess(), 0.0)
        self.assertEqual([round(wait) for wait in waits], [1, 2, 4, 8, 16, 32, 60, 60, 60])

    def test_a_minute(self) -> None:
        """Four wrong ones a minute never have to wait."""
        for _ in range(20):
            self.assertEqual(self.guess(), 0.0)
            self.clock.advance(15)

    def test_right(self) -> None:
        """A right one wipes the slate."""
        for _ in range(10):
            self.assertEqual([self.guess() for _ in range(4)], [0.0] * 4)
            self.assertEqual(self.guess(right=True), 0.0)

    def test_at_once(self) -> None:
        """A hundred checks at once are a hundred guesses: five run."""
        begun = [self.throttle.begin("a") for _ in range(100)]
        self.assertEqual(begun.count(0.0), 5)
        for _ in range(5):
            self.throttle.end("a", False)
        self.assertGreater(self.throttle.begin("a"), 0)

    def test_keys(self) -> None:
        """One that guesses does not lock another out."""
        for _ in range(10):
            self.guess(key="a")
        self.assertGreater(self.guess(key="a"), 0)
        self.assertEqual(self.guess(key="b"), 0.0)

    def test_forgiven(self) -> None:
        """After a quiet minute the doubling begins anew."""
        for _ in range(5):
            self.guess()
        self.clock.advance(1.01)
        self.guess()
        self.clock.advance(2 + 61)
        self.assertEqual([self.guess() for _ in range(5)], [0.0] * 5)
        self.assertAlmostEqual(self.guess(), 1.0)


class TokenTests(SynchronousTestCase):
    def test_minute(self) -> None:
        """Ten wrong tokens in a minute, then a minute's pause, and then ten again."""
        clock = Clock()
        throttle: TokenThrottle[str] = TokenThrottle(clock)
        for _ in range(2):
            for _ in range(10):
                self.assertFalse(throttle.paused("a"))
                throttle.failed("a")
            self.assertTrue(throttle.paused("a"))
            self.assertFalse(throttle.paused("b"))
            clock.advance(59.9)
            self.assertTrue(throttle.paused("a"))
            clock.advance(0.2)

    def test_slowly(self) -> None:
        """Nine a minute are let be."""
        clock = Clock()
        throttle: TokenThrottle[str] = TokenThrottle(clock)
        for _ in range(100):
            throttle.failed("a")
            clock.advance(60 / 8.9)
            self.assertFalse(throttle.paused("a"))
