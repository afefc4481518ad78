"""The stream that is open before its call."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.media.sparestream import AFTER, SpareStream
from neon.ports import MediaUnavailable


class Socket:
    closed = False

    def close(self) -> None:
        self.closed = True


class SpareTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.opened: list[Socket] = []
        self.full = False
        self.spare = SpareStream(self.clock, self.open)

    def open(self) -> Any:
        if self.full:
            raise MediaUnavailable("no port is left")
        self.opened.append(Socket())
        return self.opened[-1]

    def test_first(self) -> None:
        """The first call has one opened; the next one finds its own open."""
        self.assertIs(self.spare.take(), self.opened[0])
        self.clock.advance(AFTER)
        self.assertEqual(len(self.opened), 2)
        self.assertIs(self.spare.take(), self.opened[1])

    def test_several_at_once(self) -> None:
        """Calls that begin together each have their own, and one is kept for the next."""
        self.assertEqual(len({id(self.spare.take()) for _ in range(3)}), 3)
        self.clock.advance(AFTER)
        self.assertEqual(len(self.opened), 4)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_none_left(self) -> None:
        """Where no port is left the call hears it, and not the one before; later there may be one again."""
        self.spare.take()
        self.full = True
        self.clock.advance(AFTER)
        self.assertRaises(MediaUnavailable, self.spare.take)
        self.full = False
        self.spare.take()

    def test_drop(self) -> None:
        """The spare one is closed when it is dropped, and none is opened after that."""
        self.spare.take()
        self.clock.advance(AFTER)
        self.spare.drop()
        self.assertEqual([socket.closed for socket in self.opened], [False, True])
        self.spare.take()
        self.spare.drop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
