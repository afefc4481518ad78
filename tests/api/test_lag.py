"""How far a reader is behind."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from neon.api.lag import MAX_BYTES, MAX_EVENTS, Lag


class Transport:
    """What Twisted's transports keep."""

    def __init__(self) -> None:
        self.dataBuffer = b""
        self.offset = 0
        self._tempDataLen = 0

    def keep(self, octets: int) -> None:
        self._tempDataLen += octets

    def sent(self, octets: int) -> None:
        self._tempDataLen -= octets


class LagTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.transport = Transport()
        self.lag = Lag(self.transport)

    def write(self, octets: int, event: bool = True) -> bool:
        """Whether that was too much."""
        self.transport.keep(octets)
        return self.lag.wrote(octets) | (event and self.lag.sent_event())

    def test_bytes(self) -> None:
        """256 kB that are not read are too much."""
        self.transport.keep(65_000)
        self.lag.pause()
        written = 65_000
        while not self.write(300, event=False):
            written += 300
        self.assertEqual(written, (MAX_BYTES - 65_000) // 300 * 300 + 65_000)

    def test_events(self) -> None:
        """A thousand events that are not read are too many."""
        self.lag.pause()
        self.assertEqual([self.write(10) for _ in range(MAX_EVENTS + 1)], [False] * MAX_EVENTS + [True])

    def test_slow_and_steady(self) -> None:
        """A reader that never catches up, but keeps up, stays."""
        self.lag.pause()
        for _ in range(100):
            self.assertFalse(self.write(300))
        for _ in range(10_000):
            self.assertFalse(self.write(300))
            self.transport.sent(300)

    def test_empty_again(self) -> None:
        """Whoever has caught up begins anew."""
        for _ in range(20):
            self.lag.pause()
            for _ in range(500):
                self.assertFalse(self.write(200))
            self.transport.sent(500 * 200)
            self.lag.resume()
            self.assertFalse(self.lag.stalled)

    def test_not_stalled(self) -> None:
        """As long as the transport takes everything nothing is counted."""
        self.assertFalse(any(self.write(100_000) for _ in range(100)))

    def test_other_transports(self) -> None:
        """Where a transport does not say what it keeps, all that was written since it was full counts."""
        lag = Lag(object())
        lag.pause()
        self.assertFalse(lag.wrote(MAX_BYTES))
        self.assertTrue(lag.wrote(1))

    def test_what_was_asked_for(self) -> None:
        """A long answer does not make its reader a slow one, and what comes on top of it does."""
        self.lag.allow(1_000_000)
        self.transport.keep(1_000_000)
        self.lag.pause()
        self.assertFalse(self.write(300))
        self.assertTrue(self.write(MAX_BYTES))
        self.lag.resume()
        self.transport.sent(10_000_000)
        self.lag.pause()
        self.assertTrue(self.write(MAX_BYTES + 10_000_001))
