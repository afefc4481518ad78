"""Asks a STUN server where a socket of ours is seen (RFC 8489, section 6.2.1), on the reactor and within a second.

A call cannot wait longer for its address than a person for the telephone to react, so after that it is done without.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from neon.media.engine import SocketName
from neon.ports import Clock, Timer
from neon.stunmessage import LARGEST, BadStun, binding_request, new_transaction, read_answer
from neon.values import Address

RETRANSMIT = (0.0, 0.15, 0.45)
"""Seconds after which the request is sent (again); an RTO shorter than the RFC's half a second, which is for servers
far away whose answer would come too late for us anyway."""

GIVE_UP = 1.0


class ReaderReactor(Clock, Protocol):
    """Twisted's IReactorFDSet and IReactorTime in terms that a type checker understands."""

    def addReader(self, reader: Any) -> object: ...

    def removeReader(self, reader: Any) -> object: ...


class AskedStream(Protocol):
    """What L{ServedQuery} needs of an engine's stream."""

    def ask(self, socket: SocketName, server: Address, question: bytes) -> None: ...

    def ask_no_more(self, socket: SocketName) -> None: ...

    def take_answer(self, socket: SocketName) -> bytes | None: ...


class NoMapping(Exception):
    """The server did not say where we are; C{str(error)} says why."""


class Query:
    """One question, asked again until it is answered or L{GIVE_UP} is over; how it is sent is the subclass's.

    L{answer} fires with the public address, or fails with L{NoMapping}.
    """

    def __init__(self, clock: Clock) -> None:
        self._transaction = new_transaction()
        self._why = "no answer"
        self._timers: list[Timer] = [clock.callLater(delay, self._ask) for delay in RETRANSMIT]
        self._timers.append(clock.callLater(GIVE_UP, self._over, self._fail))
        self.answer: Deferred[Address] = Deferred(lambda _: self._stop())

    def _ask(self) -> None:
        try:
            self._send(binding_request(self._transaction))
        except OSError as error:
            self._why = error.strerror or "it cannot be sent to"

    def _send(self, question: bytes) -> None:
        raise NotImplementedError

    def _answered(self, data: bytes) -> bool:
        """Whether that is the answer; then it has been told."""
        try:
            address = read_answer(data, self._transaction)
        except BadStun as error:
            self._why = str(error)
            return False
        self._over(lambda: self.answer.callback(address))
        return True

    def _fail(self) -> None:
        self.answer.errback(NoMapping(self._why))

    def _over(self, then: Callable[[], None]) -> None:
        self._stop()
        then()

    def _stop(self) -> None:
        for timer in self._timers:
            if timer.active():
                timer.cancel()


class StunQuery(Query):
    """One question over a UDP socket that is somebody else's, on a copy of its descriptor C{fd}.

    While it is under way, whatever arrives at the socket from others than the server is thrown away.
    """

    def __init__(self, reactor: ReaderReactor, fd: int, server: Address) -> None:
        super().__init__(reactor)
        self._reactor = reactor
        self._socket = socket.socket(fileno=socket.dup(fd))
        self._socket.setblocking(False)
        six = self._socket.family == socket.AF_INET6
        # A socket of both families knows IPv4 hosts by their mapped addresses.
        self._server: Address = (f"::ffff:{server[0]}" if six and ":" not in server[0] else server[0], server[1])
        reactor.addReader(self)

    def _send(self, question: bytes) -> None:
        self._socket.sendto(question, self._server)

    def _stop(self) -> None:
        super()._stop()
        if self._socket.fileno() >= 0:
            self._reactor.removeReader(self)
            self._socket.close()

    # IReadDescriptor

    def fileno(self) -> int:
        return self._socket.fileno()

    def logPrefix(self) -> str:
        return "STUN"

    def connectionLost(self, reason: Failure) -> None:
        """The reactor lets go of us at its end."""

    def doRead(self) -> None:
        for _ in range(16):
            try:
                data, source = self._socket.recvfrom(LARGEST + 1)
            except BlockingIOError:
                return
            except OSError:  # an error of an earlier packet, which the time-out will report
                return
            if _same(source, self._server) and self._answered(data):
                return


class ServedQuery(Query):
    """One question over a socket of a stream that the engine's thread serves, in the midst of its packets.

    L{heard} is to be called when the engine tells of an answer to this socket (L{neon.media.engine.StunAnswer}).
    """

    def __init__(self, clock: Clock, stream: AskedStream, name: SocketName, server: Address) -> None:
        super().__init__(clock)
        self._stream = stream
        self._name: SocketName = name
        self._server = server

    def _send(self, question: bytes) -> None:
        try:
            self._stream.ask(self._name, self._server, question)
        except ValueError as error:  # the server has no address that can be sent to
            self._why = str(error)

    def heard(self) -> None:
        """The engine has an answer."""
        data = self._stream.take_answer(self._name)
        if data is not None and not self.answer.called:
            self._answered(data)

    def _stop(self) -> None:
        super()._stop()
        self._stream.ask_no_more(self._name)


def _same(one: Any, other: Address) -> bool:
    return ipaddress.ip_address(one[0]) == ipaddress.ip_address(other[0]) and one[1] == other[1]
