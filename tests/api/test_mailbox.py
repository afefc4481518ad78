"""Every rule of long polling, on a clock."""

from __future__ import annotations

import random

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.api.mailbox import MAX_CLIENTS, MAX_EVENTS, Mailbox, Mailboxes
from neon.api.sessions import Session, Sessions
from neon.bus import Bus, Published
from neon.events import CallClaimed, Unregistered
from neon.values import Cause, Direction
from tests.fakes import EPOCH


def event(seq: int) -> Published:
    return Published(seq, EPOCH, Unregistered(seq, Cause()))


class Reader:
    """A client whose polls are answered, or that has gone away."""

    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox
        self.answers: list[int | None] = []
        self.there = True

    def poll(self) -> None:
        self.mailbox.poll(self.answer)

    def answer(self, published: Published | None) -> bool:
        if self.there:
            self.answers.append(None if published is None else published.seq)
        return self.there

    def take(self) -> list[int | None]:
        answers, self.answers = self.answers, []
        return answers


class MailboxCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.mailbox = Mailbox(self.clock)
        self.reader = Reader(self.mailbox)

    def put(self, *seqs: int) -> None:
        for seq in seqs:
            self.mailbox.put(event(seq))

    def polled(self) -> list[int | None]:
        """What one poll gets at once."""
        self.reader.poll()
        return self.reader.take()


class PollTests(MailboxCase):
    def test_held(self) -> None:
        """A poll waits for an event, and gets exactly one."""
        self.assertEqual(self.polled(), [])
        self.clock.advance(29.9)
        self.put(1, 2)
        self.assertEqual(self.reader.take(), [1])

    def test_pending(self) -> None:
        """Events between two polls are queued; each poll gets the next one at once."""
        self.put(1, 2, 3)
        self.assertEqual([self.polled() for _ in range(4)], [[1], [2], [3], []])

    def test_nothing(self) -> None:
        """A poll with nothing to report is answered empty after thirty seconds, not before."""
        self.polled()
        self.clock.advance(29.9)
        self.assertEqual(self.reader.take(), [])
        self.clock.advance(0.2)
        self.assertEqual(self.reader.take(), [None])

    def test_poll_seconds(self) -> None:
        """The time that a poll is held is configurable."""
        self.reader.mailbox = Mailbox(self.clock, poll_seconds=5)
        self.polled()
        self.clock.advance(5)
        self.assertEqual(self.reader.take(), [None])

    def test_newest_wins(self) -> None:
        """Two polls: the older is answered empty at once, the newer gets the event."""
        older, newer = Reader(self.mailbox), Reader(self.mailbox)
        older.poll()
        newer.poll()
        self.assertEqual((older.answers, newer.answers), ([None], []))
        self.put(1)
        self.assertEqual((older.answers, newer.answers), ([None], [1]))

    def test_newest_is_held_in_full(self) -> None:
        """The newer poll has thirty seconds of its own."""
        older, newer = Reader(self.mailbox), Reader(self.mailbox)
        older.poll()
        self.clock.advance(20)
        newer.poll()
        self.clock.advance(20)
        self.assertEqual(newer.answers, [])
        self.clock.advance(10)
        self.assertEqual(newer.answers, [None])

    def test_next_poll_from_within(self) -> None:
        """A poll that comes in while another is being answered (a pipelined one) gets the next event, not the same."""

        class Eager(Reader):
            def answer(self, published: Published | None) -> bool:
                super().answer(published)
                if len(self.answers) < 4:
                    self.poll()
                return True

        eager = Eager(self.mailbox)
        self.put(1, 2, 3)
        eager.poll()
        self.assertEqual(eager.answers, [1, 2, 3])
        self.put(4)
        self.assertEqual(eager.answers, [1, 2, 3, 4])

    def test_replaced_from_within(self) -> None:
        """A poll that comes in while an older one is sent away is the newest."""
        later = Reader(self.mailbox)

        class Pipelined(Reader):
            def answer(self, published: Published | None) -> bool:
                later.poll()
                return super().answer(published)

        first, second = Pipelined(self.mailbox), Reader(self.mailbox)
        first.poll()
        second.poll()
        self.put(1)
        self.assertEqual((first.answers, second.answers, later.answers), ([None], [None], [1]))


