"""The conversation with one client of the feed: welcome, login, the state of everything, and what happens then."""

from __future__ import annotations

import secrets
import socket
from typing import Any, Final

from autobahn.websocket.types import ConnectionDeny
from twisted.internet.defer import Deferred
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from neon.api import failures
from neon.api.feed import wire
from neon.api.feed.members import Member
from neon.api.lag import SEND_BUFFER
from neon.api.paced import Paced
from neon.api.throttle import Bucket
from neon.errors import NeonError
from neon.ports import Timer
from neon.switchboard import Change

LOGIN_SECONDS: Final = 30.0
MAX_STRANGE_MESSAGES: Final = 16
MAX_HANDSHAKE_BYTES: Final = 8 * 1024

SUPERVISOR_PATH: Final = "/ws"
AGENT_PATH: Final = "/agent"

POLICY: Final = 4008
"""The close code for whoever does not log in, or never stops talking; like 1008, which autobahn keeps for itself."""


class FeedConnection(Paced):
    """Before C{auth ok} nothing but C{auth-plain} is read; nothing is sent but the welcome and refusals."""

    _log = Logger()

    factory: Any
    transport: Any

    def __init__(self) -> None:
        super().__init__()
        self._member: Member | None = None
        self._supervises = False
        self._checking = False
        self._patience: Timer | None = None
        self._strange = 0
        self._admitted = False

    @property
    def member(self) -> Member | None:
        """Who has logged in."""
        return self._member

    @property
    def peer_host(self) -> str:
        """The numeric address of the client."""
        return str(self.transport.getPeer().host)

    # What autobahn and Twisted call

    def connectionMade(self) -> None:
        super().connectionMade()
        if hasattr(self.transport, "setTcpNoDelay"):
            self.transport.setTcpNoDelay(True)
        if hasattr(self.transport, "socket"):
            self.transport.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        if not self.factory.entered(self):
            self.transport.abortConnection()
            return
        self._admitted = True
        self._bucket = Bucket(self.factory.clock, self.factory.messages_per_second)
        self.keep_pace()

    def dataReceived(self, data: bytes) -> None:
        if not self._admitted:
            return
        # What dataReceived does beside formatting a log line, whether that is wanted or not.
        self._dataReceived(data)
        if self.state == self.STATE_CONNECTING and len(self.data) > MAX_HANDSHAKE_BYTES:
            self.transport.abortConnection()

    def onConnect(self, request: Any) -> None:
        path = str(request.path).rstrip("/").lower()
        if path not in (SUPERVISOR_PATH, AGENT_PATH):
            raise ConnectionDeny(404, "there are /ws for supervisors and /agent for agents")
        self._supervises = path == SUPERVISOR_PATH

    def onOpen(self) -> None:
        try:
            self._patience = self.factory.clock.callLater(LOGIN_SECONDS, self._never_logged_in)
            self._say(wire.welcome(self.factory.server_name))
        except Exception:
            self._log.failure("welcome failed")
            self.sendClose(4500, "internal error")

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        try:
            if self._bucket.take():
                self.sendClose(POLICY, "too many messages")
            elif self._member is None:
                self._log_in(payload)
            else:
                self._heard(payload)
        except Exception:
            self._log.failure("a message to the feed failed")
            self.sendClose(4500, "internal error")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._stop_waiting()
        self.factory.left(self)
        super().connectionLost(reason)

    # Login

    def _log_in(self, payload: bytes) -> None:
        if len(payload) > wire.MAX_LOGIN_BYTES:
            self.sendClose(POLICY, "log in first")
            return
        try:
            login = wire.login(wire.read(payload))
        except NeonError:
            login = None
        if login is None or self._checking:
            # Not read: but whoever goes on like this wants something else.
            self._strange += 1
            if self._strange > MAX_STRANGE_MESSAGES:
                self.sendClose(POLICY, "log in first")
            return
        self._checking = True
        verified: Deferred[Member | None] = self.factory.members.verify(
            self.peer_host, self._supervises, login.user, login.password
        )
        verified.addCallback(self._verified).addErrback(self._unverified)

    def _verified(self, member: Member | None) -> None:
        self._checking = False
        if self.state != self.STATE_OPEN:
            return
        if member is None:
            self._say(wire.forbidden(self.factory.server_name))
            return
        self._stop_waiting()
        self._member = member
        token = secrets.token_hex(16)
        self._say(wire.authenticated(self.factory.server_name, member.extension or "", member.name, token))
        # In one turn: what happens from now on is told, and what happened before is in the pictures.
        pictures = tuple(one for one in self.factory.switchboard.pictures() if member.sees(one.name))
        self.send_large(wire.encode(wire.init(self.factory.server_name, pictures)))
        self.factory.logged_in(self)

    def _unverified(self, failure: Failure) -> None:
        self._checking = False
        self._log.failure("a login could not be checked", failure)
        self._say(wire.forbidden(self.factory.server_name))

    def _never_logged_in(self) -> None:
        self.sendClose(POLICY, "nobody has logged in")

    def _stop_waiting(self) -> None:
        if self._patience is not None and self._patience.active():
            self._patience.cancel()
        self._patience = None

    # Afterwards

    def _heard(self, payload: bytes) -> None:
        name = ""
        try:
            message = wire.read(payload)
            if wire.kind(message) != "action":
                return  # an auth-plain that crossed our answer, or something of a later version
            name = wire.action_name(message)
            begun = self.factory.act(self, wire.action(message))
        except NeonError as error:
            self._say(wire.refused(name, error.code, str(error)))
            return
        begun.addCallbacks(self._done, self._refused, callbackArgs=(name,), errbackArgs=(name,))
        begun.addErrback(lambda failure: self._log.failure("an answer of the feed failed", failure))

    def _done(self, data: dict[str, Any], name: str) -> None:
        self._say(wire.done(name, **data))

    def _refused(self, failure: Failure, name: str) -> None:
        refusal = failures.explain(failure, name, self._log)
        self._say(wire.refused(name, refusal.code, refusal.description))

    def told(self, change: Change, prepared: Any) -> None:
        """Something happened; C{prepared} says so to everybody who sees that extension."""
        if self._member is not None and self._member.sees(change.extension) and self.state == self.STATE_OPEN:
            self.send_event(prepared)

    def falls_behind(self) -> None:
        self._log.warn("{peer} does not read the feed and is closed", peer=self.peer)

    def _say(self, message: dict[str, Any]) -> None:
        if self.state == self.STATE_OPEN:
            self.sendMessage(wire.encode(message))  # type: ignore[no-untyped-call]
