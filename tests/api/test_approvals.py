"""The questions that web pages raise: who waits, for how long, how many there can be."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.api import approvals
from neon.api.approvals import Answer, ApprovalRequests, NoQuestion
from neon.api.origins import Origins, Standing
from tests.fakes import EPOCH

CRM = "https://crm.example.com"


class ApprovalTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.origins = Origins()
        self.requests = ApprovalRequests(self.clock, self.origins.decide, wall=lambda: EPOCH)

    def tearDown(self) -> None:
        self.requests.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def wait(self, origin: str = CRM) -> Deferred[bool]:
        waiting = self.requests.wait(origin)
        self.assertNoResult(waiting)
        return waiting

    def pending(self) -> list[str]:
        return [question.origin for question in self.requests.pending]

    def test_answers(self) -> None:
        """Everybody who waits for the same origin gets the same answer, which is kept before they get it."""
        for answer in Answer:
            origin = f"http://{answer.value}"
            waiting = [self.wait(origin), self.wait(origin)]
            (question,) = self.requests.pending
            self.assertEqual((question.origin, question.since), (origin, EPOCH))
            self.successResultOf(self.requests.answer(question.id, answer))
            self.assertEqual([self.successResultOf(one) for one in waiting], [answer.allows] * 2)
            self.assertEqual(self.origins.standing(origin) is Standing.APPROVED, answer.allows)
            self.assertEqual(self.pending(), [])

    def test_fifteen_seconds(self) -> None:
        """Nobody waits longer; the question stays, and its answer is for the next time."""
        waiting = self.wait()
        self.clock.advance(14.9)
        self.assertNoResult(waiting)
        self.clock.advance(0.2)
        self.assertFalse(self.successResultOf(waiting))
        self.assertEqual(self.pending(), [CRM])
        self.requests.decide(CRM, Answer.ALLOW)
        self.assertIs(self.origins.standing(CRM), Standing.APPROVED)

    def test_gone(self) -> None:
        """Who goes while he waits leaves nothing behind."""
        first, second = self.wait(), self.wait()
        first.cancel()
        self.assertFalse(self.successResultOf(first))
        self.requests.decide(CRM, Answer.ALLOW)
        self.assertTrue(self.successResultOf(second))

    def test_not_waiting(self) -> None:
        """A request that does not wait raises the question too, once."""
        self.assertIsNotNone(self.requests.ask(CRM))
        self.requests.ask(CRM)
        self.assertEqual(self.pending(), [CRM])

    def test_forgotten(self) -> None:
        """A question that nobody answers goes after five minutes without the page."""
        self.requests.ask(CRM)
        self.clock.advance(299)
        self.requests.ask(CRM)
        self.clock.advance(299)
        self.assertEqual(self.pending(), [CRM])
        self.clock.advance(2)
        self.assertEqual(self.pending(), [])

    def test_quiet(self) -> None:
        """After a denial the page may not ask again for a minute."""
        waiting = self.wait()
        self.requests.decide(CRM, Answer.DENY)
        self.assertFalse(self.successResultOf(waiting))
        self.assertFalse(self.successResultOf(self.requests.wait(CRM)))
        self.assertIsNone(self.requests.ask(CRM))
        self.clock.advance(61)
        self.assertIsNotNone(self.requests.ask(CRM))

    def test_bounded(self) -> None:
        """Pages that invent origins raise eight questions, and hold sixteen handshakes, no more."""
        waiting = [self.requests.wait(f"http://{number}.evil.example") for number in range(100)]
        self.assertEqual(len(self.requests.pending), approvals.MAX_PENDING)
        self.assertEqual(len([one for one in waiting if not one.called]), approvals.MAX_PENDING)
        more = [self.requests.wait("http://0.evil.example") for _ in range(100)]
        held = [one for one in (*waiting, *more) if not one.called]
        self.assertEqual(len(held), approvals.MAX_WAITING)
        for number in range(2 * approvals.MAX_QUIET):
            self.requests.decide(f"http://{number}", Answer.DENY)
        self.assertEqual(len(self.requests._quiet), approvals.MAX_QUIET)

    def test_no_such_question(self) -> None:
        """An answer to a question that is over says so."""
        self.failureResultOf(self.requests.answer(7, Answer.ALLOW), NoQuestion)

    def test_beforehand(self) -> None:
        """A decision needs no question; after an approval the page may ask at once even if it was denied before."""
        self.requests.decide(CRM, Answer.DENY)
        self.requests.decide(CRM, Answer.ALLOW)
        self.assertIs(self.origins.standing(CRM), Standing.APPROVED)

    def test_subscribers(self) -> None:
        """Whoever shows the questions hears of each that comes and goes; one that fails disturbs nobody."""
        seen: list[list[str]] = []

        def broken() -> None:
            raise ZeroDivisionError

        self.requests.subscribe(broken)
        unsubscribe = self.requests.subscribe(lambda: seen.append(self.pending()))
        self.requests.ask(CRM)
        self.requests.decide(CRM, Answer.BLOCK)
        unsubscribe()
        self.requests.ask("http://other")
        self.assertEqual(seen, [[CRM], []])
        self.requests.stop()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 4)

    def test_stop(self) -> None:
        """At the end those who wait are refused."""
        waiting = self.wait()
        self.requests.stop()
        self.assertFalse(self.successResultOf(waiting))
