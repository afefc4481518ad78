"""The media manager on the real engine: audio in from a file, over RTP on loopback, and out to a file."""

from __future__ import annotations

import gc
import os
import socket
import threading
from typing import Any

from twisted.logger import formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from neon.media import wavefile
from neon.media.callstream import CallStream
from neon.media.devices import FileCapture, FilePlayback, NullDevice, PortAudioDevice, ToneDevice
from neon.media.engine import Engine, Stream, Tone
from neon.media.manager import MediaManager, MediaSettings
from neon.media.soundcard import LINGER
from neon.media.wavewriter import WaveWriter
from neon.ports import Media, MediaStream, MediaUnavailable
from neon.values import Codec, MediaAgreement
from tests import audio
from tests.media.fakes import FakeMediaReactor
from tests.media.starvation import again_if_starved
from tests.opened import descriptors

HOST = "127.0.0.1"
PORTS = range(20000, 30000)


def agreement(port: int, codec: Codec = Codec.PCMA) -> MediaAgreement:
    return MediaAgreement(
        (HOST, port), codec, codec.payload_type, codec.payload_type, telephone_event=101, receive_telephone_event=101
    )


class Peer:
    """The far end of a call: a bare stream that speaks a tone, and what it hears."""

    def __init__(self, engine: Engine, hz: float, dbm0: float) -> None:
        self._near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._near.settimeout(10)
        self._device = engine.open_device(far.fileno())
        far.close()
        self.stream: Stream = engine.open_stream(HOST, PORTS)
        self.stream.set_source(Tone(hz, dbm0))
        self.stream.set_sink(self._device)

    def talk_to(self, call: CallStream) -> None:
        """Speak and listen to that call, and have it do so."""
        self.stream.start(agreement(call.local.port))
        call.start(agreement(self.stream.local_port))

    def hear(self, frames: int) -> list[int]:
        """The next so many frames of 20 ms, in real time."""
        return audio.samples_of(b"".join(self._near.recv(320) for _ in range(frames)))

    def close(self) -> None:
        self.stream.close()
        self._device.close()
        self._near.close()


class ManagerCase(SynchronousTestCase):
    """A manager, started and ended with the test."""

    def manage(self, settings: MediaSettings, no_rtp_seconds: float = 30) -> MediaManager:
        self.reactor = FakeMediaReactor()
        self.manager = MediaManager(self.reactor, Engine(no_rtp_seconds=no_rtp_seconds), settings)
        self.manager.startService()
        self.addCleanup(self.stop, sinks=0)
        if isinstance(settings.capture, FileCapture):
            self.reactor.threads.run_one()  # it has been read
        return self.manager

    def stop(self, sinks: int) -> None:
        """Stop the service; C{sinks} files are expected to be completed by that."""
        if self.manager.running:
            d = self.manager.stopService()
            for _ in range(sinks):
                self.reactor.threads.run_one()
            for process in self.reactor.processes:
                if process.pid is not None:
                    process.exit(0)
            self.successResultOf(d)
            self.assertEqual(self.reactor.getDelayedCalls(), [])
            self.assertEqual(self.reactor.readers, [])

    def peer(self, hz: float = 1000, dbm0: float = -12) -> Peer:
        peer = Peer(self.manager.engine, hz, dbm0)
        self.addCleanup(peer.close)
        return peer

    def assert_tone(self, samples: list[int], hz: float, dbm0: float) -> None:
        self.assertApproximates(audio.dominant_frequency(samples), hz, 2)
        self.assertApproximates(audio.tone_level_dbm0(samples, hz), dbm0, 0.5)

    def wave(self, samples: list[int]) -> str:
        path = str(self.mktemp())
        with WaveWriter(path) as writer:
            writer.write(audio.pcm_of(samples))
        return path


