"""What the user hears beside calls, as NEON plays it: ringing, busy, keys, and a second caller; nobody else does."""

from __future__ import annotations

import math
import wave
from pathlib import Path

from tests import audio
from tests.integration import sound
from tests.integration.daemon import start_daemon
from tests.integration.processes import IntegrationCase, until

TONES = "[tones]\ncountry = us\n"
RING_BACK, BUSY, WAITING, KEY = (440, 480), (480, 620), (440,), (852, 1477)
"""Of the United States, in hertz; the key is 9."""


def played(path: Path) -> list[int]:
    """What is in a file that still grows."""
    try:
        return audio.samples_of(path.read_bytes()[44:])
    except OSError:
        return []


def has(samples: list[int], frequencies: tuple[int, ...], seconds: float) -> bool:
    """Whether there is a time at which these are heard, each as loud as it should be, and hardly anything else."""
    length = round(seconds * audio.RATE)
    for start in range(0, len(samples) - length + 1, length // 2):
        part = samples[start : start + length]
        levels = [audio.tone_level_dbm0(part, hz) for hz in frequencies]
        if all(-26 < level < -18 for level in levels):
            power = sum(10 ** (level / 10) for level in levels)
            if abs(10 * math.log10(power) - audio.level_dbm0(part)) < 1.5:
                return True
    return False


class ToneTests(IntegrationCase):
    async def test_tones(self) -> None:
        """604 rings, 603 is busy, a digit of ours and a second caller in a call with 600, and its recording without."""
        path = self.folder / "played.wav"
        daemon = await start_daemon(self, testbed=True, playback=f"file:{path}", more=TONES)
        client = await daemon.connect()
        await client.command("subscribe", events=["OnRinging", "OnRecording"])
        sip = daemon.access["sip"]
        await client.register(sip["domain"], sip["number"], sip["password"])
        begun = 0

        async def heard(frequencies: tuple[int, ...], seconds: float, what: str) -> None:
            nonlocal begun
            await until(lambda: has(played(path)[begun:], frequencies, seconds), what, 15)
            begun = len(played(path))

        call = await client.call("604")
        await client.event("OnRinging", callId=call)
        await heard(RING_BACK, 0.5, "ringing")
        await client.command("finalizecall", callid=call)
        await client.event("OnFinalizedCall", callId=call)
        call = await client.call("603")
        await client.event("OnFinalizedCall", callId=call)
        await heard(BUSY, 0.3, "busy")
        call = await client.call("600")
        await client.event("OnAcceptCall", callId=call)
        recorded = Path((await client.command("startrecording", callid=call))["path"])
        await client.event("OnRecording", callId=call, state="started")
        await client.command("senddtmf", callid=call, dtmf="9")
        await heard(KEY, 0.05, "the key")
        await client.call("602")  # which calls back, and rings for long
        await client.incoming()
        await heard(WAITING, 0.2, "a second caller")
        await client.command("finalizecall", callid=call)
        await client.event("OnFinalizedCall", callId=call)
        await client.event("OnRecording", callId=call, state="stopped")
        with wave.open(str(recorded)) as file:
            both = audio.samples_of(file.readframes(file.getnframes()))
        for side in (both[::2], both[1::2]):
            for hz in (*KEY, *WAITING):
                self.assertLess(sound.best_dbm0(side, hz, 0.1), -50)
        self.assertEqual(daemon.complaints(), [])
