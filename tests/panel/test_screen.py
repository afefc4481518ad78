"""ShowUI: who is told, and when a browser is opened."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from neon.bus import Bus
from neon.events import ScreenAsked
from neon.panel.browser import Browser
from neon.panel.screen import FRESH_SECONDS, OPENING_SECONDS, Screen
from tests.fakes import FakeWorld
from tests.opened import descriptors


class FakeOpener:
    """A desktop, or none."""

    def __init__(self) -> None:
        self.available = True
        self.opened: list[str] = []

    def open(self, url: str) -> None:
        self.opened.append(url)


class ScreenTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.world = FakeWorld()
        self.bus: Bus = self.world.bus
        self.is_open = False
        self.address: str | None = "http://localhost:15060/#ticket=abc"
        self.opener = FakeOpener()
        self.screen = Screen(self.world.clock, self.bus, lambda: self.is_open, lambda: self.address, self.opener)

    def shown(self, visible: bool, number: str | None = None) -> bool:
        return self.successResultOf(self.screen.show(visible, number))

    def test_open_panel(self) -> None:
        """A panel that is open is told, and no browser is opened."""
        self.is_open = True
        self.assertTrue(self.shown(True))
        self.assertTrue(self.shown(False))
        self.world.clock.advance(0)
        self.assertEqual(self.world.take_events(), [ScreenAsked(True), ScreenAsked(False)])
        self.assertEqual(self.opener.opened, [])

    def test_browser(self) -> None:
        """Without one the browser is opened, once, and again when nobody came for a while."""
        for _ in range(5):
            self.assertTrue(self.shown(True))
        self.assertEqual(self.opener.opened, [self.address])
        self.world.clock.advance(OPENING_SECONDS)
        self.screen.show(True)
        self.assertEqual(len(self.opener.opened), 2)
        self.assertEqual(self.world.take_events(), [])

    def test_closed_again(self) -> None:
        """Whoever closes a panel that was open can have another at once."""
        self.screen.show(True)
        self.is_open = True
        self.screen.show(True)
        self.is_open = False
        self.screen.show(True)
        self.assertEqual(len(self.opener.opened), 2)

    def test_hide(self) -> None:
        """Nothing is opened to be hidden, but there could be a panel."""
        self.assertTrue(self.shown(False))
        self.assertEqual(self.opener.opened, [])

    def test_no_display(self) -> None:
        """No display, no panel."""
        self.opener.available = False
        self.assertFalse(self.shown(True))

    def test_nothing_served(self) -> None:
        """With the HTTP API switched off there is no panel that could be opened."""
        self.address = None
        self.assertFalse(self.shown(True))
        self.assertEqual(self.opener.opened, [])


class FakeWindow:
    """neon-panel, or none."""

    def __init__(self) -> None:
        self.there = True
        self.asked: list[tuple[str, ...]] = []

    def _ask(self, *asked: str) -> Deferred[bool]:
        self.asked.append(asked)
        return succeed(self.there)

    def show(self, url: str, token: str = "") -> Deferred[bool]:
        return self._ask("show", url, token)

    def hide(self) -> Deferred[bool]:
        return self._ask("hide")

    def ring(self, url: str) -> Deferred[bool]:
        return self._ask("ring", url)

    def calm(self) -> Deferred[bool]:
        return self._ask("calm")

    def tell(self, url: str) -> Deferred[bool]:
        return self._ask("tell", url)


class WindowTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.world = FakeWorld()
        self.is_open = False
        self.tickets = 0
        self.opener, self.window = FakeOpener(), FakeWindow()
        self.screen = Screen(
            self.world.clock, self.world.bus, lambda: self.is_open, self.address, self.opener, self.window
        )

    def address(self) -> str:
        self.tickets += 1
        return f"http://localhost:15060/#ticket={self.tickets}"

    def shown(self, visible: bool, number: str | None = None) -> bool:
        return self.successResultOf(self.screen.show(visible, number, "token"))

    def test_window(self) -> None:
        """The window comes first, and no browser is opened beside it."""
        self.assertTrue(self.shown(True))
        self.assertTrue(self.shown(False))
        self.assertEqual(self.window.asked, [("show", "http://localhost:15060/#ticket=1", "token"), ("hide",)])
        self.assertEqual(self.opener.opened, [])

    def test_tab(self) -> None:
        """A tab that is open hears of it as well: it cannot be raised, but may call for attention."""
        self.is_open = True
        self.shown(True)
        self.world.clock.advance(0)
        self.world.clock.advance(0)
        self.assertEqual(self.world.take_events(), [ScreenAsked(True)])

    def test_none(self) -> None:
        """Where there is none the browser is opened as ever."""
        self.window.there = False
        self.assertTrue(self.shown(True))
        self.assertEqual(len(self.opener.opened), 1)
        self.opener.available = False
        self.assertFalse(self.shown(True))

    def test_tickets(self) -> None:
        """Whoever asks again and again uses up no tickets; a moment later there is a fresh one."""
        for _ in range(10):
            self.shown(True)
        self.assertEqual(self.tickets, 1)
        self.assertEqual(self.window.asked[-1], ("show", "", "token"))
        self.world.clock.advance(FRESH_SECONDS)
        self.shown(True)
        self.assertEqual(self.tickets, 2)

    def test_number(self) -> None:
        """A number goes to the dial pad: by the address, and by the event where a panel is open."""
        self.is_open = True
        self.shown(True, "+55#1")
        self.assertTrue(self.window.asked[0][1].endswith("#ticket=1&number=%2B55%231"))
        self.world.clock.advance(0)
        self.world.clock.advance(0)
        self.assertEqual(self.world.take_events(), [ScreenAsked(True, "+55#1")])
        self.is_open = self.window.there = False
        self.shown(True, "600")
        self.shown(True, "601")
        self.assertEqual([url.rpartition("=")[2] for url in self.opener.opened], ["600", "601"])

    def test_ring(self) -> None:
        """A call that comes in brings the window up, and never a browser; when it is over the window is told."""
        self.window.there = False
        self.screen.ring()
        self.screen.calm()
        self.screen.greet()
        self.assertEqual([asked[0] for asked in self.window.asked], ["ring", "calm", "tell"])
        self.assertEqual(self.opener.opened, [])


class FakeReactor:
    """Takes notice of processes."""

    def __init__(self) -> None:
        self.spawned: list[dict[str, Any]] = []
        self.fails = False

    def spawnProcess(self, protocol: Any, executable: str, args: list[str], **more: Any) -> None:
        if self.fails:
            raise OSError(11, "Resource temporarily unavailable")
        # The descriptors are good while it is spawned.
        kinds = {number: stat.S_ISCHR(os.fstat(number).st_mode) for number in more["childFDs"].values()}
        self.spawned.append({"protocol": protocol, "executable": executable, "args": args, "kinds": kinds, **more})


class BrowserTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.program = self.folder / "xdg-open"
        self.program.write_text("#!/bin/sh\n")
        self.program.chmod(0o755)
        self.reactor = FakeReactor()

    def browser(self, **environment: str) -> Browser:
        return Browser(self.reactor, {"PATH": str(self.folder), **environment})

    def test_available(self) -> None:
        """There is one where there is a display, of either kind, and the program."""
        self.assertTrue(self.browser(DISPLAY=":0").available)
        self.assertTrue(self.browser(WAYLAND_DISPLAY="wayland-0").available)
        self.assertFalse(self.browser().available)
        self.assertFalse(self.browser(DISPLAY="").available)
        self.assertFalse(Browser(self.reactor, {"PATH": "/nowhere", "DISPLAY": ":0"}).available)

    def test_open(self) -> None:
        """The address is an argument and nothing else; what belongs to the daemon's supervisor stays behind."""
        before = descriptors()
        self.browser(DISPLAY=":0", NOTIFY_SOCKET="/run/x", WATCHDOG_USEC="1").open("http://localhost:1/#ticket=$(id)")
        (spawned,) = self.reactor.spawned
        self.assertEqual(spawned["args"], [str(self.program), "http://localhost:1/#ticket=$(id)"])
        self.assertEqual(spawned["env"], {"PATH": str(self.folder), "DISPLAY": ":0"})
        self.assertEqual(set(spawned["kinds"].values()), {True})
        self.assertEqual(descriptors() - before, set())
        for end in (ProcessDone(0), ProcessTerminated(3)):
            spawned["protocol"].processEnded(Failure(end))

    def test_no_room(self) -> None:
        """A machine that has no room for a process is no reason to fail."""
        self.reactor.fails = True
        self.browser(DISPLAY=":0").open("http://localhost:1/")
        self.assertEqual(self.reactor.spawned, [])
