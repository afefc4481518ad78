"""The WebSocket API (spec section 3): RFC 6455 on loopback, a JSON object in each frame (L{neon.api.frames}).

Messages of one connection are answered in their order, so that a client without ids knows which answer is which.
Events go to the connections that have shown a live token.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, Final

from autobahn.twisted.websocket import WebSocketServerFactory
from twisted.internet.defer import Deferred
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from neon.api import frames, schema, wire
from neon.api.audio import AudioWay
from neon.api.autodisconnect import Autodisconnect
from neon.api.failures import explain
from neon.api.guard import Guard
from neon.api.handshake import Handshake
from neon.api.paced import configure
from neon.api.sessions import Session, Sessions
from neon.api.subscription import Subscription
from neon.bus import RING_SIZE, Bus, Published
from neon.commands import Commands, Data, Subscribed
from neon.errors import InvalidArgument, NeonError
from neon.ports import Timer
from neon.values import Scope

HARD_LIMIT_BYTES: Final = 1 << 20
"""Longer messages than L{frames.MAX_BYTES} are answered with 100; longer ones than this close the connection (1009)."""

MAX_BACKLOG: Final = 2 * RING_SIZE
MAX_WAITING: Final = 32
MAX_ASIDE: Final = 4
"""Commands that wait for an operator while others go on."""


class Connection(Handshake):
    """One client; implements L{neon.commands.Client}."""

    _log = Logger()

    factory: Api
    transport: Any
    key: str
    subscription: Subscription
    audio: AudioWay | None = None

    def __init__(self) -> None:
        super().__init__()
        self._sessions: list[Session] = []
        self._waiting: deque[bytes] = deque()
        self._busy = False
        self._throttled: Timer | None = None
        self._warnings: list[str] = []
        self._aside = 0
        self._backlog: deque[Published] = deque()

    # What autobahn and Twisted call

    def connectionMade(self) -> None:
        self._bucket = self.factory.guard.bucket()
        super().connectionMade()

    def welcome(self) -> None:
        self.keep_pace()

    def onOpen(self) -> None:
        try:
            self.factory.opened(self)
        except Exception:
            self._log.failure("opening failed")
            self.sendClose(4500, "internal error")

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        if isBinary and self.audio is not None and self.audio.received(payload):
            return
        # Text and binary frames alike: what counts is that they hold UTF-8 JSON.
        self._waiting.append(payload)
        if len(self._waiting) >= MAX_WAITING:
            self.transport.pauseProducing()
        self._work()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._waiting.clear()
        if self._throttled is not None and self._throttled.active():
            self._throttled.cancel()
        try:
            self.factory.lost(self)
        except Exception:
            self._log.failure("closing failed")
        super().connectionLost(reason)

    # Commands

    def _work(self) -> None:
        while self._waiting and not self._busy and not self._throttle():
            payload = self._waiting.popleft()
            self._busy = True
            try:
                request = frames.decode(payload)
            except NeonError as error:
                self._answered(frames.refusal({}, error.code, str(error)))
                continue
            warnings = self._warnings = list(request.warnings)
            commands = self.factory.commands
            aside = bool(request.reply) and self._aside < MAX_ASIDE and commands.waits(request.pairs)
            answer = commands.execute(request.pairs, self)
            encoded: Deferred[bytes] = answer.addCallbacks(
                partial(self._succeed, request, warnings), partial(self._refuse, request, warnings)
            )
            if aside:
                self._busy = False
                self._aside += 1
                encoded.addCallback(self._answered_aside).addErrback(self._unanswered)
                continue
            written: Deferred[None] = encoded.addCallback(self._answered).addErrback(self._unanswered)
            if self._busy:
                # It takes a while; we go on when it is answered.
                written.addCallback(lambda _: self._work())
        if len(self._waiting) < MAX_WAITING and self.state == self.STATE_OPEN:
            self.transport.resumeProducing()

    def _throttle(self) -> bool:
        """Whether the next message has to wait; then it comes by itself."""
        if self._throttled is not None and self._throttled.active():
            return True
        wait = self._bucket.take()
        if wait:
            self._throttled = self.factory.guard.clock.callLater(wait, self._work)
        return wait > 0

    def _answered(self, payload: bytes) -> None:
        self._busy = False
        if self.state == self.STATE_OPEN:
            self.sendMessage(payload)  # type: ignore[no-untyped-call]
            self._catch_up()

    def _answered_aside(self, payload: bytes) -> None:
        """An operator has taken its time, and the commands after that one have not waited: hanging up cannot."""
        self._aside -= 1
        if self.state == self.STATE_OPEN:
            self.sendMessage(payload)  # type: ignore[no-untyped-call]

    def _succeed(self, request: frames.Request, warnings: list[str], data: Data) -> bytes:
        return frames.success(request.reply, data, warnings)

    def _refuse(self, request: frames.Request, warnings: list[str], failure: Failure) -> bytes:
        action = next((str(value) for key, value in request.pairs if key.lower() == "action"), "")
        refusal = explain(failure, action, self._log)
        return frames.refusal(request.reply, refusal.code, refusal.description, warnings, refusal.system_code)

    def _unanswered(self, failure: Failure) -> None:
        """The answer itself could not be written: that must not stop the ones after it."""
        self._log.failure("an answer failed", failure)
        self._answered(frames.refusal({}, NeonError.code, "internal error"))

    # What commands call (neon.commands.Client)

    def warn(self, sentence: str) -> None:
        self._warnings.append(sentence)

    def authenticated(self, session: Session) -> None:
        if session in self._sessions:
            self._sessions.remove(session)
        self._sessions.append(session)
        self.factory.held(session, self)

    def autodisconnect(self, session: Session, connection_id: int, wanted: bool) -> None:
        self.factory.depend(session, connection_id, self if wanted else None)

    def subscribe(
        self, session: Session, since: int | None, boot: str | None, events: tuple[str, ...] | None
    ) -> Subscribed:
        answer, missed = self.subscription.change(since, boot, events)
        if since is not None:
            self._backlog = deque(missed)
        return answer

    def manual(self) -> Mapping[str, Any]:
        return schema.manual()

    def complain(self, sentence: str) -> None:
        """A binary message could not be understood."""
        if self.state == self.STATE_OPEN:
            self.sendMessage(frames.refusal({}, InvalidArgument.code, sentence))  # type: ignore[no-untyped-call]

    # Events

    def scopes(self) -> frozenset[Scope]:
        """What whoever is at the other end may do now."""
        session = self.session
        return frozenset() if session is None else session.scopes

    @property
    def session(self) -> Session | None:
        """The live session whose token was shown last."""
        while self._sessions and not self._sessions[-1].alive:
            self._sessions.pop()
        return self._sessions[-1] if self._sessions else None

    def deliver(self, published: Published, prepared: Any) -> None:
        """Send an event that is wanted here; after the ones that are still being replayed."""
        if not self._backlog:
            self.send_event(prepared)
        elif len(self._backlog) < MAX_BACKLOG:
            self._backlog.append(published)
        else:
            self.close_as_too_slow()

    def _catch_up(self) -> None:
        """Replay at the pace of the reader: a ring full of events is more than a reader may be behind."""
        while self._backlog and not self.stalled and not self._busy and self.state == self.STATE_OPEN:
            session = self.session
            if session is None:
                self._backlog.clear()
                return
            event = frames.event(self._backlog.popleft(), wire.Spelling.of(session))
            self.sendMessage(event)  # type: ignore[no-untyped-call]

    def caught_up(self) -> None:
        self._catch_up()
        if self.audio is not None:
            self.audio.caught_up()

    def falls_behind(self) -> None:
        self._log.warn("{peer} does not read its events and is closed", peer=self.peer)
        self._backlog.clear()


class Api(WebSocketServerFactory):
    """Makes connections and sends them the events of the bus, each encoded once."""

    protocol: Any = Connection
    noisy = False

    def __init__(
        self,
        commands: Commands,
        sessions: Sessions,
        autodisconnect: Autodisconnect,
        bus: Bus,
        reactor: Any,
        guard: Guard,
    ) -> None:
        super().__init__(server="NEON", reactor=reactor)  # type: ignore[no-untyped-call]
        self.commands = commands
        self.guard = guard
        self._sessions = sessions
        self._autodisconnect = autodisconnect
        self._bus = bus
        self._numbers = itertools.count(1)
        self._audience: dict[Connection, None] = {}
        self._unsubscribe: Callable[[], None] = bus.subscribe(self._happened, prompt=True)
        self._empty: list[Deferred[None]] = []
        self.accepts = True
        configure(self, HARD_LIMIT_BYTES)

    def buildProtocol(self, addr: Any) -> Any:
        """For a connection to this server itself; none while it C{accepts} nobody."""
        return self.connection(addr) if self.accepts else None

    def connection(self, addr: Any) -> Connection:
        """For a connection that came by another server (L{neon.api.upgrade}), whether this one is on or off."""
        made: Any = super().buildProtocol(addr)
        assert isinstance(made, Connection)
        return made

    def dismiss(self, kept: Collection[str]) -> None:
        """End the connections that are not of these origins."""
        for connection in tuple(self._audience):
            if connection.origin not in kept:
                connection.sendClose(1000, "the WebSocket server was switched off")

    def opened(self, connection: Connection) -> None:
        """A handshake is done."""
        connection.key = f"websocket {next(self._numbers)}"
        connection.subscription = Subscription(self._bus, connection.key, connection.scopes)
        connection.audio = AudioWay(
            connection.key,
            self.guard.clock,
            send=partial(connection.sendMessage, isBinary=True),
            stalled=lambda: connection.stalled or connection.state != connection.STATE_OPEN,
            scopes=connection.scopes,
            complain=connection.complain,
        )
        self._audience[connection] = None

    def lost(self, connection: Connection) -> None:
        """A connection is gone, however that happened."""
        if connection in self._audience:
            del self._audience[connection]
            connection.subscription.close()
            if connection.audio is not None:
                connection.audio.lost()
        self._sessions.release(connection)
        self._autodisconnect.closed(connection)
        if not self._audience:
            waiting, self._empty = self._empty, []
            for waiter in waiting:
                waiter.callback(None)

    def held(self, session: Session, connection: Connection) -> None:
        """A token was shown on a connection."""
        self._sessions.hold(session, connection)
        self._autodisconnect.seen(session, connection)

    def depend(self, session: Session, connection_id: int, connection: Connection | None) -> None:
        """The account goes with this connection; or stays, without one."""
        if connection is None:
            self._autodisconnect.forget(connection_id)
        else:
            self._autodisconnect.guard(session, connection_id, connection)

    def close(self) -> Deferred[None]:
        """Say good-bye to everybody; fires when they are gone."""
        self._unsubscribe()
        done: Deferred[None] = Deferred()
        if not self._audience:
            done.callback(None)
            return done
        self._empty.append(done)
        for connection in tuple(self._audience):
            connection.sendClose(1000, "NEON is stopping")
        return done

    def _happened(self, published: Published) -> None:
        prepared: dict[tuple[bool, bool], Any] = {}
        for connection in tuple(self._audience):
            session = connection.session
            if session is None or Scope.EVENTS not in session.scopes or connection.state != connection.STATE_OPEN:
                continue
            if not connection.subscription.wants(published):
                continue
            spelling = wire.Spelling.of(session)
            key = spelling.prose, spelling.transferred
            if key not in prepared:
                prepared[key] = self.prepareMessage(frames.event(published, spelling))
            connection.deliver(published, prepared[key])
