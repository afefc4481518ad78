"""A desk's side: every picture of its switchboard stands on the broker, retained, as soon as it can.

What changed is marked and sent from the switchboard as it is at that moment: a slow broker costs no memory, and what
arrives last is the truth. When the broker comes back everything is sent again, and what stands there under our name
but is not ours any more is taken off.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from twisted.internet.defer import Deferred

from neon.desks import topics
from neon.ports import Clock, Timer
from neon.switchboard import Change, Switchboard

CLEAN_SECONDS: Final = 2.0
"""So long after the broker came back our own retained messages of an earlier life are looked for."""


class Link(Protocol):
    """What is needed of L{neon.desks.link.Link}."""

    def start(self) -> None: ...

    def stop(self) -> Deferred[None]: ...

    def publish(self, topic: str, payload: bytes, *, retain: bool = True) -> bool: ...

    def subscribe(self, topics: tuple[str, ...]) -> None: ...


class Publisher:
    """Implements L{neon.desks.link.Listener}; C{make_link} gets it."""

    def __init__(
        self,
        clock: Clock,
        switchboard: Switchboard,
        site: str,
        desk: str,
        make_link: Callable[[Publisher], Link],
    ) -> None:
        self._clock = clock
        self._switchboard = switchboard
        self._site = site
        self._desk = desk
        self._dirty: dict[str, None] = {}
        self._found: set[str] = set()
        self._timer: Timer | None = None
        self._unwatch: Callable[[], None] = lambda: None
        self._link = make_link(self)

    def start(self) -> None:
        """Connect, and keep the broker up to date."""
        self._unwatch = self._switchboard.watch(self._changed)
        self._link.start()

    def stop(self) -> Deferred[None]:
        """Say that this desk is gone, and go."""
        self._unwatch()
        self._dirty.clear()
        self._set_timer(None)
        self._link.publish(topics.state(self._site, self._desk), topics.alive(False))
        return self._link.stop()

    # neon.desks.link.Listener

    def linked(self) -> None:
        self._found.clear()
        self._link.subscribe((topics.roll_call(self._site), topics.extensions(self._site, self._desk)))
        self._say_state()
        for picture in self._switchboard.pictures():
            self._dirty[picture.name] = None
        self._flush()
        self._set_timer(self._clock.callLater(CLEAN_SECONDS, self._clean))

    def lost(self) -> None:
        self._dirty.clear()
        self._set_timer(None)

    def arrived(self, topic: str, payload: bytes, kept: bool) -> None:
        if topic == topics.roll_call(self._site):
            self._say_state()
        elif payload:
            self._found.add(topic)
        else:
            self._found.discard(topic)

    def caught_up(self) -> None:
        self._flush()

    def _say_state(self) -> None:
        self._link.publish(topics.state(self._site, self._desk), topics.alive(True))

    def _changed(self, change: Change) -> None:
        # A change is told before the next one happens: several of one turn are one message.
        if not self._dirty:
            self._clock.callLater(0, self._flush)
        self._dirty[change.extension] = None

    def _flush(self) -> None:
        pictures = {picture.name: picture for picture in self._switchboard.pictures()}
        while self._dirty:
            name = next(iter(self._dirty))
            picture = pictures.get(name)
            payload = b"" if picture is None else topics.encode(picture)
            if not self._link.publish(topics.extension(self._site, self._desk, name), payload):
                return  # told again when there is room, or a broker
            del self._dirty[name]

    def _clean(self) -> None:
        """Take off what an earlier life of this desk has left, now that all of it has been seen."""
        self._timer = None
        ours = {topics.extension(self._site, self._desk, picture.name) for picture in self._switchboard.pictures()}
        for topic in sorted(self._found - ours):
            self._link.publish(topic, b"")
        self._found.clear()

    def _set_timer(self, timer: Timer | None) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = timer
