"""The panel's own window under a real X server and window manager, started by a real D-Bus daemon."""

from __future__ import annotations

import json

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SkipTest

from tests.integration.daemon import Client, Daemon, start_daemon
from tests.integration.desktop import PATIENCE, Desktop, has_window_programs, new_desktop
from tests.integration.processes import IntegrationCase, until


class WindowTests(IntegrationCase):
    programs_needed = ("dbus-daemon", "Xvfb", "openbox", "xdotool", "import", "xprop")
    timeout = 240

    def setUp(self) -> None:
        super().setUp()
        if not has_window_programs():
            raise SkipTest("WebKitGTK for Python is not installed (./test installs it)")

    async def started(self, desktop: Desktop) -> tuple[Daemon, Client]:
        await desktop.start_screen()
        await desktop.start_bus()
        bus = desktop.env["DBUS_SESSION_BUS_ADDRESS"]
        daemon = await start_daemon(self, testbed=True, env={"DBUS_SESSION_BUS_ADDRESS": bus})
        desktop.forward(daemon.state_dir)
        client = await daemon.connect()
        await daemon.program.says("has a desktop", PATIENCE)
        return daemon, client

    async def seen(self, desktop: Desktop, shown: bool) -> None:
        what = "the window to be seen" if shown else "the window to be gone"
        await until(lambda: desktop.is_shown() is shown, what, PATIENCE)

    async def test_shown_and_hidden(self) -> None:
        """showui of any API starts the window, hides and shows it; Escape puts it away as well, and a call that
        comes in brings it up.
        """
        desktop = new_desktop(self)
        daemon, client = await self.started(desktop)
        self.assertEqual(desktop.windows(), [])
        self.assertEqual((await client.command("showui", show=True))["ui"], True)
        await self.seen(desktop, True)
        await desktop.painted("window")
        self.assertEqual((await client.command("showui", show=False))["ui"], True)
        await self.seen(desktop, False)
        shown = await deferToThread(desktop._run, "neonctl", "show", "--json")
        self.assertEqual(json.loads(shown), {"ui": True})
        await self.seen(desktop, True)

        def escaped() -> bool:
            # Pressed again until it is heard: nobody here sees when the window has the keyboard.
            desktop.press("Escape")
            return not desktop.is_shown()

        await until(escaped, "Escape to put the window away", PATIENCE)
        remembered = json.loads(desktop.kept.read_text("utf-8"))
        self.assertGreaterEqual(remembered["width"], 320)
        sip = daemon.access["sip"]
        await client.register(sip["domain"], sip["number"], sip["password"])
        await client.call("602")
        call = await client.incoming(PATIENCE)
        await self.seen(desktop, True)
        await desktop.painted("window-ringing")
        await client.command("finalizecall", callid=call)
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
