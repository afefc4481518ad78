"""What calls do on the desktop: notices, music, sleep, keys."""

from __future__ import annotations

import os
from typing import Any

from jeepney import HeaderFields
from twisted.trial.unittest import SynchronousTestCase

from neon.bus import Bus
from neon.dbus.messagebus import MessageBus
from neon.desktop.awake import SAVER_NAME, Awake
from neon.desktop.callnotices import MOST, CallNotices
from neon.desktop.callwatch import CallWatch
from neon.desktop.mediakeys import NAME as PLAYER_NAME
from neon.desktop.mediakeys import ROOT, MediaKeys
from neon.desktop.notifications import NAME, Notifier
from neon.desktop.players import PATH, PLAYER, PROPERTIES, RESUME_SECONDS, Players
from neon.desktop.questions import Questions
from neon.desktop.words import WORDS
from neon.desktoppart import short
from neon.details import Why
from neon.events import CallAccepted, CallFinalized, CallMissed, CallStarted
from neon.values import Cause, Direction
from tests.dbus.fakebus import OURS, SERVER, FakeBus

IN, OUT = Direction.INCOMING, Direction.OUTGOING


class FakeVerbs:
    """Notes what a person did."""

    def __init__(self) -> None:
        self.done: list[tuple[object, ...]] = []

    def answer(self, call_id: int) -> None:
        self.done.append(("answer", call_id))

    def decline(self, call_id: int) -> None:
        self.done.append(("decline", call_id))

    def hang_up(self, call_id: int) -> None:
        self.done.append(("hang up", call_id))

    def show(self, number: str | None = None, token: str = "") -> None:
        self.done.append(("show", number))


class DesktopCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.bus = FakeBus()
        self.session = MessageBus(self.bus, "/run/bus", descriptors=True)
        self.events = Bus(self.bus)
        self.calls = CallWatch(self.events)
        self.verbs = FakeVerbs()
        self.last = 0

    def publish(self, kind: Any, call_id: int, *more: object, direction: Direction = IN, name: str | None = None,
                caller: str = "sip:32@example.org") -> None:  # fmt: skip
        self.events.publish(kind(call_id, 1, direction, caller, "sip:1000@example.org", name, *more))
        self.bus.advance(0)

    def rings(self, call_id: int, name: str | None = None, caller: str = "sip:32@example.org") -> None:
        self.publish(CallStarted, call_id, name=name, caller=caller)

    def accepted(self, call_id: int) -> None:
        self.publish(CallAccepted, call_id)

    def over(self, call_id: int) -> None:
        self.publish(CallFinalized, call_id, 0, Cause())


