"""Devices: capture and playback through a socketpair, mixing, and what happens when the other end goes away."""

from __future__ import annotations

import os
import socket
import time
from array import array
from collections.abc import Callable

from neon.media.engine import Device, DeviceGone, Engine, Tone
from tests.media.peers import LIMIT, PORTS, next_event
from tests.media.signals import FRAME, level, loudness, tone
from tests.media.starvation import again_if_starved
from tests.media.test_engine import EngineCase


@again_if_starved
class DeviceTests(EngineCase):
    def setUp(self) -> None:
        super().setUp()
        self.device, self.worker = self.new_device()

    def new_device(self) -> tuple[Device, socket.socket]:
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        far.settimeout(LIMIT)
        self.addCleanup(far.close)
        with near:
            return self.engine.open_device(near.fileno()), far

    def played(self, count: int) -> array[int]:
        """The next frames that the engine plays."""
        heard = array("h")
        for _ in range(count):
            heard.frombytes(self.worker.recv(1000))
        return heard

    def test_silence(self) -> None:
        """An open device gets a frame of 320 bytes every 20 ms, silent while no stream plays."""
        frame = self.worker.recv(1000)
        self.assertEqual(frame, bytes(2 * FRAME))
        self.assertEqual(set(self.played(5)), {0})

    def test_levels(self) -> None:
        """What is captured and played is summed up from when somebody looks, and not before or after."""
        frame = tone(1000, FRAME, -20).tobytes()
        before = self.device.frames_captured
        self.worker.send(frame)
        self.until(lambda: self.device.frames_captured > before)
        self.assertEqual(self.device.levels(), (0, 0, 0, 0))
        self.device.measure(True)
        self.worker.send(frame)
        self.until(lambda: self.device.levels()[1] > 0 and self.device.levels()[3] > 0)
        energy, samples, played, _ = self.device.levels()
        self.assertEqual((samples, played), (FRAME, 0))
        self.assertEqual(energy, sum(sample * sample for sample in array("h", frame)))
        self.device.measure(False)
        before = self.device.frames_captured
        self.worker.send(frame)
        self.until(lambda: self.device.frames_captured > before)
        self.assertEqual(self.device.levels()[:2], (energy, samples))

    def until(self, look: Callable[[], bool]) -> None:
        """Wait for the engine's thread."""
        end = time.monotonic() + LIMIT
        while not look():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.001)

    def test_mixing(self) -> None:
        """Two streams that play on one device are heard together, each at its level."""
        peers = [self.new_peer(), self.new_peer()]
        streams = [self.new_stream(), self.new_stream()]
        for peer, stream in zip(peers, streams, strict=True):
            stream.set_sink(self.device)
            stream.start(peer.agreement())
        heard = array("h")
        for _ in range(50):
            heard.extend(self.played(1))
            peers[0].send_tone(streams[0], 400, -16)
            peers[1].send_tone(streams[1], 900, -13)
        settled = heard[15 * FRAME :]
        self.assertLess(abs(level(settled, 400) + 16), 0.3)
        self.assertLess(abs(level(settled, 900) + 13), 0.3)

    def test_too_loud(self) -> None:
        """A sum that does not fit is turned down and does not turn over."""
        peers = [self.new_peer(), self.new_peer()]
        streams = [self.new_stream(), self.new_stream()]
        for peer, stream in zip(peers, streams, strict=True):
            stream.set_sink(self.device)
            stream.start(peer.agreement())
        loud = bytes([0x2A]) * FRAME  # the greatest negative value of A-law
        for _ in range(25):
            heard = self.played(1)
            for peer, stream in zip(peers, streams, strict=True):
                peer.send(stream, loud)
        self.assertEqual(set(heard), {-32767})

    def test_beep(self) -> None:
        """A beep is heard with what the far end says, for as long as was said, and by nobody else."""
        peer, stream = self.new_peer(), self.new_stream()
        stream.set_sink(self.device)
        stream.set_source(Tone(600, -15))
        stream.start(peer.agreement())
        stream.beep(200)
        heard = array("h")
        for _ in range(40):
            heard.extend(self.played(1))
            peer.send_tone(stream, 400, -16)
        frames = [heard[at : at + FRAME] for at in range(0, len(heard), FRAME)]
        self.assertIn(sum(level(frame, 880) > -15 for frame in frames), range(9, 12))
        self.assertLess(abs(level(heard[25 * FRAME :], 400) + 16), 0.3)
        self.assertRaises(ValueError, stream.beep, 0)
        self.assertRaises(ValueError, stream.beep, 6001)
        stream.close()
        self.assertRaises(ValueError, stream.beep, 200)

    def test_capture(self) -> None:
        """What is captured goes to every stream that has the device as its source."""
        peers = [self.new_peer(), self.new_peer()]
        for peer in peers:
            stream = self.new_stream()
            stream.set_source(self.device)
            stream.start(peer.agreement())
        heard = [array("h"), array("h")]
        for n in range(50):
            for audio, peer in zip(heard, peers, strict=True):
                audio.extend(peer.listen(1))
            self.worker.send(tone(500, FRAME, start=n * FRAME).tobytes())
        for audio in heard:
            self.assertLess(abs(level(audio[10 * FRAME :], 500) + 10), 0.2)
        self.assertGreaterEqual(self.device.frames_captured, 48)

    def test_wrong_frames(self) -> None:
        """Frames of another size are counted and dropped."""
        for size in (1, 319, 321, 640):
            self.worker.send(bytes(size))
        self.played(4)
        self.assertEqual((self.device.frames_captured, self.device.frames_dropped), (0, 4))

    def test_gone(self) -> None:
        """When the other end is closed that is told, once, and the streams go on with silence."""
        peer, stream = self.new_peer(), self.new_stream()
        stream.set_source(self.device)
        stream.set_sink(self.device)
        stream.start(peer.agreement())
        self.worker.send(tone(500, FRAME).tobytes())
        peer.receive()
        self.worker.close()
        self.assertEqual(next_event(self.engine, DeviceGone), DeviceGone(self.device))
        peer.drain()
        peer.listen(3)
        heard = peer.converse(stream, 10, 600)
        self.assertLess(loudness(heard), -60)
        self.assertFalse([event for event in self.engine.take_events() if isinstance(event, DeviceGone)])

    def test_replaced(self) -> None:
        """Another device can take over while the call goes on."""
        peer, stream = self.new_peer(), self.new_stream()
        stream.set_source(self.device)
        stream.start(peer.agreement())
        peer.receive()
        self.worker.close()
        self.device.close()
        device, self.worker = self.new_device()
        stream.set_source(device)
        stream.set_sink(device)
        heard = array("h")
        for n in range(40):
            heard.extend(peer.listen(1))
            peer.send_tone(stream, 700)
            self.worker.send(tone(500, FRAME, start=n * FRAME).tobytes())
        self.assertLess(abs(level(heard[12 * FRAME :], 500) + 10), 0.2)
        self.assertLess(abs(level(self.played(30)[15 * FRAME :], 700) + 10), 0.3)

    def test_stalled_worker(self) -> None:
        """A worker that does not read loses frames, and nobody waits for it."""
        peer, stream = self.new_peer(), self.new_stream()
        self.worker.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        stream.set_source(Tone(400))
        stream.set_sink(self.device)
        stream.start(peer.agreement())
        heard = peer.listen(100)
        self.assertLess(abs(level(heard, 400) + 10), 0.2)
        self.assertEqual(self.engine.take_events(), [])

    def test_closed(self) -> None:
        """A closed device lets its socket go, may be closed again, and can be attached to nothing that sounds."""
        self.device.close()
        self.device.close()
        while self.worker.recv(1000):
            pass
        peer, stream = self.new_peer(), self.new_stream()
        stream.set_source(self.device)
        stream.start(peer.agreement())
        self.assertLess(loudness(peer.listen(5)), -60)

    def test_wrong_sockets(self) -> None:
        """Only a SOCK_SEQPACKET socket is a device, and only its own engine's streams may use it."""
        one, other = socket.socketpair()
        with one, other:
            self.assertRaises(ValueError, self.engine.open_device, one.fileno())
        read, write = os.pipe()
        self.addCleanup(os.close, read)
        self.addCleanup(os.close, write)
        self.assertRaises(OSError, self.engine.open_device, read)
        self.assertRaises(OSError, self.engine.open_device, -1)
        stream = Engine().open_stream("127.0.0.1", PORTS)
        self.assertRaises(ValueError, stream.set_source, self.device)
        self.assertRaises(ValueError, stream.set_sink, self.device)
