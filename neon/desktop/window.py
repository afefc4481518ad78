"""The panel in a window of its own: the program neon-panel, as it is asked over D-Bus to show itself.

It is an application by org.freedesktop.Application; the bus starts it, so that it gets the session's display, which a
daemon that was there before the session does not know.
"""

from __future__ import annotations

from typing import Final

from jeepney import DBusAddress
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from neon.dbus.messagebus import BUS, NO_REPLY, Body, MessageBus, not_important, refusal

NAME: Final = "org.neonsoftphone.Panel"
PATH: Final = "/org/neonsoftphone/Panel"
APPLICATION: Final = DBusAddress(PATH, NAME, "org.freedesktop.Application")
START_SECONDS: Final = 10.0
"""What takes longer to start will come, but nobody is kept waiting for it."""


class Window:
    """Implements L{neon.panel.screen.Window} and what a call that comes in needs. C{bus} may be lost or absent."""

    _log = Logger()

    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus
        self._panel = bus.service(NAME)
        self._startable = False
        bus.on_connected(self._look)

    @property
    def installed(self) -> bool:
        """Whether there is such a program, as far as one can tell without starting it."""
        return self._bus.connected and (self._startable or self._panel.owner is not None)

    def show(self, url: str, token: str = "") -> Deferred[bool]:
        """Bring it up; C{url} is an address of the panel, or empty if there was one a moment ago.

        C{token} allows it to take the keyboard, where the desktop gave one (xdg-activation). Fires with whether there
        is a window.
        """
        return self._ask("show", url, token=token)

    def hide(self) -> Deferred[bool]:
        """Put it away. Fires with whether there is one."""
        if self._panel.owner is None:
            return succeed(self.installed)
        return self._ask("hide", start=False)

    def ring(self, url: str) -> Deferred[bool]:
        """Somebody calls: bring it up without taking the keyboard away from anybody."""
        return self._ask("ring", url) if self.installed else succeed(False)

    def calm(self) -> Deferred[bool]:
        """Nobody calls any more."""
        return self._ask("calm", start=False) if self._panel.owner is not None else succeed(False)

    def tell(self, url: str) -> Deferred[bool]:
        """If it runs, it hears where the panel is; it comes up no sooner than before."""
        return self._ask("address", url, start=False)

    def _ask(self, action: str, url: str | None = None, *, start: bool = True, token: str = "") -> Deferred[bool]:
        parameters = [] if url is None else [("s", url)]
        platform = {"activation-token": ("s", token), "desktop-startup-id": ("s", token)} if token else {}
        body = (action, parameters, platform)
        asked = self._bus.call(APPLICATION, "ActivateAction", "sava{sv}", body, start=start, patience=START_SECONDS)
        return asked.addCallbacks(self._there, self._not_there, errbackArgs=(start,))

    def _there(self, _: Body) -> bool:
        self._startable = True
        return True

    def _not_there(self, failure: Failure, started: bool) -> bool:
        if refusal(failure).name == NO_REPLY:
            return True
        # Not installed, or without a display: the next one who asks tries again, but nothing is promised before.
        if started:
            self._startable = False
        self._log.debug("no window of the panel: {reason}", reason=failure.getErrorMessage())
        return False

    def _look(self) -> None:
        def known(body: Body) -> None:
            self._startable = NAME in body[0]

        listed = self._bus.call(DBusAddress("/org/freedesktop/DBus", BUS, BUS), "ListActivatableNames")
        listed.addCallback(known).addErrback(not_important)
