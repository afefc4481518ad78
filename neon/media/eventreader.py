"""The engine's descriptor on the reactor."""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger
from twisted.python.failure import Failure

from neon.media.engine import Engine, EngineEvent

_log = Logger()


class EventReader:
    """Tells what happened in an engine, as soon as its descriptor is readable (IReadDescriptor)."""

    def __init__(self, engine: Engine, on_event: Callable[[EngineEvent], None]) -> None:
        self._engine = engine
        self._on_event = on_event

    def fileno(self) -> int:
        return self._engine.fileno()

    def logPrefix(self) -> str:
        return "media"

    def doRead(self) -> None:
        for event in self._engine.take_events():
            try:
                self._on_event(event)
            except Exception:
                # An exception here would make the reactor drop the descriptor, and every later event with it.
                _log.failure("a media event was not handled")

    def connectionLost(self, reason: Failure) -> None:
        """The reactor lets go of us at its end."""
