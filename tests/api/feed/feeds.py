"""A feed in the tests' own process: real handshakes and frames over a transport in memory."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from autobahn.twisted.websocket import WebSocketClientFactory
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.testing import MemoryReactorClock
from twisted.test import iosim
from twisted.trial.unittest import SynchronousTestCase

from neon.api.feed import wire
from neon.api.feed.members import Member, Members
from neon.api.feed.server import Feed
from neon.errors import InvalidArgument
from neon.passwords import PasswordHash
from neon.switchboard import Board, CallPicture, ExtensionPicture, Phase
from neon.values import Direction
from tests.api.websockets import ClientProtocol

ANA = Member("ana", "101", acts=True)
LUZ = Member("luz", None, acts=False)
SECRET = PasswordHash.of("secret", n=2)

TALKING = CallPicture(55, Direction.OUTGOING, "101", "600", phase=Phase.UP)
BUSY = ExtensionPicture("101", "sip:101@acme.com", registered=True, calls=(TALKING,))
ABSENT = ExtensionPicture("102", "sip:102@acme.com", registered=False)


@dataclass
class FakeActions:
    """Notes what members wanted, and refuses calls that are not there."""

    done: list[tuple[str, wire.Action]] = field(default_factory=list)
    gone: int = 0

    def act(self, member: Member, action: wire.Action, key: object) -> Deferred[dict[str, Any]]:
        if isinstance(action, wire.HangUp) and 99 in action.call_ids:
            raise InvalidArgument("there is no call 99, or it has ended")
        self.done.append((member.name, action))
        return succeed({"callid": 57} if isinstance(action, wire.Dial) else {})

    def left(self, key: object) -> None:
        self.gone += 1


class FeedClient:
    """One connection, with its pump."""

    def __init__(self, protocol: ClientProtocol, pump: Any) -> None:
        self.protocol = protocol
        self.pump = pump

    def send(self, text: str | bytes) -> None:
        self.protocol.sendMessage(text.encode() if isinstance(text, str) else text)
        self.pump.flush()

    def say(self, **message: Any) -> None:
        self.send(json.dumps(message))

    def lines(self) -> list[str]:
        """What arrived since the last time."""
        self.pump.flush()
        arrived, self.protocol.arrived[:] = [payload.decode() for payload in self.protocol.arrived], []
        return arrived

    def heard(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines()]

    def log_in(self, user: str, password: str = "secret") -> list[dict[str, Any]]:
        self.say(type="auth-plain", user=user, passwd=password)
        return self.heard()


class FeedCase(SynchronousTestCase):
    """A desk with two extensions, an agent and a supervisor."""

    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.board = Board()
        self.board.put(BUSY)
        self.board.put(ABSENT)
        self.members = Members(self.reactor, lambda function, *args: succeed(function(*args)), SECRET)
        self.members.put(ANA, SECRET)
        self.members.put(LUZ, SECRET)
        self.actions = FakeActions()
        self.feed = Feed(self.reactor, "desk", self.board, self.members, self.actions)

    def connect(self, path: str = "/agent", host: str = "127.0.0.1") -> FeedClient:
        return connect(self.feed, path, host, self.reactor)


def connect(feed: Feed, path: str, host: str = "127.0.0.1", reactor: Any = None) -> FeedClient:
    """A client that has shaken hands."""
    here, there = IPv4Address("TCP", "127.0.0.1", 9000), IPv4Address("TCP", host, 40000)
    server: Any = feed.buildProtocol(None)
    client = ClientProtocol()
    client.factory = WebSocketClientFactory(f"ws://localhost:9000{path}", reactor=reactor)
    transport = iosim.FakeTransport(server, True, hostAddress=here, peerAddress=there)
    pump = iosim.connect(server, transport, client, iosim.makeFakeClient(client))
    pump.flush()
    return FeedClient(client, pump)
