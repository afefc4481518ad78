"""Files that a real phone hears: of several formats, and as the music of somebody who waits."""

from __future__ import annotations

import os
import wave
from pathlib import Path

from tests import audio
from tests.integration import sound
from tests.integration.baresip import start_baresip
from tests.integration.daemon import Refused, start_daemon
from tests.integration.kamailio import start_kamailio
from tests.integration.processes import IntegrationCase, until
from tests.integration.rtp import open_peer
from tests.integration.sippcase import SippCase

LEVEL = -12.0
SECONDS = 0.6
OURS, MUSIC = 500, 1500
FILES = {"a.wav": (700, 8000, 1), "b.wav": (900, 16000, 1), "c.wav": (1100, 44100, 2), "pt/d.wav": (1300, 48000, 1)}
"""What is in each file: hertz, rate, channels."""


def write(path: Path, hz: float, rate: int, channels: int, seconds: float = SECONDS, dbm0: float = LEVEL) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = audio.tone(hz, dbm0, seconds, rate)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(audio.pcm_of([sample for sample in samples for _ in range(channels)]))


class PlayingTests(IntegrationCase):
    programs_needed = ("kamailio", "baresip")

    async def test_playing(self) -> None:
        """A phone hears a file of each format as loud as it is; nothing outside of the directory can be named."""
        proxy = await start_kamailio(self, {"2001": "one", "2002": "two"})
        daemon = await start_daemon(self)
        sounds = daemon.state_dir / "sounds"
        for name, (hz, rate, channels) in FILES.items():
            write(sounds / name, hz, rate, channels)
        os.symlink(daemon.state_dir / "access.json", sounds / "link.wav")
        client = await daemon.connect()
        await client.command("subscribe", events=["OnAudioPlayed"])
        await client.register(proxy.domain, "2001", "one")
        phone = await start_baresip(self, "2002", proxy.domain, "two", tone_hz=440, answer="auto")
        call = await client.call("2002")
        await client.event("OnAcceptCall", callId=call)
        await phone.event("CALL_ESTABLISHED")
        for name in FILES:
            answer = await client.command("playaudio", callid=call, file=name)
            self.assertAlmostEqual(answer["seconds"], SECONDS, 2)
            ended = await client.event("OnAudioPlayed", callId=call, file=name)
            self.assertEqual(ended["reason"], "ended")
        for name in ("../access.json", "/etc/passwd", "link.wav", "none.wav"):
            with self.assertRaisesRegex(Refused, "^102 "):
                await client.command("playaudio", callid=call, file=name)
        await client.command("playaudio", callid=call, file="a.wav", loop=True)
        await client.command("stopaudio", callid=call)
        self.assertEqual((await client.event("OnAudioPlayed", callId=call))["reason"], "stopped")
        await client.command("finalizecall", callid=call)
        await client.event("OnFinalizedCall", callId=call)
        heard = await phone.heard()
        for hz, _, _ in FILES.values():
            self.assertLess(abs(sound.best_dbm0(heard, hz) - LEVEL), 1.5, hz)
        self.assertEqual(daemon.complaints(), [])


class MusicTests(SippCase):
    async def test_music(self) -> None:
        """Who is put on hold hears the account's music instead of us, again and again, and then us alone."""
        await self.started(capture=f"tone:{OURS}:{LEVEL:g}")
        write(self.daemon.state_dir / "sounds" / "music.wav", MUSIC, 22050, 2, 0.3)
        await self.client.command("subscribe", events=["OnHold"])
        peer = open_peer(self)
        sipp = await self.callee("uas_hold", rtp_port=peer.port)
        account = await self.client.register(sipp.address, "2001", "one", holdmusic="music.wav")
        call = await self.client.call("2002", connectionId=account)
        await self.client.event("OnAcceptCall", callId=call)
        await until(lambda: len(peer.heard) > 20, "our audio")
        self.assertLess(sound.best_dbm0(peer.samples(), MUSIC), -50)
        for hold, hz, other in ((True, MUSIC, OURS), (False, OURS, MUSIC)):
            await self.client.command("sethold", callid=call, hold=hold)
            await self.client.event("OnHold", callId=call, local=hold)
            peer.heard.clear()
            await until(lambda: len(peer.heard) > 50, "a second of audio")
            heard = peer.samples()[160 * 20 :]
            self.assertLess(abs(sound.best_dbm0(heard, hz) - LEVEL), 1.5)
            self.assertLess(sound.best_dbm0(heard, other), -40)
        await self.client.command("finalizecall", callid=call)
        await self.over(call, 0)
        await sipp.finished()
        self.daemon_is_well()
