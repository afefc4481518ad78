"""Opus: the coder, its packets in the jitter buffer, what is lost, and streams that talk it to each other."""

from __future__ import annotations

import functools
import random
import socket
import struct
from array import array
from dataclasses import replace
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from neon.media import _engine
from neon.media.engine import WIDE, Device, DigitReceived, Samples, Silence, Stream, Tone
from neon.opus import OURS, OpusWishes
from neon.values import Codec, MediaAgreement
from tests.media.peers import Peer, next_event
from tests.media.signals import FRAME, loudness, tone
from tests.media.starvation import again_if_starved
from tests.media.test_engine import EngineCase
from tests.media.test_wideband import samples_of, steadiest, wide_level, wide_tone
from tests.media.voice import WIDE_FRAME, snr, voice

CLOCK = 6
"""Ticks of Opus' RTP clock in one at 8 kHz."""
SPOKEN = 100


@functools.cache
def spoken() -> array[int]:
    return voice(SPOKEN)


def packets(
    samples: array[int],
    *,
    size: int = WIDE_FRAME,
    fec: bool = False,
    bitrate: int = 28_000,
    playback: int = 16_000,
) -> list[bytes]:
    """Samples at 16 kHz as packets of C{size} samples."""
    coder = _engine.Coder("opus", fec=fec, bitrate=bitrate, playback=playback)
    return [coder.encode(samples[at : at + size].tobytes()) for at in range(0, len(samples) - size + 1, size)]


def repeats(packet: bytes) -> bool:
    """Whether a packet of 20 ms has the one before once more (RFC 6716, section 4.2.3).

    Not one of CELT; a bit says whether there is a voice, and then one whether there is a repetition.
    """
    return not packet[0] & 0x80 and bool(packet[1] & 0x40)


