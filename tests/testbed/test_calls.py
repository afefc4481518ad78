"""One call of the testbed: sound at the answer, an end by the clock or by silence, everything given back once."""

from __future__ import annotations

from dataclasses import replace

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.testbed.calls import SILENCE_SECONDS, TestbedCall
from neon.testbed.numbers import NUMBERS
from neon.values import Cause, LocalMedia, MediaDirection, MediaStatistics
from tests.fakes import AGREEMENT, FakeCall, FakeStream


class Stream(FakeStream):
    """A stream that has received what the test says."""

    received = 0

    def statistics(self) -> MediaStatistics:
        return MediaStatistics(packets_received=self.received)


class CallTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.stream = Stream(LocalMedia(20000))
        self.over: list[Cause] = []
        self.call = self.make("601")

    def make(self, number: str) -> TestbedCall:
        call = TestbedCall(self.clock, NUMBERS[number], self.stream, lambda _, cause: self.over.append(cause))
        call.signalling = self.signalling = FakeCall()
        return call

    def test_sound_starts_with_the_answer(self) -> None:
        """Nothing is sent before the answer; a re-INVITE moves the sound."""
        self.call.ringing(180, None)
        self.assertEqual(self.stream.started, [])
        self.call.answered(AGREEMENT)
        moved = replace(AGREEMENT, remote=("192.0.2.9", 4000))
        self.call.media_changed(moved)
        self.assertEqual(self.stream.started, [AGREEMENT, moved])

    def test_silence_ends_the_call(self) -> None:
        """A phone that sends no RTP for half a minute is gone."""
        self.call.answered(AGREEMENT)
        self.stream.received = 100
        self.clock.advance(SILENCE_SECONDS)
        self.assertEqual(self.signalling.requests, [])
        self.clock.advance(SILENCE_SECONDS)
        self.assertEqual(self.signalling.requests, ["hang_up"])

    def test_hold_is_not_silence(self) -> None:
        """A phone that put us on hold owes no RTP."""
        self.call.answered(AGREEMENT)
        self.call.media_changed(replace(AGREEMENT, direction=MediaDirection.INACTIVE))
        self.clock.pump([SILENCE_SECONDS] * 5)
        self.assertEqual(self.signalling.requests, [])

    def test_time_limit(self) -> None:
        """602 hangs up after its second; any other call after an hour, however busy its line is."""
        self.make("602").answered(AGREEMENT)
        self.clock.advance(1.0)
        self.assertEqual(self.signalling.requests, ["hang_up"])
        self.make("600").answered(AGREEMENT)
        for _ in range(3600 // 10):
            self.assertEqual(self.signalling.requests, [])
            self.stream.received += 500
            self.clock.advance(10)
        self.assertEqual(self.signalling.requests, ["hang_up"])

    def test_end_gives_everything_back_once(self) -> None:
        """The end closes the stream, stops the timers and is told once, however often it comes."""
        self.call.answered(AGREEMENT)
        self.call.ended(Cause())
        self.call.ended(Cause())
        self.call.answered(AGREEMENT)
        self.call.media_changed(AGREEMENT)
        self.call.hang_up()
        self.assertEqual((self.stream.closed, self.over), (1, [Cause()]))
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.signalling.requests, [])
