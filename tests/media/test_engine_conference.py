"""Streams in a conference, over real sockets: who hears whom, at which rate, what is recorded and what is played."""

from __future__ import annotations

import socket
from array import array
from collections.abc import Sequence
from dataclasses import replace

from neon.media import _engine
from neon.media.engine import Device, Engine, Stream, Tone
from neon.media.sound import Clip, Pipe, Tap
from neon.values import Codec, MediaAgreement, MediaDirection
from tests.media.peers import LIMIT, Peer
from tests.media.signals import FRAME, level, tone
from tests.media.starvation import again_if_starved
from tests.media.test_engine import EngineCase

HZ = (400, 700, 1100, 1500)
OURS = 2000
PLAYED = 2500
SPOKEN = -16.0
WINDOW = 10 * FRAME


def windows(samples: array[int]) -> list[array[int]]:
    """Every 200 ms of what was heard, 100 ms after each other."""
    return [samples[at : at + WINDOW] for at in range(0, len(samples) - WINDOW + 1, WINDOW // 2)]


@again_if_starved
class ConferenceTests(EngineCase):
    def setUp(self) -> None:
        super().setUp()
        self.conference = self.engine.open_conference()
        self.peers: list[Peer] = []
        self.streams: list[Stream] = []

    def party(self, *, joins: bool = True, **agreed: object) -> Stream:
        """One more, who will say its tone and whom we tell ours."""
        peer, stream = self.new_peer(), self.new_stream()
        self.peers.append(peer)
        self.streams.append(stream)
        stream.set_source(Tone(OURS, SPOKEN))
        if joins:
            stream.join(self.conference)
        agreement: MediaAgreement = replace(peer.agreement(), **agreed)  # type: ignore[arg-type]
        stream.start(agreement)
        return stream

    def talk(self, frames: int = 24, dbm0: float = SPOKEN) -> list[array[int]]:
        """Everybody says their tone for so long; what each hears. Those with other codecs are not listened to."""
        heard = [array("h") for _ in self.peers]
        for peer in self.peers:
            peer.drain()
        for _ in range(frames):
            for peer, stream, audio, hz in zip(self.peers, self.streams, heard, HZ, strict=False):
                audio.extend(peer.listen(1))
                peer.send_tone(stream, hz, dbm0)
        return heard

    def hears(self, samples: array[int], wanted: Sequence[float], strangers: Sequence[float] = ()) -> None:
        """In some 200 ms all of these tones are there, and none of the others."""
        wrong = []
        for window in windows(samples):
            levels = {hz: round(level(window, hz), 1) for hz in (*wanted, *strangers)}
            if all(abs(levels[hz] - SPOKEN) < 0.5 for hz in wanted) and all(levels[hz] < -48 for hz in strangers):
                return
            wrong.append(levels)
        self.fail(f"wanted {wanted} and not {strangers}: {wrong}")

    def test_everybody_else(self) -> None:
        """Each of three parties hears the two others and us, and not itself, though nobody holds the conference."""
        for _ in range(3):
            self.party()
        del self.conference
        heard = self.talk()
        self.hears(heard[0], (HZ[1], HZ[2], OURS), (HZ[0],))
        self.hears(heard[1], (HZ[0], HZ[2], OURS), (HZ[1],))
        self.hears(heard[2], (HZ[0], HZ[1], OURS), (HZ[2],))

    def test_packet_times(self) -> None:
        """So do parties with packets of 10, 30 and 60 ms."""
        for ptime in (20, 10, 30, 60):
            self.party(ptime_ms=ptime)
        heard = [array("h") for _ in self.peers]
        for _ in range(26):
            heard[0].extend(self.peers[0].listen(1))
            for peer, stream, hz in zip(self.peers, self.streams, HZ, strict=True):
                peer.send_tone(stream, hz, SPOKEN)
        for peer, audio, packets in zip(self.peers[1:], heard[1:], (46, 15, 8), strict=True):
            audio.extend(peer.listen(packets))
        for number, audio in enumerate(heard):
            self.hears(audio, (*(hz for hz in HZ if hz != HZ[number]), OURS), (HZ[number],))

    def test_leaving(self) -> None:
        """One that leaves is as before: it hears us alone, and nobody hears it. One that ends is not missed."""
        for _ in range(3):
            self.party()
        self.talk(8)
        self.streams[0].join(None)
        heard = self.talk()
        self.hears(heard[0], (OURS,), HZ)
        self.hears(heard[1], (HZ[2], OURS), (HZ[0], HZ[1]))
        self.streams[2].close()
        self.streams.pop()
        self.hears(self.talk()[1], (OURS,), HZ)

    def test_silent_source(self) -> None:
        """While we are muted the parties still hear each other, and what is counted as said is what we say."""
        for _ in range(2):
            self.party().set_source(Tone(OURS, -120))
        self.hears(self.talk()[0], (HZ[1],), (HZ[0], OURS))
        self.assertEqual(self.streams[0].statistics().sent_energy, 0)

    def test_one_that_waits(self) -> None:
        """One that has us wait plays music to nobody, and we are not sent there."""
        stream = self.party()
        self.party()
        self.party()
        self.talk(10)
        stream.start(replace(self.peers[0].agreement(), direction=MediaDirection.RECVONLY))
        waiting = self.peers.pop(0)
        self.streams.pop(0)
        heard = [array("h"), array("h")]
        for _ in range(26):
            for peer, other, audio, hz in zip(self.peers, self.streams, heard, HZ[1:], strict=False):
                audio.extend(peer.listen(1))
                peer.send_tone(other, hz, SPOKEN)
            waiting.send_tone(stream, HZ[0], SPOKEN)
        self.hears(heard[0], (HZ[2], OURS), (HZ[0], HZ[1]))

    def test_file(self) -> None:
        """A file that is played into one call, in place of us, is heard by everybody, and so are we by the others."""
        for _ in range(3):
            self.party()
        self.streams[0].play(Clip(tone(PLAYED, 60 * FRAME, SPOKEN).tobytes(), 8000))
        heard = self.talk()
        self.hears(heard[0], (PLAYED, HZ[1], HZ[2]), (OURS, HZ[0]))
        self.hears(heard[1], (PLAYED, OURS, HZ[0], HZ[2]), (HZ[1],))
        self.hears(heard[2], (PLAYED, OURS, HZ[0], HZ[1]), (HZ[2],))

    def test_bot(self) -> None:
        """So is what an application says beside us, until it is to be quiet; who has left hears nothing of it."""
        for _ in range(3):
            self.party()
        pipe = Pipe(3.0, 16000)
        pipe.write(tone(PLAYED / 2, 2 * 100 * FRAME, SPOKEN).tobytes())
        self.streams[0].speak(pipe, mix=True)
        self.streams[2].join(None)
        heard = self.talk()
        self.hears(heard[0], (PLAYED, OURS, HZ[1]), (HZ[0], HZ[2]))
        self.hears(heard[1], (PLAYED, OURS, HZ[0]), (HZ[1], HZ[2]))
        self.hears(heard[2], (OURS,), (PLAYED, *HZ))
        self.streams[0].quiet(True)
        self.hears(self.talk()[1], (OURS, HZ[0]), (PLAYED, HZ[1]))

    def test_too_loud(self) -> None:
        """Three that shout at once are heard evenly turned down, not cut off."""
        for _ in range(4):
            self.party()
        heard = self.talk(30, 0)[3]
        best = min(
            (max(level(window, hz) for hz in (100, 300, 800, 1800, 2200)) for window in windows(heard)[4:]), default=0
        )
        self.assertLess(best, -32)

    def test_wider(self) -> None:
        """Two wideband parties hear each other beyond 4 kHz, a narrowband one what it can, and nobody itself."""
        spoken = [wide_tone(5200), wide_tone(900)]
        self.party(codec=Codec.G722, payload_type=9, receive_payload_type=9)
        self.party(codec=Codec.G722, payload_type=9, receive_payload_type=9)
        self.party()
        heard = [bytearray(), bytearray()]
        narrow = array("h")
        for n in range(34):
            for number, (peer, stream) in enumerate(zip(self.peers[:2], self.streams, strict=False)):
                heard[number] += peer.receive()[5]
                peer.send(stream, spoken[number][n * FRAME : (n + 1) * FRAME], payload_type=9)
            narrow.extend(self.peers[2].listen(1))
            self.peers[2].send_tone(self.streams[2], HZ[0], SPOKEN)
        self.hears(narrow, (900, OURS), (HZ[0],))
        first, second = (wide_heard(bytes(codes)) for codes in heard)
        # Measured at 16 kHz, a tone has half its frequency to a meter of 8 kHz.
        self.hears(first, (450, HZ[0] / 2, OURS / 2), (2600,))
        self.hears(second, (2600, HZ[0] / 2, OURS / 2), (450,))

    def test_opus(self) -> None:
        """A party that speaks Opus and one that speaks G.711 hear each other and us, and not themselves."""
        workers, devices = [], []
        for codec, number, hz in ((Codec.OPUS, 107, HZ[0]), (Codec.PCMA, 8, HZ[1])):
            ours, theirs = self.new_stream(), self.new_stream()
            device, worker = self.new_device()
            workers.append(worker)
            devices.append(device)  # it is closed when nobody holds it
            ours.set_source(Tone(OURS, SPOKEN))
            theirs.set_source(Tone(hz, SPOKEN))
            theirs.set_sink(device)
            ours.join(self.conference)
            for one, other in ((ours, theirs), (theirs, ours)):
                one.start(MediaAgreement(("127.0.0.1", other.local_port), codec, number, number))
        heard = [array("h"), array("h")]
        for _ in range(34):
            for worker, audio in zip(workers, heard, strict=True):
                audio.frombytes(worker.recv(1000))
        self.hears(heard[0], (HZ[1], OURS), (HZ[0],))
        self.hears(heard[1], (HZ[0], OURS), (HZ[1],))

    def new_device(self) -> tuple[Device, socket.socket]:
        near, worker = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        worker.settimeout(LIMIT)
        self.addCleanup(worker.close)
        with near:
            return self.engine.open_device(near.fileno()), worker

    def test_recorded(self) -> None:
        """The recording of a member has our own voice on one side, and everybody else on the other."""
        tap = Tap()
        self.party().set_tap(tap)
        self.party()
        self.party(joins=False)
        self.talk()
        both = array("h", tap.read())
        self.hears(both[0::2], (OURS,), HZ)
        self.hears(both[1::2], HZ[:2], (OURS, HZ[2]))

    def test_wrong(self) -> None:
        """A conference belongs to its engine, and a closed stream to nobody."""
        stream = self.new_stream()
        other = Engine()
        self.assertRaises(ValueError, stream.join, other.open_conference())
        self.assertRaises(TypeError, stream._native.join, "a conference")
        stream.close()
        self.assertRaises(ValueError, stream.join, self.conference)
        self.assertRaises(ValueError, stream.set_volume, 1.0)


@again_if_starved
class VolumeTests(EngineCase):
    """A stream that plays on a device, whose other end is here."""

    def setUp(self) -> None:
        super().setUp()
        near, self.worker = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.worker.settimeout(LIMIT)
        self.addCleanup(self.worker.close)
        with near:
            self.device = self.engine.open_device(near.fileno())
        self.peer, self.stream = self.new_peer(), self.new_stream()
        self.stream.set_sink(self.device)
        self.stream.start(self.peer.agreement())

    def played(self, dbm0: float, frames: int = 16) -> array[int]:
        heard = array("h")
        for _ in range(frames):
            heard.frombytes(self.worker.recv(1000))
            self.peer.send_tone(self.stream, 400, dbm0)
        return heard

    def loudest(self, dbm0: float) -> float:
        return max(level(window, 400) for window in windows(self.played(dbm0)))

    def test_louder_and_softer(self) -> None:
        """Half the amplitude is 6 dB less, twice as much 6 dB more, and nothing is silence."""
        for volume, wanted in ((0.5, -26), (2.0, -14)):
            self.stream.set_volume(volume)
            self.played(-20, 5)
            self.assertLess(abs(self.loudest(-20) - wanted), 0.3, volume)
        self.stream.set_volume(0)
        self.played(-20, 5)
        self.assertEqual(set(self.played(-20)), {0})

    def test_too_loud(self) -> None:
        """What is loud already is turned up as far as it fits, without being cut off."""
        self.stream.set_volume(2.0)
        self.played(0, 10)
        heard = self.played(0)
        self.assertLess(min(level(window, 1200) for window in windows(heard)), -38)
        self.assertGreater(max(level(window, 400) for window in windows(heard)), 2)

    def test_wrong(self) -> None:
        """It is between nothing and twice as loud."""
        for volume in (-0.1, 2.1, float("nan")):
            self.assertRaises(ValueError, self.stream.set_volume, volume)


def wide_tone(hz: float) -> bytes:
    """Two seconds in G.722, at the level of the others."""
    at_16_khz = tone(hz / 2, 32000, SPOKEN)
    return _engine.g722_encode(at_16_khz)


def wide_heard(codes: bytes) -> array[int]:
    """G.722 as samples at 16 kHz."""
    buffer = _engine.JitterBuffer(g722=True)
    heard = array("h")
    for at in range(0, len(codes), FRAME):
        buffer.push(at, codes[at : at + FRAME])
        heard.frombytes(buffer.pop(FRAME))
    return heard[2 * FRAME :]
