"""Figures of a stream, the E-model against values of ITU-T G.107, and when a person is warned."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from neon.events import MediaStatsKnown, MediaWarned
from neon.explain import LANGUAGES
from neon.quality import burst_ratio, figures, level_dbov, opinion, rating
from neon.qualitywatch import QualityWatch
from neon.values import Cause, MediaProblem, MediaStatistics
from tests.fakes import AGREEMENT, FakeWorld

LOUD = 1000 * 1000
"""The square of an ordinary sample."""

LOOK_SECONDS = 5.0


class EModelTests(SynchronousTestCase):
    def test_opinions(self) -> None:
        """Ratings and their opinion scores as G.107, annex B has them in its figure and table."""
        for value, score in ((93.2, 4.41), (90, 4.34), (80, 4.03), (70, 3.60), (60, 3.10), (50, 2.58), (0, 1.0)):
            self.assertLess(abs(opinion(value) - score), 0.01)
        self.assertEqual(opinion(-5), 1.0)
        scores = [opinion(value / 10) for value in range(65, 932)]
        self.assertEqual(scores, sorted(scores))

    def test_delay(self) -> None:
        """Delay costs nothing up to 100 ms, and then as the formula for Idd has it: hardly anything at 150 ms."""
        self.assertEqual(rating(100, 0), 93.2)
        for delay, costs in ((150, 0.0), (200, 3.0), (300, 14.8), (400, 24.1)):
            self.assertLess(abs(93.2 - rating(delay, 0) - costs), 0.2)

    def test_loss(self) -> None:
        """Loss costs as G.113 says for G.711 with concealment, more when it comes in bursts, and never below 0."""
        self.assertAlmostEqual(93.2 - rating(0, 1), 95 / 26.1, places=6)
        self.assertAlmostEqual(93.2 - rating(0, 10), 950 / 35.1, places=6)
        self.assertLess(rating(0, 10, burst=2), rating(0, 10))
        self.assertEqual(rating(2000, 100, burst=50), 0.0)

    def test_bursts(self) -> None:
        """Losses that come one by one are chance; ten in one gap are a burst."""
        self.assertAlmostEqual(burst_ratio(10, 10, 10.0), 1.0)
        self.assertAlmostEqual(burst_ratio(10, 1, 10.0), 9.0)
        for nothing in ((0, 0, 0.0), (5, 0, 1.0), (5, 1, 100.0)):
            self.assertEqual(burst_ratio(*nothing), 1.0)

    def test_levels(self) -> None:
        """A square wave of full scale is 0 dB, zeros are -100, and no sample has no level."""
        self.assertEqual(level_dbov(32768**2 * 10, 10), 0.0)
        self.assertEqual(level_dbov(0, 10), -100.0)
        self.assertIsNone(level_dbov(0, 0))


class FigureTests(SynchronousTestCase):
    def test_interval(self) -> None:
        """Percentages are of what was expected between the two looks."""
        before = MediaStatistics(packets_sent=100, packets_received=100, packets_lost=50)
        after = replace(before, packets_sent=350, packets_received=340, packets_lost=60, packets_late=5, gaps=8,
                        jitter_ms=4.25, round_trip_ms=80.0, playout_delay_ms=20.0, remote_packets_lost=7,
                        remote_jitter_ms=1.0)
        seen = figures(before, after)
        self.assertEqual((seen.packets_sent, seen.packets_received, seen.loss, seen.late), (250, 240, 4.0, 2.0))
        self.assertEqual((seen.jitter_ms, seen.round_trip_ms, seen.remote_loss), (4.25, 80.0, 2.0))
        assert seen.mos is not None
        self.assertAlmostEqual(seen.mos, opinion(rating(100, 6.0, burst_ratio(15, 8, 6.0))))
        self.assertEqual(seen.data()["jitter"], 4.2)

    def test_playout_delay(self) -> None:
        """What the jitter buffer adds to the way is told, and counts as delay does."""
        quick = MediaStatistics(packets_received=100, round_trip_ms=200.0, playout_delay_ms=20.0)
        slow = figures(MediaStatistics(), replace(quick, playout_delay_ms=200.0))
        self.assertEqual(slow.data()["playoutDelay"], 200.0)
        self.assertEqual(slow.mos, opinion(rating(340, 0.0)))
        self.assertEqual(figures(MediaStatistics(), quick).mos, opinion(rating(160, 0.0)))

    def test_recovered(self) -> None:
        """What was lost and yet heard is told, and costs no opinion; there is never more of it than was lost."""
        lossy = MediaStatistics(packets_received=90, packets_lost=10, gaps=5)
        healed = figures(MediaStatistics(), replace(lossy, packets_recovered=10))
        self.assertEqual((healed.loss, healed.recovered, healed.data()["recovered"]), (10.0, 10.0, 10.0))
        self.assertEqual(healed.mos, figures(MediaStatistics(), MediaStatistics(packets_received=90)).mos)
        hurt = figures(MediaStatistics(), lossy)
        assert hurt.mos is not None and healed.mos is not None
        self.assertLess(hurt.mos, healed.mos)
        self.assertNotIn("recovered", hurt.data())
        self.assertEqual(figures(MediaStatistics(), replace(lossy, packets_recovered=99)).recovered, 10.0)

    def test_nothing(self) -> None:
        """A call that heard nothing has no opinion, and says only what is known."""
        seen = figures(MediaStatistics(), MediaStatistics(packets_sent=250))
        self.assertIsNone(seen.mos)
        self.assertEqual(
            seen.data(), {"packetsSent": 250, "packetsReceived": 0, "loss": 0.0, "late": 0.0, "jitter": 0.0}
        )

    def test_set_back(self) -> None:
        """Counters that begin again, with a new source, are no negative loss."""
        seen = figures(MediaStatistics(packets_lost=90, packets_late=9, gaps=9), MediaStatistics(packets_received=5))
        self.assertEqual((seen.loss, seen.late, seen.packets_received), (0.0, 0.0, 5))


class FakeSound:
    """A stream whose counters a test moves on, C{microphone} and sound card included."""

    def __init__(self) -> None:
        self.counted: dict[int, MediaStatistics] = {}
        self.device_problem: str | None = None
        self.has_microphone = True

    def statistics(self, call_id: int) -> MediaStatistics | None:
        return self.counted.get(call_id)

    def goes_on(self, call_id: int, received: int = 250, lost: int = 0, square: int = LOUD, **more: Any) -> None:
        """Five seconds more."""
        before = self.counted[call_id]
        self.counted[call_id] = replace(
            before,
            packets_sent=before.packets_sent + 250,
            packets_received=before.packets_received + received,
            packets_lost=before.packets_lost + lost,
            sent_samples=before.sent_samples + 40_000,
            sent_energy=before.sent_energy + 40_000 * square,
            **more,
        )


class WatchTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.world = FakeWorld()
        self.sound = FakeSound()
        self.notes: list[tuple[int, dict[str, Any]]] = []
        self.watch = QualityWatch(
            self.world.bus,
            self.world.clock,
            self.world.phone.calls,
            self.sound,
            words=lambda problem: LANGUAGES["pt"][problem.value],
            note=lambda call_id, quality: self.notes.append((call_id, quality)),
        )
        self.addCleanup(self.watch.stop)
        self.world.registered()
        self.call_id = self.world.phone.start_call("32")
        self.world.turn()
        self.sound.counted[self.call_id] = MediaStatistics()
        self.world.signalling.calls[0].listener.answered(AGREEMENT)
        self.world.take_events()

    def look(self, **moved: Any) -> list[tuple[MediaProblem, bool]]:
        """Five seconds pass, with counters that moved so; the warnings of that."""
        self.sound.goes_on(self.call_id, **moved)
        self.world.clock.advance(LOOK_SECONDS)
        self.events = self.world.take_events()
        return [(event.problem, event.on) for event in self.events if isinstance(event, MediaWarned)]

    def test_figures(self) -> None:
        """Every five seconds, of those five seconds; whoever comes back later is not sent them, and misses nothing."""
        before = self.world.bus.last_seq
        self.assertEqual(self.look(lost=5), [])
        self.look()
        (known,) = self.events
        assert isinstance(known, MediaStatsKnown)
        self.assertEqual((known.call_id, known.figures.loss), (self.call_id, 0.0))
        replay = self.world.bus.since(before)
        self.assertEqual((replay.events, replay.gap), ((), False))

    def test_nothing_arrives(self) -> None:
        """Said at once, in the user's words, and taken back when audio arrives."""
        self.assertEqual(self.look(received=0), [(MediaProblem.NO_AUDIO, True)])
        (_, warned) = self.events
        assert isinstance(warned, MediaWarned)
        self.assertIn("som", warned.what)
        self.assertTrue(warned.advice)
        self.assertEqual(self.look(received=0), [])
        self.assertEqual(self.look(), [(MediaProblem.NO_AUDIO, False)])

    def test_falls_silent(self) -> None:
        """Where audio has arrived before it is said a little later: the far end may have nothing to send."""
        told = [self.look(), self.look(received=0), self.look(), self.look(received=0), self.look(received=0)]
        self.assertEqual(told, [[], [], [], [], [(MediaProblem.NO_AUDIO, True)]])

    def test_one_way(self) -> None:
        """Nothing arrives from a far end that reports about what it hears of us."""
        self.assertEqual(self.look(received=0, remote_packets_lost=0), [(MediaProblem.ONE_WAY, True)])

    def test_loss(self) -> None:
        """Twice more than 5 % begins it, twice less than 2 % ends it; between the two nothing flickers."""
        percent = [9, 0, 9, 9, 3, 4, 1, 3, 1, 1]
        told = [self.look(received=100 - one, lost=one) for one in percent]
        expected: list[list[tuple[MediaProblem, bool]]] = [[] for _ in percent]
        expected[3] = [(MediaProblem.HIGH_LOSS, True)]
        expected[9] = [(MediaProblem.HIGH_LOSS, False)]
        self.assertEqual(told, expected)

    def test_microphone(self) -> None:
        """Quarter of a minute without any sound at all; a quiet room is not that."""
        quiet = 36  # -75 dB is a square of 34
        self.assertEqual([self.look(square=quiet) for _ in range(5)], [[]] * 5)
        told = [self.look(square=0) for _ in range(4)]
        self.assertEqual(told, [[], [], [(MediaProblem.SILENT_MICROPHONE, True)], []])
        self.assertEqual(self.look(), [(MediaProblem.SILENT_MICROPHONE, False)])

    def test_silent_on_purpose(self) -> None:
        """Who muted themselves, or has no microphone by configuration, knows."""
        self.world.phone.control.set_mute(self.call_id, True)
        self.assertEqual([self.look(square=0) for _ in range(4)], [[]] * 4)
        self.world.phone.control.set_mute(self.call_id, False)
        self.sound.has_microphone = False
        self.assertEqual([self.look(square=0) for _ in range(4)], [[]] * 4)

    def test_hold(self) -> None:
        """During a hold silence is as it should be."""
        self.world.phone.control.set_hold(self.call_id, True)
        self.world.signalling.calls[0].listener.hold_answered(AGREEMENT)
        self.assertEqual([self.look(received=0, square=0) for _ in range(4)], [[]] * 4)

    def test_device(self) -> None:
        """A sound card that does not work is told as that, and not as a silent microphone."""
        self.sound.device_problem = "no such device"
        self.assertEqual(self.look(square=0), [(MediaProblem.DEVICE_GONE, True)])
        self.assertEqual([self.look(square=0) for _ in range(4)], [[]] * 4)
        self.sound.device_problem = None
        self.assertEqual(self.look(), [(MediaProblem.DEVICE_GONE, False)])

    def test_end(self) -> None:
        """The log gets the figures of the whole call, and when no call is up nothing wakes the daemon."""
        self.look(lost=10)
        self.look()
        last = self.sound.counted.pop(self.call_id)
        self.watch.closed(self.call_id, last)
        self.world.signalling.calls[0].listener.ended(Cause())
        ((call_id, quality),) = self.notes
        self.assertEqual((call_id, quality["packetsReceived"], quality["loss"]), (self.call_id, 500, 2.0))
        self.world.clock.advance(LOOK_SECONDS)
        self.world.turn()
        self.assertEqual(self.world.clock.getDelayedCalls(), [])

    def test_never_answered(self) -> None:
        """A call that nobody answered has no figures."""
        self.watch.closed(99, MediaStatistics())
        self.assertEqual(self.notes, [])

    def test_words(self) -> None:
        """Every problem has words in every language."""
        for words in LANGUAGES.values():
            for problem in MediaProblem:
                self.assertTrue(all(words[problem.value]))
