"""Opus with a real phone: both directions, encrypted as well, and what in-band FEC saves of what the network loses."""

from __future__ import annotations

from tests import audio
from tests.integration import sound
from tests.integration.lossyway import start_lossy_way
from tests.integration.widecall import OUR_LEVEL, WIDE, WideCase
from tests.media.voice import voice


class OpusTests(WideCase):
    async def test_calling(self) -> None:
        """We call as configured out of the box: the phone takes Opus, and both hear each other. Encrypted, too."""
        await self.world((), "opus/48000/2,PCMA", "srtp-mand")
        call = await self.calling()
        self.assertIs(self.accepted.get("encrypted"), True)
        self.assertLess(abs(await self.judged(call) - OUR_LEVEL), 1.5)

    async def test_called(self) -> None:
        """The phone calls and has both: our order decides."""
        await self.world(("opus", "PCMA"), "PCMA,opus/48000/2")
        self.assertLess(abs(await self.judged(await self.called()) - OUR_LEVEL), 1.5)

    async def test_lossy(self) -> None:
        """A seventh is lost both ways: part of it is heard all the same and we say so, and the phone hears us, too."""
        # Thought of before the STUN server, which lives in this process too, has to answer within a second.
        speech = voice(150)
        way, stun = start_lossy_way(self, 7)
        await self.world(("opus",), "opus/48000/2", media_more=f"stun = {stun}\nstats-seconds = 2")
        self.phone.say(speech, WIDE)
        await self.client.command("subscribe", events="OnMediaStats")
        call = await self.calling()
        for _ in range(10):
            told = await self.client.event("OnMediaStats", 20.0, callId=call)
            # On a machine that is busy elsewhere the next packet, too, is late at times.
            if told["loss"] > 5 and told.get("recovered", 0) > 0:
                break
        else:
            self.fail(f"{told}, {way.lost} lost")
        self.assertLessEqual(told["recovered"], told["loss"])
        await self.end(call)
        self.assertGreater(audio.level_dbm0(await sound.recording(self.heard)), -40)
        self.assertGreater(await self.loudest(), OUR_LEVEL - 6)
        self.assertEqual(self.daemon.complaints(), [])
