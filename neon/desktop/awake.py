"""The machine does not fall asleep, and its screen not dark, while there is a call.

logind is asked on the machine's bus (systemd-logind(8), "Inhibitor locks"): it gives a file descriptor, and the lock
lasts as long as that is open. Desktops that put the screen out themselves are asked by org.freedesktop.ScreenSaver.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from jeepney import DBusAddress
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from neon.dbus.messagebus import Body, MessageBus, not_important, refusal
from neon.desktop.callwatch import CallWatch

LOGIND: Final = DBusAddress("/org/freedesktop/login1", "org.freedesktop.login1", "org.freedesktop.login1.Manager")
SAVER_NAME: Final = "org.freedesktop.ScreenSaver"
SAVER: Final = DBusAddress("/org/freedesktop/ScreenSaver", SAVER_NAME, SAVER_NAME)


class _Lock:
    """One promise of somebody on a bus: wanted or not, asked for once, given back once.

    C{take} asks for it, C{give_back} gets what that has brought. When the bus is lost the lock is as well.
    """

    _log = Logger()

    def __init__(
        self, bus: MessageBus, take: Callable[[], Deferred[Body]], give_back: Callable[[Any], None]
    ) -> None:
        self._bus = bus
        self._take = take
        self._give_back = give_back
        self._wanted = False
        self._asking = False
        self._denied = False
        """Whoever refused is asked again when it is wanted the next time, and not before."""
        self._held: Any = None
        bus.on_connected(self._anew)

    def want(self, wanted: bool) -> None:
        self._wanted = wanted
        if not wanted:
            self._denied = False
        if wanted and not self._denied and self._held is None and not self._asking and self._bus.connected:
            self._asking = True
            self._take().addCallbacks(self._got, self._refused)
        elif not wanted and self._held is not None:
            held, self._held = self._held, None
            self._give_back(held)

    def _got(self, body: Body) -> None:
        self._asking = False
        # A descriptor that is not taken out of the message is closed with it.
        self._held = body[0].to_raw_fd() if hasattr(body[0], "to_raw_fd") else body[0]
        self.want(self._wanted)

    def _refused(self, failure: Any) -> None:
        self._asking = False
        self._denied = self._wanted
        self._log.debug("no lock against sleep: {reason}", reason=str(refusal(failure)))

    def _anew(self) -> None:
        self._denied = False
        if self._held is not None:
            held, self._held = self._held, None
            self._give_back(held)
        self.want(self._wanted)


class Awake:
    """C{system} passes descriptors. C{who} and C{why} are what the desktop shows about the lock."""

    def __init__(self, session: MessageBus, system: MessageBus | None, calls: CallWatch, who: str, why: str) -> None:
        self._calls = calls
        self._locks = [
            _Lock(
                session,
                lambda: session.call(SAVER, "Inhibit", "ss", (who, why), start=False),
                lambda cookie: _forget(session.call(SAVER, "UnInhibit", "u", (cookie,), start=False)),
            )
        ]
        if system is not None:
            # One each: whoever may not keep a machine from sleep, by some administrator's rule, may yet call it busy.
            for what in ("sleep", "idle"):
                asked = (what, who, why, "block")
                take = partial(system.call, LOGIND, "Inhibit", "ssss", asked)
                self._locks.append(_Lock(system, take, os.close))
        calls.subscribe(self._look)

    def _look(self) -> None:
        for lock in self._locks:
            lock.want(self._calls.any)


def _forget(asked: Deferred[Body]) -> None:
    asked.addErrback(not_important)
