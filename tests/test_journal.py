"""The journal of the calls that live: what is written, when, and what becomes of it after a crash."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.bus import Published
from neon.events import CallFinalized
from neon.journal import FLUSH_SECONDS, CallJournal
from neon.leftovers import AUDIENCE_SECONDS, INTERRUPTED, NEVER_ANSWERED, REUNION_SECONDS, UNANSWERED, Leftovers
from neon.records import CallRecord, DialogRecord
from neon.values import Cause, Direction
from tests.fakes import AGREEMENT, EPOCH, FakeWorld
from tests.store.test_journal import CALL, DIALOG


class FakeStore:
    """Keeps what was written; C{held} makes writing take as long as the test wants."""

    def __init__(self) -> None:
        self.rows: dict[int, CallRecord] = {}
        self.writes = 0
        self.held: list[Deferred[None]] | None = None

    def write(self, changes: Mapping[int, CallRecord | None]) -> Deferred[None]:
        self.writes += 1
        for call_id, record in changes.items():
            if record is None:
                self.rows.pop(call_id, None)
            else:
                self.rows[call_id] = record
        if self.held is None:
            return succeed(None)
        self.held.append(Deferred())
        return self.held[-1]


class JournalTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.world = FakeWorld()
        self.store = FakeStore()
        self.journal = CallJournal(self.world.bus, self.world.clock, self.store, self.world.phone.account_uri)
        self.world.phone.on_dialog = self.journal.dialog
        self.world.registered()

    def call(self) -> int:
        call_id = self.world.phone.start_call("32")
        self.world.clock.advance(0)
        return call_id

    def settle(self) -> None:
        self.world.clock.advance(FLUSH_SECONDS)

    def test_written(self) -> None:
        """A call is written a moment after it began, and again when it has a dialog and when it is answered."""
        call_id = self.call()
        self.assertEqual(self.store.rows, {})
        self.settle()
        self.assertIsNone(self.store.rows[call_id].dialog)
        far = self.world.signalling.calls[0]
        far.recorded = DIALOG
        far.on_changed()
        self.settle()
        self.assertEqual(self.store.rows[call_id].dialog, DIALOG)
        self.assertIsNone(self.store.rows[call_id].answered)
        far.listener.answered(AGREEMENT)
        self.world.clock.advance(0)
        self.settle()
        record = self.store.rows[call_id]
        self.assertEqual(record.account, self.world.phone.accounts()[0].uri)
        self.assertEqual((record.direction, record.callee), (Direction.OUTGOING, "sip:32@sip.acme.com"))
        self.assertIsNotNone(record.answered)

    def test_removed(self) -> None:
        """The end of a call takes it out."""
        call_id = self.call()
        self.settle()
        self.assertIn(call_id, self.store.rows)
        self.world.signalling.calls[0].listener.ended(Cause(486, "Busy Here"))
        self.world.clock.advance(0)
        self.settle()
        self.assertEqual(self.store.rows, {})

    def test_short_calls_cost_nothing(self) -> None:
        """A call that is over before it would be written never is."""
        self.call()
        self.world.signalling.calls[0].listener.ended(Cause(486, "Busy Here"))
        self.world.clock.advance(0)
        self.settle()
        self.assertEqual(self.store.rows, {})

    def test_one_write_at_a_time(self) -> None:
        """While the disk is slow changes gather, and are written together when it is done."""
        self.store.held = []
        self.call()
        self.settle()
        for _ in range(5):
            self.call()
            self.settle()
        self.assertEqual(self.store.writes, 1)
        self.store.held[0].callback(None)
        self.settle()
        self.assertEqual((self.store.writes, len(self.store.rows)), (2, 6))

    def test_a_disk_that_fails(self) -> None:
        """Calls do not care; what comes later is written."""
        self.store.held = []
        self.call()
        self.settle()
        self.store.held[0].errback(OSError("full"))
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        call_id = self.call()
        self.settle()
        self.assertIn(call_id, self.store.rows)

    def test_stop(self) -> None:
        """What is not written yet is handed over at the end, and no timer is left."""
        call_id = self.call()
        self.journal.stop()
        self.assertIn(call_id, self.store.rows)


class FakeEnder:
    """Remembers what is to be ended."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, DialogRecord, Callable[[Cause], None]]] = []

    def end_left_over(self, account: str, dialog: DialogRecord, done: Callable[[Cause], None]) -> None:
        self.asked.append((account, dialog, done))


class LeftoverTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.world = FakeWorld()
        self.clock: Clock = self.world.clock
        self.store = FakeStore()
        self.ender = FakeEnder()
        self.heard: list[CallFinalized] = []
        self.world.bus.subscribe(self.hear)
        self.leftovers = Leftovers(
            self.world.bus, self.clock, self.ender, self.store, self.world.phone.remember_ended, self.wall
        )

    def wall(self) -> datetime:
        return EPOCH + timedelta(seconds=self.clock.seconds())

    def hear(self, published: Published) -> None:
        assert isinstance(published.event, CallFinalized)
        self.heard.append(published.event)

    def begin(self, *records: CallRecord) -> None:
        self.store.rows = {record.call_id: record for record in records}
        self.leftovers.begin(records)

    def test_ended_and_told(self) -> None:
        """BYE first; the event when an application is back; then the journal forgets the call."""
        answered = self.wall().timestamp() - 61
        self.begin(replace(CALL, answered=answered))
        [(account, dialog, done)] = self.ender.asked
        self.assertEqual((account, dialog), (CALL.account, DIALOG))
        done(Cause())
        self.clock.advance(5)
        self.assertEqual(self.heard, [])
        self.assertIsNone(self.store.rows[55].dialog, "a further crash must not end it again")
        self.leftovers.somebody_came()
        self.clock.pump([REUNION_SECONDS, 0])
        [event] = self.heard
        self.assertEqual((event.call_id, event.callee, event.cause), (55, CALL.callee, Cause(0, INTERRUPTED)))
        self.assertTrue(60_900 <= event.duration_ms <= 61_100, event)
        self.assertEqual(self.store.rows, {})

    def test_nobody_comes(self) -> None:
        """After a minute it is published for the record."""
        self.begin(CALL)
        self.ender.asked[0][2](Cause())
        self.clock.pump([AUDIENCE_SECONDS - 1, 0])
        self.assertEqual(self.heard, [])
        self.clock.pump([1, 0])
        self.assertEqual(len(self.heard), 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_slow_far_end(self) -> None:
        """A far end that answers after the application came: the event follows at once, once."""
        self.begin(CALL)
        self.leftovers.somebody_came()
        self.clock.pump([REUNION_SECONDS, 0])
        self.assertEqual(self.heard, [])
        self.ender.asked[0][2](Cause(408, "silence"))
        self.clock.pump([0, 0])
        self.assertEqual([event.cause for event in self.heard], [Cause(408, UNANSWERED)])

    def test_never_answered(self) -> None:
        """Calls that were ringing: ours is cancelled, one to us just over; neither has a duration."""
        ringing = replace(CALL, answered=None)
        called = replace(CALL, call_id=56, answered=None, dialog=None, direction=Direction.INCOMING)
        self.begin(ringing, called)
        self.ender.asked[0][2](Cause())
        self.leftovers.somebody_came()
        self.clock.pump([REUNION_SECONDS, 0])
        told = {event.call_id: (event.duration_ms, event.cause) for event in self.heard}
        self.assertEqual(told, {55: (0, Cause(487, NEVER_ANSWERED)), 56: (0, Cause(480, NEVER_ANSWERED))})

    def test_told_only(self) -> None:
        """A call that the last life ended without telling anybody is told, with its own end, and not ended again."""
        self.begin(replace(CALL, answered=100.0, ended=160.0, dialog=None, cause=Cause(0, INTERRUPTED)))
        self.assertEqual(self.ender.asked, [])
        self.leftovers.somebody_came()
        self.clock.pump([REUNION_SECONDS, 0])
        self.assertEqual([event.duration_ms for event in self.heard], [60_000])

    def test_finalize_again(self) -> None:
        """Whoever asks to end such a call has what it wants."""
        self.begin(CALL)
        self.world.phone.finalize_call(55)

    def test_stop(self) -> None:
        """Stopped before anybody came: the next life tells."""
        self.begin(CALL)
        self.ender.asked[0][2](Cause())
        self.leftovers.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertIsNotNone(self.store.rows[55].ended)

    def test_nothing(self) -> None:
        """A life that ended well leaves nothing to do."""
        self.begin()
        self.leftovers.somebody_came()
        self.assertEqual(self.clock.getDelayedCalls(), [])
