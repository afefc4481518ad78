"""/metrics, as Prometheus reads it."""

from __future__ import annotations

import re

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.bus import Bus
from neon.events import (
    CallAccepted,
    CallFinalized,
    CallStarted,
    Event,
    MediaStatsKnown,
    Registered,
    RegistrationRefused,
)
from neon.metricspart import Metrics
from neon.quality import Figures
from neon.values import AccountSnapshot, CallSnapshot, CallState, Cause, Direction, RegistrationState

CAUSE = Cause(200, "OK")
SAMPLE = re.compile(r'^([a-z_]+(?:\{[a-z]+="[^"\\\n]*"\})?) (-?[0-9.e+-]+)$')
CALL = (7, 1, Direction.INCOMING, "sip:ana@example.com", "sip:1000@example.com", "Ana")


class MetricsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.bus = Bus(self.clock)
        self.calls: list[CallSnapshot] = []
        self.accounts: list[AccountSnapshot] = []
        self.metrics = Metrics(self.bus, lambda: self.calls, lambda: self.accounts, [1, 2])
        self.metrics.startService()

    def publish(self, *events: Event) -> None:
        for event in events:
            self.bus.publish(event)
        self.clock.advance(0)

    def samples(self) -> dict[str, float]:
        """What the page says; every line of it is a comment or a sample in the format's grammar."""
        found: dict[str, float] = {}
        for line in self.metrics.text().splitlines():
            if not line.startswith(("# HELP neon_", "# TYPE neon_")):
                match = SAMPLE.match(line)
                assert match is not None, line
                self.assertNotIn(match[1], found)
                found[match[1]] = float(match[2])
        return found

    def test_calls(self) -> None:
        """Calls are counted as they begin, are answered and end, and those that are there by state."""
        self.calls = [CallSnapshot(7, 1, Direction.INCOMING, CallState.CONFIRMED, "a", "b", None, None)]
        self.publish(CallStarted(*CALL), CallAccepted(*CALL), CallFinalized(*CALL, duration_ms=1500, cause=CAUSE))
        found = self.samples()
        self.assertEqual(found['neon_calls{state="confirmed"}'], 1)
        self.assertEqual(found['neon_calls{state="early"}'], 0)
        self.assertEqual(found['neon_calls_started_total{direction="incoming"}'], 1)
        self.assertEqual(found['neon_calls_started_total{direction="outgoing"}'], 0)
        self.assertEqual(found["neon_calls_answered_total"], 1)
        self.assertEqual((found["neon_calls_finalized_total"], found["neon_calls_seconds_total"]), (1, 1.5))

    def test_registrations(self) -> None:
        """Accounts by state, and what became of their registrations."""
        self.accounts = [AccountSnapshot(1, "sip:1000@example.com", None, RegistrationState.REGISTERED)]
        self.publish(Registered(1, CAUSE), RegistrationRefused(1, CAUSE), Registered(1, CAUSE))
        found = self.samples()
        self.assertEqual(found['neon_accounts{state="registered"}'], 1)
        self.assertEqual(found['neon_registrations_total{outcome="registered"}'], 2)
        self.assertEqual(found['neon_registrations_total{outcome="refused"}'], 1)

    def test_media(self) -> None:
        """Sums and counts of what is known; a stretch in which nothing arrived has no opinion."""
        self.publish(
            MediaStatsKnown(7, 1, Figures(250, 248, 2.0, 0.5, 4.0, 41.0, 1.0, 2.0, 4.0, -20.0)),
            MediaStatsKnown(7, 1, Figures(250, 0, 0.0, 0.0, 0.0, None, None, None, None, None)),
        )
        found = self.samples()
        self.assertEqual((found["neon_media_loss_percent_sum"], found["neon_media_loss_percent_count"]), (2, 2))
        self.assertEqual((found["neon_media_mos_sum"], found["neon_media_mos_count"]), (4, 1))
        self.assertAlmostEqual(found["neon_media_jitter_seconds_sum"], 0.004)

    def test_nobody_is_named(self) -> None:
        """How many, never who; sessions and events are numbers too."""
        self.publish(CallStarted(*CALL))
        found = self.samples()
        self.assertEqual((found["neon_api_sessions"], found["neon_api_events_total"]), (2, 1))
        self.assertNotIn("example.com", self.metrics.text())

    def test_stopped(self) -> None:
        """What happens after the end is not counted."""
        self.metrics.stopService()
        self.publish(CallAccepted(*CALL))
        self.assertEqual(self.samples()["neon_calls_answered_total"], 0)