class StreamTests(ManagerCase):
    """Opening and closing."""

    def test_ports_of_the_contract(self) -> None:
        """The manager is what the phone expects of the media side."""
        manager: Media = self.manage(MediaSettings(HOST, PORTS))
        stream: MediaStream = manager.open(1)
        stream.close()

    def test_local(self) -> None:
        """A call gets an even port of the configured range, and the codecs in the configured order."""
        call = self.manage(MediaSettings(HOST, PORTS, (Codec.PCMU,))).open(1)
        self.assertEqual(call.local.codecs, (Codec.PCMU,))
        self.assertIn(call.local.port, PORTS)
        self.assertEqual(call.local.port % 2, 0)

    def test_no_port(self) -> None:
        """A call too many is refused, and possible again when another has ended."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((HOST, 0))
            port = probe.getsockname()[1] & ~1
            # Only this pair, half of which is in use.
            manager = self.manage(MediaSettings(HOST, range(port, port + 2)))
            self.assertRaises(MediaUnavailable, manager.open, 1)

    def test_address_of_another_machine(self) -> None:
        """A host that cannot be bound refuses calls; the daemon goes on."""
        manager = self.manage(MediaSettings("192.0.2.1", PORTS))
        self.assertRaises(MediaUnavailable, manager.open, 1)

    def test_close_twice(self) -> None:
        """A second close, and a start after it, do nothing."""
        call = self.manage(MediaSettings(HOST, PORTS)).open(1)
        call.close()
        call.close()
        call.start(agreement(20000))
        self.assertEqual(call.statistics().packets_sent, 0)

    def test_nothing_left(self) -> None:
        """Many calls, each with a file, leave no descriptor and no thread behind."""
        folder = self.mktemp()
        os.mkdir(folder)
        playback = FilePlayback(folder + "/{call_id}.wav")

        def life(calls: int) -> None:
            manager = self.manage(MediaSettings(HOST, PORTS, capture=PortAudioDevice(), playback=playback))
            for call_id in range(calls):
                call = manager.open(call_id)
                call.start(agreement(call.local.port))
                call.close()
                self.reactor.threads.run_one()
            self.stop(sinks=0)
            gc.collect()  # of the life before
            for thread in threading.enumerate():
                if thread.name == "neon-file":  # it has said its last word, and may not have ended yet
                    thread.join(10)

        life(0)
        opened, running = descriptors(), threading.active_count()
        life(60)
        self.assertEqual(descriptors() - opened, set())
        self.assertLessEqual(threading.active_count(), running)
        self.assertEqual(len(os.listdir(folder)), 60)


@again_if_starved
class AudioTests(ManagerCase):
    """What is heard at both ends."""

    def test_file_to_file(self) -> None:
        """A WAV file (at 16 kHz stereo) is heard by the far end, and the far end's tone is in the call's WAV file."""
        path = self.mktemp()
        with open(path, "wb") as file:
            stereo = [sample for sample in audio.tone(600, -15, 0.5, 16000) for _ in range(2)]
            pcm = audio.pcm_of(stereo)
            header = bytearray(wave_header(len(pcm)))
            file.write(bytes(header) + pcm)
        written = self.mktemp() + "-{call_id}.wav"
        manager = self.manage(MediaSettings(HOST, PORTS, capture=FileCapture(path), playback=FilePlayback(written)))
        call, peer = manager.open(7), self.peer(1000, -12)
        peer.talk_to(call)
        heard = peer.hear(40)[-4000:]
        call.close()
        self.stop(sinks=1)
        self.assert_tone(heard, 600, -15)
        self.assert_tone(audio.samples_of(wavefile.read_wave(written.replace("{call_id}", "7")))[-4000:], 1000, -12)

    def test_once(self) -> None:
        """With loop=no the file is heard once, from the beginning, and then silence."""
        path = self.wave(audio.tone(700, -10, 0.3))
        manager = self.manage(MediaSettings(HOST, PORTS, capture=FileCapture(path, loop=False)))
        call, peer = manager.open(1), self.peer()
        peer.talk_to(call)
        heard = peer.hear(50)
        loud = [n for n in range(0, len(heard) - 160, 160) if audio.level_dbm0(heard[n : n + 160]) > -20]
        self.assertApproximates(len(loud), 15, 2)
        self.assertLess(audio.level_dbm0(heard[-3200:]), -50)

    def test_tone_to_one_file(self) -> None:
        """All calls are mixed into one file, and every one sends the tone."""
        written = self.mktemp()
        settings = MediaSettings(HOST, PORTS, capture=ToneDevice(500, -20), playback=FilePlayback(written))
        manager = self.manage(settings)
        first, second = self.peer(1000, -12), self.peer(1500, -18)
        first.talk_to(manager.open(1))
        second.talk_to(manager.open(2))
        self.assert_tone(first.hear(40)[-4000:], 500, -20)
        self.assert_tone(second.hear(40)[-4000:], 500, -20)
        self.stop(sinks=1)
        samples = audio.samples_of(wavefile.read_wave(written))[-4000:]
        self.assertApproximates(audio.tone_level_dbm0(samples, 1000), -12, 0.5)
        self.assertApproximates(audio.tone_level_dbm0(samples, 1500), -18, 0.5)

    def test_idle_file_does_not_grow(self) -> None:
        """The mixed file holds the time of the calls, not the time between them."""
        written = self.mktemp()
        manager = self.manage(MediaSettings(HOST, PORTS, playback=FilePlayback(written)))
        call, peer = manager.open(1), self.peer()
        peer.talk_to(call)
        peer.hear(10)
        call.close()
        peer.hear(50)
        self.stop(sinks=1)
        self.assertLess(len(wavefile.read_wave(written)), 25 * 320)

    def test_no_file(self) -> None:
        """A captured file that is not there, or is none, and a folder that is not, cost the sound and nothing else."""
        bad = self.mktemp()
        with open(bad, "wb") as file:
            file.write(b"RIFF, but not really")
        for path in (self.mktemp(), bad):
            settings = MediaSettings(
                HOST, PORTS, capture=FileCapture(path), playback=FilePlayback(self.mktemp() + "/none/a.wav")
            )
            manager = self.manage(settings)
            call, peer = manager.open(1), self.peer()
            peer.talk_to(call)
            self.reactor.threads.run_one()  # looked for again
            self.assertLess(audio.level_dbm0(peer.hear(25)), -50)
            self.assertGreater(call.statistics().packets_received, 10)
            self.stop(sinks=1)

    def test_file_appears(self) -> None:
        """A captured file that was missing at the start is looked for again by the next call."""
        path = self.mktemp()
        manager = self.manage(MediaSettings(HOST, PORTS, capture=FileCapture(path)))
        os.rename(self.wave(audio.tone(800, -10, 0.2)), path)
        peer = self.peer()
        peer.talk_to(manager.open(1))
        self.reactor.threads.run_one()
        self.assert_tone(peer.hear(40)[-3200:], 800, -10)

    def test_senseless_agreement(self) -> None:
        """An agreement that no packet can follow leaves a silent call that can be closed."""
        call = self.manage(MediaSettings(HOST, PORTS)).open(1)
        call.start(MediaAgreement(("host.invalid", 4000), Codec.PCMA, 8, 8))
        call.close()


class EventTests(ManagerCase):
    """What the engine has to say."""

    def test_silent(self) -> None:
        """A call that hears nothing for the set time is told, by its call id."""
        manager = self.manage(MediaSettings(HOST, PORTS), no_rtp_seconds=0.1)
        silent: list[int] = []
        manager.on_silent = silent.append
        call = manager.open(55)
        deaf = self.manager.engine.open_stream(HOST, PORTS)
        call.start(agreement(deaf.local_port))
        while not silent:
            self.assertTrue(self.reactor.read_once(), "no event in 10 s")
        self.assertEqual(silent, [55])

    def test_digit(self) -> None:
        """A digit that the far end sends is noted, but not which one; events of foreign streams are no trouble."""
        said: list[str] = []
        observer: Any = lambda event: said.append(str(formatEvent(event)))  # noqa: E731
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        call, peer = self.manage(MediaSettings(HOST, PORTS)).open(3), self.peer()
        peer.stream.start(agreement(call.local.port))
        call.start(agreement(peer.stream.local_port))
        peer.stream.send_digit("5", 100)
        while not any("a digit arrived" in line for line in said):
            self.assertTrue(self.reactor.read_once(), "no event in 10 s")
        self.assertIn("call 3: a digit arrived", said)


class SoundCardTests(ManagerCase):
    """When the sound card is used."""

    def test_only_if_configured(self) -> None:
        """Without portaudio in the configuration there is no worker."""
        self.manage(MediaSettings(HOST, PORTS, capture=NullDevice(), playback=NullDevice())).open(1)
        self.assertEqual(self.reactor.processes, [])

    def test_with_the_calls(self) -> None:
        """The worker is there from the start, opens its device when the first call is set up, ends after the last."""
        manager = self.manage(MediaSettings(HOST, PORTS, playback=PortAudioDevice("spk")))
        (worker,) = self.reactor.processes
        self.assertEqual(worker.stdin, [])
        first, second = manager.open(1), manager.open(2)
        self.assertEqual(worker.stdin, [b'{"playback": "spk"}\n'])
        first.close()
        self.reactor.advance(LINGER)
        self.assertTrue(worker.stdin_open)
        second.close()
        self.reactor.advance(LINGER)
        self.assertFalse(worker.stdin_open)


def wave_header(length: int) -> bytes:
    """16 kHz, stereo, 16 bits."""
    return (
        b"RIFF" + (36 + length).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
        + bytes([1, 0, 2, 0]) + (16000).to_bytes(4, "little") + (64000).to_bytes(4, "little") + bytes([4, 0, 16, 0])
        + b"data" + length.to_bytes(4, "little")
    )  # fmt: skip


@again_if_starved
class ControlTests(ManagerCase):
    """Silence while a call is held, and digits."""

    def test_silence(self) -> None:
        """A silenced call sends packets of nothing; then its source is heard again, whenever it was attached."""
        manager = self.manage(MediaSettings(HOST, PORTS, capture=ToneDevice(700, -15)))
        call, peer = manager.open(1), self.peer()
        peer.talk_to(call)
        # Judged afterwards: that takes time, in which packets from before would gather at the peer.
        before = peer.hear(30)
        call.silence(True)
        silent = peer.hear(40)
        call.silence(False)
        after = peer.hear(40)
        self.assert_tone(before[-2400:], 700, -15)
        self.assertLess(audio.level_dbm0(silent[-2400:]), -60)
        self.assert_tone(after[-2400:], 700, -15)

    def test_silent_from_the_beginning(self) -> None:
        """What is attached to a silenced call is heard only afterwards."""
        manager = self.manage(MediaSettings(HOST, PORTS, capture=ToneDevice(700, -15)))
        call, peer = manager.open(1), self.peer()
        call.silence(True)
        peer.talk_to(call)
        self.assertLess(audio.level_dbm0(peer.hear(40)), -60)
        call.silence(False)
        self.assert_tone(peer.hear(40)[-2400:], 700, -15)

    def test_mixed(self) -> None:
        """Calls that are mixed hear each other, one that is silenced as well; until they are not."""
        manager = self.manage(MediaSettings(HOST, PORTS))
        calls, peers = [manager.open(1), manager.open(2)], [self.peer(700, -16), self.peer(1100, -16)]
        for call, peer in zip(calls, peers, strict=True):
            call.mix(True)
            peer.talk_to(call)
            call.silence(True)
        mixed = peers[0].hear(40)
        calls[1].mix(False)
        apart = peers[0].hear(40)
        self.assert_tone(mixed[-2400:], 1100, -16)
        self.assertLess(audio.level_dbm0(apart[-2400:]), -60)

    def test_digits(self) -> None:
        """Digits arrive at the other side of the call, and are told with their call's number."""
        manager = self.manage(MediaSettings(HOST, PORTS))
        heard: list[tuple[int, str]] = []
        manager.on_digit = lambda call_id, digit: heard.append((call_id, digit))
        first, second = manager.open(1), manager.open(2)
        first.start(agreement(second.local.port))
        second.start(agreement(first.local.port))
        first.send_digit("5", 60)
        first.send_digit("#", 60)
        for _ in range(50):
            if len(heard) == 2:
                break
            self.reactor.read_once(0.2)
        self.assertEqual(heard, [(2, "5"), (2, "#")])

    def test_after_the_end(self) -> None:
        """A closed call takes neither."""
        call = self.manage(MediaSettings(HOST, PORTS)).open(1)
        call.close()
        call.silence(True)
        call.mix(True)
        call.set_volume(50)
        call.send_digit("1", 100)
