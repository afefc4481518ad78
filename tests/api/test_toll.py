"""The toll guard: calls a minute, calls at once, numbers nobody may dial."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.api.toll import Tariff, TollGuard, number
from neon.bus import Published
from neon.errors import NotAuthorised
from neon.events import CallFinalized
from neon.values import Cause, Direction
from tests.fakes import EPOCH


class TollTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.guard = TollGuard(self.clock, Tariff())
        self.last = 0

    def call(self, application: str = "crm", target: str = "32") -> int | None:
        """The id of a call, or None if it was refused."""
        try:
            self.guard.charge(application, target, new_call=True)
        except NotAuthorised:
            return None
        self.last += 1
        self.guard.started(application, self.last)
        return self.last

    def end(self, call_id: int | None) -> None:
        assert call_id is not None
        event = CallFinalized(call_id, 1, Direction.OUTGOING, "sip:1@a", "sip:2@a", None, 0, Cause())
        self.guard.happened(Published(1, EPOCH, event))

    def test_a_minute(self) -> None:
        """Ten calls a minute for one application; another has its own ten."""
        for _ in range(10):
            self.end(self.call())
            self.clock.advance(1)
        self.assertIsNone(self.call())
        self.assertIsNotNone(self.call("other"))
        self.clock.advance(49.9)
        self.assertIsNone(self.call())
        self.clock.advance(0.2)
        self.assertIsNotNone(self.call())
        self.assertIsNone(self.call())

    def test_at_once(self) -> None:
        """Three calls at once; when one ends there is room again."""
        first, *_ = self.call(), self.call(), self.call()
        self.assertIsNone(self.call())
        self.assertIsNotNone(self.call("other"))
        self.end(first)
        self.assertIsNotNone(self.call())
        self.assertIsNone(self.call())

    def test_refused_calls_are_free(self) -> None:
        """A call that was refused for one limit does not count for the other."""
        live = [self.call() for _ in range(3)]
        for _ in range(100):
            self.assertIsNone(self.call())
        for call_id in live:
            self.end(call_id)
        self.assertIsNotNone(self.call())

    def test_answer_again(self) -> None:
        """An answer that is given a second time is no second call."""
        first = self.call()
        assert first is not None
        self.end(first)
        self.guard.started("crm", first)
        self.assertEqual([self.call() is None for _ in range(4)], [False, False, False, True])

    def test_unlimited(self) -> None:
        """0 is no limit."""
        self.guard = TollGuard(self.clock, Tariff(0, 0))
        self.assertNotIn(None, [self.call() for _ in range(100)])

    def test_prefixes(self) -> None:
        """A denied beginning is denied however it is dressed up, for calls and for transfers."""
        self.guard = TollGuard(self.clock, Tariff(deny_prefixes=("0900", "+1900", "00")))
        for target in (
            "09001234",
            "+19005550100",
            "0044123",
            "sip:09001234@sip.acme.com",
            "sip:%30900@sip.acme.com",
            "sip:0-900-12@sip.acme.com;user=phone",
            "sip:0900;phone-context=x@sip.acme.com",
            "SIP:%2B1900@sip.acme.com",
        ):
            self.assertIsNone(self.call(target=target), target)
            self.assertRaises(NotAuthorised, self.guard.charge, "crm", target, new_call=False)
        for target in ("0190", "+4930", "sip:alice@sip.acme.com", "090"):
            self.guard.charge("crm", target, new_call=False)

    def test_number(self) -> None:
        """What is called, without scheme, host and punctuation."""
        self.assertEqual(number("sip:%2B55(71)3341.1525@host:5060;x=y"), "+557133411525")
        self.assertEqual(number("*31#5"), "*31#5")
