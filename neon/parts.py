"""Parts that start one after the other and stop in the opposite order, each when the one before is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.error import CannotListenError
from twisted.logger import Logger
from twisted.python.failure import Failure

from neon.ports import Clock

_log = Logger()


class CannotStart(Exception):
    """The daemon cannot run; C{str(error)} is a sentence for whoever started it."""


class Part(Service):
    """A step of starting and stopping, from two functions."""

    def __init__(
        self, name: str, start: Callable[[], object] | None = None, stop: Callable[[], object] | None = None
    ) -> None:
        self.name = name
        self._start = start
        self._stop = stop

    def startService(self) -> None:
        """As the function does.

        @raise CannotStart: a port is taken.
        """
        super().startService()  # type: ignore[no-untyped-call]
        if self._start is not None:
            self._start()

    def stopService(self) -> Deferred[object]:
        super().stopService()  # type: ignore[no-untyped-call]
        return succeed(None) if self._stop is None else maybeDeferred(self._stop)


class Parts(MultiService):
    """Starts its services in order, and stops them in the opposite order, waiting for each.

    C{patience} bounds the whole stop: what is not done by then is not waited for, but still stopped.
    """

    def __init__(self, clock: Clock, patience: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._clock = clock
        self._patience = patience
        self._started: list[Any] = []

    def add(self, part: Service) -> None:
        """One more, to be started after those that are there."""
        part.setServiceParent(self)  # type: ignore[no-untyped-call]

    def startService(self) -> None:
        """Start everything, or nothing.

        @raise CannotStart: one part cannot; the ones before it are stopped again.
        """
        Service.startService(self)  # type: ignore[no-untyped-call]
        for part in self:
            try:
                part.startService()
            except CannotListenError as error:
                self._give_up()
                reason = getattr(error.socketError, "strerror", None) or str(error.socketError)
                where = f"{error.interface or 'any address'} port {error.port}"
                raise CannotStart(f"{part.name} cannot listen on {where}: {reason}") from None
            except BaseException:
                self._give_up()
                raise
            self._started.append(part)

    def _give_up(self) -> None:
        """Stop what was started, without waiting: the reactor may never run."""
        while self._started:
            part = self._started.pop()
            maybeDeferred(part.stopService).addErrback(_not_clean, part.name)

    def stopService(self) -> Deferred[object]:
        """Stop what was started; fires when it is done."""
        Service.stopService(self)  # type: ignore[no-untyped-call]
        deadline = self._clock.seconds() + self._patience
        return Deferred.fromCoroutine(self._stop_all(deadline))

    async def _stop_all(self, deadline: float) -> None:
        while self._started:
            part = self._started.pop()
            stopped: Deferred[object] = maybeDeferred(part.stopService)
            clock: Any = self._clock
            stopped.addTimeout(max(0.05, deadline - self._clock.seconds()), clock)
            stopped.addErrback(_not_clean, part.name)
            await stopped


def _not_clean(failure: Failure, part: str) -> None:
    _log.failure("{part} did not stop cleanly", failure, part=part)
