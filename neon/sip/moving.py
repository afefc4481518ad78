"""The order of things when the machine's address has changed: first the registrations, then the calls.

A call's far end gets the Contact that the registrar has just confirmed, which behind a NAT is not known before, and
the address that a STUN server has just seen our audio at; but it does not wait long for a server that is silent.
"""

from __future__ import annotations

from collections.abc import Callable

from neon.ports import Clock, Timer

PATIENCE = 2.0
"""Seconds that calls wait for a registration."""

LATER = 120.0
"""Seconds for which a registration that comes after all still moves the calls."""


class Moving:
    """C{relocate} tells the far ends of all calls, those that know it already excepted.

    C{locating}: whether it is still being found out where audio is reached; L{located} is called when that is over.
    """

    def __init__(
        self, clock: Clock, relocate: Callable[[], None], locating: Callable[[], bool] = lambda: False
    ) -> None:
        self._clock = clock
        self._relocate = relocate
        self._locating = locating
        self._confirmed = False
        self._timer: Timer | None = None
        self._until = float("-inf")

    def begin(self) -> None:
        """The address has changed, and registering anew has begun."""
        self.stop()
        self._confirmed = False
        self._until = self._clock.seconds() + LATER
        self._timer = self._clock.callLater(PATIENCE, self._patience_over)

    def registered(self) -> None:
        """A registrar has confirmed where we are."""
        self._confirmed = True
        self._go()

    def located(self) -> None:
        """It is known where audio is reached, as far as it will be."""
        if self._confirmed or self._timer is None:
            self._go()

    def _go(self) -> None:
        waits = self._timer is not None and self._locating()
        if self._clock.seconds() < self._until and not waits:
            self._clock.callLater(0.0, self._relocate)

    def stop(self) -> None:
        self._until = float("-inf")
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _patience_over(self) -> None:
        self._timer = None
        self._relocate()
