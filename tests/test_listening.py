"""The commands about what a client hears and sees, and what answers say beside their data."""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed

from neon.commands import Commands
from tests.test_commands import CommandCase, OneApplication


class WarningTests(CommandCase):
    def test_none(self) -> None:
        """Whoever writes as the tables do is warned of nothing, whatever the case."""
        self.done(("Action", "ListCalls"), ("FRUIT", 1))
        self.assertEqual(self.client.warnings, [])


class ScreenTests(CommandCase):
    def test_no_panel(self) -> None:
        """Without a panel ShowUI succeeds and says that there is none."""
        for show in (True, False, "sim", 0):
            self.assertEqual(self.done(action="showui", show=show), {"ui": False})
        malformed: tuple[object, ...] = (None, "", "maybe", 2, [])
        for bad in malformed:
            self.assertEqual(self.code(action="showui", show=bad), 102)

    def test_panel(self) -> None:
        """A panel is shown and hidden."""
        shown: list[bool] = []

        class Panel:
            def show(self, visible: bool) -> Deferred[bool]:
                shown.append(visible)
                return succeed(True)

        self.commands = Commands(self.world.phone, self.sessions, OneApplication(), screen=Panel())
        self.assertEqual(self.done(action="ShowUI", show=True), {"ui": True})
        self.assertEqual(self.done(action="ShowUI", show="não"), {"ui": True})
        self.assertEqual(shown, [True, False])


class SubscribeTests(CommandCase):
    def test_wishes(self) -> None:
        """Numbers and names, as JSON and as text, reach the client's subscription."""
        for given, wish in (
            ({}, (None, None, None)),
            ({"since": 0}, (0, None, None)),
            ({"since": "812", "boot": "ab"}, (812, "ab", None)),
            ({"events": ["OnCallClaimed", "OnCallClaimed"]}, (None, None, ("OnCallClaimed",))),
            ({"events": "OnCallClaimed, OnHold"}, (None, None, ("OnCallClaimed", "OnHold"))),
            ({"events": []}, (None, None, ())),
            ({"events": ""}, (None, None, ())),
        ):
            answer = self.done(action="subscribe", **given)
            self.assertEqual(self.client.wishes[-1], wish)
            self.assertEqual((answer["seq"], answer["boot"]), (self.world.bus.last_seq, self.world.bus.boot))

    def test_malformed(self) -> None:
        """What is neither is 102."""
        malformed: tuple[dict[str, object], ...] = (
            {"since": -1}, {"since": 1.5}, {"since": "x"}, {"since": 1 << 53}, {"since": True}, {"boot": []},
            {"events": 5}, {"events": {}}, {"events": [1]}, {"events": [None]}, {"events": ["x" * 65]},
            {"events": ["a\nb"]}, {"events": [""]}, {"events": ["a"] * 101}, {"events": [["a"]]},
        )  # fmt: skip
        for bad in malformed:
            self.assertEqual(self.code(action="subscribe", **bad), 102, bad)
        self.assertEqual(self.client.wishes, [])

    def test_snapshots(self) -> None:
        """Lists say which event was the last that they know of."""
        self.world.registered()
        moment = (self.world.bus.last_seq, self.world.bus.boot)
        for action in ("listcalls", "listaccounts"):
            answer = self.done(action=action)
            self.assertEqual((answer["seq"], answer["boot"]), moment)

