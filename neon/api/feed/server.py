"""The feed's WebSocket server: makes connections, and tells them what happens, each change encoded once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Final, Protocol

from autobahn.twisted.websocket import WebSocketServerFactory
from twisted.internet.defer import Deferred

from neon.api.feed import wire
from neon.api.feed.connection import FeedConnection
from neon.api.feed.members import Member, Members
from neon.api.paced import configure
from neon.switchboard import Change, Switchboard

MAX_CONNECTIONS: Final = 1000
MAX_STRANGERS: Final = 64
"""Connections on which nobody has logged in yet, in all; a peer may have a quarter of them."""

MAX_MESSAGE: Final = 64 * 1024


class Actions(Protocol):
    """What members may have done."""

    def act(self, member: Member, action: wire.Action, key: object) -> Deferred[dict[str, Any]]:
        """Do it; C{key} tells the connection from others.

        @raise NeonError: it is refused, as the other APIs would.
        """

    def left(self, key: object) -> None:
        """That connection is gone."""


class Feed(WebSocketServerFactory):
    """C{server_name} is what every message calls this desk."""

    protocol: Any = FeedConnection
    noisy = False

    def __init__(
        self,
        reactor: Any,
        server_name: str,
        switchboard: Switchboard,
        members: Members,
        actions: Actions,
        messages_per_second: float = 50.0,
    ) -> None:
        super().__init__(server="NEON", reactor=reactor)  # type: ignore[no-untyped-call]
        self.clock = reactor
        self.server_name = server_name
        self.switchboard = switchboard
        self.members = members
        self.messages_per_second = messages_per_second
        self._actions = actions
        self._strangers: dict[FeedConnection, str] = {}
        self._audience: dict[FeedConnection, None] = {}
        self._unwatch: Callable[[], None] = switchboard.watch(self._happened)
        self._empty: list[Deferred[None]] = []
        members.on_change.append(self._member_changed)
        configure(self, MAX_MESSAGE)

    def entered(self, connection: FeedConnection) -> bool:
        """Whether there is room for one more."""
        peers = Counter(self._strangers.values())
        host = connection.peer_host
        crowded = len(self._strangers) >= MAX_STRANGERS or peers[host] >= MAX_STRANGERS // 4
        if crowded or len(self._audience) >= MAX_CONNECTIONS:
            return False
        self._strangers[connection] = host
        return True

    def logged_in(self, connection: FeedConnection) -> None:
        """It is told what happens from now on."""
        self._strangers.pop(connection, None)
        self._audience[connection] = None

    def left(self, connection: FeedConnection) -> None:
        """A connection is gone, however that happened."""
        self._strangers.pop(connection, None)
        if connection in self._audience:
            del self._audience[connection]
            self._actions.left(connection)
        if not self._audience and not self._strangers:
            waiting, self._empty = self._empty, []
            for waiter in waiting:
                waiter.callback(None)

    def act(self, connection: FeedConnection, action: wire.Action) -> Deferred[dict[str, Any]]:
        """Do what a member wants.

        @raise NeonError: it is refused.
        """
        assert connection.member is not None
        return self._actions.act(connection.member, action, connection)

    def close(self) -> Deferred[None]:
        """Say good-bye to everybody; fires when they are gone."""
        self._unwatch()
        done: Deferred[None] = Deferred()
        everybody = (*self._audience, *self._strangers)
        if not everybody:
            done.callback(None)
            return done
        self._empty.append(done)
        for connection in everybody:
            if connection.state == connection.STATE_OPEN:
                connection.sendClose(1000, "NEON is stopping")
            else:
                connection.transport.abortConnection()
        return done

    def _happened(self, change: Change) -> None:
        prepared = None
        for connection in tuple(self._audience):
            if connection.member is not None and connection.member.sees(change.extension):
                if prepared is None:
                    prepared = self.prepareMessage(wire.encode(wire.update(self.server_name, change)))
                connection.told(change, prepared)

    def _member_changed(self, supervises: bool, name: str) -> None:
        """Whoever is logged in with a password that is no longer good has to log in again."""
        for connection in tuple(self._audience):
            member = connection.member
            if member is not None and (member.supervises, member.name) == (supervises, name):
                connection.sendClose(4001, "the password was changed, or the login removed")
