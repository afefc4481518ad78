"""Tests in real time are judged by what they saw of the engine, not of the machine."""

from __future__ import annotations

from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from tests.media.starvation import ATTEMPTS, Starvation, again_if_starved


class StarvationTests(SynchronousTestCase):
    def attempts(self, failures: int, starved: float) -> tuple[int, int, bool]:
        """How often a test and its clean-up were done, and whether it passed, that fails so often on such a machine."""
        done: list[str] = []

        @again_if_starved
        class Case(SynchronousTestCase):
            def setUp(self) -> None:
                self.addCleanup(done.append, "clean")

            def test_it(self) -> None:
                done.append("test")
                self.assertGreater(done.count("test"), failures)

        with patch.object(Starvation, "seconds", lambda _: starved):
            case = Case("test_it")
            case.setUp()
            try:
                case.test_it()
            except case.failureException:
                return done.count("test"), done.count("clean"), False
            return done.count("test"), done.count("clean"), True

    def test_failure(self) -> None:
        """What fails with time enough has failed."""
        self.assertEqual(self.attempts(1, starved=0.0), (1, 0, False))

    def test_starved(self) -> None:
        """What fails on a busy machine is done again, with everything new."""
        self.assertEqual(self.attempts(2, starved=1.0), (3, 2, True))

    def test_hopeless(self) -> None:
        """But not for ever."""
        self.assertEqual(self.attempts(1000, starved=1.0), (ATTEMPTS, ATTEMPTS - 1, False))

    def test_success(self) -> None:
        """What passes is done once."""
        self.assertEqual(self.attempts(0, starved=1.0), (1, 0, True))

    def test_counted(self) -> None:
        """Time never runs backwards."""
        starvation = Starvation()
        first = starvation.seconds()
        self.assertGreaterEqual(first, 0.0)
        self.assertGreaterEqual(starvation.seconds(), first)