class CoderTests(SynchronousTestCase):
    def test_tones(self) -> None:
        """Tones up to 7 kHz come back at about their level, in packets of 10 to 60 ms."""
        for hz, size in ((300, 160), (1000, 320), (3000, 640), (5000, 960), (7000, 320)):
            coder = _engine.Coder("opus")
            sent = packets(wide_tone(hz, 50 * WIDE_FRAME), size=size)
            heard = samples_of(b"".join(map(coder.decode, sent)))
            self.assertEqual(len(heard), len(sent) * size)
            self.assertLess(abs(wide_level(heard[len(heard) // 2 :], hz) + 10), 2.0, hz)

    def test_bitrate(self) -> None:
        """As many bits are used as the receiver allows; it may be fewer, since there are pauses."""
        for bitrate in (12_000, 28_000):
            spent = 8 * 50 * sum(map(len, packets(spoken(), bitrate=bitrate))) / SPOKEN
            self.assertLess(spent, 1.1 * bitrate)
            self.assertGreater(spent, 0.7 * bitrate)

    def test_playback(self) -> None:
        """What the receiver cannot play is not sent: 5 kHz for somebody with 8 kHz."""
        coder = _engine.Coder("opus")
        sent = packets(wide_tone(5000, 50 * WIDE_FRAME), playback=8000)
        heard = samples_of(b"".join(map(coder.decode, sent)))
        self.assertLess(loudness(heard[len(heard) // 2 :]), -30)

    def test_constant(self) -> None:
        """Packets of one size, for whoever asks for them."""
        coder = _engine.Coder("opus", constant=True)
        frames = [spoken()[at : at + WIDE_FRAME].tobytes() for at in range(0, 50 * WIDE_FRAME, WIDE_FRAME)]
        self.assertEqual(len({len(coder.encode(frame)) for frame in frames}), 1)

    def test_dtx(self) -> None:
        """While nobody speaks nearly nothing is sent, for whoever asks for that, and everything else to the others."""
        quiet = bytes(2 * WIDE_FRAME)
        for dtx in (False, True):
            coder = _engine.Coder("opus", dtx=dtx)
            sent = [coder.encode(quiet) for _ in range(100)]
            self.assertEqual(sum(not packet for packet in sent) > 60, dtx)
            self.assertEqual(all(sent), not dtx)


class JitterTests(SynchronousTestCase):
    """Packets of 20 ms; timestamps are the engine's, of 8 kHz."""

    def play(self, sent: list[bytes], order: list[int], *, ahead: int = 2) -> array[int]:
        """Every packet in that order (-1 is lost), a frame for each, C{ahead} packets before it is due."""
        self.jitter = _engine.JitterBuffer(opus=True)
        heard = array("h")
        for number in range(len(sent)):
            for index in order[:ahead] if number == 0 else order[number + ahead - 1 : number + ahead]:
                if index >= 0:
                    self.jitter.push(1000 + FRAME * index, sent[index])
            heard.frombytes(self.jitter.pop(FRAME))
        return heard

    def test_straight(self) -> None:
        """What comes in order is what the decoder makes of it, one frame later."""
        sent = packets(spoken())
        coder = _engine.Coder("opus")
        meant = samples_of(b"".join(map(coder.decode, sent)))
        heard = self.play(sent, list(range(SPOKEN)))
        self.assertEqual(heard[WIDE_FRAME:], meant[:-WIDE_FRAME])

    def test_reordered(self) -> None:
        """Packets that overtake each other are decoded in their order: not a sample differs."""
        sent = packets(spoken())
        order = [0, 1, *(index + 1 if index % 2 == 0 else index - 1 for index in range(2, SPOKEN))]
        self.assertEqual(self.play(sent, order, ahead=3), self.play(sent, list(range(SPOKEN)), ahead=3))

    def lossy(self, fec: bool) -> float:
        """How true what is heard is to what was meant where every seventh packet is lost, in dB."""
        sent = packets(spoken(), fec=fec)
        meant = self.play(sent, list(range(SPOKEN)))
        lost = range(20, SPOKEN - 5, 7)
        heard = self.play(sent, [-1 if index in lost else index for index in range(SPOKEN)])
        self.assertEqual(self.jitter.counters()["recovered"], sum(repeats(sent[index + 1]) for index in lost))
        places = [slice((index + 1) * WIDE_FRAME, (index + 2) * WIDE_FRAME) for index in lost]
        return sum(snr(heard[place], meant[place]) for place in places) / len(places)

    def test_recovered(self) -> None:
        """What the next packet repeats is heard as it was said; what none repeats, the decoder invents."""
        repeated = self.lossy(fec=True)
        recovered = self.jitter.counters()["recovered"]
        invented = self.lossy(fec=False)
        self.assertGreaterEqual(recovered, 4)
        self.assertEqual(self.jitter.counters()["recovered"], 0)
        self.assertGreater(repeated, invented + 2)

    def test_recovered_while_delays_vary(self) -> None:
        """A tenth is lost, the others need up to 40 ms longer: what the next packet repeats is heard, if that comes."""
        sent, chance = packets(spoken(), fec=True), random.Random(5)
        lost = {index for index in range(20, SPOKEN - 5) if chance.random() < 0.1}
        arrivals = [(index + 2 * chance.random(), index) for index in range(SPOKEN) if index not in lost]
        jitter = _engine.JitterBuffer(opus=True)
        for turn in range(SPOKEN + 10):
            for _, index in sorted(arrival for arrival in arrivals if turn - 1 < arrival[0] <= turn):
                jitter.push(FRAME * index, sent[index])
            jitter.pop(FRAME)
        repeated = [index for index in lost if index + 1 not in lost and repeats(sent[index + 1])]
        self.assertGreater(len(repeated), 2)
        self.assertEqual(jitter.counters()["recovered"], len(repeated))

    def test_recovered_late(self) -> None:
        """The next packet is no use if it is not there yet: the decoder invents, and goes on with it."""
        sent = packets(spoken(), fec=True)
        order = [-1 if index % 7 == 6 else index for index in range(SPOKEN)]
        heard = self.play(sent, order, ahead=1)
        self.assertGreater(loudness(heard[-20 * WIDE_FRAME :]), -40)

    def test_end(self) -> None:
        """When nothing comes any more it fades out, and begins anew with what comes then."""
        sent = packets(spoken()[: 40 * WIDE_FRAME])
        self.play(sent, list(range(40)))
        for _ in range(60):
            tail = samples_of(self.jitter.pop(FRAME))
        self.assertEqual(set(tail), {0})
        self.assertEqual(self.jitter.push(500_000, sent[0]), "stored")
        self.assertLessEqual(self.jitter.counters()["delay"], 3 * FRAME)

    def test_silences(self) -> None:
        """With DTX a packet comes each 400 ms: that is no end, and nothing is late behind it."""
        coder = _engine.Coder("opus", dtx=True)
        samples = spoken() + array("h", bytes(2 * WIDE_FRAME * 100)) + spoken()
        sent = [coder.encode(samples[at : at + WIDE_FRAME].tobytes()) for at in range(0, len(samples), WIDE_FRAME)]
        self.assertGreater(sum(not packet for packet in sent), 60)
        heard = self.play(sent, [index if packet else -1 for index, packet in enumerate(sent)])
        meant = self.play(packets(samples), list(range(len(sent))))
        self.assertEqual(self.jitter.counters()["late"], 0)
        for part in (slice(20 * WIDE_FRAME, 90 * WIDE_FRAME), slice(-70 * WIDE_FRAME, None)):
            self.assertLess(abs(loudness(heard[part]) - loudness(meant[part])), 1.0)

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.tuples(st.integers(0, 1200), st.binary(max_size=200)), max_size=12), st.integers(1, 480))
    def test_anything(self, arrivals: list[tuple[int, bytes]], count: int) -> None:
        """Whatever bytes come with whatever timestamps, as many samples leave as are asked for."""
        jitter = _engine.JitterBuffer(opus=True)
        for timestamp, data in arrivals:
            self.assertIn(jitter.push(timestamp, data), ("stored", "late", "refused", "duplicate"))
            self.assertEqual(len(jitter.pop(count)), 4 * count)

    def test_floods(self) -> None:
        """Packets as large as there are push out the oldest; what is gone is invented."""
        jitter = _engine.JitterBuffer(opus=True)
        large = b"\x7b\x3f" + bytes(1400)  # 48 frames of CELT, 120 ms
        small = b"\xe0" + bytes(30)  # 2.5 ms
        for number in range(100):
            jitter.push(number * 20, small)
        for number in range(3):
            jitter.push(2000 + number * 960, large)
        for _ in range(60):
            self.assertEqual(len(jitter.pop(FRAME)), 4 * FRAME)


@again_if_starved
class StreamTests(EngineCase):
    """Two streams of one engine, and one with a peer that looks at its packets."""

    def setUp(self) -> None:
        super().setUp()
        self.ours, self.theirs = self.new_stream(), self.new_stream()
        self.devices: list[Device] = []

    def talk(self, wishes: OpusWishes = OURS, ptime: int = 20) -> None:
        for stream, other in ((self.ours, self.theirs), (self.theirs, self.ours)):
            stream.start(
                MediaAgreement(("127.0.0.1", other.local_port), Codec.OPUS, 111, 111, opus=wishes, ptime_ms=ptime)
            )

    def played_by(self, stream: Stream) -> socket.socket:
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        far.settimeout(5)
        self.addCleanup(far.close)
        with near:
            self.devices.append(self.engine.open_device(near.fileno(), WIDE))
        stream.set_sink(self.devices[-1])
        return far

    def heard(self, worker: socket.socket, frames: int = 36) -> array[int]:
        heard = array("h")
        for count in range(frames):
            data = worker.recv(2000)
            if count >= 20:
                heard.frombytes(data)
        return heard

    def agreed(self, peer: Peer, **changes: object) -> MediaAgreement:
        """With a peer; telephone events of Opus' clock."""
        agreement = replace(peer.agreement(Codec.OPUS), opus=OURS, event_rate=48000)
        return replace(agreement, **changes)  # type: ignore[arg-type]

    def test_tone(self) -> None:
        """5 kHz pass from end to end, and nothing else is there; in packets of every length that Opus has."""
        for ptime in (10, 60):
            self.ours, self.theirs = self.new_stream(), self.new_stream()
            worker = self.played_by(self.theirs)
            self.ours.set_source(Tone(5000))
            self.talk(ptime=ptime)
            heard = steadiest(self.heard(worker), 5000, WIDE)
            self.assertLess(abs(wide_level(heard, 5000) + 10), 2.5, ptime)
            self.assertLess(abs(loudness(heard) - wide_level(heard, 5000)), 1.0, ptime)

    def test_clock(self) -> None:
        """Timestamps count 48,000 a second, on the wire and in what RTCP says; jitter is told in milliseconds."""
        peer = self.new_peer()
        self.ours.start(self.agreed(peer))
        sent = packets(wide_tone(600, 40 * WIDE_FRAME))
        seen = []
        for packet in sent:
            seen.append(peer.receive())
            peer.send(self.ours, packet, payload_type=111, samples=FRAME * CLOCK)
        for before, after in pairwise(seen):
            self.assertEqual((after[3] - before[3]) % 2**32, (after[2] - before[2]) % 2**16 * FRAME * CLOCK)
        statistics = self.ours.statistics()
        self.assertGreater(statistics.packets_received, 5)
        self.assertLess(statistics.jitter_ms, 60, "with a wrong clock it is 80 and more")
        report = peer.rtcp.recv(2000)
        told = struct.unpack("!I", report[16:20])[0]
        ahead = (told - seen[0][3]) % 2**32
        self.assertEqual(ahead % (FRAME * CLOCK // 2), 0)
        self.assertLess(ahead / 48000, 30, "far from the timestamps of the packets")

    def test_digits_sent(self) -> None:
        """A digit is told by the clock of Opus; a long one in segments that follow each other (RFC 4733, 2.5.1.3)."""
        peer = self.new_peer()
        self.ours.start(self.agreed(peer))
        peer.receive()
        self.ours.send_digit("5", 100)
        self.ours.send_digit("7", 1400)
        events: list[tuple[bool, int, bytes]] = []
        while sum(bool(payload[1] & 0x80) for *_, payload in events) < 6:
            packet = peer.receive()
            if packet[0] == 101:
                events.append((packet[1], packet[3], packet[5]))
        five = [event for event in events if event[2][0] == 5]
        seven = [event for event in events if event[2][0] == 7]
        self.assertEqual(struct.unpack("!H", five[-1][2][2:])[0], 4800)
        self.assertEqual([marker for marker, *_ in seven], [True] + [False] * (len(seven) - 1))
        begins = list(dict.fromkeys(timestamp for _, timestamp, _ in seven))
        self.assertEqual(len(begins), 2)
        lengths = [
            max(struct.unpack("!H", payload[2:])[0] for _, timestamp, payload in seven if timestamp == begin)
            for begin in begins
        ]
        self.assertEqual((begins[1] - begins[0]) % 2**32, lengths[0])
        self.assertEqual(sum(lengths), 67_200)

    def test_digits_received(self) -> None:
        """A digit by the clock of Opus is told once, also a long one in segments; and one by the clock of 8 kHz."""
        for rate in (48000, 8000):
            peer, stream = self.new_peer(), self.new_stream()
            stream.start(self.agreed(peer, event_rate=rate))
            sent = packets(wide_tone(600, 20 * WIDE_FRAME))
            for packet in sent[:10]:
                peer.receive()
                peer.send(stream, packet, payload_type=111, samples=FRAME * CLOCK)
            step = FRAME * rate // 8000
            for number in range(1, 11):
                if number == 6 and rate == 48000:
                    peer.time += 5 * step
                segment = number - 5 if number > 5 and rate == 48000 else number
                payload = struct.pack("!BBH", 9, (number == 10) << 7 | 10, segment * step)
                peer.send(stream, payload, payload_type=96, samples=0)
            self.assertEqual(next_event(self.engine, DigitReceived), DigitReceived(stream, "9"))
            peer.time += 10 * FRAME * CLOCK
            for packet in sent[10:]:
                peer.receive()
                peer.send(stream, packet, payload_type=111, samples=FRAME * CLOCK)
            self.assertEqual([event for event in self.engine.take_events() if isinstance(event, DigitReceived)], [])

    def test_wraps(self) -> None:
        """The far end's clock passes its end, and nothing is lost by it."""
        peer = self.new_peer()
        peer.time = 2**32 - 20 * FRAME * CLOCK - 7
        worker = self.played_by(self.ours)
        self.ours.start(self.agreed(peer))
        heard = array("h")
        for packet in packets(wide_tone(1000, 45 * WIDE_FRAME)):
            peer.receive()
            peer.send(self.ours, packet, payload_type=111, samples=FRAME * CLOCK)
            heard.frombytes(worker.recv(2000))
        self.assertEqual(self.ours.statistics().packets_lost, 0)
        self.assertLess(abs(wide_level(steadiest(heard[20 * WIDE_FRAME :], 1000, WIDE), 1000) + 10), 1.0)

    def test_silence_is_not_sent(self) -> None:
        """With DTX agreed hardly anything is sent while nobody speaks; speech goes on, marked as a beginning."""
        peer = self.new_peer()
        self.ours.set_source(Silence())
        self.ours.start(self.agreed(peer, opus=OpusWishes(dtx=True)))
        seen = [peer.receive()]
        while (seen[-1][3] - seen[0][3]) % 2**32 < 36_000:
            seen.append(peer.receive())
            self.assertLess(len(seen), 25, "more than that in 750 ms of silence")
        self.ours.set_source(Samples(spoken()[::2].tobytes(), loop=True))
        seen += [peer.receive() for _ in range(10)]
        self.assertTrue(any(marker for _, marker, *_ in seen[1:]))
        self.assertEqual([packet[2] for packet in seen], list(range(seen[0][2], seen[0][2] + len(seen))))

    def test_another_clock(self) -> None:
        """From G.711 to Opus and back in the middle of a call: another SSRC each time (RFC 7160), and all is heard."""
        peer = self.new_peer()
        self.ours.start(peer.agreement())
        before = peer.receive()
        worker = self.played_by(self.theirs)
        self.ours.set_source(Tone(1000))
        for codec in (Codec.PCMA, Codec.OPUS, Codec.PCMU):
            for stream, other in ((self.ours, self.theirs), (self.theirs, self.ours)):
                payload = codec.payload_type
                stream.start(MediaAgreement(("127.0.0.1", other.local_port), codec, payload, payload, opus=OURS))
            heard = steadiest(self.heard(worker, 32), 1000, WIDE)
            self.assertLess(abs(wide_level(heard, 1000) + 10), 0.7, codec)
        peer.drain()
        self.ours.start(self.agreed(peer))
        while (after := peer.receive())[0] != 111:
            pass
        self.assertNotEqual(after[4], before[4])

    def test_refused(self) -> None:
        """A packet time that Opus has not, and a bitrate beyond its own, are errors of ours."""
        peer = self.new_peer()
        for wrong in ({"ptime_ms": 30}, {"opus": OpusWishes(bitrate=100)}, {"event_rate": 16000}):
            self.assertRaises(ValueError, self.ours.start, self.agreed(peer, **wrong))

    def test_recovered(self) -> None:
        """Where packets are lost on the way some are heard all the same, and counted."""
        peer = self.new_peer()
        self.ours.start(self.agreed(peer))
        for index, packet in enumerate(packets(spoken()[: 36 * WIDE_FRAME], fec=True)):
            peer.receive()
            if index % 4 == 3:
                peer.sequence += 1
                peer.time += FRAME * CLOCK
            else:
                peer.send(self.ours, packet, payload_type=111, samples=FRAME * CLOCK)
        statistics = self.ours.statistics()
        self.assertGreater(statistics.packets_lost, 5)
        self.assertGreater(statistics.packets_recovered, 0)
        self.assertLessEqual(statistics.packets_recovered, statistics.packets_lost)


class ToneTests(SynchronousTestCase):
    def test_measure(self) -> None:
        """The measure of these tests tells a voice from a tone beside it."""
        self.assertLess(snr(tone(500, len(spoken())), spoken()), 0)
        self.assertGreater(snr(spoken(), spoken()), 60)
