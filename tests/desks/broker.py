"""A broker in memory: retained messages and wills, for L{neon.desks.publisher} and L{neon.desks.hub}."""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed

from neon.desks.link import Listener, Will


def matches(pattern: str, topic: str) -> bool:
    wanted, given = pattern.split("/"), topic.split("/")
    return len(wanted) == len(given) and all(one in ("+", other) for one, other in zip(wanted, given, strict=True))


class FakeBroker:
    """Links with it are made by L{link}; C{persistent} is whether it remembers over L{restart}."""

    def __init__(self, persistent: bool = False) -> None:
        self.retained: dict[str, bytes] = {}
        self.links: list[FakeLink] = []
        self.up = True
        self.published = 0
        self._persistent = persistent

    def deliver(self, topic: str, payload: bytes, retain: bool) -> None:
        self.published += 1
        if retain and payload:
            self.retained[topic] = payload
        elif retain:
            self.retained.pop(topic, None)
        for link in list(self.links):
            link.offer(topic, payload, kept=False)

    def crash(self) -> None:
        self.up = False
        if not self._persistent:
            self.retained.clear()
        for link in self.links:
            link.drop()

    def restart(self) -> None:
        self.up = True
        for link in self.links:
            link.come()


class FakeLink:
    """As L{neon.desks.link.Link}, without time and network."""

    def __init__(self, broker: FakeBroker, listener: Listener, will: Will | None = None) -> None:
        self.broker = broker
        self.listener = listener
        self.will = will
        self.room = 1_000_000
        self.started = False
        self._patterns: list[str] = []
        self._linked = False

    def start(self) -> None:
        self.started = True
        self.broker.links.append(self)
        self.come()

    def come(self) -> None:
        if self.started and self.broker.up and not self._linked:
            self._linked = True
            self._patterns = []
            self.listener.linked()

    def drop(self) -> None:
        if self._linked:
            self._linked = False
            self.listener.lost()

    def die(self) -> None:
        """The process is killed: the broker publishes the will."""
        self.started = self._linked = False
        if self in self.broker.links:
            self.broker.links.remove(self)
        if self.will is not None and self.broker.up:
            self.broker.deliver(self.will.topic, self.will.payload, True)

    def stop(self) -> Deferred[None]:
        self.started = self._linked = False
        if self in self.broker.links:
            self.broker.links.remove(self)
        return succeed(None)

    def publish(self, topic: str, payload: bytes, *, retain: bool = True) -> bool:
        if not self._linked or not self.room:
            return False
        self.room -= 1
        self.broker.deliver(topic, payload, retain)
        return True

    def make_room(self, room: int) -> None:
        self.room = room
        self.listener.caught_up()

    def subscribe(self, patterns: tuple[str, ...]) -> None:
        self._patterns += patterns
        for topic, payload in list(self.broker.retained.items()):
            if any(matches(pattern, topic) for pattern in patterns):
                self.listener.arrived(topic, payload, True)

    def offer(self, topic: str, payload: bytes, kept: bool) -> None:
        if self._linked and any(matches(pattern, topic) for pattern in self._patterns):
            self.listener.arrived(topic, payload, kept)
