"""What is heard over networks that lose, delay, repeat and reorder packets, and from clocks that are not ours.

The patterns are lists: how many milliseconds each packet of 20 ms is held up, None if it never comes. All of it happens
in simulated time.
"""

from __future__ import annotations

import random
from array import array
from collections.abc import Sequence
from itertools import pairwise

from twisted.trial.unittest import SynchronousTestCase

from neon.media import _engine
from tests.media.network import MS, Played, arrivals, play
from tests.media.signals import FRAME, level, loudness, rtp, tone
from tests.media.speech import followed_snr, loudest_click, segmental_snr, silences, speech

SECONDS = 6
COUNT = SECONDS * 50


def packets(samples: array[int], size: int = FRAME) -> list[bytes]:
    """A-law, in packets of C{size} samples."""
    codes = _engine.alaw_encode(samples)
    return [codes[at : at + size] for at in range(0, len(codes), size)]


def as_coded(samples: array[int]) -> array[int]:
    """What the codec leaves of it."""
    return array("h", _engine.alaw_decode(_engine.alaw_encode(samples)))


def lost_at_random(share: float, run: int = 1, seed: int = 1) -> list[float | None]:
    """Runs of up to C{run} packets are lost, until it is about this share of them."""
    dice = random.Random(seed)
    delays: list[float | None] = [0.0] * COUNT
    number = 10
    while number < COUNT - 10:
        if dice.random() < share / run * 2:
            length = dice.randint(1, run)
            delays[number : number + length] = [None] * length
            number += length
        number += 1
    return delays


def losses(delays: list[float | None]) -> tuple[int, int]:
    """How many packets are lost, and in how many runs."""
    runs = sum(before is not None and after is None for before, after in pairwise(delays))
    return delays.count(None), runs


class SpeechCase(SynchronousTestCase):
    """Six seconds of speech, as the codec leaves it."""

    def setUp(self) -> None:
        self.speech = as_coded(speech(float(SECONDS)))
        self.packets = packets(self.speech)

    def delayed(self, milliseconds: int = 20) -> array[int]:
        """What should be heard."""
        return array("h", bytes(2 * MS * milliseconds)) + self.speech


