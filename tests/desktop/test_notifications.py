"""Notifications: what the server is told, and what becomes of clicks."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from neon.dbus.messagebus import MessageBus
from neon.desktop.notifications import NAME, Notice, Notifier, plain
from tests.dbus.fakebus import SERVER, FakeBus

PATH = "/org/freedesktop/Notifications"
FULL = ["body", "body-markup", "actions"]


class NotifierTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.bus = FakeBus()
        self.bus.owners[NAME] = SERVER
        client = MessageBus(self.bus, "/run/bus")
        self.notifier = Notifier(client, "NEON", "icon", "Show")
        client.start()
        self.clicks: list[tuple[str, str]] = []
        self.last = 40

    def notice(self, text: str = "Alice", urgent: bool = True) -> Notice:
        actions = (("answer", "Answer"), ("decline", "Decline"))
        return Notice("Call", text, "call", lambda key, token: self.clicks.append((key, token)), actions, urgent)

    def capable(self, capabilities: list[str]) -> None:
        self.bus.reply(self.bus.taken("GetCapabilities"), "as", (capabilities,))

    def notified(self) -> Any:
        """What the server was asked to show; it gives it the next number."""
        call = self.bus.taken("Notify")
        self.last = call.body[1] or self.last + 1
        self.bus.reply(call, "u", (self.last,))
        return call.body

    def signal(self, member: str, signature: str, *body: object, sender: str = SERVER) -> None:
        self.bus.signal(PATH, NAME, member, signature, body, sender=sender)

    def test_shown(self) -> None:
        """Title, text and buttons arrive; an urgent one stays until it is over, and makes no sound of its own."""
        self.notifier.show("a", self.notice())
        self.capable(FULL)
        name, replaces, icon, title, text, actions, hints, expires = self.notified()
        self.assertEqual((name, replaces, icon, title, text, expires), ("NEON", 0, "icon", "Call", "Alice", 0))
        self.assertEqual(actions, ["default", "Show", "answer", "Answer", "decline", "Decline"])
        self.assertEqual((hints["urgency"], hints["suppress-sound"]), (("y", 2), ("b", True)))
        self.notifier.show("b", self.notice(urgent=False))
        self.assertEqual(self.notified()[7], -1)

    def test_markup(self) -> None:
        """Text of strangers is escaped where it would be markup, and left alone where it would not."""
        told = '<a href="x">&amp;'
        self.notifier.show("a", self.notice(told))
        self.capable(FULL)
        self.assertEqual(self.notified()[4], '&lt;a href="x"&gt;&amp;amp;')
        self.bus.own(NAME, ":1.200")
        self.capable(["body"])
        *_, text, actions, _, _ = self.notified()
        self.assertEqual((text, actions), (told, []))

    def test_buttons(self) -> None:
        """A click reaches its notice, with what lets a window take the keyboard; others' notices are none of ours."""
        self.notifier.show("a", self.notice())
        self.capable(FULL)
        self.notified()
        self.signal("ActivationToken", "us", 41, "token")
        self.signal("ActionInvoked", "us", 41, "answer")
        self.signal("ActionInvoked", "us", 7, "answer")
        self.signal("ActionInvoked", "us", 41, "decline", sender=":1.66")
        self.assertEqual(self.clicks, [("answer", "token")])

    def test_closed(self) -> None:
        """It is taken away, also where it had no number yet; one that the person put away does not come again."""
        self.notifier.show("a", self.notice())
        self.capable(FULL)
        self.notified()
        self.notifier.close("a")
        self.assertEqual(self.bus.taken("CloseNotification").body, (41,))
        self.notifier.show("b", self.notice())
        self.notifier.close("b")
        self.notified()
        self.assertEqual(self.bus.taken("CloseNotification").body, (42,))
        self.notifier.show("c", self.notice())
        self.notified()
        self.signal("NotificationClosed", "uu", 43, 2)
        self.assertNotIn("c", self.notifier)
        self.notifier.close("c")
        self.bus.own(NAME, ":1.200")
        self.assertEqual(self.bus.asked, [])

    def test_replaced(self) -> None:
        """Another notice with the same key takes the place of the first."""
        self.notifier.show("a", self.notice())
        self.capable(FULL)
        self.notified()
        self.notifier.show("a", self.notice("Bob"))
        self.assertEqual(self.notified()[1], 41)

    def test_another_server(self) -> None:
        """When the program that shows them is another one, what is not over is shown again."""
        self.notifier.show("a", self.notice())
        self.capable(FULL)
        self.notified()
        self.bus.own(NAME, None)
        self.assertEqual(self.bus.asked, [])
        self.bus.own(NAME, ":1.200")
        self.capable(FULL)
        self.assertEqual(self.notified()[1:5], (0, "icon", "Call", "Alice"))

    def test_no_server(self) -> None:
        """Nobody who shows them is no trouble, and nor is a bus that goes."""
        self.notifier.show("a", self.notice())
        self.bus.refuse(self.bus.taken("GetCapabilities"), "org.freedesktop.DBus.Error.ServiceUnknown")
        self.notifier.show("b", self.notice())
        self.bus.lose()
        self.bus.asked.clear()
        self.notifier.close("b")
        self.bus.advance(1)
        self.capable(FULL)
        self.notified()
        self.assertEqual(self.bus.asked, [])

    def test_plain(self) -> None:
        """A name of a stranger is one short line that hides nothing."""
        self.assertEqual(plain(" A\tl\nice\x00\u202e \x1b[31m"), "A l ice [31m")
        self.assertEqual(len(plain("x" * 5000)), 200)
        self.assertEqual(plain("José ☎"), "José ☎")
