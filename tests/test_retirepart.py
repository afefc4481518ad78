"""Ending when the last call is over."""

from __future__ import annotations

import signal
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.retirepart import Retirement


class Loop(Clock):
    def __init__(self) -> None:
        super().__init__()
        self.stopped = 0

    def callFromThread(self, function: Any) -> None:
        self.callLater(0, function)

    def stop(self) -> None:
        self.stopped += 1


class RetirementTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.loop = Loop()
        self.calls: list[int] = []
        self.handlers: dict[signal.Signals, Any] = {}
        self.retirement = Retirement(self.loop, lambda: self.calls, self.handlers.__setitem__)
        self.retirement.startService()

    def ask(self) -> None:
        self.handlers[signal.SIGUSR1](signal.SIGUSR1, None)
        self.loop.advance(0)

    def test_idle(self) -> None:
        """Without calls it ends at once."""
        self.ask()
        self.assertEqual(self.loop.stopped, 1)

    def test_waits_for_calls(self) -> None:
        """With calls it ends when the last is over, once, however often it was asked."""
        self.calls = [1, 2]
        self.ask()
        self.ask()
        self.loop.pump([1] * 5)
        self.assertEqual(self.loop.stopped, 0)
        self.calls = []
        self.loop.pump([1] * 5)
        self.assertEqual(self.loop.stopped, 1)

    def test_stopping_anyway(self) -> None:
        """Stopped meanwhile by other means, it looks no more; a late signal does nothing."""
        self.calls = [1]
        self.ask()
        self.retirement.stopService()
        self.calls = []
        self.loop.pump([1] * 3)
        self.assertEqual(self.loop.stopped, 0)
        self.assertEqual(self.handlers[signal.SIGUSR1], signal.SIG_IGN)
