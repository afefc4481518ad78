"""Waiting messages and watched extensions: remembered, and published when they change."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from neon.errors import InvalidArgument
from neon.events import ExtensionChanged, MessagesWaiting
from neon.values import AccountOptions, Direction
from neon.watched import ExtensionState, ExtensionStatus, MessageSummary
from neon.watching import UNHEARD, Watched
from tests.fakes import ACCOUNT, FakeWorld

BUSY = ExtensionStatus(ExtensionState.BUSY, "sip:32@sip.acme.com", None, Direction.INCOMING)


class WatchingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.world = FakeWorld()
        self.watching = self.world.phone.watching
        self.account = self.world.registered(replace(ACCOUNT, options=AccountOptions(mwi=True, blf=("201",))))
        self.world.take_events()

    def test_configured(self) -> None:
        """What the configuration names is listed before anything was heard of it."""
        self.assertEqual(self.watching.extensions(), (Watched(self.account, "201", UNHEARD),))

    def test_changes(self) -> None:
        """A change is published; the same again is not."""
        for _ in range(2):
            self.watching.extension_changed(self.account, "201", BUSY)
        self.assertEqual(self.world.take_events(), [ExtensionChanged(self.account, "201", BUSY)])
        self.assertEqual(self.watching.extensions(), (Watched(self.account, "201", BUSY),))

    def test_messages(self) -> None:
        """So it is with messages."""
        summary = MessageSummary(True, 1, 0)
        for _ in range(2):
            self.watching.messages_waiting(self.account, summary)
        self.assertEqual(self.world.take_events(), [MessagesWaiting(self.account, summary)])
        self.assertEqual(self.watching.messages(self.account), summary)

    def test_by_command(self) -> None:
        """watch and unwatch reach the signalling; what was not watched cannot be unwatched."""
        self.watching.watch(self.account, "202")
        self.assertEqual(self.world.signalling.watched, [(self.account, "202")])
        self.assertEqual([one.extension for one in self.watching.extensions()], ["201", "202"])
        self.watching.unwatch(self.account, "202")
        self.assertEqual([one.extension for one in self.watching.extensions()], ["201"])
        self.assertRaises(InvalidArgument, self.watching.unwatch, self.account, "202")

    def test_account_gone(self) -> None:
        """Of an account that was given up nothing is remembered."""
        self.watching.extension_changed(self.account, "201", BUSY)
        self.watching.messages_waiting(self.account, MessageSummary(True))
        self.world.phone.unregister(self.account)
        self.world.signalling.end_registration(self.account)
        self.world.take_events()
        self.assertEqual(self.watching.extensions(), ())
        self.assertIsNone(self.watching.messages(self.account))