class NoticeTests(DesktopCase):
    def setUp(self) -> None:
        super().setUp()
        self.bus.owners[NAME] = SERVER
        self.notifier = Notifier(self.session, "NEON", "icon", "Show")
        CallNotices(self.calls, self.notifier, self.verbs, WORDS["pt"], short)
        self.session.start()

    def shown(self) -> Any:
        if "GetCapabilities" in self.bus.members():
            self.bus.reply(self.bus.taken("GetCapabilities"), "as", (["actions", "body-markup"],))
        call = self.bus.taken("Notify")
        self.last = call.body[1] or self.last + 1
        self.bus.reply(call, "u", (self.last,))
        return call.body

    def click(self, key: str) -> None:
        self.bus.signal("/org/freedesktop/Notifications", NAME, "ActionInvoked", "us", (self.last, key))

    def test_incoming(self) -> None:
        """A call that comes in says who calls, in the person's language, and is answered or declined by a button."""
        self.rings(5, "Mallory <b>")
        *_, title, text, actions, _, _ = self.shown()
        self.assertEqual((title, text), ("Chamada recebida", "Mallory &lt;b&gt; (32)"))
        self.assertEqual(actions[2:], ["answer", "Atender", "decline", "Recusar"])
        for key in ("answer", "decline", "default"):
            self.click(key)
        self.assertEqual(self.verbs.done, [("answer", 5), ("decline", 5), ("show", None)])

    def test_withdrawn(self) -> None:
        """It goes when the call was answered, by whomever, or is over."""
        for call_id, end in ((5, self.accepted), (6, self.over)):
            self.rings(call_id)
            self.shown()
            end(call_id)
            self.assertEqual(self.bus.taken("CloseNotification").body, (self.last,))

    def test_outgoing(self) -> None:
        """Our own calls need no notice."""
        self.publish(CallStarted, 5, direction=OUT)
        self.assertEqual(self.bus.asked, [])

    def test_many(self) -> None:
        """A flood of calls shows as a few; the next is shown when one of them is over."""
        for call_id in range(100):
            self.rings(call_id)
        for _ in range(MOST):
            self.shown()
        self.assertEqual(self.bus.members(), [])
        self.over(0)
        self.bus.taken("CloseNotification")
        self.shown()

    def test_anonymous(self) -> None:
        """Whoever keeps their number back has no name made of it."""
        self.rings(5, caller="sip:anonymous@anonymous.invalid")
        self.assertEqual(self.shown()[4], "Número desconhecido")

    def test_missed(self) -> None:
        """Missed calls share one notice that counts; calling back is for the person to do, in the dial pad."""
        self.publish(CallMissed, 5, Cause(), Why.UNANSWERED)
        body = self.shown()
        self.assertEqual((body[1], body[3], body[4]), (0, "Chamada perdida", "32"))
        self.publish(CallMissed, 6, Cause(), Why.BUSY, caller="sip:+5511@example.org")
        body = self.shown()
        self.assertEqual((body[1], body[3], body[4]), (1, "2 chamadas perdidas", "+5511"))
        self.click("call-back")
        self.assertEqual(self.verbs.done, [("show", "+5511")])
        self.bus.taken("CloseNotification")
        self.publish(CallMissed, 7, Cause(), Why.UNANSWERED)
        self.assertEqual(self.shown()[3], "Chamada perdida")

    def test_not_missed(self) -> None:
        """Whoever does not want to be disturbed is not."""
        for why in (Why.DND, Why.FORWARDED):
            self.publish(CallMissed, 5, Cause(), why)
        self.assertEqual(self.bus.asked, [])

    def test_languages(self) -> None:
        """Every language says everything."""
        self.assertEqual({frozenset(words) for words in WORDS.values()}, {frozenset(WORDS["en"])})

    def test_short(self) -> None:
        """Numbers lose their domain, names keep it."""
        self.assertEqual(
            [short(uri) for uri in ("sip:32@a.b", "sips:+55@a", "sip:ana@a.b", "sip:a.b", "x")],
            ["32", "+55", "ana@a.b", "a.b", "x"],
        )


class QuestionTests(DesktopCase):
    def setUp(self) -> None:
        super().setUp()
        self.bus.owners[NAME] = SERVER
        self.origins: tuple[str, ...] = ()
        self.answers: list[tuple[str, str]] = []
        self.questions = Questions(self, Notifier(self.session, "NEON", "icon", "Show"), WORDS["en"])
        self.session.start()

    def answer(self, origin: str, word: str) -> None:
        self.answers.append((origin, word))

    def show(self, token: str) -> None:
        self.answers.append(("show", token))

    def test_asked(self) -> None:
        """A page that asks is named, with buttons; when somebody has answered elsewhere the notice goes."""
        self.origins = ("https://crm.example.com",)
        self.questions.look()
        self.bus.reply(self.bus.taken("GetCapabilities"), "as", (["actions"],))
        notify = self.bus.taken("Notify")
        self.bus.reply(notify, "u", (9,))
        self.assertEqual(notify.body[4], "https://crm.example.com")
        self.assertEqual(notify.body[5][2::2], ["allow-once", "allow", "deny"])
        self.questions.look()
        self.assertEqual(self.bus.asked, [])
        for key in ("deny", "default", "block"):
            self.bus.signal("/org/freedesktop/Notifications", NAME, "ActionInvoked", "us", (9, key))
        self.assertEqual(self.answers, [("https://crm.example.com", "deny"), ("show", ""), ("show", "")])
        self.origins = ()
        self.questions.look()
        self.assertEqual(self.bus.taken("CloseNotification").body, (9,))


