"""Sound devices by the daemon's commands, at a real PulseAudio, as a user and an application see them."""

from __future__ import annotations

import sys
from typing import Any

from tests import audio
from tests.integration.daemon import ROOT, Client, Daemon, start_again, start_daemon
from tests.integration.processes import IntegrationCase, until
from tests.integration.pulse import NEEDED, SoundServer

PATIENCE = 20.0
RING_HZ = (587.33, 739.99)


class SoundCommandTests(IntegrationCase):
    programs_needed = NEEDED
    timeout = 120

    async def neonctl(self, *argv: str) -> str:
        """What it prints, when it is done."""
        program = self.start(
            f"neonctl-{argv[0]}", sys.executable, "-m", "neon.ctl.main",
            "--state-dir", str(self.daemon.state_dir), *argv, env={"PYTHONPATH": str(ROOT), "LC_ALL": "C"},
        )  # fmt: skip
        self.assertEqual(await program.ended(), 0, program.output)
        return program.output

    async def client(self) -> Client:
        """One that hears everything, with the account of the test service."""
        client = await self.daemon.connect()
        await client.command("subscribe", events=["all"])
        sip: dict[str, Any] = self.daemon.access["sip"]
        await client.register(sip["domain"], sip["number"], sip["password"])
        return client

    async def test_everything(self) -> None:
        """A bell of its own rings until the call is answered; the call's echo is cancelled; levels are seen; what was
        chosen, and what was left at the server, is known after a crash.
        """
        server = SoundServer(self)
        await server.start()
        server.add_speaker("bell", "A Bell")
        self.daemon: Daemon = await start_daemon(
            self, capture="portaudio", playback="portaudio", testbed=True, env=server.env,
            # A tone that never changes is noise.
            media_more="noise-suppression = no\ngain-control = no",
        )  # fmt: skip
        client = await self.client()
        devices = await client.command("listdevices")
        self.assertEqual([device["id"] for device in devices["microphones"]], ["mic"])
        self.assertEqual({device["id"] for device in devices["speakers"]}, {"spk", "air", "bell"})
        await client.command("setdevice", kind="ring", device="bell")
        await client.event("OnDevices")
        self.assertRegex(await self.neonctl("devices"), r"(?m)^speaker +A Bell +bell +ring$")

        bell, speaker = server.listen("bell"), server.listen("spk")
        await until(lambda: bell.samples() and speaker.samples(), "the recordings")
        call_id = await self._called(client)
        await until(lambda: _rings(bell.samples()[-audio.RATE // 2 :]), "the bell", PATIENCE)
        self.assertFalse(_rings(speaker.samples()))
        await client.command("acceptcall", callid=call_id)
        await client.event("OnAcceptCall", callId=call_id)
        before = len(bell.samples())
        server.speak(1000.0, -15.0, seconds=60)
        await client.command("watchlevels", on=True)
        await self._loud(client)
        # A whole turn of the ringing passes in silence.
        await until(lambda: len(bell.samples()) > before + 7 * audio.RATE // 2, "silence", PATIENCE)
        self.assertFalse(_rings(bell.samples()[before + audio.RATE : before + 7 * audio.RATE // 2]))
        (call,) = (await client.command("listcalls"))["calls"]
        self.assertEqual(call["echoCancelling"], "on")
        self.assertEqual(len(server.echo_modules()), 1)

        await self.daemon.crash()
        self.assertEqual(len(server.echo_modules()), 1)
        self.daemon = await start_again(self, self.daemon, server.env)
        await until(lambda: not server.echo_modules(), "the end of what was left behind", PATIENCE)
        client = await self.daemon.connect()
        self.assertEqual((await client.command("listdevices"))["chosen"]["ring"], "bell")
        self.assertEqual(self.daemon.complaints(), [])

    async def _called(self, client: Client) -> int:
        """The test service calls back."""
        await client.call("602")
        return await client.incoming(PATIENCE)

    async def _loud(self, client: Client) -> None:
        """Wait until the microphone is seen to hear what is spoken there."""

        def look() -> bool:
            levels = [event["data"] for event in client.events if event["name"] == "OnAudioLevels"]
            return any(level.get("microphone", -100) > -45 for level in levels)

        await until(look, "a level", PATIENCE)


def _rings(samples: list[int]) -> bool:
    """Whether somewhere in it are both tones of our ringing."""
    return any(
        min(audio.tone_level_dbm0(samples[n : n + 1600], hz) for hz in RING_HZ) > -20
        for n in range(0, len(samples) - 1599, 800)
    )
