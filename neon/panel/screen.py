"""C{ShowUI}: brings the panel up where a person can see it (spec section 7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from twisted.logger import Logger

from neon.bus import Bus
from neon.events import ScreenAsked
from neon.ports import Clock

OPENING_SECONDS: Final = 10.0
"""How long a browser may take to start. Meanwhile no second one is started, however often a page asks."""


class Opener(Protocol):
    """Opens the panel in a program of the desktop."""

    @property
    def available(self) -> bool:
        """Whether there is a desktop to open it on."""

    def open(self, url: str) -> None:
        """Start the program, and do not wait for it."""


class Screen:
    """Implements L{neon.ports.Screen}: a panel that is open is told, else one is opened in the person's browser.

    C{is_open} says whether a panel is signed in and connected; C{address} makes an address with a fresh ticket, None
    where nothing is served.
    """

    _log = Logger()

    def __init__(
        self, clock: Clock, bus: Bus, is_open: Callable[[], bool], address: Callable[[], str | None], opener: Opener
    ) -> None:
        self._clock = clock
        self._bus = bus
        self._is_open = is_open
        self._address = address
        self._opener = opener
        self._opened: float | None = None

    def show(self, visible: bool) -> bool:
        """Bring it up or put it away; returns whether there is a panel at all."""
        if self._is_open():
            self._opened = None
            self._bus.publish(ScreenAsked(visible))
            return True
        if not self._opener.available:
            return False
        if visible and not self._is_opening():
            address = self._address()
            if address is None:
                return False
            self._opened = self._clock.seconds()
            self._opener.open(address)
        return True

    def _is_opening(self) -> bool:
        return self._opened is not None and self._clock.seconds() - self._opened < OPENING_SECONDS