class PlayerTests(DesktopCase):
    def setUp(self) -> None:
        super().setUp()
        self.players = Players(self.bus, self.session, self.calls)
        self.session.start()
        self.status = {":1.20": "Playing", ":1.21": "Paused", ":1.22": "Stopped"}
        for number, name in enumerate(("vlc", "mpv.instance7", "firefox"), 20):
            self.bus.owners[f"org.mpris.MediaPlayer2.{name}"] = f":1.{number}"
        self.bus.owners[PLAYER_NAME] = OURS
        self.bus.owners["org.mpris.MediaPlayer2.org.neonsoftphone.Panel.instance3"] = ":1.23"

    def answer(self) -> list[tuple[str, str]]:
        """Let the players answer whatever they are asked; returns what they were told to do."""
        done = []
        while self.bus.asked:
            call = self.bus.asked.pop(0)
            owner, member = call.header.fields[HeaderFields.destination], call.header.fields[HeaderFields.member]
            if member == "Get":
                self.bus.reply(call, "v", (("s", self.status[owner]),))
                continue
            done.append((owner, member))
            self.status[owner] = {"Pause": "Paused", "Play": "Playing"}[member]
            self.bus.reply(call)
        return done

    def test_paused(self) -> None:
        """What plays is paused while there are calls, and that alone plays on a moment after the last."""
        self.rings(5)
        self.assertEqual(self.answer(), [(":1.20", "Pause")])
        self.accepted(5)
        self.rings(6)
        self.over(5)
        self.over(6)
        self.assertEqual(self.answer(), [])
        self.bus.advance(RESUME_SECONDS)
        self.assertEqual(self.answer(), [(":1.20", "Play")])

    def test_person(self) -> None:
        """A player that the person stopped meanwhile stays so."""
        self.rings(5)
        self.answer()
        self.status[":1.20"] = "Stopped"
        self.over(5)
        self.bus.advance(RESUME_SECONDS)
        self.assertEqual(self.answer(), [])

    def test_next_call(self) -> None:
        """A call right after the last one finds the music still paused."""
        self.rings(5)
        self.answer()
        self.over(5)
        self.rings(6)
        self.bus.advance(RESUME_SECONDS)
        self.assertEqual(self.answer(), [])
        self.over(6)
        self.bus.advance(RESUME_SECONDS)
        self.assertEqual(self.answer(), [(":1.20", "Play")])

    def test_slow_player(self) -> None:
        """A player that is slow to pause plays on if the call was over before."""
        self.rings(5)
        self.bus.reply(self.bus.taken("Get"), "v", (("s", "Playing"),))
        pause = self.bus.taken("Pause")
        self.over(5)
        self.bus.advance(RESUME_SECONDS)
        self.status[":1.20"] = "Paused"
        self.bus.reply(pause)
        self.assertIn((":1.20", "Play"), self.answer())

    def test_broken(self) -> None:
        """Players that refuse, or say nonsense, are left alone, and so is everybody without a bus."""
        self.rings(5)
        self.bus.refuse(self.bus.taken("Get"), "org.freedesktop.DBus.Error.UnknownMethod")
        self.bus.lose()
        self.over(5)
        self.bus.advance(RESUME_SECONDS)

    def test_daemon_ends(self) -> None:
        """When NEON ends the music plays on."""
        self.rings(5)
        self.answer()
        self.calls.stop()
        self.players.stop()
        self.assertEqual(self.answer(), [(":1.20", "Play")])


class AwakeTests(DesktopCase):
    def setUp(self) -> None:
        super().setUp()
        self.machine = FakeBus()
        system = MessageBus(self.machine, "/run/system", descriptors=True)
        Awake(self.session, system, self.calls, "NEON", "A call is up")
        self.session.start()
        system.start()
        self.read, self.write = os.pipe()
        self.addCleanup(os.close, self.read)
        os.set_blocking(self.read, False)

    def locked(self) -> Any:
        call = self.machine.taken("Inhibit")
        self.machine.reply(call, "h", (self.write,), descriptors=(self.write,))
        self.machine.refuse(self.machine.taken("Inhibit"), "org.freedesktop.DBus.Error.AccessDenied")
        return call.body

    def is_held(self) -> bool:
        try:
            return os.read(self.read, 1) != b""
        except BlockingIOError:
            return True

    def test_call(self) -> None:
        """While there is a call logind keeps the machine awake and the desktop its screen; afterwards neither."""
        self.rings(5)
        self.assertEqual(self.locked(), ("sleep", "NEON", "A call is up", "block"))
        saver = self.bus.taken("Inhibit")
        self.assertEqual(saver.header.fields[HeaderFields.destination], SAVER_NAME)
        self.bus.reply(saver, "u", (77,))
        self.rings(6)
        self.over(5)
        self.assertTrue(self.is_held())
        self.over(6)
        self.assertFalse(self.is_held())
        self.assertEqual(self.bus.taken("UnInhibit").body, (77,))
        self.assertEqual(self.machine.asked + self.bus.asked, [])

    def test_short_call(self) -> None:
        """A lock that comes when the call is over is given back at once."""
        self.rings(5)
        self.over(5)
        self.locked()
        self.assertFalse(self.is_held())

    def test_lost(self) -> None:
        """A bus that comes back is asked again; nothing is kept open of before."""
        self.rings(5)
        self.locked()
        self.machine.lose()
        self.machine.advance(1)
        self.assertFalse(self.is_held())
        self.machine.taken("Inhibit")

    def test_refused(self) -> None:
        """Who may not keep the machine awake telephones all the same, and asks again with the next call."""
        self.rings(5)
        for _ in range(2):
            self.machine.refuse(self.machine.taken("Inhibit"), "org.freedesktop.DBus.Error.AccessDenied")
        self.over(5)
        self.rings(6)
        self.locked()
        self.assertTrue(self.is_held())
        self.over(6)


