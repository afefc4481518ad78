"""Which calls ring here and which are going on, for everything on the desktop that goes by it."""

from __future__ import annotations

from collections.abc import Callable

from neon.bus import Bus, Published
from neon.events import CallAccepted, CallEvent, CallFinalized, CallMissed, CallStarted
from neon.values import Direction


class CallWatch:
    """C{ringing} are the calls that wait for an answer here, by callId, the oldest first; C{up} those that were
    answered, and those that are being dialled. Whoever listens is called after each change, and looks.
    """

    def __init__(self, bus: Bus) -> None:
        self.ringing: dict[int, CallEvent] = {}
        self.up: dict[int, CallEvent] = {}
        self._listeners: list[Callable[[], None]] = []
        self._missed: list[Callable[[CallMissed], None]] = []
        self._leave = bus.subscribe(self._happened)

    @property
    def any(self) -> bool:
        """Whether there is a call at all."""
        return bool(self.ringing or self.up)

    def subscribe(self, changed: Callable[[], None]) -> None:
        self._listeners.append(changed)

    def on_missed(self, heard: Callable[[CallMissed], None]) -> None:
        self._missed.append(heard)

    def stop(self) -> None:
        """Hear of nothing any more, and let every listener see that there is no call."""
        self._leave()
        self.ringing.clear()
        self.up.clear()
        self._tell()

    def _happened(self, published: Published) -> None:
        event = published.event
        match event:
            case CallStarted(direction=Direction.INCOMING):
                self.ringing[event.call_id] = event
            case CallStarted():
                self.up[event.call_id] = event
            case CallAccepted():
                self.ringing.pop(event.call_id, None)
                self.up[event.call_id] = event
            case CallFinalized():
                self.ringing.pop(event.call_id, None)
                self.up.pop(event.call_id, None)
            case CallMissed():
                for heard in self._missed:
                    heard(event)
                return
            case _:
                return
        self._tell()

    def _tell(self) -> None:
        for changed in self._listeners:
            changed()
