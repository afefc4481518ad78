"""The call log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.bus import Bus
from neon.details import Why
from neon.events import CallAccepted, CallFinalized, CallMissed, CallStarted
from neon.history import MOST_LIVE, Entry, History, Result, Wanted, result_of
from neon.values import Cause, Direction

EPOCH = datetime(2024, 5, 1, 12, 0, 0, tzinfo=UTC)
US, THEM = "sip:31@acme.com", "sip:32@acme.com"


class FakeStore:
    """Keeps entries in a list."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.broken = False
        self.old = 0
        self.forgotten: list[datetime] = []

    def write(self, entries: Sequence[Entry]) -> Deferred[None]:
        if self.broken:
            return fail(OSError("the disk is full"))
        self.entries.extend(entries)
        return succeed(None)

    def page(self, wanted: Wanted) -> Deferred[list[Entry]]:
        return succeed(self.entries[: wanted.limit])

    def forget(self, before: datetime) -> Deferred[int]:
        self.forgotten.append(before)
        count, self.old = min(self.old, 10), max(0, self.old - 10)
        return succeed(count)


class HistoryTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.bus = Bus(self.clock, self.wall)
        self.store = FakeStore()
        self.accounts = {1: US}
        self.history = History(
            self.bus, self.clock, self.store, lambda number: self.accounts.get(number, ""), 30, self.wall
        )

    def wall(self) -> datetime:
        return EPOCH + timedelta(seconds=self.clock.seconds())

    def who(
        self, call_id: int = 7, direction: Direction = Direction.OUTGOING
    ) -> tuple[int, int, Direction, str, str, str | None]:
        ends = (US, THEM) if direction is Direction.OUTGOING else (THEM, US)
        return (call_id, 1, direction, *ends, "Ana")

    def end(self, call_id: int = 7, direction: Direction = Direction.OUTGOING, status: int = 0, ms: int = 0) -> None:
        self.bus.publish(CallFinalized(*self.who(call_id, direction), duration_ms=ms, cause=Cause(status, "so")))
        self.clock.pump([0, 1])

    def test_whole_call(self) -> None:
        """Times, ends, duration, result and cause of a call that was answered."""
        self.history.note(7, application="crm", custom1="order 17")
        self.bus.publish(CallStarted(*self.who()))
        self.clock.advance(5)
        self.bus.publish(CallAccepted(*self.who()))
        self.clock.advance(60)
        self.history.note(7, recording="/r/7.wav")
        self.end(ms=60_000)
        (entry,) = self.store.entries
        self.assertEqual(
            [(at - EPOCH).total_seconds() for at in (entry.started, entry.answered or EPOCH, entry.ended)], [0, 5, 65]
        )
        self.assertEqual((entry.caller, entry.callee, entry.account, entry.duration_ms), (US, THEM, US, 60_000))
        self.assertEqual((entry.result, entry.status, entry.cause), (Result.ANSWERED, 0, 16))
        note = entry.note
        self.assertEqual((note.application, note.custom1, note.recording), ("crm", "order 17", "/r/7.wav"))

    def test_results(self) -> None:
        """What becomes of a call that nobody answered has a word."""
        out, into = Direction.OUTGOING, Direction.INCOMING
        rows = (
            (out, 486, None, "busy"),
            (out, 600, None, "busy"),
            (out, 603, None, "refused"),
            (out, 480, None, "unanswered"),
            (out, 487, None, "cancelled"),
            (out, 503, None, "failed"),
            (into, 486, None, "refused"),
            (into, 487, Why.UNANSWERED, "missed"),
            (into, 302, Why.FORWARDED, "forwarded"),
            (into, 486, Why.BUSY, "busy"),
            (into, 480, Why.DND, "dnd"),
            (into, 500, Why.FAILED, "missed"),
        )
        for direction, status, why, word in rows:
            self.assertEqual(result_of(direction, Cause(status), why).value, word, (direction, status, why))

    def test_missed(self) -> None:
        """A call that rang and was not taken is one entry, and a missed one."""
        who = self.who(8, Direction.INCOMING)
        self.bus.publish(CallStarted(*who))
        self.bus.publish(CallMissed(*who, cause=Cause(487), why=Why.UNANSWERED))
        self.end(8, Direction.INCOMING, 487)
        self.assertEqual([entry.result for entry in self.store.entries], [Result.MISSED])

    def test_turned_away(self) -> None:
        """A call that was turned away before it rang is in the log as well."""
        self.bus.publish(CallMissed(*self.who(8, Direction.INCOMING), cause=Cause(486), why=Why.BUSY))
        self.clock.pump([0, 1])
        self.assertEqual([(entry.call_id, entry.result) for entry in self.store.entries], [(8, Result.BUSY)])

    def test_call_of_before_a_crash(self) -> None:
        """A call whose beginning an earlier life has seen began when its duration says."""
        self.end(3, ms=5000)
        (entry,) = self.store.entries
        self.assertEqual((entry.ended - entry.started, entry.result), (timedelta(seconds=5), Result.ANSWERED))

    def test_account_that_is_gone(self) -> None:
        """An account that was given up before its call ended is still named."""
        self.bus.publish(CallStarted(*self.who()))
        self.clock.advance(1)
        self.accounts.clear()
        self.end()
        self.assertEqual(self.store.entries[0].account, US)

    def test_page_has_the_latest(self) -> None:
        """Whoever looks sees what has not been written yet."""
        self.bus.publish(CallFinalized(*self.who(), duration_ms=0, cause=Cause(486)))
        self.clock.advance(0)
        page = self.successResultOf(self.history.page(Wanted()))
        self.assertEqual([entry.call_id for entry in page], [7])

    def test_asked_from_inside(self) -> None:
        """A client that is told at once of the end of a call, and asks at once, finds its entry."""
        pages: list[list[Entry]] = []

        def ask(published: object) -> None:
            pages.append(self.successResultOf(self.history.page(Wanted())))

        self.bus.subscribe(ask, prompt=True)
        self.bus.publish(CallFinalized(*self.who(), duration_ms=0, cause=Cause(486)))
        self.assertEqual([entry.call_id for entry in pages[0]], [7])

    def test_batches(self) -> None:
        """Many calls that end together are written together."""
        for call_id in range(1, 6):
            self.bus.publish(CallFinalized(*self.who(call_id), duration_ms=0, cause=Cause()))
        self.assertEqual(self.store.entries, [])
        self.clock.advance(1)
        self.assertEqual(len(self.store.entries), 5)

    def test_broken_store(self) -> None:
        """A disk that is full is logged, and the next call is written again."""
        self.store.broken = True
        self.end(7)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        self.store.broken = False
        self.end(8)
        self.assertEqual([entry.call_id for entry in self.store.entries], [8])

    def test_bounded(self) -> None:
        """Notes about calls that never end do not pile up."""
        for call_id in range(MOST_LIVE + 10):
            self.history.note(call_id, custom1="x")
        self.assertEqual(len(self.history._notes), MOST_LIVE)

    def test_retention(self) -> None:
        """What is older than the setting goes, in steps, and again an hour later."""
        self.store.old = 25
        self.history.start()
        self.clock.pump([1.0, 0.1, 0.1, 0.1, 0.1])
        self.assertEqual(len(self.store.forgotten), 4)
        self.assertEqual(self.store.forgotten[0], EPOCH + timedelta(seconds=1, days=-30))
        self.clock.advance(3600)
        self.assertEqual(len(self.store.forgotten), 5)

    def test_stop(self) -> None:
        """What waits is written before the end, and no timer is left."""
        self.history.start()
        self.bus.publish(CallFinalized(*self.who(), duration_ms=0, cause=Cause()))
        self.clock.advance(0)
        self.successResultOf(self.history.stop())
        self.assertEqual((len(self.store.entries), self.clock.getDelayedCalls()), (1, []))
