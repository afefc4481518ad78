"""One way to a destination over a connection, as the transaction layer sees it (RFC 5626).

A L{Flow} that we want is opened by the first message for it, within five seconds, and kept; when it is lost the next
message opens it again, but not at once after it failed. One that somebody opened to us is used until it closes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.protocol import ClientFactory
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure

from neon.ports import Clock, Timer
from neon.sip.connection import BROKEN, CLOSED, NO_ANSWER, UNREACHABLE, StreamConnection, in_words
from neon.sip.tls import NO_TLS, WRONG_NAME, Handshake, TlsContexts, is_for
from neon.sip.transport import CannotSend, PathOptions, bracketed, encode
from neon.values import Address, Destination

_log = Logger()

CONNECT_WITHIN = 5.0
SHORT_LIVED = 10.0
"""A connection that was lost so soon counts as one that could not be made."""

REST = (0.5, 2.0, 4.0, 8.0, 10.0)
"""Seconds that nothing is tried after the first, second... failure; the first time that it only broke, none."""

CLOSE_WITHIN = 0.5
MOST_WAITING = 64 * 1024


@dataclass(frozen=True, slots=True)
class FlowUser:
    """Who hears of flows.

    C{received}: a message came. C{lost}: it is gone, for a reason in words; C{opened} says whether it had been there
    at all. C{spoiled}: something came that is no SIP. C{welcome}: whether a host may connect to us.
    """

    received: Callable[[Flow, bytes], None]
    lost: Callable[[Flow, str, bool], None]
    spoiled: Callable[[Flow, str], None]
    welcome: Callable[[str], bool]


class FlowOwner(Protocol):
    """Who has all the flows (L{neon.sip.flows.Flows})."""

    clock: Clock
    user: FlowUser

    def contexts(self) -> TlsContexts: ...

    def connect(self, destination: Destination, factory: Any, within: float) -> Any: ...

    def forget(self, flow: Flow) -> None:
        """It has no connection any more."""


class Flow:
    """One way to a destination, with a connection or between two: what sippy calls a C{Network_server}.

    C{sent_by} is what our Via says, whatever the port that the connection really has.
    """

    reliable = True

    def __init__(self, flows: FlowOwner, destination: Destination, sent_by: Address, *, ours: bool) -> None:
        self.destination = destination
        self.transport = destination.transport
        self.sent_by = sent_by
        self.uopts = PathOptions((bracketed(sent_by[0]), sent_by[1]))
        self.ours = ours
        self.within = CONNECT_WITHIN
        """Seconds in which the connection must be there."""
        self._flows = flows
        self._connection: StreamConnection | None = None
        self._connector: Any = None
        self._handshake: Handshake | None = None
        self._deadline: Timer | None = None
        self._waiting: list[bytes] = []
        self._callers: list[Deferred[None]] = []
        self._closing: list[Deferred[None]] = []
        self._opened_at: float | None = None
        self._failures = 0
        self._rests_until = float("-inf")
        self._trouble = UNREACHABLE

    # As sippy wants it

    def getSIPaddr(self) -> tuple[Address, str]:
        return self.uopts.laddress, self.transport

    def addr2str(self, address: object) -> str:
        return str(self.destination)

    def send_to(self, data: str | bytes, address: object = None, delayed: bool = False) -> None:
        """Send now, or as soon as there is a connection; where to is what this flow was made for.

        @raise CannotSend: there is none, and the last try was a moment ago; or it is somebody else's and closed.
        """
        octets = data if isinstance(data, bytes) else encode(data)
        if self.is_open:
            assert self._connection is not None
            self._connection.send(octets)
            return
        self._connect()
        if sum(map(len, self._waiting)) + len(octets) > MOST_WAITING:
            raise CannotSend("too much waits for the connection")
        self._waiting.append(octets)

    def shutdown(self) -> None:
        """Closed by its owner, the endpoint."""

    join = shutdown

    # As the endpoint wants it

    @property
    def is_open(self) -> bool:
        return self._opened_at is not None

    @property
    def idle(self) -> bool:
        """Whether there is no connection, nor one on its way."""
        return self._connection is None and self._connector is None

    @property
    def rests(self) -> bool:
        """Whether nothing can be sent, because it failed a moment ago."""
        return self.idle and (not self.ours or self._flows.clock.seconds() < self._rests_until)

    @property
    def local(self) -> Destination:
        """Our end as the far end may call back; before it is open, the best guess."""
        address = self.sent_by
        if self.is_open and self._connection is not None:
            address = self._connection.local
        return Destination(*address, self.transport)

    def reach(self) -> Deferred[None]:
        """Fires when the connection is there; fails with L{CannotSend}."""
        if self.is_open:
            return succeed(None)
        try:
            self._connect()
        except CannotSend as error:
            return fail(error)
        waiter: Deferred[None] = Deferred()
        self._callers.append(waiter)
        return waiter

    def _connect(self) -> None:
        if not self.idle:
            return
        if self.rests:
            raise CannotSend(self._trouble)
        secure, clock = self.transport == "tls", self._flows.clock
        factory: Any = _Outgoing(self, StreamConnection(clock, self, ours=True, secure=secure))
        if secure:
            self._handshake = Handshake(self.destination.name or self.destination.host)
            contexts = self._flows.contexts()
            creator: Any = contexts.client(self._handshake)  # Twisted declares a zope interface here
            factory = TLSMemoryBIOFactory(creator, True, factory)
        self._deadline = clock.callLater(self.within, self._too_late)
        self._connector = self._flows.connect(self.destination, factory, self.within)

    def _too_late(self) -> None:
        self._deadline = None
        if self._connection is not None:
            self._connection.abort(NO_ANSWER)
        elif self._connector is not None:
            self._connector.disconnect()

    def not_connected(self, reason: str) -> None:
        """The connection was not made."""
        self._gone(reason)

    # ConnectionUser

    def made(self, connection: StreamConnection) -> None:
        """There is a connection; with TLS nothing may be sent on it yet."""
        self._connection = connection

    def opened(self, connection: StreamConnection) -> None:
        handshake = self._handshake
        if handshake is not None:
            certificate = connection.peer_certificate
            if certificate is None or not is_for(certificate, handshake.name):
                connection.abort(WRONG_NAME)
                return
        self._connection = connection
        self._opened_at = self._flows.clock.seconds()
        self._stop_waiting()
        waiting, self._waiting = self._waiting, []
        if waiting:
            connection.send(b"".join(waiting))
        self._tell_callers(lambda caller: caller.callback(None))
        if self._closing:
            connection.close()

    def received(self, message: bytes) -> None:
        self._flows.user.received(self, message)

    def spoiled(self, reason: str) -> None:
        self._flows.user.spoiled(self, reason)

    def lost(self, reason: str) -> None:
        if self._handshake is not None and not self.is_open:
            reason = self._handshake.refusal or (NO_TLS if reason in (BROKEN, CLOSED) else reason)
        self._gone(reason)

    def _gone(self, reason: str) -> None:
        now = self._flows.clock.seconds()
        opened_at, self._opened_at = self._opened_at, None
        self._connection = self._connector = self._handshake = None
        self._stop_waiting()
        self._waiting.clear()
        if opened_at is not None and now - opened_at >= SHORT_LIVED:
            self._failures = 0
        else:
            once_broken = opened_at is not None and self._failures == 0
            self._rests_until = now + (0.0 if once_broken else REST[min(self._failures, len(REST) - 1)])
            self._failures += 1
        self._trouble = reason
        if not self._closing:
            _log.info("the connection {way} is gone: {reason}", way=str(self.destination), reason=reason)
        self._flows.forget(self)
        self._tell_callers(lambda caller: caller.errback(CannotSend(reason)))
        if not self._closing:
            self._flows.user.lost(self, reason, opened_at is not None)
        closing, self._closing = self._closing, []
        for waiter in closing:
            waiter.callback(None)

    def _tell_callers(self, tell: Callable[[Deferred[None]], None]) -> None:
        callers, self._callers = self._callers, []
        for caller in callers:
            tell(caller)

    def _stop_waiting(self) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._deadline = None

    def close(self) -> Deferred[None]:
        """Close for good, after what was written has left but soon; fires then. Nobody hears of it any more."""
        if self.idle:
            return succeed(None)
        waiter: Deferred[None] = Deferred()
        self._closing.append(waiter)
        if self.is_open and self._connection is not None:
            self._stop_waiting()
            self._deadline = self._flows.clock.callLater(CLOSE_WITHIN, self._too_late)
            self._connection.close()
        else:
            self._stop_waiting()
            self._too_late()
        return waiter


class _Outgoing(ClientFactory):
    """Makes the one connection of a flow."""

    noisy = False

    def __init__(self, flow: Flow, connection: StreamConnection) -> None:
        self._flow = flow
        self._connection = connection

    def buildProtocol(self, addr: object) -> StreamConnection:
        self._flow.made(self._connection)
        return self._connection

    def clientConnectionFailed(self, connector: object, reason: Failure) -> None:
        self._flow.not_connected(in_words(reason))
