"""What a call costs the sound on its way through a sound server: level, noise and delay, measured and told.

The bounds are for a way that is broken: what noise, concealment or a forgotten buffer leave. The numbers that are
printed are the machine's, and nobody's judgement.
"""

from __future__ import annotations

import statistics
import sys

from neon.media.callstream import CallStream
from neon.media.devices import PortAudioDevice
from tests import audio
from tests.integration.processes import TimedOut, pause, until
from tests.integration.pulse import NEEDED, NEEDED_PIPEWIRE, PipeWire, Recording
from tests.integration.sound import LEVEL_TOLERANCE
from tests.integration.soundcase import THEIR_TONE, SoundCase, agreement

CLEAN = 20.0
"""dB. A-law leaves 37 to 38 of a tone; of half a second that is concealed hardly 60 ms are a tone, of noise none is."""

HALF = audio.RATE // 2
ENOUGH = 8
"""Half seconds, each of which has half of the one before, of which the best is told."""

PATIENCE = 30.0
BROKEN = 1.0
"""Seconds from mouth to ear with which no machine excuses a phone."""

BURSTS = 4
BURST_EVERY = 1.25
"""Seconds: longer than what is called broken, so that no burst is taken for the one before."""


class Listener:
    """Judges every half second of a recording once, and remembers the best."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._judged = 0
        self._right = 0
        self.best = -1000.0
        self.level = audio.SILENCE_DBM0

    def look(self) -> bool:
        """Whether there was a clean half second of the tone by now."""
        samples = self._recording.samples()
        while len(samples) >= self._judged + HALF and not self._content:
            part = samples[self._judged : self._judged + HALF]
            self._judged += HALF // 2
            level = audio.tone_level_dbm0(part, THEIR_TONE[0])
            if abs(level - THEIR_TONE[1]) > LEVEL_TOLERANCE:
                continue
            self._right += 1
            ratio = audio.signal_to_noise_db(part, THEIR_TONE[0])
            if ratio > self.best:
                self.best, self.level = ratio, level
        return self._content

    @property
    def _content(self) -> bool:
        return self.best >= CLEAN and self._right >= ENOUGH


def delays_of(both: list[int]) -> list[float]:
    """Seconds from each burst on the left side to the first that follows on the right side before the next one."""
    loud, gap = round(audio.amplitude_of(-22)), audio.RATE // 2
    said, heard = (audio.onsets(both[side::2], loud, gap) for side in (0, 1))
    found = [min((at - one for at in heard if at > one), default=0) / audio.RATE for one in said]
    return [delay for delay in found if 0 < delay < BURST_EVERY]


class PulseTests(SoundCase):
    """PulseAudio."""

    programs_needed: tuple[str, ...] = NEEDED
    timeout = 120

    async def test_measured(self) -> None:
        """A tone arrives at the loudspeaker as loud as it was, and nothing else with it; what is said into the
        microphone is heard at the other end's loudspeaker within a second.
        """
        server = self.begin(PortAudioDevice("hark"), PortAudioDevice("ear"))
        await server.start()
        server.add_room()
        call = self.call()
        listener = Listener(server.listen("ear"))
        try:
            await until(listener.look, "half a second of a clean tone", PATIENCE)
        except TimedOut:
            self.fail(f"the best half second has a ratio of {listener.best:.1f} dB, at {listener.level:.1f} dBm0")
        call.close()

        self.converse()
        await pause(1.0)
        room = server.listen("room", channels=2)
        burst = audio.tone(1000, -10, 0.02)
        server.say((burst + [0] * round((BURST_EVERY - 0.02) * audio.RATE)) * round(PATIENCE / BURST_EVERY), "mouth")
        await until(lambda: len(delays_of(room.samples())) > BURSTS, f"{BURSTS} bursts at the ear", PATIENCE)
        # In the first one everything begins.
        delays = delays_of(room.samples())[1:]
        sys.stdout.write(
            f"{self.kind.__name__}: {listener.level:.1f} dBm0 of {THEIR_TONE[1]:g}, {listener.best:.1f} dB over noise,"
            f" {statistics.median(delays) * 1000:.0f} ms from mouth to ear"
            f" ({min(delays) * 1000:.0f} to {max(delays) * 1000:.0f})\n"
        )
        self.assertLess(statistics.median(delays), BROKEN)

    def converse(self) -> tuple[CallStream, CallStream]:
        """Two calls with each other; only what the first one hears of the microphone is sent."""
        calls = self.manager.open(2), self.manager.open(3)
        for one, other in (calls, calls[::-1]):
            one.start(agreement(other.local.port))
        calls[1].silence(True)
        return calls


class PipeWireTests(PulseTests):
    """PipeWire."""

    programs_needed = NEEDED_PIPEWIRE
    kind = PipeWire
