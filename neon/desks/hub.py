"""The hub's side: a switchboard of all desks, painted from what stands on the broker.

A desk that is dead has extensions, but unavailable ones without calls; so has every desk while the broker is gone for
longer than a moment. When the broker is back it says everything again, and what it does not say is no longer so. What
it has kept may be older than the death of a desk, so the hub calls the roll: a desk that does not answer is dead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from neon.desks import topics
from neon.desks.publisher import Link
from neon.desks.topics import DeskTopic, ExtensionTopic
from neon.ports import Clock, Timer
from neon.switchboard import Board, CallPicture, ExtensionPicture, Watcher

GRACE_SECONDS: Final = 3.5
"""So long the picture stays when the broker is gone, and so long after its return everything may take to be told."""

MAX_EXTENSIONS: Final = 200_000

_log = Logger()


class Hub:
    """Implements L{neon.switchboard.Switchboard} and L{neon.desks.link.Listener}; C{make_link} gets it."""

    def __init__(self, clock: Clock, site: str, make_link: Callable[[Hub], Link]) -> None:
        self._clock = clock
        self._site = site
        self._board = Board()
        self._said: dict[ExtensionTopic, ExtensionPicture] = {}
        self._shown: dict[ExtensionTopic, str] = {}
        self._names: dict[str, ExtensionTopic] = {}
        self._alive: dict[str, bool] = {}
        self._answered: set[str] = set()
        self._silent: set[ExtensionTopic] = set()
        self._away = True
        self._timer: Timer | None = None
        self._link = make_link(self)

    def start(self) -> None:
        """Connect, and watch."""
        self._link.start()

    def stop(self) -> Deferred[None]:
        """Go."""
        self._set_timer(None)
        return self._link.stop()

    # neon.switchboard.Switchboard

    def pictures(self) -> tuple[ExtensionPicture, ...]:
        return self._board.pictures()

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        return self._board.watch(watcher)

    # neon.desks.link.Listener

    def linked(self) -> None:
        self._away = False
        self._silent = set(self._said)
        self._answered = set()
        self._link.subscribe((topics.state(self._site, "+"), topics.extensions(self._site)))
        self._link.publish(topics.roll_call(self._site), b"", retain=False)
        self._set_timer(self._clock.callLater(GRACE_SECONDS, self._sweep))

    def lost(self) -> None:
        self._set_timer(self._clock.callLater(GRACE_SECONDS, self._gone))

    def caught_up(self) -> None:
        """Nothing is published here."""

    def arrived(self, topic: str, payload: bytes, kept: bool) -> None:
        match topics.parse(self._site, topic):
            case DeskTopic(desk=desk):
                if not kept:
                    self._answered.add(desk)
                self._desk_says(desk, topics.is_alive(payload))
            case ExtensionTopic() as about:
                self._extension_says(about, payload)

    # What desks say

    def _desk_says(self, desk: str, alive: bool) -> None:
        if self._alive.get(desk, False) != alive:
            self._alive[desk] = alive
            for about in [about for about in self._said if about.desk == desk]:
                self._show(about)

    def _extension_says(self, about: ExtensionTopic, payload: bytes) -> None:
        self._silent.discard(about)
        if not payload:
            self._forget(about)
            return
        try:
            picture = topics.decode(payload)
        except topics.NoPicture as error:
            _log.warn("{desk} says nonsense about {name}: {why}", desk=about.desk, name=about.name, why=str(error))
            return
        if about not in self._said and len(self._said) >= MAX_EXTENSIONS:
            _log.error("more than {most} extensions: {desk} is not shown", most=MAX_EXTENSIONS, desk=about.desk)
            return
        self._said[about] = picture
        self._show(about)

    def _show(self, about: ExtensionTopic) -> None:
        picture = self._said[about]
        name = self._shown.get(about)
        if name is None:
            name = picture.name
            if self._names.setdefault(name, about) != about:
                # Another desk has that number already.
                name = f"{picture.name}@{about.desk}"
                self._names[name] = about
            self._shown[about] = name
        if self._away or not self._alive.get(about.desk, False):
            picture = ExtensionPicture(name, picture.hint, registered=False)
        else:
            calls = tuple(_of_desk(about.desk, call) for call in picture.calls)
            ended = tuple(replace(end, call_id=_id(about.desk, end.call_id)) for end in picture.ended)
            picture = replace(picture, name=name, calls=calls, ended=ended)
        self._board.put(picture)

    def _forget(self, about: ExtensionTopic) -> None:
        self._said.pop(about, None)
        name = self._shown.pop(about, None)
        if name is not None:
            del self._names[name]
            self._board.remove(name)

    # The broker

    def _gone(self) -> None:
        self._timer = None
        self._away = True
        for about in self._said:
            self._show(about)

    def _sweep(self) -> None:
        """Everything that stands on the broker has been said by now."""
        self._timer = None
        for about in self._silent:
            self._forget(about)
        self._silent = set()
        for desk, alive in list(self._alive.items()):
            if alive and desk not in self._answered:
                self._desk_says(desk, False)

    def _set_timer(self, timer: Timer | None) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = timer


def _of_desk(desk: str, call: CallPicture) -> CallPicture:
    bridge = None if call.bridge is None else _id(desk, call.bridge)
    return replace(call, call_id=_id(desk, call.call_id), bridge=bridge)


def _id(desk: str, call_id: object) -> str:
    """Two desks may have a call of the same number."""
    return f"{desk}/{call_id}"
