"""A program that talks: a call's audio over the WebSocket, both ways, with a real phone and with a slow reader."""

from __future__ import annotations

import socket
import sys
from typing import Any

from neon.audioframes import AudioFrame
from tests import audio
from tests.integration import sound
from tests.integration.baresip import start_baresip
from tests.integration.daemon import ROOT, Client, Refused, start_daemon
from tests.integration.kamailio import start_kamailio
from tests.integration.processes import IntegrationCase, until

BOT, PHONE, LEVEL = 440, 620, -12.0
WIDE = 16000


def speech(call: int, hz: float, seconds: float, rate: int) -> list[AudioFrame]:
    """A tone as a bot sends it, 20 ms in each message."""
    samples = audio.tone(hz, LEVEL, seconds, rate)
    step = rate // 50
    return [AudioFrame(call, audio.pcm_of(samples[at : at + step]), rate) for at in range(0, len(samples), step)]


def heard(client: Client) -> list[int]:
    return [sample for frame in client.frames for sample in audio.samples_of(frame.samples)]


class BotTests(IntegrationCase):
    programs_needed = ("kamailio", "baresip")

    async def test_talking(self) -> None:
        """The bot hears the phone and the phone the bot; one at a time; speech is told; it ends with the call."""
        proxy = await start_kamailio(self, {"2001": "one", "2002": "two"})
        daemon = await start_daemon(self)
        client, other = await daemon.connect(), await daemon.connect()
        await client.command("subscribe", events=["OnSpeech", "OnDTMF"])
        await client.register(proxy.domain, "2001", "one")
        phone = await start_baresip(self, "2002", proxy.domain, "two", tone_hz=PHONE, tone_dbm0=LEVEL, answer="auto")
        call = await client.call("2002")
        await client.event("OnAcceptCall", callId=call)
        self.assertEqual((await client.command("openaudio", callid=call))["rate"], 8000)
        for one in (client, other):
            with self.assertRaisesRegex(Refused, "^102 .*open already"):
                await one.command("openaudio", callid=call)
        self.assertIs((await client.event("OnSpeech", callId=call))["speaking"], True)
        for frame in speech(call, BOT, 1.5, 8000):  # all at once: it waits, and is said at its pace
            client.send_audio(frame)
        client.send_audio(AudioFrame(call, b"", 16000))
        await until(lambda: "opened with 8000 Hz" in str(client.unnamed), "the answer to a mistake")
        await until(lambda: client.frames and client.frames[-1].waiting_ms > 500, "what waits to be said")
        await until(lambda: len(client.frames) > 100 and client.frames[-1].waiting_ms == 0, "two seconds of audio")
        numbers = [frame.sequence for frame in client.frames]
        self.assertEqual(numbers, list(range(len(numbers))))
        self.assertLess(abs(sound.best_dbm0(heard(client), PHONE) - LEVEL), 1.5)
        await client.command("finalizecall", callid=call)
        await client.event("OnFinalizedCall", callId=call)
        count = len(client.frames)
        client.send_audio(AudioFrame(call, bytes(320)))
        await until(lambda: "is not open here" in str(client.unnamed), "no audio after the call")
        self.assertEqual(len(client.frames), count)
        self.assertLess(abs(sound.best_dbm0(await phone.heard(), BOT) - LEVEL), 1.5)
        self.assertEqual(daemon.complaints(), [])


class PaceTests(IntegrationCase):
    """Against the daemon's own test service, whose 600 echoes."""

    async def test_pace(self) -> None:
        """Too much speech is lost and told, and can be taken back; who does not read loses old audio, nobody else."""
        daemon = await start_daemon(self, testbed=True)
        client = await daemon.connect()
        sip = daemon.access["sip"]
        await client.register(sip["domain"], sip["number"], sip["password"])
        call = await client.call("600")
        await client.event("OnAcceptCall", callId=call)
        await client.command("openaudio", callid=call, rate=WIDE)
        await until(lambda: len(client.frames) > 5, "audio")

        second = audio.pcm_of(audio.tone(900, LEVEL, 1.0, WIDE))
        for _ in range(13):
            client.send_audio(AudioFrame(call, second, WIDE))
        lost = await client.event("OnAudioLost", callId=call, side="spoken")
        self.assertGreater(lost["milliseconds"], 100)
        self.assertLessEqual(max(frame.waiting_ms for frame in client.frames), 10_000)
        speech = audio.pcm_of(audio.tone(BOT, LEVEL, 2.0, WIDE))
        client.send_audio(AudioFrame(call, speech, WIDE, forget=True))
        client.frames.clear()
        await until(lambda: len(client.frames) > 75, "the echo")
        self.assertLess(abs(sound.best_dbm0(heard(client), BOT, rate=WIDE) - LEVEL), 1.5)

        before = await daemon.memory()
        client.frames.clear()
        transport: Any = client.transport
        transport.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        transport.pauseProducing()
        other = await daemon.connect()
        await until(lambda: "heard audio are lost" in daemon.program.output, "a loss", 40)
        self.assertEqual(len((await other.command("listcalls"))["calls"]), 1)
        self.assertLess((await daemon.memory()).octets - before.octets, 1 << 20)
        transport.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        transport.resumeProducing()
        await client.event("OnAudioLost", callId=call, side="heard")
        numbers = [frame.sequence - client.frames[0].sequence for frame in client.frames]
        self.assertEqual(numbers, sorted(set(numbers)))
        await until(lambda: client.frames[-1].sequence > client.frames[0].sequence + len(client.frames), "a gap")
        self.assertFalse(client.closed)

        example = str(ROOT / "docs" / "examples" / "echo_bot.py")
        access = str(daemon.state_dir / "access.json")
        bot = self.start("the example", sys.executable, "-u", example, access, "601", "2")
        self.assertAlmostEqual(float((await bot.says(r"second 1: (-\d+) dB heard"))[1]), -16, delta=2)
        self.assertEqual(daemon.complaints(), [])