class GraceTests(MailboxCase):
    def test_ten_seconds(self) -> None:
        """Ten seconds after the last answer what is pending is dropped, and counted."""
        self.put(1, 2, 3)
        self.polled()
        self.clock.advance(9.9)
        self.put(4)
        self.clock.advance(0.2)
        self.assertEqual(self.polled(), [])
        self.assertEqual(self.mailbox.discarded, 3)

    def test_in_time(self) -> None:
        """Just before the ten seconds are over everything is still there."""
        self.put(1, 2, 3)
        self.polled()
        self.clock.advance(9.9)
        self.assertEqual(self.polled(), [2])
        self.clock.advance(9.9)
        self.assertEqual(self.polled(), [3])
        self.assertEqual(self.mailbox.discarded, 0)

    def test_first_poll(self) -> None:
        """The first poll has thirty seconds."""
        self.put(1)
        self.clock.advance(29.9)
        self.assertEqual(self.polled(), [1])

    def test_first_poll_late(self) -> None:
        """After thirty seconds without a first poll everything is dropped."""
        self.put(1)
        self.clock.advance(30.1)
        self.assertEqual(self.polled(), [])
        self.assertEqual(self.mailbox.discarded, 1)

    def test_afterwards(self) -> None:
        """An event that comes after the ten seconds waits ten seconds itself, each its own."""
        self.put(1)
        self.polled()
        self.clock.advance(60)
        self.put(2)
        self.clock.advance(6)
        self.put(3)
        self.clock.advance(5)
        self.assertEqual(self.polled(), [3])
        self.assertEqual(self.mailbox.discarded, 1)

    def test_afterwards_in_time(self) -> None:
        """Within its ten seconds such an event is delivered, and the usual rule holds again."""
        self.clock.advance(60)
        self.put(1, 2)
        self.clock.advance(9.9)
        self.assertEqual(self.polled(), [1])
        self.clock.advance(9.9)
        self.assertEqual(self.polled(), [2])

    def test_empty_answer_counts(self) -> None:
        """An answer with nothing in it is an answer: the ten seconds begin with it."""
        self.polled()
        self.clock.advance(30)
        self.put(1)
        self.clock.advance(9.9)
        self.assertEqual(self.polled(), [None, 1])
        self.polled()
        self.clock.advance(30)
        self.put(2)
        self.clock.advance(10.1)
        self.assertEqual(self.polled(), [None])

    def test_held_clock(self) -> None:
        """The clock stands still while a poll is held, and goes on where it stood if its client vanishes."""
        self.put(1)
        self.polled()
        self.clock.advance(6)
        self.reader.poll()
        self.clock.advance(20)
        self.mailbox.vanished(self.reader.answer)
        self.put(2)
        self.clock.advance(3.9)
        self.assertEqual(self.polled(), [2])

    def test_held_clock_runs_on(self) -> None:
        """After a held poll has vanished only the rest of the ten seconds is left."""
        self.put(1)
        self.polled()
        self.clock.advance(6)
        self.reader.poll()
        self.clock.advance(20)
        self.mailbox.vanished(self.reader.answer)
        self.put(2)
        self.clock.advance(4.1)
        self.assertEqual(self.polled(), [])

    def test_rounding(self) -> None:
        """Times that do not add up exactly do not stop the clock: what is too old goes, the rest stays."""
        chance = random.Random(7)
        for seq in range(1, 200):
            self.clock.advance(chance.random() * 3)
            self.put(seq)
        at = self.clock.seconds()
        self.clock.advance(9)
        self.assertEqual(len(self.polled()), 1)
        self.assertLess(self.clock.seconds() - at, 10)
        self.assertGreater(self.mailbox.discarded, 150)


