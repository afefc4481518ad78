"""The bus: numbers, order, the next turn, and the ring."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.bus import Bus, Published, utc_now
from neon.events import CallStarted, QuestionsChanged, Registered, RegistrationEvent
from neon.values import Cause

NOON = datetime(2024, 5, 1, 12, 0, 0, tzinfo=UTC)


def event(number: int) -> Registered:
    return Registered(number, Cause())


class BusTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.bus = Bus(self.clock, lambda: NOON + timedelta(seconds=self.clock.seconds()), ring_size=3)
        self.got: list[Published] = []

    def seqs(self) -> list[int]:
        return [published.seq for published in self.got]

    def test_numbers_and_times(self) -> None:
        """Every event gets the next number and the time of its publication, in UTC."""
        self.bus.subscribe(self.got.append)
        self.bus.publish(event(1))
        self.clock.advance(1.5)
        self.bus.publish(event(2))
        self.clock.advance(0)
        self.assertEqual(
            self.got,
            [Published(1, NOON, event(1)), Published(2, NOON + timedelta(seconds=1.5), event(2))],
        )
        self.assertEqual(self.bus.last_seq, 2)

    def test_next_turn(self) -> None:
        """Nothing is delivered in the turn that published, so that an answer can be written first."""
        self.bus.subscribe(self.got.append)
        self.bus.publish(event(1))
        self.assertEqual(self.got, [])
        self.clock.advance(0)
        self.assertEqual(self.seqs(), [1])

    def test_prompt(self) -> None:
        """Whoever is prompt has an event before it is published; the others on the next turn, each just once."""
        prompt: list[Published] = []
        self.bus.subscribe(prompt.append, prompt=True)
        self.bus.subscribe(self.got.append)
        published = self.bus.publish(event(1))
        self.assertEqual((prompt, self.got), ([published], []))
        self.clock.advance(0)
        self.assertEqual((prompt, self.got), ([published], [published]))

    def test_kinds(self) -> None:
        """Whoever names kinds of events hears of those, of their subclasses, and of nothing else."""
        outcomes: list[Published] = []
        others: list[Published] = []
        self.bus.publish(event(1))
        self.clock.advance(0)
        self.bus.subscribe(outcomes.append, RegistrationEvent, prompt=True)
        leave = self.bus.subscribe(others.append, CallStarted, QuestionsChanged, prompt=True)
        self.bus.publish(QuestionsChanged(1))
        self.bus.publish(event(1))
        self.clock.advance(0)
        leave()
        self.bus.publish(QuestionsChanged(2))
        self.assertEqual(([one.seq for one in outcomes], [one.seq for one in others]), ([3], [2]))

    def test_held(self) -> None:
        """While a command runs nobody hears anything, and what comes in the same turn queues behind it."""
        self.bus.subscribe(self.got.append, prompt=True)
        with self.bus.held():
            self.bus.publish(event(1))
        self.bus.publish(event(2))
        self.assertEqual(self.got, [])
        self.clock.advance(0)
        self.assertEqual(self.seqs(), [1, 2])
        self.bus.publish(event(3))
        self.assertEqual(self.seqs(), [1, 2, 3])

    def test_prompt_in_order(self) -> None:
        """What is published from inside a prompt subscriber comes after the event that led to it, for everybody."""

        def echo(published: Published) -> None:
            if published.seq == 1:
                self.bus.publish(event(2))

        self.bus.subscribe(echo, prompt=True)
        self.bus.subscribe(self.got.append, prompt=True)
        self.bus.publish(event(1))
        self.clock.advance(0)
        self.assertEqual(self.seqs(), [1, 2])

    def test_order(self) -> None:
        """Everybody gets every event in the order of publication, also of what subscribers publish."""
        other: list[Published] = []

        def echo(published: Published) -> None:
            if published.seq == 1:
                self.bus.publish(event(3))

        self.bus.subscribe(echo)
        self.bus.subscribe(self.got.append)
        self.bus.subscribe(other.append)
        self.bus.publish(event(1))
        self.bus.publish(event(2))
        self.clock.advance(0)
        self.assertEqual(self.seqs(), [1, 2, 3])
        self.assertEqual(other, self.got)

    def test_published_during_delivery(self) -> None:
        """What a subscriber publishes waits for a turn of its own, like everything else."""
        turns: list[Callable[[], object]] = []

        class OneTurnAtATime(Clock):
            def callLater(  # type: ignore[override]
                self, delay: float, callable: Callable[[], object], *args: object, **kw: object
            ) -> None:
                turns.append(callable)

        bus = Bus(OneTurnAtATime())
        seen: list[int] = []

        def echo(published: Published) -> None:
            seen.append(published.seq)
            if published.seq == 1:
                bus.publish(event(2))

        bus.subscribe(echo)
        bus.publish(event(1))
        turns.pop()()
        self.assertEqual(seen, [1])
        turns.pop()()
        self.assertEqual(seen, [1, 2])
        self.assertEqual(turns, [])

    def test_failing_subscriber(self) -> None:
        """A subscriber that raises is logged; the others, and its own next events, are delivered."""
        calls: list[int] = []

        def fail(published: Published) -> None:
            calls.append(published.seq)
            raise RuntimeError("no")

        self.bus.subscribe(fail)
        self.bus.subscribe(self.got.append)
        self.bus.publish(event(1))
        self.bus.publish(event(2))
        self.clock.advance(0)
        self.assertEqual(self.seqs(), [1, 2])
        self.assertEqual(calls, [1, 2])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 2)

    def test_unsubscribe(self) -> None:
        """After unsubscribing nothing comes, not even what was published before; twice is harmless."""
        unsubscribe = self.bus.subscribe(self.got.append)
        self.bus.publish(event(1))
        unsubscribe()
        unsubscribe()
        self.clock.advance(0)
        self.assertEqual(self.got, [])

    def test_unsubscribe_during_delivery(self) -> None:
        """A subscriber may end itself or another while being called; the rest of the event's audience gets it."""
        first: list[int] = []
        second: list[Published] = []

        def leave(published: Published) -> None:
            first.append(published.seq)
            unsubscribe_first()
            unsubscribe_second()

        unsubscribe_first = self.bus.subscribe(leave)
        unsubscribe_second = self.bus.subscribe(second.append)
        self.bus.subscribe(self.got.append)
        self.bus.publish(event(1))
        self.bus.publish(event(2))
        self.clock.advance(0)
        self.assertEqual(first, [1])
        self.assertEqual(second, [])
        self.assertEqual(self.seqs(), [1, 2])

    def test_subscribed_late(self) -> None:
        """A subscription begins with the next publication, not with what waits for delivery."""
        self.bus.publish(event(1))
        self.bus.subscribe(self.got.append)
        self.bus.publish(event(2))
        self.clock.advance(0)
        self.assertEqual(self.seqs(), [2])

    def test_same_subscriber_twice(self) -> None:
        """Two subscriptions are two, whoever they call."""
        unsubscribe = self.bus.subscribe(self.got.append)
        self.bus.subscribe(self.got.append)
        unsubscribe()
        self.bus.publish(event(1))
        self.clock.advance(0)
        self.assertEqual(self.seqs(), [1])

    def test_nothing_left(self) -> None:
        """After delivery no timer is left."""
        self.bus.publish(event(1))
        self.clock.advance(0)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class ReplayTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.bus = Bus(self.clock, lambda: NOON, ring_size=3)

    def replay(self, seq: int) -> tuple[list[int], bool]:
        replay = self.bus.since(seq)
        return [published.seq for published in replay.events], replay.gap

    def test_nothing_published(self) -> None:
        """A new bus has nothing, and nobody missed anything."""
        self.assertEqual(self.replay(0), ([], False))

    def test_missed(self) -> None:
        """The events after a number are there, in order and at once."""
        for number in (1, 2, 3):
            self.bus.publish(event(number))
        self.assertEqual(self.replay(0), ([1, 2, 3], False))
        self.assertEqual(self.replay(2), ([3], False))
        self.assertEqual(self.replay(3), ([], False))

    def test_ring_is_bounded(self) -> None:
        """What the ring no longer holds is a gap; the last it does hold is not."""
        for number in range(1, 6):
            self.bus.publish(event(number))
        self.assertEqual(self.replay(1), ([3, 4, 5], True))
        self.assertEqual(self.replay(2), ([3, 4, 5], False))

    def test_number_from_another_life(self) -> None:
        """A number that was never given here is a gap: the daemon was restarted, and everything since is new."""
        self.bus.publish(event(1))
        self.assertEqual(self.replay(57), ([1], True))

    def test_another_boot(self) -> None:
        """A number of another life is a gap even where this life has it too."""
        self.bus.publish(event(1))
        self.bus.publish(event(2))
        other = Bus(self.clock, lambda: NOON)
        self.assertNotEqual(other.boot, self.bus.boot)
        for boot, seqs, gap in ((self.bus.boot, [2], False), (None, [2], False), (other.boot, [1, 2], True)):
            replay = self.bus.since(1, boot)
            self.assertEqual(([published.seq for published in replay.events], replay.gap), (seqs, gap))

    def test_replay_and_subscription_join(self) -> None:
        """Replay and subscription in one turn miss nothing and repeat nothing."""
        self.bus.publish(event(1))
        got: list[Published] = []
        self.bus.subscribe(got.append)
        got.extend(self.bus.since(0).events)
        self.bus.publish(event(2))
        self.clock.advance(0)
        self.assertEqual([published.seq for published in got], [1, 2])


class WallClockTests(SynchronousTestCase):
    def test_utc(self) -> None:
        """The default wall clock is in UTC."""
        self.assertEqual(utc_now().utcoffset(), timedelta(0))


class NotKeptTests(SynchronousTestCase):
    """Events that mean nothing later."""

    def test_no_gap(self) -> None:
        """They are delivered and numbered, not kept, and crowd nothing out; to miss them is no gap."""
        clock = Clock()
        bus = Bus(clock, ring_size=2)
        heard: list[int] = []
        bus.subscribe(lambda published: heard.append(published.seq))
        for keep in (True, False, False, False, True, False):
            bus.publish(event(1), keep=keep)
        clock.advance(0)
        self.assertEqual(heard, [1, 2, 3, 4, 5, 6])
        for since, kept in ((0, [1, 5]), (1, [5]), (3, [5]), (5, []), (6, [])):
            replay = bus.since(since)
            self.assertEqual(([published.seq for published in replay.events], replay.gap), (kept, False))
        bus.publish(event(1))
        self.assertEqual([bus.since(since).gap for since in (0, 1, 2)], [True, False, False])
