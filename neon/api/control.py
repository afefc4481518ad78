"""The control socket: what neonctl speaks. JSON objects as in L{neon.api.frames}, one a line, over a UNIX socket.

A program of the daemon's own user, or of root, is let in by the kernel's word for who it is; there is no password
and no token, and it may do everything. All commands of the other APIs work here, and those of
L{neon.api.administration} work only here::

    {"id": 1, "action": "startcall", "number": "600"}
    {"id": 1, "success": true, "data": {"callId": 55}}
    {"id": 2, "action": "applist"}

Events arrive between the answers, as a client of the WebSocket API that has authenticated gets them.
"""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, connectionDone
from twisted.logger import Logger
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from neon.api import failures, frames, schema
from neon.api.sessions import Session, Sessions
from neon.api.subscription import Subscription
from neon.api.unixsocket import peer_uid
from neon.bus import Bus, Published
from neon.commands import Commands, Data, Subscribed
from neon.config import NEONCTL
from neon.errors import NeonError

MAX_CONNECTIONS: Final = 32
MAX_WAITING: Final = 32
MAX_BEHIND_BYTES: Final = 1 << 20


class ControlConnection(LineOnlyReceiver):
    """One client; implements L{neon.commands.Client}."""

    delimiter = b"\n"
    MAX_LENGTH = frames.MAX_BYTES

    _log = Logger()

    factory: Control
    transport: Any

    key: str
    subscription: Subscription
    origin: str | None = None
    audio: None = None

    def __init__(self) -> None:
        self._token = ""
        self._session: Session | None = None
        self._waiting: deque[bytes] = deque()
        self._busy = False
        self._open = False
        self._stalled = False
        self._behind = 0
        self._warnings: list[str] = []
        self._missed: tuple[Published, ...] = ()

    # What Twisted calls

    def connectionMade(self) -> None:
        if not self.factory.admits(self):
            self.transport.abortConnection()
            return
        self._open = True
        self.factory.opened(self)
        self.transport.registerProducer(self, True)

    def lineReceived(self, line: bytes) -> None:
        if not self._open or not line.strip():
            return
        self._waiting.append(line)
        if len(self._waiting) >= MAX_WAITING:
            self.transport.pauseProducing()
        self._work()

    def lineLengthExceeded(self, line: bytes) -> None:
        self._write(frames.refusal({}, 100, f"the message is longer than {frames.MAX_BYTES} bytes"))
        self._open = False
        self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._open = False
        self._waiting.clear()
        self.factory.lost(self)
        if self._session is not None:
            self.factory.sessions.close(self._session)

    # Commands, answered in their order

    def _work(self) -> None:
        while self._waiting and not self._busy:
            line = self._waiting.popleft()
            self._busy = True
            try:
                request = frames.decode(line)
            except NeonError as error:
                self._answered(frames.refusal({}, error.code, str(error)))
                continue
            self._warnings = list(request.warnings)
            pairs = [pair for pair in request.pairs if pair[0].strip().lower() != "token"]
            answer = self.factory.commands.execute([*pairs, ("token", self._own_token())], self)
            encoded: Deferred[bytes] = answer.addCallbacks(
                partial(self._succeed, request), partial(self._refuse, request)
            )
            written: Deferred[None] = encoded.addCallback(self._answered).addErrback(self._unanswered)
            if self._busy:
                written.addCallback(lambda _: self._work())
        if self._open and len(self._waiting) < MAX_WAITING:
            self.transport.resumeProducing()

    def _own_token(self) -> str:
        """The token of this connection's session, of a new one after C{logout}."""
        if self._session is None or not self._session.alive:
            self._token, self._session = self.factory.sessions.open(NEONCTL)
            self.factory.sessions.hold(self._session, self)
        return self._token

    def _answered(self, payload: bytes) -> None:
        self._busy = False
        self._write(payload)
        missed, self._missed = self._missed, ()
        for published in missed:
            self._write(frames.event(published))

    def _succeed(self, request: frames.Request, data: Data) -> bytes:
        return frames.success(request.reply, data, self._warnings)

    def _refuse(self, request: frames.Request, failure: Failure) -> bytes:
        action = next((str(value) for name, value in request.pairs if name.strip().lower() == "action"), "a command")
        refusal = failures.explain(failure, action, self._log)
        return frames.refusal(request.reply, refusal.code, refusal.description, self._warnings)

    def _unanswered(self, failure: Failure) -> None:
        self._log.failure("an answer failed", failure)
        self._answered(frames.refusal({}, NeonError.code, "internal error"))

    def _write(self, payload: bytes) -> None:
        if not self._open:
            return
        self.transport.write(payload + b"\n")
        if self._stalled:
            self._behind += len(payload)
            if self._behind > MAX_BEHIND_BYTES:
                self._log.warn("a client of the control socket does not read, and is cut off")
                self._open = False
                self.transport.abortConnection()

    # What commands tell their client (neon.commands.Client)

    def warn(self, sentence: str) -> None:
        self._warnings.append(sentence)

    def authenticated(self, session: Session) -> None:
        """It was before it asked."""

    def autodisconnect(self, session: Session, connection_id: int, wanted: bool) -> None:
        """An account that neonctl registered stays; neonctl ends right after."""

    def subscribe(
        self, session: Session, since: int | None, boot: str | None, events: tuple[str, ...] | None
    ) -> Subscribed:
        answer, missed = self.subscription.change(since, boot, events)
        if since is not None:
            self._missed = missed
        return answer

    def manual(self) -> Mapping[str, Any]:
        return schema.manual()

    # A reader that is slow

    def pauseProducing(self) -> None:
        self._stalled = True
        self._behind = 0

    def resumeProducing(self) -> None:
        self._stalled = False

    def stopProducing(self) -> None:
        self._stalled = False

    def happened(self, payload: bytes) -> None:
        """An event, encoded."""
        self._write(payload)