class WrittenTests(MailboxCase):
    def test_vanished(self) -> None:
        """A poll whose client has gone takes no event with it."""
        self.reader.poll()
        self.reader.there = False
        self.put(1, 2)
        self.reader.there = True
        self.assertEqual([self.polled() for _ in range(2)], [[1], [2]])

    def test_vanished_at_once(self) -> None:
        """The same where the event was pending when the poll came."""
        self.put(1, 2)
        self.reader.there = False
        self.polled()
        self.reader.there = True
        self.assertEqual([self.polled() for _ in range(2)], [[1], [2]])

    def test_vanished_starts_no_clock(self) -> None:
        """An answer that was not written is none: the time since the last one counts."""
        self.put(1, 2)
        self.polled()
        self.clock.advance(6)
        self.reader.there = False
        self.polled()
        self.reader.there = True
        self.clock.advance(4.1)
        self.assertEqual(self.polled(), [])

    def test_random_disconnects(self) -> None:
        """Whoever vanishes whenever: every event arrives once, in order, as long as polls keep coming."""
        chance = random.Random(11)
        seen: list[int | None] = []
        for seq in range(1, 2001):
            self.put(seq)
            while chance.random() < 0.6:
                self.reader.there = chance.random() < 0.5
                self.reader.poll()
                if chance.random() < 0.3:
                    self.reader.poll()
                    self.mailbox.vanished(self.reader.answer)
                self.clock.advance(chance.random() * 0.5)
        self.reader.there = True
        for _ in range(3000):
            self.reader.poll()
        seen = [answer for answer in self.reader.answers if answer is not None]
        self.assertEqual(self.mailbox.discarded, 0)
        self.assertEqual(seen, list(range(1, 2001)))


class BoundTests(MailboxCase):
    def test_bound(self) -> None:
        """A thousand fit in; then the oldest go, and are counted."""
        self.put(*range(1, MAX_EVENTS + 6))
        self.assertEqual(self.polled(), [6])
        self.assertEqual(self.mailbox.discarded, 5)

    def test_close(self) -> None:
        """Closing answers whoever waits, and leaves no timer."""
        self.polled()
        self.mailbox.close()
        self.assertEqual(self.reader.take(), [None])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_no_forgotten_timer(self) -> None:
        """Nobody polls: in the end nothing is kept and no timer runs."""
        self.put(1)
        self.polled()
        self.put(2)
        self.clock.advance(10)
        self.put(3)
        self.clock.advance(10)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class MailboxesCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.bus = Bus(self.clock, lambda: EPOCH)
        self.sessions = Sessions(self.clock, 3600)
        self.mailboxes = Mailboxes(self.clock, self.bus)
        self.sessions.on_open.append(self.mailboxes.opened)
        self.sessions.on_close.append(self.mailboxes.closed)

    def publish(self, count: int = 1) -> None:
        for _ in range(count):
            self.bus.publish(Unregistered(1, Cause()))
        self.clock.advance(0)

    def session(self) -> Session:
        return self.sessions.open("crm")[1]

    def polled(self, session: Session, client: str = "", times: int = 1) -> list[int | None]:
        """What so many polls get at once."""
        reader = Reader(self.mailboxes.of(session, client))
        for _ in range(times):
            reader.poll()
        return reader.answers


