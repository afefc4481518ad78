"""C{ShowUI}: brings the panel up where a person can see it (spec section 7).

There may be a window of the panel's own, a tab of a browser where it is open, or only a browser. The window comes
first; what is open in a tab is told as well, because a page cannot raise itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol
from urllib.parse import quote

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from neon.bus import Bus
from neon.events import ScreenAsked
from neon.ports import Clock

OPENING_SECONDS: Final = 10.0
"""How long a browser may take to start. Meanwhile no second one is started, however often a page asks."""

FRESH_SECONDS: Final = 5.0
"""So long the window makes do with the address that it got, so that nobody can use up all tickets."""


class Opener(Protocol):
    """Opens the panel in a program of the desktop."""

    @property
    def available(self) -> bool:
        """Whether there is a desktop to open it on."""

    def open(self, url: str) -> None:
        """Start the program, and do not wait for it."""


class Window(Protocol):
    """The panel in a window of its own (L{neon.desktop.window.Window}). All fire with whether there is one."""

    def show(self, url: str, token: str = "") -> Deferred[bool]: ...

    def hide(self) -> Deferred[bool]: ...

    def ring(self, url: str) -> Deferred[bool]: ...

    def calm(self) -> Deferred[bool]: ...

    def tell(self, url: str) -> Deferred[bool]: ...


class NoWindow:
    """A machine without one."""

    def show(self, url: str, token: str = "") -> Deferred[bool]:
        return succeed(False)

    def hide(self) -> Deferred[bool]:
        return succeed(False)

    def ring(self, url: str) -> Deferred[bool]:
        return succeed(False)

    def calm(self) -> Deferred[bool]:
        return succeed(False)

    def tell(self, url: str) -> Deferred[bool]:
        return succeed(False)


class Screen:
    """Implements L{neon.ports.Screen}.

    C{is_open} says whether a panel is signed in and connected; C{address} makes an address with a fresh ticket, None
    where nothing is served.
    """

    _log = Logger()

    def __init__(
        self,
        clock: Clock,
        bus: Bus,
        is_open: Callable[[], bool],
        address: Callable[[], str | None],
        opener: Opener,
        window: Window | None = None,
    ) -> None:
        self._clock = clock
        self._bus = bus
        self._is_open = is_open
        self._address = address
        self._opener = opener
        self._window: Window = NoWindow() if window is None else window
        self._opened: float | None = None
        self._fresh: float | None = None

    def show(self, visible: bool, number: str | None = None, token: str = "") -> Deferred[bool]:
        """Bring it up or put it away; fires with whether there is a panel at all.

        C{number} goes to its dial pad, for the person to decide. C{token} lets a window take the keyboard.
        """
        if not visible:
            asked = self._window.hide()
        elif (url := self._window_address(number)) is None:
            return succeed(False)
        else:
            asked = self._window.show(url, token)
        return asked.addCallback(lambda there: self._told(visible, number) or there or self._open(visible, number))

    def ring(self) -> None:
        """Somebody calls: bring a window up. A browser is not opened for that."""
        if (url := self._window_address(None)) is not None:
            self._window.ring(url)

    def calm(self) -> None:
        """Nobody calls any more."""
        self._window.calm()

    def greet(self) -> None:
        """A window that has survived another life of the daemon hears where the panel is now."""
        if (url := self._address()) is not None:
            self._window.tell(url)

    def _told(self, visible: bool, number: str | None) -> bool:
        if not self._is_open():
            return False
        self._opened = None
        # The answer to whoever asked comes first.
        self._clock.callLater(0, self._bus.publish, ScreenAsked(visible, number))
        return True

    def _open(self, visible: bool, number: str | None) -> bool:
        if not self._opener.available:
            return False
        if visible and (number is not None or not self._is_opening()):
            address = self._address()
            if address is None:
                return False
            self._opened = self._clock.seconds()
            self._opener.open(_with_number(address, number))
        return True

    def _is_opening(self) -> bool:
        return self._opened is not None and self._clock.seconds() - self._opened < OPENING_SECONDS

    def _window_address(self, number: str | None) -> str | None:
        """A fresh one, or nothing where the window got one a moment ago; None where nothing is served."""
        now = self._clock.seconds()
        if number is None and self._fresh is not None and now - self._fresh < FRESH_SECONDS:
            return ""
        address = self._address()
        if address is not None:
            self._fresh = now
        return None if address is None else _with_number(address, number)


def _with_number(address: str, number: str | None) -> str:
    return address if number is None else f"{address}&number={quote(number, safe='')}"
