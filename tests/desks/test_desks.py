"""Desks that publish, and a hub that watches them."""

from __future__ import annotations

import contextlib
import json
import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.desks import topics
from neon.desks.hub import Hub
from neon.desks.link import Will
from neon.desks.publisher import Publisher
from neon.switchboard import Board, CallGone, CallPicture, Change, Ended, ExtensionPicture, Phase, Status
from neon.values import Direction
from tests.desks.broker import FakeBroker, FakeLink
from tests.test_switchboard import CALLS

TALKING = CallPicture(55, Direction.OUTGOING, "101", "600", phase=Phase.UP)
BUSY = ExtensionPicture("101", "sip:101@acme.com", registered=True, calls=(TALKING,))
IDLE = replace(BUSY, calls=(), ended=(Ended(55, 17),))


class Desk:
    """A switchboard with its publisher."""

    def __init__(self, clock: Clock, broker: FakeBroker, name: str) -> None:
        self.name = name
        self.board = Board()
        self.links: list[FakeLink] = []
        will = Will(topics.state("site", name), topics.alive(False))

        def make(publisher: Publisher) -> FakeLink:
            self.links.append(FakeLink(broker, publisher, will))
            return self.links[-1]

        self.publisher = Publisher(clock, self.board, "site", name, make)

    @property
    def link(self) -> FakeLink:
        return self.links[-1]


class DeskCase(SynchronousTestCase):
    persistent = False

    def setUp(self) -> None:
        self.clock = Clock()
        self.broker = FakeBroker(self.persistent)
        self.hub = Hub(self.clock, "site", self.make_hub)
        self.told: list[Change] = []
        self.hub.watch(self.told.append)

    def make_hub(self, hub: Hub) -> FakeLink:
        self.hub_link = FakeLink(self.broker, hub)
        return self.hub_link

    def desk(self, name: str, *pictures: ExtensionPicture) -> Desk:
        made = Desk(self.clock, self.broker, name)
        for picture in pictures:
            made.board.put(picture)
        made.publisher.start()
        return made

    def seen(self) -> dict[str, Status]:
        self.clock.pump([0, 0])
        return {picture.name: picture.status for picture in self.hub.pictures()}


