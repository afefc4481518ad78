"""Wideband: the way between 8 and 16 kHz, G.722 in the jitter buffer, and streams and devices of both rates."""

from __future__ import annotations

import math
import socket
from array import array
from dataclasses import replace
from itertools import pairwise

from twisted.trial.unittest import SynchronousTestCase

from neon.media import _engine
from neon.media.engine import NARROW, WIDE, Device, Echo, Samples, Stream, Tone
from neon.values import Codec, MediaAgreement
from tests.media.peers import LIMIT
from tests.media.signals import FRAME, level, loudness, tone
from tests.media.starvation import again_if_starved
from tests.media.test_engine import EngineCase

WIDE_FRAME = 2 * FRAME


def wide_tone(hz: float, count: int, dbm0: float = -10.0, start: int = 0) -> array[int]:
    """A sine at 16 kHz: half the frequency at 8 kHz."""
    return tone(hz / 2, count, dbm0, start)


def wide_level(samples: array[int], hz: float) -> float:
    return level(samples, hz / 2)


def steadiest(heard: array[int], hz: float, rate: int, dbm0: float = -10.0) -> array[int]:
    """The 200 ms in which a tone is nearest to its level: on a busy machine a packet may come too late for its turn."""
    size = rate // 5
    windows = [heard[at : at + size] for at in range(0, len(heard) - size + 1, rate // 25)]
    return min(windows, key=lambda window: abs(level(window, hz * NARROW / rate) - dbm0))


def samples_of(data: bytes) -> array[int]:
    return array("h", data)


class ResamplerTests(SynchronousTestCase):
    """Measured over half a second, after the filter has settled."""

    def test_up(self) -> None:
        """Speech goes up unchanged; its mirror image above 4 kHz is 60 dB below it."""
        for hz in (100, 300, 1000, 2500, 3300):
            wide = samples_of(_engine.upsample(tone(hz, 30 * FRAME).tobytes()))[5 * WIDE_FRAME :]
            self.assertLess(abs(wide_level(wide, hz) + 10), 0.1, hz)
            self.assertLess(wide_level(wide, 8000 - hz), -70, hz)

    def test_down(self) -> None:
        """So it comes down; what 8 kHz cannot carry is 60 dB down and more, instead of folded back."""
        for hz in (100, 300, 1000, 2500, 3300):
            narrow = samples_of(_engine.downsample(wide_tone(hz, 30 * WIDE_FRAME).tobytes()))[5 * FRAME :]
            self.assertLess(abs(level(narrow, hz) + 10), 0.1, hz)
        for hz in (4700, 5000, 6000, 7000, 7900):
            narrow = samples_of(_engine.downsample(wide_tone(hz, 30 * WIDE_FRAME).tobytes()))[5 * FRAME :]
            self.assertLess(loudness(narrow), -70, hz)

    def test_there_and_back(self) -> None:
        """The loudest sine does not turn over, and comes back as it was."""
        loud = tone(1000, 30 * FRAME, 3.1)
        back = samples_of(_engine.downsample(_engine.upsample(loud.tobytes())))
        self.assertLess(abs(level(back[5 * FRAME :], 1000) - 3.1), 0.1)


class JitterTests(SynchronousTestCase):
    """A jitter buffer for G.722: an octet is two samples."""

    def setUp(self) -> None:
        self.jitter = _engine.JitterBuffer(g722=True)

    def play(self, codes: bytes, order: list[int]) -> array[int]:
        """Every packet of 20 ms in that order, a frame for each."""
        heard = array("h")
        for index in order:
            if index >= 0:
                self.jitter.push(1000 + FRAME * index, codes[FRAME * index : FRAME * (index + 1)])
            heard.frombytes(self.jitter.pop(FRAME))
        return heard

    def codes(self, hz: float, frames: int = 50) -> bytes:
        return _engine.g722_encode(wide_tone(hz, frames * WIDE_FRAME).tobytes())

    def test_tones(self) -> None:
        """Tones up to 7 kHz are heard at their level, at 16 kHz."""
        for hz in (300, 1000, 3000, 5000, 6500):
            self.jitter = _engine.JitterBuffer(g722=True)
            heard = self.play(self.codes(hz), list(range(50)))
            self.assertEqual(len(heard), 50 * WIDE_FRAME)
            self.assertLess(abs(wide_level(heard[10 * WIDE_FRAME :], hz) + 10), 1.0, hz)

    def test_reordered(self) -> None:
        """Packets that overtake each other are decoded in their order: not a sample differs."""
        codes = self.codes(1000)
        straight = self.play(codes, list(range(50)))
        self.jitter = _engine.JitterBuffer(g722=True)
        self.jitter.push(1000, codes[:FRAME])
        heard = array("h", self.jitter.pop(FRAME))
        self.jitter.push(1000 + FRAME, codes[FRAME : 2 * FRAME])
        self.jitter.push(1000 + 2 * FRAME, codes[2 * FRAME : 3 * FRAME])
        for index in range(3, 49, 2):
            for swapped in (index + 1, index):
                self.jitter.push(1000 + FRAME * swapped, codes[FRAME * swapped : FRAME * (swapped + 1)])
            heard.frombytes(self.jitter.pop(WIDE_FRAME))
        self.assertEqual(heard[: 40 * WIDE_FRAME], straight[: 40 * WIDE_FRAME])

    def test_loss(self) -> None:
        """A packet that is lost is filled with the last pitch; the tone goes on, and is itself again soon after."""
        order = list(range(50))
        order[25] = -1
        heard = self.play(self.codes(400), order)
        lost = heard[26 * WIDE_FRAME : 27 * WIDE_FRAME]
        self.assertLess(abs(wide_level(lost, 400) + 10), 3)
        self.assertEqual(self.jitter.counters()["concealed"], 1)
        self.assertLess(abs(wide_level(heard[30 * WIDE_FRAME :], 400) + 10), 0.5)
        steps = [abs(one - other) for one, other in pairwise(heard[24 * WIDE_FRAME :])]
        biggest = 2 * math.pi * 400 / 16000 * 32768 * 10 ** (-13.14 / 20)
        self.assertLess(max(steps), 4 * biggest, "a click")

    def test_end(self) -> None:
        """When nothing comes any more it fades out."""
        heard = self.play(self.codes(400, 20), [*range(20), *[-1] * 20])
        self.assertEqual(set(heard[30 * WIDE_FRAME :]), {0})


@again_if_starved
class WidebandTests(EngineCase):
    """Two streams of one engine that talk to each other."""

    def setUp(self) -> None:
        super().setUp()
        self.ours, self.theirs = self.new_stream(), self.new_stream()
        self.devices: list[Device] = []

    def new_device(self, rate: int) -> tuple[Device, socket.socket]:
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        far.settimeout(LIMIT)
        self.addCleanup(far.close)
        with near:
            device = self.engine.open_device(near.fileno(), rate)
        self.devices.append(device)  # it is closed when nobody holds it
        return device, far

    def talk(self, codec: Codec) -> None:
        for stream, other in ((self.ours, self.theirs), (self.theirs, self.ours)):
            payload = codec.payload_type
            stream.start(MediaAgreement(("127.0.0.1", other.local_port), codec, payload, payload))

    def heard(self, worker: socket.socket, frames: int = 34) -> array[int]:
        """What is played, but for the beginning."""
        heard = array("h")
        for count in range(frames):
            data = worker.recv(2000)
            if count >= 15:
                heard.frombytes(data)
        return heard

    def played_by(self, stream: Stream, rate: int) -> socket.socket:
        device, worker = self.new_device(rate)
        stream.set_sink(device)
        return worker

    def test_tone(self) -> None:
        """5 kHz pass through G.722 from end to end, and nothing else is there."""
        worker = self.played_by(self.theirs, WIDE)
        self.ours.set_source(Tone(5000))
        self.talk(Codec.G722)
        heard = steadiest(self.heard(worker), 5000, WIDE)
        self.assertLess(abs(wide_level(heard, 5000) + 10), 1.0)
        self.assertLess(abs(loudness(heard) + 10), 1.0)

    def test_captured(self) -> None:
        """What a device of 16 kHz captures is heard at one of 16 kHz, its upper half too."""
        worker = self.played_by(self.theirs, WIDE)
        microphone, mouth = self.new_device(WIDE)
        self.ours.set_source(microphone)
        self.talk(Codec.G722)
        heard = array("h")
        for count in range(60):
            mouth.send(wide_tone(5500, WIDE_FRAME, start=count * WIDE_FRAME).tobytes())
            data = worker.recv(2000)
            if count >= 30:
                heard.frombytes(data)
        self.assertLess(abs(wide_level(steadiest(heard, 5500, WIDE), 5500) + 10), 1.0)

    def test_rates_meet(self) -> None:
        """Whatever the codec and the rate of the device, speech is heard at its level; nothing is folded into it."""
        for codec in (Codec.G722, Codec.PCMA):
            for rate in (NARROW, WIDE):
                self.ours, self.theirs = self.new_stream(), self.new_stream()
                worker = self.played_by(self.theirs, rate)
                self.ours.set_source(Tone(1000))
                self.talk(codec)
                heard = steadiest(self.heard(worker), 1000, rate)
                measured = level(heard, 1000 * NARROW / rate)
                self.assertLess(abs(measured + 10), 0.5, f"{codec} {rate}")
                self.assertLess(abs(loudness(heard) + 10), 0.5, f"{codec} {rate}")

    def test_narrow_microphone_and_file(self) -> None:
        """Stored samples of 8 kHz are heard through G.722."""
        worker = self.played_by(self.theirs, WIDE)
        self.ours.set_source(Samples(tone(800, 50 * FRAME).tobytes(), loop=True))
        self.talk(Codec.G722)
        self.assertLess(abs(wide_level(steadiest(self.heard(worker), 800, WIDE), 800) + 10), 0.5)

    def test_wide_microphone_and_narrow_codec(self) -> None:
        """Of what a microphone of 16 kHz hears G.711 carries the lower half; the upper one is not folded into it."""
        worker = self.played_by(self.theirs, NARROW)
        microphone, mouth = self.new_device(WIDE)
        self.ours.set_source(microphone)
        self.talk(Codec.PCMA)
        heard = array("h")
        for count in range(60):
            both = zip(
                wide_tone(1000, WIDE_FRAME, -16, count * WIDE_FRAME),
                wide_tone(5000, WIDE_FRAME, -16, count * WIDE_FRAME),
                strict=True,
            )
            mouth.send(array("h", (one + other for one, other in both)).tobytes())
            data = worker.recv(2000)
            if count >= 30:
                heard.frombytes(data)
        heard = steadiest(heard, 1000, NARROW, -16)
        self.assertLess(abs(level(heard, 1000) + 16), 0.3)
        self.assertLess(level(heard, 3000), -50, "5 kHz folded back")

    def test_tone_beyond_the_codec(self) -> None:
        """A tone that 8 kHz cannot carry is silence there."""
        worker = self.played_by(self.theirs, NARROW)
        self.ours.set_source(Tone(5000))
        self.talk(Codec.PCMA)
        self.assertLess(loudness(self.heard(worker, 25)), -60)

    def test_digits(self) -> None:
        """Tones for a digit are tones in G.722 too."""
        worker = self.played_by(self.theirs, WIDE)
        self.talk(Codec.G722)
        self.heard(worker, 16)
        self.ours.send_digit("0", 1000)
        heard = steadiest(self.heard(worker, 40), 941, WIDE)
        self.assertLess(abs(wide_level(heard, 941) + 10), 0.7)
        self.assertLess(abs(wide_level(heard, 1336) + 10), 0.7)

    def test_change(self) -> None:
        """A call that changes its codec goes on."""
        worker = self.played_by(self.theirs, WIDE)
        self.ours.set_source(Tone(1000))
        for codec in (Codec.PCMA, Codec.G722, Codec.PCMU):
            self.talk(codec)
            heard = steadiest(self.heard(worker, 34), 1000, WIDE)
            self.assertLess(abs(wide_level(heard, 1000) + 10), 0.7, codec)

    def test_echo_and_packet_times(self) -> None:
        """Packets of 10 and 30 ms, echoed, come back."""
        for ptime in (10, 30):
            self.ours, self.theirs = self.new_stream(), self.new_stream()
            worker = self.played_by(self.ours, WIDE)
            self.ours.set_source(Tone(5000))
            self.theirs.set_source(Echo())
            for stream, other in ((self.ours, self.theirs), (self.theirs, self.ours)):
                agreed = MediaAgreement(("127.0.0.1", other.local_port), Codec.G722, 9, 9)
                stream.start(replace(agreed, ptime_ms=ptime))
            heard = steadiest(self.heard(worker, 45)[10 * WIDE_FRAME :], 5000, WIDE)
            self.assertLess(abs(wide_level(heard, 5000) + 10), 2.0, ptime)
