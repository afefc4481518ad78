"""Ending when nobody is on the telephone: SIGUSR1 has an upgrade replace the daemon, whose unit starts the new one."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sized
from typing import Any, Final

from twisted.application.service import Service
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

LOOK_SECONDS: Final = 1.0

_log = Logger()


class Retirement(Service):
    """After SIGUSR1, stops the reactor as soon as C{calls} are none."""

    name = "retirement"

    def __init__(
        self,
        reactor: Any,
        calls: Callable[[], Sized],
        put: Callable[[signal.Signals, Any], object] = signal.signal,
    ) -> None:
        self._reactor = reactor
        self._calls = calls
        self._put = put
        self._looking = LoopingCall(self._look)
        self._looking.clock = reactor

    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]
        # The handler runs between any two instructions: only the loop may look at calls.
        self._put(signal.SIGUSR1, lambda number, frame: self._reactor.callFromThread(self._asked))

    def stopService(self) -> None:
        super().stopService()  # type: ignore[no-untyped-call]
        self._put(signal.SIGUSR1, signal.SIG_IGN)
        if self._looking.running:
            self._looking.stop()

    def _asked(self) -> None:
        if self.running and not self._looking.running:
            _log.info("asked to end when no call is up; calls now: {count}", count=len(self._calls()))
            self._looking.start(LOOK_SECONDS)

    def _look(self) -> None:
        if not self._calls():
            self._looking.stop()
            self._reactor.stop()
