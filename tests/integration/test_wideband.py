"""G.722 with a real phone: who speaks it, and that what a telephone cannot carry is heard."""

from __future__ import annotations

from tests import audio
from tests.integration import sound
from tests.integration.baresip import start_baresip
from tests.integration.daemon import start_daemon
from tests.integration.kamailio import start_kamailio
from tests.integration.processes import IntegrationCase, pause

WIDE = 16000
OURS, OUR_LEVEL = 5000, -14.0
"""G.711 stops at 4,000 Hz."""
THEIRS, THEIR_LEVEL = 1100, -10.0
TALK = 1.5


class WidebandTests(IntegrationCase):
    """NEON says 5,000 Hz, baresip 1,100 Hz, and records at 16 kHz."""

    programs_needed = ("kamailio", "baresip")

    async def _world(self, ours: str, theirs: str, encryption: str | None = None) -> None:
        self.proxy = await start_kamailio(self, {"2001": "one", "2002": "two"})
        self.heard = self.folder / "heard.wav"
        self.daemon = await start_daemon(self, capture=f"tone:{OURS}:{OUR_LEVEL:g}", playback=f"file:{self.heard}")
        self.client = await self.daemon.connect()
        policy = "off" if encryption is None else "mandatory"
        await self.client.register(self.proxy.domain, "2001", "one", codecs=ours.split(","), srtp=policy)
        self.phone = await start_baresip(
            self, "2002", self.proxy.domain, "two", tone_hz=THEIRS, tone_dbm0=THEIR_LEVEL, answer="manual",
            codecs=theirs, rate=WIDE, encryption=encryption,
        )  # fmt: skip

    async def _judged(self, call: int) -> float:
        """End the call; NEON has heard the phone, and this is how loud the phone has heard NEON."""
        await pause(TALK)
        await self.client.command("finalizecall", callid=call)
        await self.client.event("OnFinalizedCall", callId=call)
        self.assertIsNone(sound.pure_complaint(await sound.recording(self.heard), THEIRS, THEIR_LEVEL), "at NEON")
        self.assertEqual(self.daemon.complaints(), [])
        heard = (await self.phone.heard())[WIDE // 2 : WIDE]
        self.assertEqual(len(heard), WIDE // 2)
        return audio.tone_level_dbm0(heard, OURS, WIDE)

    async def test_calling(self) -> None:
        """We call and prefer G.722: both hear each other, the phone what only G.722 carries. It is encrypted, too."""
        await self._world("G722,PCMA", "PCMA,G722/16000/1", "srtp-mand")
        call = await self.client.call("2002")
        await self.phone.event("CALL_INCOMING")
        self.phone.accept()
        accepted = await self.client.event("OnAcceptCall", callId=call)
        self.assertIs(accepted.get("encrypted"), True)
        self.assertLess(abs(await self._judged(call) - OUR_LEVEL), 1.5)

    async def test_called(self) -> None:
        """The phone calls and has both: our order decides."""
        await self._world("G722,PCMA", "PCMA,G722/16000/1")
        self.phone.dial(f"sip:2001@{self.proxy.domain}")
        call = await self.client.incoming()
        await self.client.command("acceptcall", callid=call)
        await self.client.event("OnAcceptCall", callId=call)
        self.assertLess(abs(await self._judged(call) - OUR_LEVEL), 1.5)

    async def test_narrow(self) -> None:
        """Who prefers G.711 has no sound above 4 kHz: the same measurement says so."""
        await self._world("PCMA,G722", "PCMA,G722/16000/1")
        self.phone.dial(f"sip:2001@{self.proxy.domain}")
        call = await self.client.incoming()
        await self.client.command("acceptcall", callid=call)
        await self.client.event("OnAcceptCall", callId=call)
        await pause(TALK)
        await self.client.command("finalizecall", callid=call)
        await self.client.event("OnFinalizedCall", callId=call)
        heard = await self.phone.heard()
        self.assertLess(audio.tone_level_dbm0(heard[len(heard) // 2 :], OURS, WIDE), -50)
