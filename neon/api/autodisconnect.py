"""C{autodisconnect}: an account goes when the WebSocket that registered it goes (spec section 3).

The WebSocket may be back: a page that reloads shows the same token on a new connection within seconds, and the
account then belongs to that one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from neon.api.sessions import Session
from neon.ports import Clock, Timer

GRACE_SECONDS = 5.0


@dataclass(eq=False, slots=True)
class _Guard:
    session: Session
    channel: object
    timer: Timer | None = None


class Autodisconnect:
    """Which account depends on which connection."""

    def __init__(self, clock: Clock, drop: Callable[[int], object], grace: float = GRACE_SECONDS) -> None:
        self._clock = clock
        self._drop = drop
        self._grace = grace
        self._guards: dict[int, _Guard] = {}

    def guard(self, session: Session, connection_id: int, channel: object) -> None:
        """From now on the account goes when C{channel} goes."""
        self.forget(connection_id)
        self._guards[connection_id] = _Guard(session, channel)

    def forget(self, connection_id: int) -> None:
        """The account stays, or is gone already."""
        guard = self._guards.pop(connection_id, None)
        if guard is not None and guard.timer is not None and guard.timer.active():
            guard.timer.cancel()

    def seen(self, session: Session, channel: object) -> None:
        """A token was shown on a connection: accounts of that session that are waiting move there."""
        for guard in self._guards.values():
            if guard.session is session and guard.timer is not None:
                guard.timer.cancel()
                guard.timer = None
                guard.channel = channel

    def closed(self, channel: object) -> None:
        """A connection is gone, however that happened."""
        for connection_id, guard in self._guards.items():
            if guard.channel is channel and guard.timer is None:
                guard.timer = self._clock.callLater(self._grace, self._expire, connection_id)

    def stop(self) -> None:
        """Forget everything; the accounts are taken down by whoever stops us."""
        for connection_id in tuple(self._guards):
            self.forget(connection_id)

    def _expire(self, connection_id: int) -> None:
        del self._guards[connection_id]
        self._drop(connection_id)
