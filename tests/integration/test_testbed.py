"""The first run: the daemon with its embedded test service, and the line that the banner offers to paste."""

from __future__ import annotations

import json
import stat
import sys

from tests.integration import sound
from tests.integration.daemon import ROOT, Client, start_daemon
from tests.integration.processes import IntegrationCase, pause


class TestbedTests(IntegrationCase):
    async def _client(self, capture: str = "null") -> Client:
        self.heard = self.folder / "heard.wav"
        self.daemon = await start_daemon(self, testbed=True, capture=capture, playback=f"file:{self.heard}")
        client = await self.daemon.connect()
        sip = self.daemon.access["sip"]
        await client.register(sip["domain"], sip["number"], sip["password"])
        return client

    async def test_access_file(self) -> None:
        """access.json is private, and says all that a program needs."""
        await self._client()
        path = self.daemon.state_dir / "access.json"
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        access = json.loads(path.read_text())
        self.assertLessEqual({"websocket", "http", "user", "password", "sip"}, set(access))
        self.assertEqual(set(access["sip"]), {"domain", "number", "password"})
        self.assertEqual(access["sip"]["number"], "1000")
        for secret in (access["password"], access["sip"]["password"]):
            self.assertNotIn(secret, self.daemon.program.output)

    async def test_echo(self) -> None:
        """600 gives back what it hears."""
        client = await self._client(capture="tone:850:-13")
        call = await client.call("600")
        await client.event("OnAcceptCall", callId=call)
        await pause(1.2)
        await client.command("finalizecall", callid=call)
        self.assertEqual((await client.event("OnFinalizedCall", callId=call))["SIPError"], 0)
        self.assertIsNone(sound.pure_complaint(await sound.recording(self.heard), 850, -13))
        self.assertEqual(self.daemon.complaints(), [])

    async def test_tone(self) -> None:
        """601 plays 1,004 Hz at -10 dBm0, though we say nothing."""
        client = await self._client()
        call = await client.call("601")
        await client.event("OnAcceptCall", callId=call)
        await pause(1.0)
        await client.command("finalizecall", callid=call)
        await client.event("OnFinalizedCall", callId=call)
        self.assertIsNone(sound.pure_complaint(await sound.recording(self.heard), 1004, -10))

    async def test_calls_back(self) -> None:
        """602 hangs up or refuses, and then calls us."""
        client = await self._client()
        await client.call("602")
        incoming = await client.incoming(15)
        await client.command("acceptcall", callid=incoming)
        await client.event("OnAcceptCall", callId=incoming)
        await client.command("finalizecall", callid=incoming)
        self.assertEqual((await client.event("OnFinalizedCall", callId=incoming))["SIPError"], 0)
        self.assertEqual(self.daemon.complaints(), [])

    async def test_busy(self) -> None:
        """603 is busy."""
        client = await self._client()
        call = await client.call("603")
        self.assertEqual((await client.event("OnFinalizedCall", callId=call))["SIPError"], 486)

    async def test_never_answers(self) -> None:
        """604 rings until we give up."""
        client = await self._client()
        call = await client.call("604")
        await pause(1.0)
        self.assertEqual(client.happened(call), ["OnNewCall"])
        await client.command("finalizecall", callid=call)
        await client.event("OnFinalizedCall", callId=call)
        self.assertNotIn("OnAcceptCall", client.happened(call))

    async def test_line_to_paste(self) -> None:
        """python -m neon.trycall places a call and tells how it went."""
        self.daemon = await start_daemon(self, testbed=True)
        module = (sys.executable, "-m", "neon.trycall", "--state-dir", str(self.daemon.state_dir), "--seconds", "1")
        program = self.start("trycall", *module, "600", env={"PYTHONPATH": str(ROOT)})
        self.assertEqual(await program.ended(), 0, program.output)
        self.assertIn("Answered", program.output)
        program = self.start("trycall-busy", *module, "603", env={"PYTHONPATH": str(ROOT)})
        self.assertEqual(await program.ended(), 1, program.output)
        self.assertIn("486", program.output)

    async def test_stopped(self) -> None:
        """SIGTERM ends the daemon at once and in order, in the middle of a call."""
        client = await self._client()
        call = await client.call("600")
        await client.event("OnAcceptCall", callId=call)
        await self.daemon.program.stop(within=8)
        self.assertEqual(self.daemon.complaints(), [])
        self.assertTrue(client.closed)
