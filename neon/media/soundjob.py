"""Starts one of L{neon.media.soundtools}' tools in a process of its own, and ends it when it is enough."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from neon.media.soundcard import ProcessReactor, environment
from neon.ports import Timer

_log = Logger()

_GRACE: Final = 1.0
_LONGEST_OUTPUT: Final = 65536
_MOST_LINES: Final = 20


class SoundJob(ProcessProtocol):
    """One tool at work. C{what} and C{names} are as its documentation says."""

    transport: Any  # Twisted's IProcessTransport

    def __init__(self, reactor: ProcessReactor, what: str, *names: str, patience: float | None = None) -> None:
        """C{patience}: seconds after which it is ended, None for ever."""
        self.done: Deferred[str] = Deferred()
        """Fires with the last line that it said, also if there was no process or none was needed to the end."""
        self._reactor = reactor
        self._out = b""
        self._lines = 0
        self._killer: Timer | None = None
        command = [sys.executable, "-P", "-m", "neon.media.soundtools", f"--parent={os.getpid()}", what, "--", *names]
        self._timer: Timer | None = None
        try:
            reactor.spawnProcess(self, sys.executable, command, env=environment(), childFDs={0: "w", 1: "r", 2: "r"})
        except OSError as error:
            _log.warn("no process for the sound card: {error}", error=str(error))
            self.done.callback("")
            return
        if patience is not None:
            self._timer = reactor.callLater(patience, self._give_up)

    def stop(self) -> None:
        """Enough. May be called twice, and after the end."""
        if self._killer is None and not self.done.called:
            self.transport.closeStdin()
            self._killer = self._reactor.callLater(_GRACE, self._kill)

    def _give_up(self) -> None:
        self._timer = None
        self.stop()

    def _kill(self) -> None:
        with contextlib.suppress(ProcessExitedAlready):
            self.transport.signalProcess("KILL")

    def outReceived(self, data: bytes) -> None:
        self._out = (self._out + data)[-_LONGEST_OUTPUT:]

    def errReceived(self, data: bytes) -> None:
        for line in data.splitlines():
            self._lines += 1
            if self._lines <= _MOST_LINES:
                _log.error("sound card tool: {line}", line=line[:500].decode("utf-8", "replace"))

    def processEnded(self, reason: Failure) -> None:
        for timer in (self._killer, self._timer):
            if timer is not None and timer.active():
                timer.cancel()
        lines = self._out.decode("utf-8", "replace").splitlines()
        self.done.callback(lines[-1] if lines else "")