class MailboxesTests(MailboxesCase):
    def test_own_queue(self) -> None:
        """Every token gets every event."""
        one, two = self.session(), self.session()
        self.publish(2)
        self.assertEqual(self.polled(one, times=2), [1, 2])
        self.assertEqual(self.polled(two, times=2), [1, 2])

    def test_clients(self) -> None:
        """Every client name has its own place in the events; two polls of different names do not disturb each other."""
        session = self.session()
        one = Reader(self.mailboxes.of(session, "one"))
        two = Reader(self.mailboxes.of(session, "two"))
        one.poll()
        two.poll()
        self.publish()
        self.assertEqual((one.answers, two.answers), ([1], [1]))

    def test_since_authenticate(self) -> None:
        """A token's events begin with its authentication."""
        self.publish(2)
        session = self.session()
        self.publish(1)
        self.clock.advance(29)
        self.assertEqual(self.polled(session), [3])

    def test_published_before(self) -> None:
        """An event of the moment before the authentication is not the token's, even if it is delivered after."""
        self.bus.publish(Unregistered(1, Cause()))
        session = self.session()
        self.publish()
        self.assertEqual(self.polled(session, times=2), [2])

    def test_first_poll_late(self) -> None:
        """Whoever polls only after thirty seconds gets what is younger than ten, and is told how much is lost."""
        session = self.session()
        self.publish(3)
        self.clock.advance(31)
        self.publish(2)
        self.clock.advance(6)
        self.publish(1)
        self.clock.advance(5)
        self.assertEqual(self.polled(session, times=2), [6])
        self.assertEqual(self.mailboxes.of(session).discarded, 5)

    def test_overflow_before_first_poll(self) -> None:
        """What did not fit in before the first poll is counted, too."""
        session = self.session()
        self.publish(MAX_EVENTS + 7)
        self.assertEqual(self.polled(session), [8])
        self.assertEqual(self.mailboxes.of(session).discarded, 7)

    def test_consumed_is_gone(self) -> None:
        """What a client was given does not come back when it pauses and returns."""
        session = self.session()
        self.publish()
        self.assertEqual(self.polled(session), [1])
        self.clock.advance(15)
        self.assertEqual(self.polled(session), [])

    def test_second_name_lost_nothing(self) -> None:
        """A tab that opens later has lost nothing: its events begin now."""
        session = self.session()
        self.polled(session)
        self.publish(5)
        self.clock.advance(60)
        self.assertEqual(self.polled(session, "tab"), [])
        self.assertEqual(self.mailboxes.of(session, "tab").discarded, 0)

    def test_logout(self) -> None:
        """The end of a token answers whoever polls with it, and leaves no timer."""
        session = self.session()
        reader = Reader(self.mailboxes.of(session))
        reader.poll()
        self.sessions.close(session)
        self.assertEqual(reader.answers, [None])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_too_many_names(self) -> None:
        """A client that calls itself something else each time pushes out its idle names, never one that waits."""
        session = self.session()
        waiting = Reader(self.mailboxes.of(session, "waiting"))
        waiting.poll()
        for number in range(3 * MAX_CLIENTS):
            self.mailboxes.of(session, f"name {number}")
        self.assertEqual(waiting.answers, [])
        self.publish()
        self.assertEqual(waiting.answers, [1])

    def claim(self, claimant: str) -> None:
        self.bus.publish(CallClaimed(43, 1, Direction.INCOMING, "sip:32@a", "sip:31@a", None, "crm", claimant))
        self.clock.advance(0)

    def test_extensions(self) -> None:
        """Extension events reach the readers that asked for them, and are counted for nobody else."""
        session = self.session()
        one = Reader(self.mailboxes.of(session, "one"))
        one.poll()
        self.mailboxes.subscribe(session, "two", None, None, ("OnCallClaimed",))
        self.claim("somebody")
        self.publish()
        self.assertEqual(one.answers, [2])
        self.assertEqual(self.polled(session, "two", times=2), [1, 2])
        self.assertEqual(self.mailboxes.of(session, "one").discarded, 0)

    def test_own_claim(self) -> None:
        """Who claimed a call is not told so, its other tabs are."""
        session = self.session()
        for name in ("one", "two"):
            self.mailboxes.subscribe(session, name, None, None, ("OnCallClaimed",))
        self.claim(self.mailboxes.key(session, "one"))
        self.assertEqual(self.polled(session, "one"), [])
        self.assertEqual(self.polled(session, "two"), [1])

    def test_replay(self) -> None:
        """A reader that says where it was gets the rest, once, in order, and then what comes."""
        self.publish(3)
        session = self.session()
        self.publish(2)
        subscribed = self.mailboxes.subscribe(session, "", 1, self.bus.boot, None)
        self.assertEqual((subscribed.replayed, subscribed.gap), (4, False))
        self.publish()
        self.assertEqual(self.polled(session, times=6), [2, 3, 4, 5, 6])

    def test_replay_to_held_poll(self) -> None:
        """A poll that is held gets the first of what is replayed, but not before the answer to subscribe is written."""
        self.publish(2)
        session = self.session()
        reader = Reader(self.mailboxes.of(session))
        reader.poll()
        self.mailboxes.subscribe(session, "", 0, None, None)
        self.assertEqual(reader.answers, [])
        self.clock.advance(0)
        self.assertEqual(reader.answers, [1])
        reader.poll()
        self.assertEqual(reader.answers, [1, 2])

    def test_replay_waits(self) -> None:
        """What is replayed waits ten seconds for the next poll, however late that is otherwise."""
        self.publish()
        session = self.session()
        self.clock.advance(100)
        self.mailboxes.subscribe(session, "", 0, None, None)
        self.clock.advance(9.9)
        self.assertEqual(self.polled(session), [1])

    def test_close(self) -> None:
        """Closing answers everybody and ends the subscription."""
        session = self.session()
        reader = Reader(self.mailboxes.of(session))
        reader.poll()
        self.mailboxes.close()
        self.publish()
        self.assertEqual(reader.answers, [None])
