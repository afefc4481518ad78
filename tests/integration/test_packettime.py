"""Packets of other lengths than 20 ms, with a real phone: each side sends what the other would like."""

from __future__ import annotations

from tests.integration import sound
from tests.integration.baresip import start_baresip
from tests.integration.daemon import start_daemon
from tests.integration.kamailio import start_kamailio
from tests.integration.processes import IntegrationCase, pause

OURS, THEIRS, LEVEL = 700, 1100, -12.0
TALK = 2.0


class PacketTimeTests(IntegrationCase):
    """NEON's account wants 60 ms, the phone's 40; the phone answers with what it was offered."""

    programs_needed = ("kamailio", "baresip")

    async def _over(self, call: int, sent_ms: int) -> None:
        """Talk, hang up, and look at what was heard and at how long the packets were that were sent."""
        await pause(TALK)
        await self.client.command("finalizecall", callid=call)
        await self.client.event("OnFinalizedCall", callId=call)
        self.assertIsNone(sound.pure_complaint(await sound.recording(self.recorded), THEIRS, LEVEL), "at NEON")
        self.assertIsNone(sound.pure_complaint(await self.phone.heard(), OURS, LEVEL), "at the phone")
        logged = (await self.client.command("callhistory"))["calls"][0]
        audio_ms = logged["quality"]["packetsSent"] * sent_ms
        self.assertTrue(0.75 < audio_ms / logged["duration"] < 1.3, logged)

    async def test_both_ways(self) -> None:
        """We call with 60 ms; then the phone calls with 40. All of it is heard."""
        proxy = await start_kamailio(self, {"2001": "one", "2002": "two"})
        self.recorded = self.folder / "heard.wav"
        daemon = await start_daemon(self, capture=f"tone:{OURS}:{LEVEL:g}", playback=f"file:{self.recorded}")
        self.client = await daemon.connect()
        await self.client.register(proxy.domain, "2001", "one", ptime=60)
        self.phone = await start_baresip(
            self, "2002", proxy.domain, "two", tone_hz=THEIRS, tone_dbm0=LEVEL, answer="auto", ptime=40
        )
        call = await self.client.call("2002")
        await self.client.event("OnAcceptCall", callId=call)
        await self._over(call, 60)
        self.phone.dial(f"sip:2001@{proxy.domain}")
        call = await self.client.incoming()
        await self.client.command("acceptcall", callid=call)
        await self.client.event("OnAcceptCall", callId=call)
        await self._over(call, 40)
        self.assertEqual(daemon.complaints(), [])
