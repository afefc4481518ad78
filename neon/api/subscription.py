"""What one client hears of the bus: which events, and from where on (spec section 2, C{subscribe}).

The client is a WebSocket connection, or a mailbox of the HTTP API. Documented events reach every client that has a
token, extension events those that asked, and of these the questions whoever may answer them. An earlier event is
replayed out of the bus's ring; what is replayed does not come a second time when the bus delivers it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from neon.api import wire
from neon.bus import Bus, Published
from neon.commands import Subscribed
from neon.events import AudioLost, CallClaimed, Event, TransferRequested
from neon.values import Scope

_BY_NAME: Final = {name.lower(): name for name in wire.EXTENSIONS.values()}
ALL: Final = frozenset({"all", "*"})
NONE: Final = frozenset({"none"})

QUESTIONS: Final[Mapping[type[Event], Scope]] = {TransferRequested: Scope.CALL}
"""Events that ask something, and the scope of the command that answers."""


class Subscription:
    """The wishes of one client; C{key} tells it from every other client, C{scopes} what it may do now."""

    def __init__(
        self, bus: Bus, key: str, scopes: Callable[[], frozenset[Scope]] = lambda: frozenset(Scope)
    ) -> None:
        self._bus = bus
        self._key = key
        self._scopes = scopes
        self._seen = 0
        self._extensions: frozenset[str] = frozenset()

    def wants(self, published: Published) -> bool:
        """Whether the client is to get this event, which the bus delivers now."""
        return published.seq > self._seen and self._hears(published.event)

    def change(
        self, since: int | None, boot: str | None, events: tuple[str, ...] | None
    ) -> tuple[Subscribed, tuple[Published, ...]]:
        """Subscribe as L{neon.commands.Client.subscribe} says; returns what to answer, and what to send after that."""
        unknown: tuple[str, ...] = ()
        if events is not None:
            words = {word.lower(): word for word in events}
            chosen = {_BY_NAME[word] for word in words if word in _BY_NAME}
            self._extensions = frozenset(_BY_NAME.values() if words.keys() & ALL else chosen)
            documented = {name.lower() for name in wire.DOCUMENTED}
            known = _BY_NAME.keys() | documented | ALL | NONE
            self._bus.note_wishes(self._key, frozenset(kind for kind in wire.EXTENSIONS if self._chose(kind)))
            unknown = tuple(word for lower, word in words.items() if lower not in known)
        missed: tuple[Published, ...] = ()
        gap = False
        if since is not None:
            replay = self._bus.since(since, boot)
            gap = replay.gap
            # Some of them the bus has not delivered yet.
            self._seen = self._bus.last_seq
            missed = tuple(published for published in replay.events if self._hears(published.event))
        return Subscribed(tuple(sorted(self._extensions)), len(missed), gap, unknown), missed

    def close(self) -> None:
        """The client is gone."""
        self._bus.note_wishes(self._key, frozenset())

    def _chose(self, kind: wire.EventType) -> bool:
        return wire.EXTENSIONS[kind] in self._extensions

    def _hears(self, event: Event) -> bool:
        if not wire.is_extension(event):
            return True
        if isinstance(event, AudioLost):
            return event.opener == self._key
        if isinstance(event, CallClaimed) and event.claimant == self._key:
            return False
        needed = QUESTIONS.get(type(event))
        return wire.name(event) in self._extensions and (needed is None or needed in self._scopes())
