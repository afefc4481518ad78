"""Opus with a real phone: both directions, encrypted as well, and what in-band FEC saves of what the network loses."""

from __future__ import annotations

from tests import audio
from tests.integration import sound
from tests.integration.baresip import start_baresip
from tests.integration.daemon import start_daemon
from tests.integration.kamailio import start_kamailio
from tests.integration.lossyway import start_lossy_way
from tests.integration.processes import IntegrationCase, pause
from tests.media.voice import voice

WIDE = 16000
OURS, OUR_LEVEL = 5000, -14.0
"""G.711 stops at 4,000 Hz."""
THEIRS, THEIR_LEVEL = 1100, -10.0
TALK = 1.5


class OpusTests(IntegrationCase):
    """NEON says 5,000 Hz, baresip 1,100 Hz, and records at 16 kHz."""

    programs_needed = ("kamailio", "baresip")

    async def _world(
        self, ours: tuple[str, ...], theirs: str, encryption: str | None = None, media_more: str = ""
    ) -> None:
        self.proxy = await start_kamailio(self, {"2001": "one", "2002": "two"})
        self.heard = self.folder / "heard.wav"
        self.daemon = await start_daemon(
            self, capture=f"tone:{OURS}:{OUR_LEVEL:g}", playback=f"file:{self.heard}", media_more=media_more
        )
        self.client = await self.daemon.connect()
        policy = "off" if encryption is None else "mandatory"
        wanted = {"codecs": list(ours)} if ours else {}
        await self.client.register(self.proxy.domain, "2001", "one", srtp=policy, **wanted)
        self.phone = await start_baresip(
            self, "2002", self.proxy.domain, "two", tone_hz=THEIRS, tone_dbm0=THEIR_LEVEL, answer="manual",
            codecs=theirs, rate=WIDE, encryption=encryption,
        )  # fmt: skip

    async def _judged(self, call: int) -> float:
        """End the call; NEON has heard the phone, and this is how loud the phone has heard NEON at best."""
        await pause(TALK)
        await self.client.command("finalizecall", callid=call)
        await self.client.event("OnFinalizedCall", callId=call)
        self.assertIsNone(sound.pure_complaint(await sound.recording(self.heard), THEIRS, THEIR_LEVEL), "at NEON")
        self.assertEqual(self.daemon.complaints(), [])
        return await self._loudest()

    async def _loudest(self) -> float:
        """How loud the phone has heard our tone, in its best half second."""
        heard, rate = await self.phone.heard_as()
        half = rate // 2
        return max(
            (audio.tone_level_dbm0(heard[at : at + half], OURS, rate) for at in range(0, len(heard) - half, half // 2)),
            default=audio.SILENCE_DBM0,
        )

    async def test_calling(self) -> None:
        """We call as configured out of the box: the phone takes Opus, and both hear each other. Encrypted, too."""
        await self._world((), "opus/48000/2,PCMA", "srtp-mand")
        call = await self.client.call("2002")
        await self.phone.event("CALL_INCOMING")
        self.phone.accept()
        accepted = await self.client.event("OnAcceptCall", callId=call)
        self.assertIs(accepted.get("encrypted"), True)
        self.assertLess(abs(await self._judged(call) - OUR_LEVEL), 1.5)

    async def test_called(self) -> None:
        """The phone calls and has both: our order decides."""
        await self._world(("opus", "PCMA"), "PCMA,opus/48000/2")
        self.phone.dial(f"sip:2001@{self.proxy.domain}")
        call = await self.client.incoming()
        await self.client.command("acceptcall", callid=call)
        await self.client.event("OnAcceptCall", callId=call)
        self.assertLess(abs(await self._judged(call) - OUR_LEVEL), 1.5)

    async def test_lossy(self) -> None:
        """A seventh is lost both ways: part of it is heard all the same and we say so, and the phone hears us, too."""
        way, stun = start_lossy_way(self, 7)
        await self._world(("opus",), "opus/48000/2", media_more=f"stun = {stun}\nstats-seconds = 2")
        self.phone.say(voice(150), WIDE)
        await self.client.command("subscribe", events="OnMediaStats")
        call = await self.client.call("2002")
        await self.phone.event("CALL_INCOMING")
        self.phone.accept()
        await self.client.event("OnAcceptCall", callId=call)
        for _ in range(10):
            told = await self.client.event("OnMediaStats", 20.0, callId=call)
            # On a machine that is busy elsewhere the next packet, too, is late at times.
            if told["loss"] > 5 and told.get("recovered", 0) > 0:
                break
        else:
            self.fail(f"{told}, {way.lost} lost")
        self.assertLessEqual(told["recovered"], told["loss"])
        await self.client.command("finalizecall", callid=call)
        await self.client.event("OnFinalizedCall", callId=call)
        self.assertGreater(audio.level_dbm0(await sound.recording(self.heard)), -40)
        self.assertGreater(await self._loudest(), OUR_LEVEL - 6)
        self.assertEqual(self.daemon.complaints(), [])
