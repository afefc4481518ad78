"""The panel's window as the daemon asks for it."""

from __future__ import annotations

from typing import Any

from jeepney import HeaderFields, MessageFlag
from twisted.trial.unittest import SynchronousTestCase

from neon.dbus.messagebus import MessageBus
from neon.desktop.window import NAME, PATH, START_SECONDS, Window
from tests.dbus.fakebus import FakeBus

URL = "http://localhost:15060/#ticket=abc"
UNKNOWN = "org.freedesktop.DBus.Error.ServiceUnknown"


class WindowTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.bus = FakeBus()
        self.bus.activatable = [NAME]
        client = MessageBus(self.bus, "/run/bus")
        self.window = Window(client)
        client.start()

    def action(self) -> Any:
        call = self.bus.taken("ActivateAction")
        self.assertEqual(call.header.fields[HeaderFields.path], PATH)
        return call

    def test_show(self) -> None:
        """The bus may start it; it gets the address, and what lets it take the keyboard."""
        shown = self.window.show(URL, "token")
        call = self.action()
        self.assertFalse(call.header.flags & MessageFlag.no_auto_start)
        name, parameters, platform = call.body
        self.assertEqual((name, parameters, platform["activation-token"]), ("show", [("s", URL)], ("s", "token")))
        self.assertNoResult(shown)
        self.bus.reply(call)
        self.assertTrue(self.successResultOf(shown))

    def test_slow(self) -> None:
        """One that takes long to start is on its way."""
        shown = self.window.show(URL)
        self.bus.advance(START_SECONDS)
        self.assertTrue(self.successResultOf(shown))

    def test_none(self) -> None:
        """One that cannot start is none; hiding promises nothing either, and nobody is rung up by it any more."""
        shown = self.window.show(URL)
        self.bus.refuse(self.action(), "org.freedesktop.DBus.Error.Spawn.ChildExited")
        self.assertFalse(self.successResultOf(shown))
        self.assertFalse(self.successResultOf(self.window.hide()))
        self.assertFalse(self.successResultOf(self.window.ring(URL)))
        self.assertEqual(self.bus.asked, [])

    def test_hide(self) -> None:
        """Nothing is started to be hidden; what runs is told."""
        self.assertTrue(self.successResultOf(self.window.hide()))
        self.assertEqual(self.bus.asked, [])
        self.bus.own(NAME, ":1.9")
        hidden = self.window.hide()
        call = self.action()
        self.assertEqual(call.body[:2], ("hide", []))
        self.assertTrue(call.header.flags & MessageFlag.no_auto_start)
        self.bus.reply(call)
        self.assertTrue(self.successResultOf(hidden))

    def test_tell(self) -> None:
        """Where the panel is now, only a window that runs hears; one that does not is as good as before."""
        told = self.window.tell(URL)
        call = self.action()
        self.assertTrue(call.header.flags & MessageFlag.no_auto_start)
        self.bus.refuse(call, UNKNOWN)
        self.assertFalse(self.successResultOf(told))
        self.assertTrue(self.window.installed)

    def test_no_bus(self) -> None:
        """Without a bus there is no window, at once."""
        self.bus.lose()
        for asked in (self.window.show(URL), self.window.hide(), self.window.ring(URL), self.window.calm()):
            self.assertFalse(self.successResultOf(asked))