class KeyTests(DesktopCase):
    def setUp(self) -> None:
        super().setUp()
        MediaKeys(self.session, self.calls, self.verbs, WORDS["en"], "NEON")
        self.session.start()

    def press(self, member: str) -> None:
        self.bus.call(PATH, PLAYER, member)

    def get(self, interface: str, name: str) -> Any:
        return self.bus.call(PATH, PROPERTIES, "Get", "ss", (interface, name)).body[0][1]

    def test_name(self) -> None:
        """NEON is a player only while there is a call, and one that plays, so that it gets the keys."""
        self.assertNotIn(PLAYER_NAME, self.bus.owners)
        self.rings(5, "Alice")
        self.assertIn(PLAYER_NAME, self.bus.owners)
        self.assertEqual(self.get(PLAYER, "PlaybackStatus"), "Playing")
        self.assertEqual(self.get(ROOT, "Identity"), "NEON")
        title = self.get(PLAYER, "Metadata")["xesam:title"]
        self.assertEqual(title, ("s", "Incoming call"), "locked screens show this: no names")
        self.accepted(5)
        changed = self.bus.signals[-1].body
        self.assertEqual(changed[1]["Metadata"][1]["xesam:title"], ("s", "Call"))
        self.over(5)
        self.assertNotIn(PLAYER_NAME, self.bus.owners)

    def test_keys(self) -> None:
        """The button answers what rings, and hangs up what is up; Pause alone does nothing."""
        self.publish(CallStarted, 4, direction=OUT)
        self.rings(5)
        for key in ("Pause", "Next", "PlayPause", "Play", "Stop"):
            self.press(key)
        self.assertEqual(self.verbs.done, [("answer", 5), ("answer", 5), ("hang up", 5)])
        self.verbs.done.clear()
        self.accepted(5)
        for key in ("Pause", "Play", "PlayPause"):
            self.press(key)
        self.assertEqual(self.verbs.done, [("hang up", 5)])
        self.over(5)
        self.over(4)
        self.verbs.done.clear()
        self.press("PlayPause")
        self.assertEqual(self.verbs.done, [])

    def test_raise(self) -> None:
        """Raise shows the panel."""
        self.bus.call(PATH, ROOT, "Raise")
        self.assertEqual(self.verbs.done, [("show", None)])

    def test_errors(self) -> None:
        """What there is not is an error, and nothing can be set."""
        unknown = "org.freedesktop.DBus.Error.UnknownMethod"
        invalid = "org.freedesktop.DBus.Error.InvalidArgs"
        for interface, member, signature, body, name in (
            (PLAYER, "Fly", None, (), unknown),
            (ROOT, "Play", None, (), unknown),
            (PROPERTIES, "Fly", "ss", (PLAYER, "Rate"), unknown),
            (PROPERTIES, "Get", None, (), invalid),
            (PROPERTIES, "Get", "s", (PLAYER,), invalid),
            (PROPERTIES, "Get", "ss", (PLAYER, "Colour"), invalid),
            (PROPERTIES, "GetAll", "s", ("org.example",), invalid),
            (PROPERTIES, "Set", "ssv", (PLAYER, "Rate", ("d", 2.0)), "org.freedesktop.DBus.Error.PropertyReadOnly"),
        ):
            reply = self.bus.call(PATH, interface, member, signature, body)
            self.assertEqual(reply.header.fields[HeaderFields.error_name], name, (interface, member))
        everything = self.bus.call(PATH, PROPERTIES, "GetAll", "s", (PLAYER,)).body[0]
        self.assertEqual(everything["CanControl"], ("b", True))
        xml = self.bus.call(PATH, "org.freedesktop.DBus.Introspectable", "Introspect").body[0]
        self.assertIn("PlayPause", xml)
