"""NEON on a session bus of its own, among programs that speak D-Bus by another library."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SkipTest

from tests.integration import websockets
from tests.integration.daemon import Client, start_daemon
from tests.integration.desktop import PATIENCE, PEER, Desktop, has_glib, new_desktop
from tests.integration.processes import IntegrationCase, Program, until

PAGE = "https://crm.example.com"


class Peer:
    """A program on the bus; L{said} waits for what it was asked, in its order."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._seen = 0

    async def said(self, member: str) -> list[Any]:
        """The next call of that method, and what it had with it. What came before is over."""

        def look() -> list[Any] | None:
            lines = self.program.output.splitlines()
            for index, line in enumerate(lines[self._seen :], self._seen + 1):
                # The last line may not be complete.
                if line.startswith(f'["{member}"') and line.endswith("]"):
                    self._seen = index
                    return list(json.loads(line)[1:]) or [None]
            return None

        return await until(look, f"{member} at {self.program.name}", PATIENCE)

    def heard(self, member: str) -> int:
        """How often it was asked that."""
        return self.program.output.count(f'["{member}"')

    def locks(self) -> int:
        """How many of logind's are held."""
        taken = sum(self.program.output.count(f'["Inhibit", "{what}"') for what in ("sleep", "idle"))
        return taken - self.heard("released")


class DesktopTests(IntegrationCase):
    programs_needed = ("dbus-daemon", "gdbus")
    timeout = 600

    def setUp(self) -> None:
        super().setUp()
        if not has_glib():
            raise SkipTest("python3-gi is not installed (./test installs it)")

    async def peer(self, name: str, desktop: Desktop, *argv: str) -> Peer:
        peer = Peer(self.start(name, "/usr/bin/python3", "-I", PEER, *argv, env=desktop.env))
        await peer.said("ready")
        return peer

    async def call(self, desktop: Desktop, where: str, path: str, method: str, *arguments: str) -> None:
        """Somebody else on the bus calls a method; it has been answered when this returns."""
        argv = ("gdbus", "call", "--session", "--dest", where, "--object-path", path, "--method", method, *arguments)
        environment = {**desktop.env}
        done = await deferToThread(
            subprocess.run, argv, env=environment, capture_output=True, timeout=PATIENCE, check=False
        )
        self.assertEqual(done.returncode, 0, done.stderr)

    async def click(self, desktop: Desktop, notification: int, key: str) -> None:
        await self.call(desktop, "org.example.Test", "/test", "org.example.Test.Click", str(notification), key)

    async def test_calls(self) -> None:
        """A call that comes in has a notice in the person's language with buttons that work; music pauses and plays on,
        the machine stays awake meanwhile, the headset's button hangs up; and it all works after the bus was away.
        """
        desktop = new_desktop(self)
        await desktop.start_bus()
        peer = await self.peer("desktop-peer", desktop, "desktop")
        music = await self.peer("music", desktop, "player", "music", "Playing")
        paused = await self.peer("paused", desktop, "player", "paused", "Paused")
        bus = desktop.env["DBUS_SESSION_BUS_ADDRESS"]
        env = {"DBUS_SESSION_BUS_ADDRESS": bus, "DBUS_SYSTEM_BUS_ADDRESS": bus, "LC_ALL": "pt_BR.UTF-8"}
        daemon = await start_daemon(self, testbed=True, env=env)
        await daemon.program.says("has a desktop", PATIENCE)
        client = await daemon.connect()
        sip = daemon.access["sip"]
        await client.register(sip["domain"], sip["number"], sip["password"])
        await client.call("602")
        call = await client.incoming(PATIENCE)
        await music.said("Pause")
        notice = await peer.said("Notify")
        self.assertEqual(notice[3], "Chamada recebida")
        self.assertIn("602", notice[4])
        self.assertEqual(notice[5][2:], ["answer", "Atender", "decline", "Recusar"])
        await self.click(desktop, 1, "answer")
        await client.event("OnAcceptCall", PATIENCE, callId=call)
        self.assertEqual(await peer.said("CloseNotification"), [1])
        # 602 hung up before it called back: that may have been two times without and with a call.
        await until(lambda: peer.locks() == 2, "the lock against sleep", PATIENCE)
        player = "org.mpris.MediaPlayer2"
        await self.call(desktop, f"{player}.neon", "/org/mpris/MediaPlayer2", f"{player}.Player.PlayPause")
        await client.event("OnFinalizedCall", PATIENCE, callId=call)
        await until(lambda: peer.locks() == 0, "the lock to be given back", PATIENCE)
        await until(lambda: music.heard("Play") == music.heard("Pause"), "the music to play on", PATIENCE)
        self.assertEqual((paused.heard("Play"), paused.heard("Pause")), (0, 0))

        await desktop.stop_bus()
        await daemon.program.says("(?s)has a desktop.*lost", PATIENCE)
        await desktop.start_bus()
        peer = await self.peer("desktop-peer-2", desktop, "desktop")
        await daemon.program.says("(?s)has a desktop.*has a desktop", PATIENCE)
        await client.call("602")
        call = await client.incoming(PATIENCE)
        await peer.said("Notify")
        await self.click(desktop, 1, "decline")
        await client.event("OnFinalizedCall", PATIENCE, callId=call)
        await peer.said("CloseNotification")
        self.assertEqual(daemon.complaints(), [])

    async def test_question(self) -> None:
        """A web page that nobody decided about is a question, and a click lets it in."""
        desktop = new_desktop(self)
        await desktop.start_bus()
        peer = await self.peer("desktop-peer", desktop, "desktop")
        bus = desktop.env["DBUS_SESSION_BUS_ADDRESS"]
        daemon = await start_daemon(self, env={"DBUS_SESSION_BUS_ADDRESS": bus, "LC_ALL": "C.UTF-8"})
        await daemon.program.says("has a desktop", PATIENCE)
        page = Client()
        websockets.connect(page, daemon.access["websocket"], origin=PAGE)
        notice = await peer.said("Notify")
        self.assertEqual((notice[4], notice[5][2:4]), (PAGE, ["allow-once", "Allow once"]))
        await self.click(desktop, 1, "allow-once")
        await until(lambda: page.opened, "the page to be let in", PATIENCE)
        await peer.said("CloseNotification")
        self.assertEqual(daemon.complaints(), [])
