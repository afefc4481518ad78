"""A call between NEON and a baresip, with codecs of choice, judged by what a telephone cannot carry."""

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


class WideCase(IntegrationCase):
    """NEON says 5,000 Hz, baresip 1,100 Hz, and records at 16 kHz."""

    programs_needed = ("kamailio", "baresip")

    async def world(
        self, ours: tuple[str, ...], theirs: str, encryption: str | None = None, media_more: str = ""
    ) -> None:
        """Both registered; C{ours} are NEON's codecs (none: as out of the box), C{theirs} the phone's."""
        self.proxy = await start_kamailio(self, {"2001": "one", "2002": "two"})
        self.heard = self.folder / "heard.wav"
        self.daemon = await start_daemon(
            self, capture=f"tone:{OURS}:{OUR_LEVEL:g}", playback=f"file:{self.heard}", media_more=media_more
        )
        self.client = await self.daemon.connect()
        policy = "off" if encryption is None else "mandatory"
        codecs = {"codecs": list(ours)} if ours else {}
        await self.client.register(self.proxy.domain, "2001", "one", srtp=policy, **codecs)
        self.phone = await start_baresip(
            self, "2002", self.proxy.domain, "two", tone_hz=THEIRS, tone_dbm0=THEIR_LEVEL, answer="manual",
            codecs=theirs, rate=WIDE, encryption=encryption,
        )  # fmt: skip

    async def calling(self) -> int:
        """NEON calls, the phone answers; encrypted if the account says so."""
        call = await self.client.call("2002")
        await self.phone.event("CALL_INCOMING")
        self.phone.accept()
        self.accepted = await self.client.event("OnAcceptCall", callId=call)
        return call

    async def called(self) -> int:
        """The phone calls, NEON answers."""
        self.phone.dial(f"sip:2001@{self.proxy.domain}")
        call = await self.client.incoming()
        await self.client.command("acceptcall", callid=call)
        await self.client.event("OnAcceptCall", callId=call)
        return call

    async def end(self, call: int) -> None:
        await self.client.command("finalizecall", callid=call)
        await self.client.event("OnFinalizedCall", callId=call)

    async def judged(self, call: int) -> float:
        """Talk and end the call; NEON has heard the phone, and this is how loud the phone has heard NEON at best."""
        await pause(TALK)
        await self.end(call)
        self.assertIsNone(sound.pure_complaint(await sound.recording(self.heard), THEIRS, THEIR_LEVEL), "at NEON")
        self.assertEqual(self.daemon.complaints(), [])
        return await self.loudest()

    async def loudest(self) -> float:
        """How loud the phone has heard our tone, in its best half second."""
        heard, rate = await self.phone.heard_as()
        half = rate // 2
        return max(
            (audio.tone_level_dbm0(heard[at : at + half], OURS, rate) for at in range(0, len(heard) - half, half // 2)),
            default=audio.SILENCE_DBM0,
        )