class Control(Factory):
    """Makes connections and sends them the events of the bus, each encoded once."""

    protocol: Any = ControlConnection
    noisy = False

    _log = Logger()

    def __init__(
        self,
        commands: Commands,
        sessions: Sessions,
        bus: Bus,
        *,
        user: int | None = None,
        uid_of: Callable[[Any], int] = lambda transport: peer_uid(transport.socket),
    ) -> None:
        self.commands = commands
        self.sessions = sessions
        self._users = {0, os.geteuid() if user is None else user}
        self._uid_of = uid_of
        self._bus = bus
        self._numbers = itertools.count(1)
        self._audience: dict[ControlConnection, None] = {}
        self._unsubscribe: Callable[[], None] = bus.subscribe(self._happened)

    def admits(self, connection: ControlConnection) -> bool:
        """Whether this peer is the daemon's own user or root, and there is room."""
        try:
            user = self._uid_of(connection.transport)
        except OSError:
            return False
        if user not in self._users:
            self._log.warn("user {user} was turned away from the control socket", user=user)
            return False
        return len(self._audience) < MAX_CONNECTIONS

    def opened(self, connection: ControlConnection) -> None:
        """A peer was let in."""
        connection.key = f"control {next(self._numbers)}"
        connection.subscription = Subscription(self._bus, connection.key)
        self._audience[connection] = None

    def lost(self, connection: ControlConnection) -> None:
        """A connection is gone."""
        if connection in self._audience:
            del self._audience[connection]
            connection.subscription.close()

    def close(self) -> None:
        """Say good-bye to everybody."""
        self._unsubscribe()
        for connection in tuple(self._audience):
            connection.transport.loseConnection()

    def _happened(self, published: Published) -> None:
        payload: bytes | None = None
        for connection in tuple(self._audience):
            if connection.subscription.wants(published):
                payload = payload or frames.event(published)
                connection.happened(payload)
