"""One connection that carries SIP: its octets, its patience, its keep-alives. Knows no transaction.

A connection that we opened is kept alive by empty lines, a pair every half a minute; a server that has answered one
must answer them all (RFC 5626, section 4.4.1). One that somebody else opened is closed when it was silent for long. A
message must be complete ten seconds after it began, and what we send must be taken within ten.
"""

from __future__ import annotations

import random as _random
import socket
from collections.abc import Callable
from typing import Any, Protocol, cast

from cryptography import x509
from OpenSSL import SSL
from twisted.internet import error as ended
from twisted.internet.interfaces import IHandshakeListener, IPushProducer
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from neon.ports import Clock, Timer
from neon.sip import tls
from neon.sip.framing import BadStream, StreamReader

KEEP_ALIVE = 30.0
"""Seconds between keep-alives at most, 0.8 of it at least: a thousand phones should not speak at once."""

PONG_WITHIN = 10.0
MESSAGE_WITHIN = 10.0
TAKEN_WITHIN = 10.0
SILENCE = 600.0
_LARGEST = 16 * 1024
_PING, _PONG = b"\r\n\r\n", b"\r\n"

CLOSED = "the far end closed the connection"
BROKEN = "the connection broke"
REFUSED = "the connection was refused"
UNREACHABLE = "no connection could be made"
NO_ANSWER = "no connection could be made in time"
NO_PONG = "the far end answers no keep-alives any more"


class ConnectionUser(Protocol):
    """Whose connection it is."""

    def opened(self, connection: StreamConnection) -> None:
        """It can be written to; with TLS, after the handshake."""

    def received(self, message: bytes) -> None:
        """One message came, whole."""

    def spoiled(self, reason: str) -> None:
        """What came was no SIP; the connection is being closed."""

    def lost(self, reason: str) -> None:
        """It is gone, for a reason in words. The last that is heard."""


@implementer(IHandshakeListener, IPushProducer)
class StreamConnection(TwistedProtocol):
    """C{ours}: we opened it. C{secure}: it is TLS, and opens when the handshake is done."""

    def __init__(
        self,
        clock: Clock,
        user: ConnectionUser,
        *,
        ours: bool,
        secure: bool,
        random: Callable[[], float] = _random.random,
    ) -> None:
        self._clock = clock
        self._user = user
        self._ours = ours
        self._secure = secure
        self._random = random
        self._reader = StreamReader(_LARGEST)
        self._timers: dict[str, Timer] = {}
        self._pongs = False
        self._reason = ""
        self._gone = False

    # What the user asks for

    def send(self, data: bytes) -> None:
        """Write; what cannot leave in time ends the connection."""
        self._wire.write(data)

    def close(self) -> None:
        """Close when everything written has left."""
        if not self._gone:
            self._wire.loseConnection()

    def abort(self, reason: str) -> None:
        """Close at once."""
        if not self._gone:
            self._reason = self._reason or reason
            self._wire.abortConnection()

    @property
    def peer_certificate(self) -> x509.Certificate | None:
        """The far end's certificate, with TLS and after the handshake."""
        certificate = self._wire.getPeerCertificate()
        return None if certificate is None else cast("x509.Certificate", certificate.to_cryptography())

    @property
    def local(self) -> tuple[str, int]:
        """Our end's address."""
        host = self._wire.getHost()
        return str(host.host), int(host.port)

    # From Twisted

    def connectionMade(self) -> None:
        _tune(self._wire)
        self._wire.registerProducer(self, True)
        if not self._secure:
            self._open()

    def handshakeCompleted(self) -> None:
        self._open()

    def _open(self) -> None:
        if self._ours:
            self._keep_alive_later()
        else:
            self._set("silence", SILENCE, lambda: self.abort("nothing was heard for long"))
        self._user.opened(self)

    def dataReceived(self, data: bytes) -> None:
        if self._is_ending():
            return
        try:
            messages = self._reader.feed(data)
        except BadStream as bad:
            self._user.spoiled(str(bad))
            self.abort(str(bad))
            return
        self._cancel("pong")
        if self._reader.empty_lines:
            self._empty_lines()
        if messages or not self._reader.waiting:
            self._cancel("message")
        if self._reader.waiting and "message" not in self._timers:
            self._set("message", MESSAGE_WITHIN, lambda: self.abort("a message was not finished in time"))
        if "silence" in self._timers:
            self._timers["silence"].reset(SILENCE)
        for message in messages:
            if not self._is_ending():
                self._user.received(message)

    def _is_ending(self) -> bool:
        return bool(self._reason) or self._gone

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._gone = True
        for name in list(self._timers):
            self._cancel(name)
        self._user.lost(self._reason or in_words(reason))

    # Keep-alives

    def _keep_alive_later(self) -> None:
        self._set("ping", KEEP_ALIVE * (0.8 + 0.2 * self._random()), self._keep_alive)

    def _keep_alive(self) -> None:
        self._wire.write(_PING)
        if self._pongs and "pong" not in self._timers:
            self._set("pong", PONG_WITHIN, lambda: self.abort(NO_PONG))
        self._keep_alive_later()

    def _empty_lines(self) -> None:
        """Pongs on a connection of ours, pings on somebody else's: answered with one line, however many there were."""
        if self._ours:
            self._pongs = True
            self._reader.empty_lines = 0
        elif self._reader.empty_lines >= 2:
            self._reader.empty_lines = 0
            self._wire.write(_PONG)

    # Twisted's flow control: a far end that takes nothing

    def pauseProducing(self) -> None:
        if "taken" not in self._timers:
            self._set("taken", TAKEN_WITHIN, lambda: self.abort("what was sent was not taken"))

    def resumeProducing(self) -> None:
        self._cancel("taken")

    def stopProducing(self) -> None:
        self._cancel("taken")

    # Timers

    def _set(self, name: str, delay: float, then: Callable[[], None]) -> None:
        def run() -> None:
            del self._timers[name]
            then()

        self._timers[name] = self._clock.callLater(delay, run)

    def _cancel(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None and timer.active():
            timer.cancel()

    @property
    def _wire(self) -> Any:
        # Twisted declares a zope interface here, which is no type to mypy.
        return self.transport


def _tune(transport: Any) -> None:
    """Send at once; let the kernel notice within half a minute that nobody takes what we send."""
    transport.setTcpNoDelay(True)
    transport.setTcpKeepAlive(True)
    inner = getattr(transport, "transport", transport)  # below TLS
    handle = inner.getHandle() if hasattr(inner, "getHandle") else None
    user_timeout = getattr(socket, "TCP_USER_TIMEOUT", None)  # Linux
    if isinstance(handle, socket.socket) and user_timeout is not None:
        handle.setsockopt(socket.IPPROTO_TCP, user_timeout, 30_000)


def in_words(failure: Failure) -> str:
    """Why a connection was not made or is gone."""
    error = failure.value
    if isinstance(error, ended.ConnectionRefusedError):
        return REFUSED
    if isinstance(error, ended.UserError):
        return NO_ANSWER  # also Twisted's own time-out, and our giving up
    if isinstance(error, ended.ConnectionDone):
        return CLOSED
    if isinstance(error, SSL.Error):
        return tls.in_words(error)
    if isinstance(error, ended.ConnectError):
        return UNREACHABLE
    return BROKEN
