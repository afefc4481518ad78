"""The panel's own window under a real X server and window manager, started by a real D-Bus daemon."""

from __future__ import annotations

import json
from functools import partial

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SkipTest

from tests.integration.daemon import start_daemon
from tests.integration.desktop import PATIENCE, PEER, Desktop, has_window_programs, new_desktop
from tests.integration.processes import IntegrationCase, pause, until


class WindowTests(IntegrationCase):
    programs_needed = ("dbus-daemon", "Xvfb", "openbox", "xdotool", "import", "xprop", "gio")
    timeout = 600

    def setUp(self) -> None:
        super().setUp()
        if not has_window_programs():
            raise SkipTest("WebKitGTK for Python is not installed (./test installs it)")

    async def seen(self, desktop: Desktop, shown: bool) -> None:
        what = "the window to be seen" if shown else "the window to be gone"
        await until(lambda: desktop.is_shown() is shown, what, PATIENCE)

    async def bright(self, desktop: Desktop, name: str, at_least: float, at_most: float) -> None:
        """Wait for the page in these colours, and keep a picture of it."""
        for _ in range(int(PATIENCE)):
            picture = await desktop.painted(name)
            seen = await deferToThread(desktop.brightness, picture)
            if at_least <= seen <= at_most:
                return
            await pause(1)
        self.fail(f"the page has the brightness {seen}")

    async def test_shown_and_hidden(self) -> None:
        """showui of any API starts the window, hides and shows it; Escape and closing it put it away. A link fills its
        dial pad, a call that comes in brings it up, and it is dark when the desktop is.
        """
        desktop = new_desktop(self)
        await desktop.start_screen()
        await desktop.start_bus()
        peer = self.start("peer", "/usr/bin/python3", "-I", PEER, "desktop", env=desktop.env)
        await peer.says("ready", PATIENCE)
        bus = desktop.env["DBUS_SESSION_BUS_ADDRESS"]
        # Nobody shall think that it is the notification's doing when the window comes up.
        more = "[desktop]\nnotifications = no\n"
        daemon = await start_daemon(self, testbed=True, more=more, env={"DBUS_SESSION_BUS_ADDRESS": bus})
        desktop.forward(daemon.state_dir)
        desktop.take_links()
        client = await daemon.connect()
        await daemon.program.says("has a desktop", PATIENCE)
        self.assertEqual(desktop.windows(), [])

        self.assertEqual((await client.command("showui", show=True))["ui"], True)
        await self.seen(desktop, True)
        await self.bright(desktop, "window", 0.7, 1.0)
        self.assertEqual((await client.command("showui", show=False))["ui"], True)
        await self.seen(desktop, False)
        shown = await deferToThread(desktop.run, "neonctl", "show", "--json")
        self.assertEqual(json.loads(shown), {"ui": True})
        await self.seen(desktop, True)
        click = ("org.example.Test", "--object-path", "/test", "--method", "org.example.Test.Scheme")
        await deferToThread(desktop.run, "gdbus", "call", "--session", "--dest", *click, "1")
        await self.bright(desktop, "window-dark", 0.0, 0.4)

        # The window manager makes of the second one what it makes of a click on the close button.
        for key in ("Escape", "alt+F4"):
            await client.command("showui", show=True)
            await self.seen(desktop, True)
            # Pressed again until it is heard: nobody here sees when the window has the keyboard.
            await until(partial(desktop.put_away, key), f"{key} to put the window away", PATIENCE)
        remembered = json.loads(desktop.kept.read_text("utf-8"))
        self.assertGreaterEqual(remembered["width"], 320)

        await client.command("subscribe", events=["OnShowUI"])
        await deferToThread(desktop.run, "gio", "open", "tel:+55-21-5555;ext=1")
        await client.event("OnShowUI", PATIENCE, show=True, number="+55215555")
        await self.seen(desktop, True)
        await client.command("showui", show=False)
        await self.seen(desktop, False)

        sip = daemon.access["sip"]
        await client.register(sip["domain"], sip["number"], sip["password"])
        await client.call("602")
        call = await client.incoming(PATIENCE)
        await self.seen(desktop, True)
        await desktop.painted("window-ringing")
        await client.command("finalizecall", callid=call)
        # It came for the call only, and nobody has touched it.
        await self.seen(desktop, False)
        self.assertEqual(daemon.complaints(), [])


class NoDisplayTests(IntegrationCase):
    programs_needed = ("dbus-daemon",)

    async def test_no_display(self) -> None:
        """Where the window cannot come up, or is not installed, showui is a success without a panel."""
        desktop = new_desktop(self)
        await desktop.start_bus()
        bus = desktop.env["DBUS_SESSION_BUS_ADDRESS"]
        daemon = await start_daemon(self, env={"DBUS_SESSION_BUS_ADDRESS": bus})
        client = await daemon.connect()
        await daemon.program.says("has a desktop", PATIENCE)
        for show in (True, False, True):
            self.assertEqual((await client.command("showui", show=show))["ui"], False)
        self.assertEqual(daemon.complaints(), [])
