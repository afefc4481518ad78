"""What an application does with a stream's audio: clips, music, pipes, and the detection of speech."""

from __future__ import annotations

import random
from array import array
from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from neon.media import _engine
from neon.media.engine import Played, Speech, Tone
from neon.media.sound import Clip, Pipe
from neon.values import MediaDirection
from tests import audio
from tests.media.peers import next_event
from tests.media.signals import FRAME, level, loudness, tone
from tests.media.starvation import again_if_starved
from tests.media.test_engine import EngineCase


def clip(hz: float, frames: int, dbm0: float = -10.0) -> Clip:
    return Clip(tone(hz, frames * FRAME, dbm0).tobytes(), 8000)


class ScriptCase(EngineCase):
    """A stream that says 500 Hz by itself."""

    def setUp(self) -> None:
        super().setUp()
        self.peer = self.new_peer()
        self.stream = self.new_stream()
        self.stream.set_source(Tone(500, -20))


@again_if_starved
class ClipTests(ScriptCase):
    def test_instead(self) -> None:
        """A clip is heard in place of the source, its end is told, and then the source is heard again."""
        self.stream.play(clip(1300, 15), number=7)
        self.stream.start(self.peer.agreement())
        heard = self.peer.listen(15)
        self.assertLess(abs(level(heard, 1300) + 10), 0.3)
        self.assertLess(level(heard, 500), -50)
        self.assertEqual(next_event(self.engine, Played), Played(self.stream, 7))
        self.assertLess(abs(level(self.peer.listen(10), 500) + 20), 0.3)

    def test_mixed(self) -> None:
        """Or together with it."""
        self.stream.play(clip(1300, 20), mix=True)
        self.stream.start(self.peer.agreement())
        heard = self.peer.listen(20)
        self.assertLess(abs(level(heard, 1300) + 10), 0.3)
        self.assertLess(abs(level(heard, 500) + 20), 0.5)

    def test_loop_and_stop(self) -> None:
        """In a loop it goes on until it is stopped, which is no end of it."""
        self.stream.play(clip(1300, 4), loop=True)
        self.stream.start(self.peer.agreement())
        self.assertLess(abs(level(self.peer.listen(20), 1300) + 10), 0.3)
        self.stream.play(None)
        self.peer.listen(3)
        self.assertLess(level(self.peer.listen(8), 1300), -50)
        self.assertNotIn(Played(self.stream, 0), self.engine.take_events())

    def test_wide(self) -> None:
        """A clip at 16 kHz is heard right in a call that has 8."""
        self.stream.play(Clip(audio.pcm_of(audio.tone(1300, -10, 0.4, 16000)), 16000))
        self.stream.start(self.peer.agreement())
        self.assertLess(abs(level(self.peer.listen(18), 1300) + 10), 0.3)

    def test_held(self) -> None:
        """A stream on hold says the music and nothing else; the clip waits, and is whole afterwards."""
        self.stream.play(clip(1300, 10), number=3)
        self.stream.hold(True, clip(700, 3))
        self.stream.start(self.peer.agreement())
        heard = self.peer.listen(20)
        self.assertLess(abs(level(heard, 700) + 10), 0.3)
        self.assertLess(level(heard, 500), -50)
        self.assertLess(level(heard, 1300), -50)
        self.stream.hold(True)
        self.peer.listen(3)
        self.assertLess(loudness(self.peer.listen(5)), -60)
        self.stream.hold(False)
        heard = self.peer.listen(14)
        said = [at for at in range(0, len(heard), FRAME) if level(heard[at : at + FRAME], 1300) > -16]
        self.assertEqual(len(said), 10)

    def test_not_sent(self) -> None:
        """While nothing is sent, a clip waits."""
        self.stream.play(clip(1300, 10), number=3)
        self.stream.start(replace(self.peer.agreement(), direction=MediaDirection.RECVONLY))
        self.assertEqual(self.engine.take_events(), [])
        self.stream.start(self.peer.agreement())
        self.assertLess(abs(level(self.peer.listen(10), 1300) + 10), 0.5)

    def test_bad_arguments(self) -> None:
        """What is no clip or pipe, and rates that nobody has, are refused; so is everything for a closed stream."""
        native = self.stream._native
        self.assertRaises(TypeError, native.play, b"", False, False, 0)
        self.assertRaises(TypeError, native.hold, True, object())
        self.assertRaises(TypeError, native.speak, b"", False)
        self.assertRaises(TypeError, native.listen, 3)
        self.assertRaises(ValueError, Clip, b"12", 44100)
        self.assertRaises(ValueError, Clip, b"1", 8000)
        self.assertRaises(ValueError, Pipe, 1.0, 44100)
        self.assertRaises(ValueError, Pipe, 1e4, 8000)
        self.stream.close()
        self.assertRaises(ValueError, self.stream.play, None)
        self.assertRaises(ValueError, self.stream.detect_speech, True)


