"""Who hears of SIP messages, and for how long."""

from __future__ import annotations

from datetime import UTC, datetime

from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from neon import siptrace
from neon.siptrace import Hook, SipTrace
from neon.values import Destination

PEER = Destination("192.0.2.1", 5060)
HERE = Destination("192.0.2.9", 5070)
SECRET = "REGISTER sip:h SIP/2.0\r\nAuthorization: Digest hidden\r\n\r\n"


class Endpoint:
    """As far as a trace sees it; it has no way to where C{stranded} is set."""

    trace: Hook | None = None
    stranded = False

    def local_address(self, remote: Destination) -> Destination:
        if self.stranded:
            raise OSError("no way")
        return HERE

    def carry(self, direction: str, text: object) -> None:
        assert self.trace is not None
        self.trace(direction, PEER, text)


class Unspeakable:
    def __str__(self) -> str:
        raise ValueError


class SipTraceTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.heard: list[object] = []
        self.ladder: Hook = lambda *seen: self.heard.append(seen)
        self.endpoint = Endpoint()
        self.trace = self._trace(logs=False)
        self.trace.attach(self.endpoint)

    def _trace(self, logs: bool) -> SipTrace:
        now = datetime(2026, 1, 2, tzinfo=UTC)
        return SipTrace(self.clock, self.ladder, logs=logs, wall=lambda: now)

    def test_nobody_asks(self) -> None:
        """Without a trace the ladder is the endpoint's hook itself, and nothing is kept."""
        self.endpoint.carry("->", SECRET)
        self.assertEqual(self.heard, [("->", PEER, SECRET)])
        self.assertEqual(self.trace.fetch(0), ([], 0))

    def test_fetched(self) -> None:
        """From the first fetch on messages are there, numbered and without secrets; the ladder hears them too."""
        self.trace.fetch(0)
        self.endpoint.carry("->", SECRET)
        self.endpoint.carry("<-", "SIP/2.0 200 OK\r\n\r\n")
        [sent, received], lost = self.trace.fetch(0)
        self.assertEqual((sent.number, sent.sent, sent.local, sent.peer), (1, True, HERE, PEER))
        self.assertNotIn("hidden", sent.text)
        self.assertEqual((received.number, received.sent, lost), (2, False, 0))
        self.assertEqual(len(self.heard), 2)
        self.assertEqual(self.trace.fetch(1)[0], [received])
        self.assertEqual(self.trace.fetch(2), ([], 0))

    def test_bounded(self) -> None:
        """What nobody fetches is lost from the oldest on, and counted; an answer has a bounded size."""
        self.trace.fetch(0)
        text = "x" * 60_000
        for _ in range(100):
            self.endpoint.carry("->", text)
        found, lost = self.trace.fetch(0)
        kept = siptrace.MAX_BYTES // len(text)
        self.assertEqual(lost, 100 - kept)
        self.assertEqual(found[0].number, 101 - kept)
        self.assertEqual(len(found), siptrace.FETCH_BYTES // len(text))

    def test_forgotten(self) -> None:
        """A trace that nobody fetches ends by itself, and the next one begins at 1."""
        self.trace.fetch(0)
        self.endpoint.carry("->", SECRET)
        self.clock.advance(siptrace.IDLE_SECONDS - 1)
        self.trace.fetch(0)
        self.clock.advance(siptrace.IDLE_SECONDS - 1)
        self.assertIsNot(self.endpoint.trace, self.ladder)
        self.clock.advance(1)
        self.assertIs(self.endpoint.trace, self.ladder)
        self.assertEqual(self.trace.fetch(0), ([], 0))
        self.endpoint.carry("->", SECRET)
        self.assertEqual([one.number for one in self.trace.fetch(0)[0]], [1])

    def test_two(self) -> None:
        """One who comes later misses what was before, and takes nothing away from the first."""
        self.trace.fetch(0)
        self.endpoint.carry("->", SECRET)
        last = self.trace.begin()
        self.endpoint.carry("->", SECRET)
        self.assertEqual([one.number for one in self.trace.fetch(last)[0]], [2])
        self.assertEqual([one.number for one in self.trace.fetch(0)[0]], [1, 2])

    def test_no_way(self) -> None:
        """A message whose way is gone is traced without our address; one that cannot be shown is left out."""
        self.trace.fetch(0)
        self.endpoint.stranded = True
        self.endpoint.carry("->", SECRET)
        self.endpoint.carry("->", Unspeakable())
        [only] = self.trace.fetch(0)[0]
        self.assertIsNone(only.local)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_logged(self) -> None:
        """At debug level every message is in the log, without secrets, whether somebody fetches or not."""
        endpoint = Endpoint()
        self._trace(logs=True).attach(endpoint)
        events: list[dict[str, object]] = []
        globalLogPublisher.addObserver(events.append)  # type: ignore[arg-type]
        self.addCleanup(globalLogPublisher.removeObserver, events.append)  # type: ignore[arg-type]
        endpoint.carry("->", SECRET)
        [event] = events
        self.assertEqual(str(event["log_level"]), "<LogLevel=debug>")
        self.assertNotIn("hidden", str(event))
