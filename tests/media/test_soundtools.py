"""Ringing, and the test of microphone and loudspeaker: sounds, figures, and what they mean."""

from __future__ import annotations

import array
import json
import random

from twisted.trial.unittest import SynchronousTestCase

from neon.media.portaudio import RATE
from neon.media.ringdevice import RingDevice
from neon.media.soundjob import SoundJob
from neon.media.soundsystem import verdict
from neon.media.soundtools import (
    QUIET,
    RING,
    RING_HZ,
    TEST_DBFS,
    TEST_HZ,
    judge,
    level,
    ringing,
    tone,
    tone_level,
)
from neon.sounddevices import Verdict
from tests.media.fakes import FakeProcess, FakeProcessReactor


class SoundTests(SynchronousTestCase):
    def test_ringing(self) -> None:
        """One turn of the ringing has both tones where it sounds, and silence where it does not."""
        samples = array.array("h", ringing())
        self.assertEqual(len(samples), sum(round(seconds * RATE) for seconds, _ in RING))
        loud, quiet = samples[1600:4800], samples[round(0.42 * RATE) : round(0.58 * RATE)]
        for hz in RING_HZ:
            self.assertApproximates(tone_level(loud, hz), -14, 0.3)
        self.assertFalse(any(quiet))
        self.assertLess(max(map(abs, samples)), 32768)

    def test_levels(self) -> None:
        """Levels are against a sine of full scale."""
        sine = tone((TEST_HZ,), -20.0, 1.0)
        self.assertApproximates(level(sine[800:-800]), -20, 0.1)
        self.assertApproximates(tone_level(sine[800:-800], TEST_HZ), -20, 0.1)
        self.assertLess(tone_level(sine[800:-800], 600.0), -90)
        self.assertEqual(level([]), -100)


class JudgeTests(SynchronousTestCase):
    """L{judge} and L{verdict}"""

    def verdict(self, recorded: list[int], spoken: list[int]) -> Verdict:
        return verdict(json.dumps(judge(recorded, spoken))).verdict

    def room(self, deviation: float, seconds: float) -> list[int]:
        noise = random.Random(3)
        return [round(noise.gauss(0, deviation)) for _ in range(round(seconds * RATE))]

    def test_heard(self) -> None:
        """A tone that arrives, however softly, is heard also in a room that is not quiet."""
        sound = tone((TEST_HZ,), TEST_DBFS - 20, 1.0)
        room = self.room(60, 2.4)
        start = round(QUIET * RATE)
        for n, sample in enumerate(sound):
            room[start + n] += sample
        result = verdict(json.dumps(judge(room, self.room(60, 1))))
        self.assertIs(result.verdict, Verdict.HEARD)
        assert result.heard is not None
        self.assertApproximates(result.heard, TEST_DBFS - 20, 1)

    def test_not_heard(self) -> None:
        """A microphone that hears the room, but no tone; a hum at the tone's pitch is no tone of ours."""
        self.assertIs(self.verdict(self.room(60, 2.4), self.room(60, 1)), Verdict.NOT_HEARD)
        hum = tone((TEST_HZ,), -30, 2.4).tolist()
        self.assertIs(self.verdict(hum, hum), Verdict.NOT_HEARD)

    def test_silent(self) -> None:
        """Zeros, and the last bit of a converter, are a microphone that is muted."""
        self.assertIs(self.verdict([0] * 40000, [0] * 16000), Verdict.SILENT_MICROPHONE)
        self.assertIs(self.verdict([0, 1] * 20000, [1, 0] * 8000), Verdict.SILENT_MICROPHONE)

    def test_missing(self) -> None:
        """What cannot be opened is said, with the system's words; so is a tool that died."""
        no_speaker = json.dumps({"speaker": "it cannot be opened", **judge([0, 90] * 999, [0, 90] * 999)})
        self.assertIs(verdict(no_speaker).verdict, Verdict.NO_SPEAKER)
        self.assertIs(verdict('{"microphone": "-9999"}').verdict, Verdict.NO_MICROPHONE)
        both = verdict('{"microphone": "-9996", "speaker": "-9996"}')
        self.assertEqual((both.verdict, both.problem), (Verdict.NO_DEVICE, "-9996"))
        self.assertIs(verdict("").verdict, Verdict.NO_DEVICE)


class RingDeviceTests(SynchronousTestCase):
    """L{RingDevice}"""

    def setUp(self) -> None:
        self.reactor = FakeProcessReactor()
        self.name: str | None = "bell"
        self.bell = RingDevice(self.reactor, lambda: self.name, "/r.wav")

    def newest(self) -> FakeProcess:
        return self.reactor.processes[-1]

    def test_on_and_off(self) -> None:
        """It rings at the device and with the sound that it should, until told otherwise."""
        self.bell.ring(True)
        self.bell.ring(True)
        self.assertEqual(len(self.reactor.processes), 1)
        self.assertEqual(self.newest().arguments[5:], ["ring", "--", "bell", "/r.wav"])
        self.assertTrue(self.newest().stdin_open)
        self.bell.ring(False)
        self.assertFalse(self.newest().stdin_open)
        self.newest().exit(0)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_stuck(self) -> None:
        """A sound card that does not let go is not waited for."""
        self.bell.ring(True)
        self.bell.ring(False)
        self.reactor.advance(1)
        self.assertEqual(self.newest().signals, ["KILL"])

    def test_no_device(self) -> None:
        """Without a device it does not ring, and nothing is started."""
        self.name = None
        self.bell.ring(True)
        self.bell.ring(False)
        self.assertEqual(self.reactor.processes, [])

    def test_moves(self) -> None:
        """Another device is used in the middle of a ringing; the same one is left alone."""
        self.bell.ring(True)
        self.bell.again()
        self.assertEqual(len(self.reactor.processes), 1)
        self.name = "spk"
        self.bell.again()
        self.assertFalse(self.reactor.processes[0].stdin_open)
        self.assertEqual(self.newest().arguments[7], "spk")

    def test_stop(self) -> None:
        """The end waits for the process."""
        self.successResultOf(self.bell.stop())
        self.bell.ring(True)
        d = self.bell.stop()
        self.assertNoResult(d)
        self.newest().exit(0)
        self.successResultOf(d)


class SoundJobTests(SynchronousTestCase):
    """L{SoundJob}"""

    def test_answer(self) -> None:
        """The last line is the answer."""
        reactor = FakeProcessReactor()
        job = SoundJob(reactor, "list", patience=5)
        reactor.processes[0].says(b"chatter\n{}\n")
        self.assertNoResult(job.done)
        reactor.processes[0].exit(0)
        self.assertEqual(self.successResultOf(job.done), "{}")
        self.assertEqual(reactor.getDelayedCalls(), [])

    def test_impatience(self) -> None:
        """A tool that hangs is ended, the hard way at last."""
        reactor = FakeProcessReactor()
        job = SoundJob(reactor, "list", patience=5)
        reactor.advance(5)
        self.assertFalse(reactor.processes[0].stdin_open)
        reactor.advance(1)
        self.assertEqual(reactor.processes[0].signals, ["KILL"])
        reactor.processes[0].exit(1)
        self.assertEqual(self.successResultOf(job.done), "")

    def test_no_process(self) -> None:
        """A machine that is out of processes gets an empty answer."""
        reactor = FakeProcessReactor()
        reactor.spawn_error = OSError(11, "Resource temporarily unavailable")
        job = SoundJob(reactor, "list")
        self.assertEqual(self.successResultOf(job.done), "")
        job.stop()