@again_if_starved
class PipeTests(ScriptCase):
    def test_spoken(self) -> None:
        """What is written into a pipe is said, in place of the source, and silence when there is no more."""
        pipe = Pipe(1.0, 8000)
        self.assertEqual(pipe.write(tone(1300, 15 * FRAME).tobytes()), 15 * FRAME)
        self.stream.speak(pipe)
        self.stream.start(self.peer.agreement())
        heard = self.peer.listen(25)
        said = [at for at in range(0, len(heard), FRAME) if level(heard[at : at + FRAME], 1300) > -16]
        self.assertEqual(len(said), 15)
        self.assertLess(level(heard, 500), -50)
        self.assertEqual(pipe.waiting, 0)

    def test_short_speech_is_said(self) -> None:
        """A single frame does not wait for others for ever."""
        pipe = Pipe(1.0, 8000)
        pipe.write(tone(1300, FRAME).tobytes())
        self.stream.speak(pipe)
        self.stream.start(self.peer.agreement())
        self.assertGreater(loudness(self.peer.listen(8)), -25)

    def test_quiet(self) -> None:
        """A stream that is muted takes what is spoken, and does not say it."""
        pipe = Pipe(1.0, 8000)
        pipe.write(tone(1300, 10 * FRAME).tobytes())
        self.stream.speak(pipe)
        self.stream.quiet(True)
        self.stream.start(self.peer.agreement())
        self.assertLess(level(self.peer.listen(15), 1300), -50)
        self.assertEqual(pipe.waiting, 0)

    def test_heard(self) -> None:
        """A pipe hears the far end, at the rate that it has."""
        pipe = Pipe(2.0, 16000)
        self.stream.listen(pipe)
        self.stream.start(self.peer.agreement())
        self.peer.converse(self.stream, 40, 1000)
        samples = audio.samples_of(pipe.read(1 << 20))
        self.assertGreater(len(samples), 30 * 2 * FRAME)
        self.assertLess(abs(audio.tone_level_dbm0(samples[-16 * FRAME :], 1000, 16000) + 10), 0.5)

    def test_nobody_reads(self) -> None:
        """A pipe that nobody reads fills, and what comes after that is counted; the stream goes on."""
        pipe = Pipe(0.1, 8000)
        self.stream.listen(pipe)
        self.stream.start(self.peer.agreement())
        self.peer.listen(20)
        self.assertEqual(pipe.waiting, 1024)
        self.assertGreater(pipe.lost, 0)

    def test_bounded(self) -> None:
        """More than a pipe holds does not go in; what is forgotten makes room once somebody reads."""
        pipe = Pipe(0.1, 8000)
        self.assertEqual(pipe.write(bytes(2 * 1500)), 1024)
        self.assertEqual((pipe.waiting, pipe.lost), (1024, 476))
        pipe.forget()
        self.assertEqual(pipe.waiting, 0)
        self.assertEqual(pipe.read(10), b"")
        self.assertEqual(pipe.write(b"\1\0\2\0\3\0"), 3)
        self.assertEqual(pipe.read(2), b"\1\0\2\0")
        self.assertEqual(pipe.read(2), b"\3\0")
        self.assertRaises(ValueError, pipe.write, b"1")


def noise(milliseconds: int, dbm0: float) -> array[int]:
    generator = random.Random(5)
    deviation = 32768 * 10 ** ((dbm0 - 3.14) / 20) / 2**0.5
    return array("h", (round(generator.gauss(0, deviation)) for _ in range(8 * milliseconds)))


class SpeechTests(SynchronousTestCase):
    """C{speech.c}, on sound that nobody has to wait for."""

    def test_talk(self) -> None:
        """Speech begins within 100 ms, and ends half a second after its end."""
        sound = noise(1000, -55) + noise(800, -20) + noise(2000, -55)
        (begin, began), (end, over) = _engine.speech(sound)
        self.assertEqual((began, over), (True, False))
        self.assertTrue(1040 <= begin <= 1100, begin)
        self.assertTrue(2280 <= end <= 2400, end)

    def test_pause_between_words(self) -> None:
        """A pause of 300 ms is none."""
        sound = noise(500, -60) + noise(400, -20) + noise(300, -60) + noise(400, -20) + noise(1000, -60)
        self.assertEqual([speaking for _, speaking in _engine.speech(sound)], [True, False])

    def test_silence_and_clicks(self) -> None:
        """Silence, quiet noise and a click of 20 ms are no speech."""
        self.assertEqual(_engine.speech(array("h", bytes(2 * 8000))), [])
        self.assertEqual(_engine.speech(noise(1000, -60) + noise(20, -10) + noise(1000, -60)), [])

    def test_noise_that_stays(self) -> None:
        """Noise that begins is taken for speech, and no longer when it has stayed; whoever speaks in it is heard."""
        sound = noise(500, -65) + noise(14000, -38)
        changes = _engine.speech(sound)
        self.assertEqual([speaking for _, speaking in changes], [True, False])
        changes = _engine.speech(sound + noise(500, -15) + noise(1500, -38))
        self.assertEqual([speaking for _, speaking in changes], [True, False, True, False])

    def test_quiet_talker(self) -> None:
        """Somebody who speaks at -40 dBm0 in silence is heard."""
        self.assertEqual(len(_engine.speech(noise(500, -80) + noise(500, -40))), 1)


@again_if_starved
class DetectionTests(ScriptCase):
    def test_told(self) -> None:
        """The stream tells when the far end speaks, if somebody wants to know."""
        self.stream.start(self.peer.agreement())
        self.peer.converse(self.stream, 12, 1000)
        self.assertNotIn(Speech(self.stream, True), self.engine.take_events())
        self.stream.detect_speech(True)
        self.peer.converse(self.stream, 10, 1000)
        self.assertEqual(next_event(self.engine, Speech), Speech(self.stream, True))
