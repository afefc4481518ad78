"""Parts start in order, stop in the opposite order, and a failing one is a sentence."""

from __future__ import annotations

import errno

from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.parts import CannotStart, Part, Parts


class PartsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.parts = Parts(self.clock, 5.0)
        self.told: list[str] = []
        self.waiting: dict[str, Deferred[None]] = {}

    def add(self, name: str, wait: bool = False, error: Exception | None = None) -> None:
        def start() -> None:
            self.told.append(f"start {name}")
            if error is not None:
                raise error

        def stop() -> Deferred[None] | None:
            self.told.append(f"stop {name}")
            if wait:
                self.waiting[name] = Deferred()
            return self.waiting.get(name)

        self.parts.add(Part(name, start, stop))

    def test_order(self) -> None:
        """Started first, stopped last; the next one stops when the one before it has."""
        self.add("store")
        self.add("phone", wait=True)
        self.add("api")
        self.parts.startService()
        stopped = self.parts.stopService()
        self.assertEqual(self.told, ["start store", "start phone", "start api", "stop api", "stop phone"])
        self.waiting["phone"].callback(None)
        self.assertEqual(self.told[-1], "stop store")
        self.successResultOf(stopped)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_patience(self) -> None:
        """A part that does not come to an end is not waited for beyond the time there is; the others still stop."""
        for name in ("store", "phone", "api"):
            self.add(name, wait=True)
        self.parts.startService()
        stopped = self.parts.stopService()
        self.clock.advance(5.0)
        self.clock.advance(0.1)
        self.clock.advance(0.1)
        self.successResultOf(stopped)
        self.assertEqual(self.told[-3:], ["stop api", "stop phone", "stop store"])
        self.assertEqual(len(self.flushLoggedErrors()), 3)

    def test_failed_stop(self) -> None:
        """A part that fails to stop is logged, and the others stop."""
        self.add("store")
        self.parts.add(Part("phone", None, lambda: 1 / 0))
        self.parts.startService()
        self.successResultOf(self.parts.stopService())
        self.assertEqual(self.told, ["start store", "stop store"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_failed_start(self) -> None:
        """When a part cannot start, those before it are stopped, those after it never started."""
        self.add("store", wait=True)
        self.add("media")
        self.add("sip", error=CannotStart("no"))
        self.add("api")
        self.assertRaises(CannotStart, self.parts.startService)
        self.assertEqual(self.told, ["start store", "start media", "start sip", "stop media", "stop store"])

    def test_busy_port(self) -> None:
        """A port that is taken becomes a sentence with the part's name."""
        busy = CannotListenError("127.0.0.1", 15070, OSError(errno.EADDRINUSE, "Address already in use"))
        self.add("the WebSocket API", error=busy)
        error = self.assertRaises(CannotStart, self.parts.startService)
        self.assertEqual(
            str(error), "the WebSocket API cannot listen on 127.0.0.1 port 15070: Address already in use"
        )
