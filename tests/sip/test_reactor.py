"""sippy's timers on a Twisted clock, and its silence."""

import io
from contextlib import redirect_stdout
from typing import Any

from sippy.Core.EventDispatcher import ED2
from sippy.SipURL import SipURL
from sippy.SipVia import SipVia
from sippy.Time.MonoTime import MonoTime
from sippy.Time.Timeout import Timeout, TimeoutAbsMono, TimeoutInact
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.sip import reactor as glue


class TimerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        installation = glue.install(self.clock)
        self.addCleanup(installation.restore)
        self.runs: list[tuple[Any, ...]] = []

    def note(self, *arguments: object) -> None:
        self.runs.append((self.clock.seconds(), *arguments))

    def test_once(self) -> None:
        """A timer runs once, after its interval, with its arguments."""
        Timeout(self.note, 0.5, 1, "a", 2)
        self.clock.pump([0.25] * 8)
        self.assertEqual(self.runs, [(0.5, "a", 2)])

    def test_periodic(self) -> None:
        """-1 ticks is for ever, until it is cancelled."""
        timer = Timeout(self.note, 1, -1)
        self.clock.pump([0.5] * 7)
        timer.cancel()
        self.clock.pump([0.5] * 4)
        self.assertEqual(self.runs, [(1.0,), (2.0,), (3.0,)])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_counted(self) -> None:
        """n ticks are n runs; none at all makes no timer."""
        Timeout(self.note, 1, 3)
        self.clock.pump([0.5] * 20)
        self.assertEqual(len(self.runs), 3)
        self.assertIsNone(ED2.regTimer(self.note, 1, 0))

    def test_not_started(self) -> None:
        """A timer does nothing before go, and may be cancelled then."""
        timer = TimeoutInact(self.note, 1)
        self.clock.advance(5)
        self.assertEqual(self.runs, [])
        timer.go()
        self.clock.advance(1)
        self.assertEqual(self.runs, [(6.0,)])
        timer.cancel()
        timer.cancel()

    def test_spread(self) -> None:
        """spread_runs moves each run by no more than its share."""
        timer = TimeoutInact(self.note, 10, -1)
        timer.spread_runs(0.2)
        timer.go()
        self.clock.pump([0.1] * 1000)
        gaps = [later[0] - earlier[0] for earlier, later in zip(self.runs, self.runs[1:], strict=False)]
        self.assertTrue(gaps and all(7.8 <= gap <= 12.2 for gap in gaps), gaps)
        self.assertGreater(len(set(gaps)), 1)
        timer.cancel()

    def test_absolute(self) -> None:
        """An absolute timer counts from now; one in the past runs on the next turn."""
        TimeoutAbsMono(self.note, MonoTime().getOffsetCopy(2.0), "later")
        TimeoutAbsMono(self.note, MonoTime().getOffsetCopy(-2.0), "past")
        self.clock.advance(0)
        self.assertEqual([run[1] for run in self.runs], ["past"])
        self.clock.pump([1.0, 1.0])
        self.assertEqual([run[1] for run in self.runs], ["past", "later"])
        self.assertRaises(TypeError, ED2.regTimer, self.note, 5, 1, True)

    def test_timestamp(self) -> None:
        """cb_with_ts hands the time over first."""
        timer = Timeout(self.note, 1, 1, "x")
        timer.cb_with_ts = True
        self.clock.advance(1)
        [(_, stamp, argument)] = self.runs
        self.assertIsInstance(stamp, MonoTime)
        self.assertEqual(argument, "x")

    def test_failing_callback(self) -> None:
        """What a callback raises is logged, and a periodic timer goes on."""

        def fail() -> None:
            self.note()
            raise ZeroDivisionError

        timer = Timeout(fail, 1, -1)
        self.clock.pump([1, 1])
        timer.cancel()
        self.assertEqual(len(self.runs), 2)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)

    def test_cancelled_by_itself(self) -> None:
        """A periodic timer may be cancelled from its own callback."""
        timers: list[Any] = []

        def stop() -> None:
            timers[0].cancel()

        timers.append(Timeout(stop, 1, -1))
        self.clock.pump([1, 1])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_call_from_thread(self) -> None:
        """callFromThread ends up on the clock."""
        ED2.callFromThread(self.note, "here")
        self.assertEqual(self.runs, [])
        self.clock.advance(0)
        self.assertEqual(self.runs, [(0.0, "here")])


class InstallTests(SynchronousTestCase):
    def test_another_clock(self) -> None:
        """A second installation takes over; restoring leaves sippy as it was."""
        before = ED2.__dict__.get("regTimer")
        first, second = Clock(), Clock()
        glue.install(first)
        self.assertIs(glue.install(first), glue.install(first))
        installation = glue.install(second)
        Timeout(lambda: None, 1)
        self.assertEqual((len(first.getDelayedCalls()), len(second.getDelayedCalls())), (0, 1))
        installation.restore()
        if before is None:
            self.assertNotIn("regTimer", ED2.__dict__)


class SilenceTests(SynchronousTestCase):
    def test_prints(self) -> None:
        """What sippy would print about a peer's message does not reach standard output."""
        glue.tame()
        output = io.StringIO()
        with redirect_stdout(output):
            url = SipURL("sip:foo:secret@192.0.2.1:")
        self.assertEqual(output.getvalue(), "")
        self.assertEqual(url.host, "192.0.2.1")

    def test_local_address_filled(self) -> None:
        """The shortcut for sippy's address test still fills in our own address."""
        glue.tame()
        via = SipVia()
        via.genBranch()
        self.assertIn("SIP/2.0/UDP 192.0.2.7:5070;", via.localStr((("192.0.2.7", 5070), "udp")))
