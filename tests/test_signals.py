"""A daemon that is told to stop more than once."""

from __future__ import annotations

import signal
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from neon.signals import heed_once


class HeedOnceTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.heard: list[int] = []
        self.handlers: dict[signal.Signals, Any] = {
            signal.SIGINT: lambda number, frame: self.heard.append(number),
            signal.SIGTERM: lambda number, frame: self.heard.append(number),
        }

    def test_first_only(self) -> None:
        """The first signal gets through, whichever it is, and none after it."""
        heed_once(self.handlers.__getitem__, self.handlers.__setitem__)
        self.handlers[signal.SIGTERM](signal.SIGTERM, None)
        self.handlers[signal.SIGTERM](signal.SIGTERM, None)
        self.handlers[signal.SIGINT](signal.SIGINT, None)
        self.assertEqual(self.heard, [signal.SIGTERM])

    def test_ignored_stays_ignored(self) -> None:
        """A shell starts background programs with SIGINT ignored; that is left as it is."""
        self.handlers[signal.SIGINT] = signal.SIG_IGN
        heed_once(self.handlers.__getitem__, self.handlers.__setitem__)
        self.assertEqual(self.handlers[signal.SIGINT], signal.SIG_IGN)