class LossTests(SpeechCase):
    PATTERNS = (
        ("two in a hundred", lost_at_random(0.02)),
        ("five in a hundred", lost_at_random(0.05)),
        ("ten in a hundred", lost_at_random(0.1)),
        ("each tenth", [None if number % 10 == 8 else 0.0 for number in range(COUNT)]),
        ("two in a row", [None if number % 25 in (20, 21) else 0.0 for number in range(COUNT)]),
        ("up to three in a row", lost_at_random(0.08, 3)),
    )

    def test_counted(self) -> None:
        """Each frame with a loss is counted, and losses in a row are one gap; the delay stays as it was."""
        for name, delays in self.PATTERNS:
            lost, runs = losses(delays)
            counters = play(self.packets, arrivals(delays)).counters
            self.assertEqual((counters["concealed"], counters["gaps"]), (lost, runs), name)
            self.assertEqual((counters["late"], counters["lengthened"], counters["target"]), (0, 0, FRAME), name)

    def test_filled_in(self) -> None:
        """What is said instead is nearer to what was lost than silence is, and leaves the rest alone."""
        lost, wanted, begun, beginning = (array("h") for _ in range(4))
        for name, delays in self.PATTERNS:
            heard = play(self.packets, arrivals(delays)).heard[FRAME:]
            good, unhurt = array("h"), array("h")
            for number, (before, delay) in enumerate(pairwise(delays[:-1]), 1):
                at = slice(number * FRAME, (number + 1) * FRAME)
                if delay is None and before is not None:
                    lost += heard[at]
                    wanted += self.speech[at]
                    begun += heard[at][: FRAME // 2]
                    beginning += self.speech[at][: FRAME // 2]
                elif delay is not None and before is not None:
                    good += heard[at]
                    unhurt += self.speech[at]
            self.assertEqual(good, unhurt, name)
        self.assertGreater(segmental_snr(begun, beginning, FRAME // 2), 1.5)  # silence is 0 dB
        voiced = [at for at in range(0, len(wanted), FRAME) if loudness(wanted[at : at + FRAME]) > -25]
        off = [abs(loudness(lost[at : at + FRAME]) - loudness(wanted[at : at + FRAME])) for at in voiced]
        self.assertLess(sorted(off)[len(off) * 3 // 4], 5)

    def test_nothing_is_heard_of_the_seams(self) -> None:
        """No loss is a hole, and none begins or ends with a click: speech itself has greater ones."""
        natural = loudest_click(self.speech)
        for name, delays in self.PATTERNS:
            heard = play(self.packets, arrivals(delays)).heard[FRAME:]
            self.assertLessEqual(silences(heard), silences(self.speech), name)
            self.assertLess(loudest_click(heard), 1.2 * natural, name)


class ReorderTests(SpeechCase):
    def test_neighbours(self) -> None:
        """Packets that overtake each other cost the delay once, and nothing else."""
        delays: list[float | None] = [25.0 if number % 2 else 0.0 for number in range(COUNT)]
        played = play(self.packets, arrivals(delays))
        self.assertEqual((played.counters["gaps"], played.counters["late"]), (0, 0))
        self.assertGreater(played.counters["target"], FRAME)
        after = played.heard[50 * FRAME : 150 * FRAME].tobytes()
        self.assertIn(after, self.speech.tobytes())

    def test_far(self) -> None:
        """One packet in fifty that is overtaken by three is waited for after it was seen once or twice."""
        delays: list[float | None] = [65.0 if number % 50 == 30 else 0.0 for number in range(COUNT)]
        counters = play(self.packets, arrivals(delays)).counters
        self.assertLessEqual(counters["gaps"], 2)

    def test_twice(self) -> None:
        """Packets that come twice, at once or later, change nothing."""
        for again in (0.0, 7.0, 45.0):
            delays = [0.0] * COUNT
            coming = arrivals(delays) + [(at + again, number) for at, number in arrivals(delays)]
            played = play(self.packets, coming)
            self.assertEqual(played.heard, self.delayed()[: len(played.heard)], f"{again} ms later")
            self.assertGreaterEqual(played.counters["duplicates"], COUNT - 3)


class JitterTests(SpeechCase):
    def over(self, delays: Sequence[float | None], least: int = 20 * MS, most: int = 200 * MS) -> Played:
        return play(self.packets, arrivals(delays), buffer=_engine.JitterBuffer(True, least=least, most=most))

    def test_none(self) -> None:
        """Over a good network packets wait for 20 ms."""
        played = self.over([0.0] * COUNT)
        self.assertEqual(played.heard, self.delayed()[: len(played.heard)])
        self.assertEqual(set(played.delays), {20.0})

    def test_even(self) -> None:
        """The delay is what the jitter needs; a few packets are late until that is known, then hardly any."""
        for spread in (30, 60, 100, 150):
            dice = random.Random(spread)
            played = self.over([dice.uniform(0, spread) for _ in range(COUNT)])
            self.assertLessEqual(played.counters["gaps"], 3 + spread // 20, spread)
            self.assertGreaterEqual(played.counters["target"], (spread - 20) * MS, spread)
            self.assertLessEqual(played.counters["target"], (spread + 40) * MS, spread)
            self.assertLessEqual(played.longest, spread + 60, spread)

    def test_over(self) -> None:
        """When a bad time is over the delay goes back, and what is said while it does is whole."""
        dice = random.Random(4)
        shaky = [dice.uniform(0, 80) if 50 <= number < 150 else 0.0 for number in range(COUNT)]
        played = play(self.packets * 4, arrivals(shaky + [0.0] * (3 * COUNT)))
        self.assertGreater(played.longest, 60)
        self.assertLess(played.delays[-1], 40)
        self.assertGreater(played.counters["shortened"], 30 * MS)
        self.assertLess(loudest_click(played.heard), 1.2 * loudest_click(self.speech))

    def test_spike(self) -> None:
        """Audio that comes all at once after a standstill is played; the delay comes down again."""
        for standstill in (150, 300):
            delays: list[float | None] = [0.0] * COUNT
            for number in range(100, 100 + standstill // 20):
                delays[number] = standstill - 20.0 * (number - 100)
            played = play(self.packets * 4, arrivals(delays + [0.0] * (3 * COUNT)))
            self.assertEqual(played.counters["gaps"], 1, standstill)
            self.assertEqual(played.counters["resets"], 0, standstill)
            self.assertLessEqual(played.delays[-1], 40, standstill)

    def test_slower_way(self) -> None:
        """A way that becomes 80 ms longer costs one gap; when it is short again that delay is given up."""
        delays: list[float | None] = [80.0 if 100 <= number < 400 else 0.0 for number in range(5 * COUNT)]
        played = play(self.packets * 5, arrivals(delays))
        self.assertEqual(played.counters["gaps"], 1)
        self.assertLess(played.delays[-1], 50)

    def test_bounds(self) -> None:
        """The delay stays within its bounds, whatever happens."""
        dice = random.Random(5)
        wild: list[float | None] = [dice.uniform(0, 400) for _ in range(COUNT)]
        self.assertLessEqual(self.over(wild).counters["target"], 200 * MS)
        self.assertLessEqual(self.over(wild, most=100 * MS).counters["target"], 100 * MS)
        played = self.over([0.0] * COUNT, least=60 * MS)
        self.assertEqual(set(played.delays), {60.0})
        self.assertEqual(played.counters["target"], 60 * MS)

    def test_tone(self) -> None:
        """A tone, in which nothing can be hidden, is whole while the delay grows and shrinks."""
        dice = random.Random(6)
        long = tone(440, 30 * 8000)
        delays: list[float | None] = [dice.uniform(0, 70) if 100 < number < 300 else 0.0 for number in range(1500)]
        played = play(packets(long), arrivals(delays))
        self.assertGreater(played.counters["shortened"], 0)
        self.assertGreater(played.counters["lengthened"] + played.counters["gaps"], 0)
        calm = played.heard[9 * 8000 :]
        levels = [level(calm[at : at + 800], 440) for at in range(0, len(calm) - 800, 800)]
        self.assertGreater(min(levels), -10.7)
        self.assertLess(max(levels), -9.8)
        self.assertLess(loudest_click(calm), 1.7 * loudest_click(long))


class SourceTests(SpeechCase):
    def test_another_source(self) -> None:
        """When another source takes over, with numbers of its own, there is one short silence, and then it is heard."""
        receiver, buffer = _engine.RtpReceiver(), _engine.JitterBuffer(True)
        heard, held = array("h"), (0, b"")
        for number, packet in enumerate(self.packets):
            second = number >= COUNT // 2
            ssrc, base = (7, 3_000_000_000) if second else (1, 1000)
            timestamp = (base + number * FRAME) & 0xFFFFFFFF
            header = bytes((0x80, 8)) + (number + 500 * second & 0xFFFF).to_bytes(2, "big")
            data = header + timestamp.to_bytes(4, "big") + ssrc.to_bytes(4, "big") + packet
            verdict = receiver.receive(data, number * FRAME)
            if verdict == "hold":
                held = timestamp, packet
            if verdict == "switch":
                buffer.restart()
                buffer.push(*held, FRAME)
            if verdict in ("switch", "accept"):
                buffer.push(timestamp, packet)
            heard.frombytes(buffer.pop(FRAME))
        counters = buffer.counters()
        self.assertLessEqual(counters["concealed"], 1)
        self.assertLessEqual(counters["target"], 2 * FRAME)
        first, second_half = heard[: 80 * FRAME], heard[-80 * FRAME :]
        self.assertIn(first[5 * FRAME :].tobytes(), self.speech.tobytes())
        tail = self.speech[-100 * FRAME :].tobytes()
        self.assertIn(second_half[-40 * FRAME :].tobytes(), tail)


class ForgeryTests(SpeechCase):
    AT = 200
    """The packet after which twenty forged ones come at once, which go on where it was."""

    def attacked(self, shift: int) -> tuple[array[int], list[int]]:
        """What is heard, and what is in the buffer after each packet, when theirs are so many ticks later than due."""
        receiver, buffer = _engine.RtpReceiver(), _engine.JitterBuffer(True)
        heard, waiting = array("h"), []
        forged = _engine.alaw_encode(tone(3000, FRAME, 3))
        held = 0, b""
        for number, packet in enumerate(self.packets * 4):
            genuine = [(number, number * FRAME, packet)]
            false = [(number + n, (number + n) * FRAME + shift, forged) for n in range(1, 21)]
            for sequence, timestamp, payload in genuine + false if number == self.AT else genuine:
                verdict = receiver.receive(rtp(sequence, timestamp, payload), number * FRAME)
                if verdict == "hold":
                    held = timestamp, payload
                elif verdict == "switch":
                    buffer.restart()
                    buffer.push(*held, FRAME)
                if verdict in ("switch", "accept"):
                    buffer.push(timestamp, payload)
            heard.frombytes(buffer.pop(FRAME))
            waiting.append(buffer.counters()["delay"])
        return heard, waiting

    def test_twenty(self) -> None:
        """Twenty packets of the right source cost 100 ms at most, however they are timed, and delay for a while."""
        for shift in (-1600, -400, 0, 400, 8000):
            heard, waiting = self.attacked(shift)
            frames = (heard[at : at + FRAME] for at in range((self.AT - 5) * FRAME, (self.AT + 80) * FRAME, FRAME))
            self.assertLessEqual(sum(level(frame, 3000) > -20 for frame in frames), 5, shift)
            self.assertLessEqual(max(waiting), 200 * MS, shift)
            self.assertLessEqual(waiting[-1], 40 * MS, shift)
            self.assertLessEqual(silences(heard[self.AT * FRAME :]), 4 * silences(self.speech) + 5, shift)


class ClockTests(SynchronousTestCase):
    def test_speech(self) -> None:
        """Nobody hears it."""
        spoken = as_coded(array("h", list(speech(float(SECONDS))) * 6))
        natural = loudest_click(spoken)
        for ppm in (2000.0, -2000.0):
            played = play(packets(spoken), arrivals([2.0] * 1800, ppm=ppm), frames=1780)
            self.assertLessEqual(played.counters["gaps"], 1, ppm)
            changed = played.counters["shortened"] + played.counters["lengthened"]
            self.assertGreater(changed, 10 * MS, ppm)
            self.assertLess(loudest_click(played.heard), 1.1 * natural, ppm)
            ratios = sorted(followed_snr(played.heard, array("h", bytes(2 * FRAME)) + spoken, every=11))
            self.assertGreater(ratios[len(ratios) // 25], 20, ppm)

    def test_wide(self) -> None:
        """So it is with G.722."""
        wide = tone(300, 20 * 16000, -10)  # 600 Hz at 16 kHz
        codes = _engine.g722_encode(wide.tobytes())
        pieces = [codes[at : at + FRAME] for at in range(0, len(codes), FRAME)]
        for ppm in (3000.0, -3000.0):
            buffer = _engine.JitterBuffer(g722=True)
            played = play(pieces, arrivals([2.0] * len(pieces), ppm=ppm), buffer=buffer, frames=len(pieces) - 5)
            self.assertGreater(played.counters["shortened"] + played.counters["lengthened"], 10 * MS)
            self.assertLess(loudest_click(played.heard[16000:]), 2.5 * loudest_click(wide))
            settled = played.heard[16000:]
            levels = [level(settled[at : at + 1600], 300) for at in range(0, len(settled) - 1600, 1600)]
            self.assertGreater(min(levels), -11.5)


class PacketTimeTests(SpeechCase):
    def test_changing(self) -> None:
        """The length of packets may change from one to the next, between 10 and 60 ms."""
        sizes = [size * 80 for size in (2, 2, 6, 6, 6, 1, 1, 1, 1, 3, 3, 5, 4, 1, 6, 2)] * 20
        pieces, coming, at = [], [], 0
        codes = _engine.alaw_encode(self.speech)
        for number, size in enumerate(sizes):
            if at + size > len(codes):
                break
            pieces.append(codes[at : at + size])
            at += size
            coming.append((at / MS, number))  # sent when its last sample was spoken
        played = play(pieces, coming, frames=at // FRAME)
        self.assertLessEqual(played.counters["gaps"], 3)
        self.assertEqual(played.counters["late"], 0)
        after = played.heard[2 * 8000 :]
        self.assertLess(loudest_click(after), 1.2 * loudest_click(self.speech))
        self.assertLessEqual(silences(after), silences(self.speech))