class DeskTests(DeskCase):
    def test_hub_sees_desks(self) -> None:
        """Whoever came first, the hub sees every extension, its calls, and how they end."""
        self.desk("one", BUSY)
        self.hub.start()
        two = self.desk("two", replace(IDLE, name="102"))
        self.assertEqual(self.seen(), {"101": Status.IN_USE, "102": Status.IDLE})
        self.assertEqual(self.hub.pictures()[0].calls[0].call_id, "one/55")
        two.board.put(replace(BUSY, name="102"))
        self.assertEqual(self.seen()["102"], Status.IN_USE)
        self.told.clear()
        two.board.put(replace(IDLE, name="102"))
        self.seen()
        self.assertIn(CallGone("102", "two/55", 17), self.told)

    def test_same_number_at_two_desks(self) -> None:
        """The second desk's extension is told apart by the desk."""
        self.hub.start()
        self.desk("one", BUSY)
        self.desk("two", IDLE)
        self.assertEqual(self.seen(), {"101": Status.IN_USE, "101@two": Status.IDLE})

    def test_account_given_up(self) -> None:
        """An extension that is gone is gone from the broker and the hub."""
        self.hub.start()
        one = self.desk("one", BUSY)
        self.seen()
        one.board.remove("101")
        self.assertEqual(self.seen(), {})
        self.assertEqual(list(self.broker.retained), [topics.state("site", "one")])

    def test_desk_dies(self) -> None:
        """A desk that is killed has extensions, unavailable and without calls; when it is back they are as they are."""
        self.hub.start()
        one = self.desk("one", BUSY)
        self.seen()
        one.link.die()
        self.assertEqual(self.seen(), {"101": Status.UNAVAILABLE})
        self.assertEqual(self.hub.pictures()[0].calls, ())
        self.desk("one", IDLE)
        self.assertEqual(self.seen(), {"101": Status.IDLE})

    def test_desk_stops(self) -> None:
        """A desk that stops properly is as gone as one that dies."""
        self.hub.start()
        one = self.desk("one", BUSY)
        self.seen()
        self.successResultOf(one.publisher.stop())
        self.assertEqual(self.seen(), {"101": Status.UNAVAILABLE})

    def test_earlier_life(self) -> None:
        """What an earlier life of a desk has left on the broker is taken off by the next one."""
        self.hub.start()
        self.desk("one", BUSY, replace(BUSY, name="105")).link.die()
        self.desk("one", BUSY)
        self.clock.advance(3)
        self.assertEqual(self.seen(), {"101": Status.IN_USE})

    def test_broker_down(self) -> None:
        """A short absence of the broker is not seen, a longer one makes everything unavailable; both pass."""
        self.hub.start()
        one = self.desk("one", BUSY)
        self.seen()
        self.broker.crash()
        self.clock.advance(3)
        self.assertEqual(self.seen(), {"101": Status.IN_USE})
        self.clock.advance(1)
        self.assertEqual(self.seen(), {"101": Status.UNAVAILABLE})
        one.board.put(IDLE)
        self.broker.restart()
        self.assertEqual(self.seen(), {"101": Status.IDLE})

    def test_desk_dies_with_the_broker(self) -> None:
        """A desk that does not come back after the broker is not there any more."""
        self.hub.start()
        one = self.desk("one", BUSY)
        self.seen()
        self.broker.crash()
        one.link.die()
        self.broker.restart()
        self.clock.advance(4)
        self.assertNotIn(Status.IN_USE, self.seen().values())

    def test_slow_broker(self) -> None:
        """What changes while there is no room is sent once, as it is when there is room."""
        self.hub.start()
        one = self.desk("one", BUSY)
        self.seen()
        one.link.room = 0
        for _ in range(50):
            one.board.put(IDLE)
            one.board.put(BUSY)
            self.clock.advance(0)
        before = self.broker.published
        one.board.put(IDLE)
        one.link.make_room(100)
        self.assertEqual(self.seen(), {"101": Status.IDLE})
        self.assertEqual(self.broker.published - before, 1)

    def test_nonsense(self) -> None:
        """What is no picture changes nothing."""
        self.hub.start()
        self.desk("one", BUSY)
        self.seen()
        for topic, payload in (
            (topics.extension("site", "one", "101"), b"{"),
            (topics.extension("site", "one", "101"), b'{"v":9}'),
            ("neon/site/one/extension/a/b", b"{}"),
            ("neon/site/one", b"{}"),
            ("neon/other/one/state", topics.alive(False)),
        ):
            self.hub.arrived(topic, payload, False)
        self.assertEqual(self.seen(), {"101": Status.IN_USE})

    def test_random(self) -> None:
        """Whatever is killed in whatever order, the hub is right four seconds after the last of it."""
        for seed in range(60):
            with self.subTest(seed=seed):
                self.setUp()
                self.tumble(random.Random(seed))

    def tumble(self, dice: random.Random) -> None:
        self.hub.start()
        desks = {name: self.desk(name, replace(BUSY, name=f"1{name}")) for name in "abc"}
        for _ in range(30):
            name = dice.choice("abc")
            match dice.randrange(6):
                case 0:
                    desks[name].link.die()
                    desks[name] = self.desk(name, replace(dice.choice([BUSY, IDLE]), name=f"1{name}"))
                case 1:
                    self.broker.crash()
                case 2:
                    self.broker.restart()
                case 3:
                    self.hub_link.drop()
                    self.hub_link.come()
                case 4:
                    desks[name].board.put(replace(dice.choice([BUSY, IDLE]), name=f"1{name}"))
                case 5:
                    self.clock.advance(dice.random() * 4)
        self.broker.restart()
        self.clock.pump([1.0] * 5)
        truth = {f"1{name}": desk.board.pictures()[0].status for name, desk in desks.items()}
        self.assertEqual(self.seen(), truth)


class PersistentTests(DeskTests):
    """The same with a broker that remembers."""

    persistent = True


PICTURES = st.builds(
    ExtensionPicture,
    st.text(max_size=20),
    st.text(max_size=20),
    st.booleans(),
    st.lists(st.builds(replace, CALLS, bridge=st.none() | st.integers(1, 5), conference=st.booleans()), max_size=5).map(
        tuple
    ),
    st.lists(st.builds(Ended, st.integers(1, 99), st.integers(1, 127)), max_size=5).map(tuple),
)


class CodecTests(SynchronousTestCase):
    @given(PICTURES)
    def test_round_trip(self, picture: ExtensionPicture) -> None:
        """A picture is the same at the other end."""
        self.assertEqual(topics.decode(topics.encode(picture)), picture)

    @given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.lists(
        inner, max_size=4) | st.dictionaries(st.sampled_from(
            ["v", "name", "hint", "registered", "calls", "ended", "id", "dir", "a", "b", "phase"]), inner, max_size=8)))
    def test_nonsense(self, document: object) -> None:
        """Whatever JSON arrives, it is a picture or it is said to be none."""
        for payload in (json.dumps(document).encode(), json.dumps(document).encode()[:-1], b"\xff" * 3):
            with contextlib.suppress(topics.NoPicture):
                topics.decode(payload)

    def test_topics(self) -> None:
        """Topics are read as they were written, whatever an extension is called."""
        for name in ("101", "101@acme.com", "a/b", "+", "#", "ñandú", ""):
            topic = topics.extension("site", "desk", name)
            self.assertEqual(topics.parse("site", topic), topics.ExtensionTopic("desk", topics.word(name)))
