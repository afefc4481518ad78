"""When a change of the network is told: once, when it has settled, and only if there is one."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.network.clockjump import INTERVAL, ClockJump, time_slept
from neon.network.monitor import LONGEST_WAIT, SETTLE, NetworkMonitor
from neon.network.netlink import DefaultRoute, HostAddress, Item, News

HOME, OFFICE = HostAddress("192.0.2.1", 2), HostAddress("198.51.100.7", 2)
ROUTER, OTHER = DefaultRoute(2, "192.0.2.254", 2), DefaultRoute(2, "192.0.2.253", 2)


class NoSource:
    """A source that this machine has not."""

    def start(self) -> None:
        raise OSError("no such thing")

    def stop(self) -> None:
        """Nothing to stop."""


class MonitorTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.told: list[str] = []
        self.monitor = NetworkMonitor(self.clock, self.told.append)
        self.monitor.add(NoSource())
        self.monitor.start()
        self.there(HOME, ROUTER)
        self.clock.advance(SETTLE)

    def tearDown(self) -> None:
        self.monitor.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def there(self, *items: Item) -> None:
        for item in items:
            self.monitor.news(News(item, True))

    def gone(self, *items: Item) -> None:
        for item in items:
            self.monitor.news(News(item, False))

    def test_start(self) -> None:
        """What is there at the start is no change."""
        self.assertEqual(self.told, [])
        self.assertEqual(self.monitor.addresses, ("192.0.2.1",))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_change(self) -> None:
        """Several messages of one change are one piece of news, half a second after the last."""
        self.gone(ROUTER, HOME)
        self.clock.advance(SETTLE - 0.1)
        self.there(OFFICE, OTHER)
        self.clock.advance(SETTLE - 0.1)
        self.assertEqual(self.told, [])
        self.clock.advance(0.1)
        self.assertEqual(self.told, ["addresses or routes changed"])

    def test_another_router(self) -> None:
        """The same address behind another router is another network."""
        self.gone(ROUTER)
        self.there(OTHER)
        self.clock.advance(SETTLE)
        self.assertEqual(len(self.told), 1)

    def test_repetition(self) -> None:
        """What the kernel repeats, and what comes back at once, is no change."""
        self.there(HOME, ROUTER)
        self.gone(HOME)
        self.there(HOME)
        self.clock.advance(2 * SETTLE)
        self.assertEqual(self.told, [])

    def test_restless(self) -> None:
        """A network that never settles is told about all the same."""
        waited = 0.0
        while not self.told:
            self.gone(HOME)
            self.there(HostAddress(f"192.0.2.{int(waited * 10)}", 3))
            self.clock.advance(0.25)
            waited += 0.25
        self.assertLessEqual(waited, LONGEST_WAIT + 0.25)

    def test_lost(self) -> None:
        """After lost news everything comes anew; if it is as before, nothing has changed."""
        self.monitor.lost()
        self.there(HOME, ROUTER)
        self.clock.advance(SETTLE)
        self.assertEqual(self.told, [])
        self.monitor.lost()
        self.there(OFFICE, ROUTER)
        self.clock.advance(SETTLE)
        self.assertEqual(len(self.told), 1)

    def test_resumed(self) -> None:
        """After a sleep the network counts as changed though it looks the same; twice told is once."""
        self.monitor.resumed()
        self.monitor.resumed()
        self.clock.advance(SETTLE)
        self.assertEqual(self.told, ["the machine was asleep"])


class ClockJumpTests(SynchronousTestCase):
    def test_sleep(self) -> None:
        """Time that only the clock of sleeping and waking counted was sleep; a moment of it is nothing."""
        clock, slept, resumed = Clock(), [100.0], [0]
        jump = ClockJump(clock, lambda: resumed.__setitem__(0, resumed[0] + 1), slept=lambda: slept[0])
        jump.start()
        clock.advance(INTERVAL)
        slept[0] += 1
        clock.advance(INTERVAL)
        self.assertEqual(resumed, [0])
        slept[0] += 3600
        clock.advance(INTERVAL)
        clock.advance(INTERVAL)
        self.assertEqual(resumed, [1])
        jump.stop()
        jump.stop()
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_this_machine(self) -> None:
        """The difference of the clocks is steady while the machine is awake."""
        self.assertAlmostEqual(time_slept(), time_slept(), 1)
