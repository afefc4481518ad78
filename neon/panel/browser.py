"""The person's own browser, started by C{xdg-open}."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from typing import Any, Final

from twisted.internet.error import ProcessDone
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

PROGRAM: Final = "xdg-open"
DISPLAYS: Final = ("WAYLAND_DISPLAY", "DISPLAY")


class Browser:
    """Implements L{neon.panel.screen.Opener}. C{reactor} starts processes; C{environment} says whether there is a
    display, and is what the browser gets.
    """

    _log = Logger()

    def __init__(self, reactor: Any, environment: Mapping[str, str] = os.environ) -> None:
        self._reactor = reactor
        # What the service manager told the daemon is not for a browser, which would speak in its name.
        ours = {"NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "WATCHDOG_USEC", "WATCHDOG_PID"}
        self._environment = {name: value for name, value in environment.items() if name not in ours}
        self._program = shutil.which(PROGRAM, path=environment.get("PATH"))

    @property
    def available(self) -> bool:
        return self._program is not None and any(self._environment.get(name) for name in DISPLAYS)

    def open(self, url: str) -> None:
        """Start it; what it writes is thrown away, and its failure stands in the log."""
        assert self._program is not None
        nowhere = os.open(os.devnull, os.O_RDWR)
        try:
            self._reactor.spawnProcess(
                _Started(),
                self._program,
                [self._program, url],
                env=self._environment,
                childFDs={0: nowhere, 1: nowhere, 2: nowhere},
            )
        except OSError as error:
            self._log.warn("{program} could not be started: {reason}", program=PROGRAM, reason=error.strerror)
        finally:
            os.close(nowhere)


class _Started(ProcessProtocol):
    """Takes notice of its end: that of a browser started anew may be hours away."""

    _log = Logger()

    def processEnded(self, reason: Failure) -> None:
        if not reason.check(ProcessDone):  # type: ignore[no-untyped-call]
            self._log.warn("{program} found no browser: {reason}", program=PROGRAM, reason=reason.getErrorMessage())
