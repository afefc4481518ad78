"""The life of one call of the testbed after SIP has said what it is: sound, a time limit, an ear for silence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from neon.details import Referral
from neon.ports import Clock, SignallingCall, Timer
from neon.testbed.numbers import Number
from neon.values import Cause, MediaAgreement, MediaStatistics

SILENCE_SECONDS = 30.0
"""A call whose phone sends no RTP for so long, without having put us on hold, is over: the phone has gone."""


class Sounding(Protocol):
    """What a call of the testbed needs of its stream (L{neon.ports.MediaStream} has more)."""

    def start(self, agreement: MediaAgreement) -> None: ...

    def statistics(self) -> MediaStatistics: ...

    def close(self) -> None: ...


class TestbedCall:
    """Implements L{neon.ports.CallListener} for one call; closes C{stream} and says C{on_over} exactly once.

    Whoever makes it says C{signalling} before anything happens.
    """

    __test__ = False  # not a test case, whatever the name suggests to a collector

    def __init__(
        self,
        clock: Clock,
        number: Number,
        stream: Sounding,
        on_over: Callable[[TestbedCall, Cause], None],
    ) -> None:
        self.number = number
        self.signalling: SignallingCall | None = None
        self.seconds = 0.0  # so long it was up, once it is over
        self._answered_at: float | None = None
        self._clock = clock
        self._stream = stream
        self._on_over = on_over
        self._over = False
        self._limit: Timer | None = None
        self._ear: Timer | None = None
        self._received = 0
        self._expecting = True

    @property
    def answered_once(self) -> bool:
        """Whether it came to a conversation."""
        return self._answered_at is not None

    def limit(self, seconds: float) -> None:
        """Hang up in so many seconds, whatever happens; the newest limit counts."""
        self._cancel(self._limit)
        self._limit = self._clock.callLater(seconds, self.hang_up)

    def hang_up(self) -> None:
        """End the call from our side; L{ended} follows."""
        if not self._over and self.signalling is not None:
            self.signalling.hang_up()

    # CallListener

    def ringing(self, status: int, early: MediaAgreement | None) -> None:
        """The phone that we call back rings."""

    def answered(self, agreement: MediaAgreement) -> None:
        if self._over:
            return
        self._start(agreement)
        if not self.answered_once:
            self._answered_at = self._clock.seconds()
            self.limit(self.number.seconds)
            self._ear = self._clock.callLater(SILENCE_SECONDS, self._listen)

    def media_changed(self, agreement: MediaAgreement) -> None:
        if not self._over:
            self._start(agreement)

    def located(self) -> None:
        """We are at loopback, which stays where it is."""

    def hold_answered(self, agreement: MediaAgreement) -> None:
        """We hold nobody."""

    def hold_refused(self, cause: Cause) -> None:
        """We hold nobody."""

    def digit_received(self, digit: str) -> None:
        """Nobody listens to digits here."""

    def digits_refused(self, digits: str) -> None:
        """We send none."""

    def transferred(self) -> None:
        """We transfer nobody."""

    def transfer_failed(self, cause: Cause) -> None:
        """We transfer nobody."""

    def referred(self, wish: Referral) -> None:
        """We follow nobody's wish; it is refused before it comes here."""

    def ended(self, cause: Cause) -> None:
        if self._over:
            return
        self._over = True
        if self._answered_at is not None:
            self.seconds = self._clock.seconds() - self._answered_at
        self._cancel(self._limit)
        self._cancel(self._ear)
        self._stream.close()
        self._on_over(self, cause)

    def _start(self, agreement: MediaAgreement) -> None:
        self._expecting = agreement.direction.receives
        self._stream.start(agreement)

    def _listen(self) -> None:
        received = self._stream.statistics().packets_received
        if self._expecting and received == self._received:
            self.hang_up()
            return
        self._received = received
        self._ear = self._clock.callLater(SILENCE_SECONDS, self._listen)

    @staticmethod
    def _cancel(timer: Timer | None) -> None:
        if timer is not None and timer.active():
            timer.cancel()
