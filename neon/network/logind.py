"""Hears from logind that the machine woke up (org.freedesktop.login1.Manager.PrepareForSleep, systemd-logind(8)).

Speaks D-Bus on the reactor with jeepney's bytes in and bytes out. A machine without a system bus, or without
logind, is a normal one: L{neon.network.clockjump} notices its sleep.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from jeepney import HeaderFields, MatchRule, MessageType, Parser, message_bus
from jeepney.auth import BEGIN, AuthenticationError, Authenticator
from jeepney.bus import find_system_bus
from twisted.internet.protocol import ClientFactory
from twisted.internet.protocol import Protocol as StreamProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from neon.ports import Clock, Timer

_log = Logger()

SERVICE = "org.freedesktop.login1"
INTERFACE = "org.freedesktop.login1.Manager"
SIGNAL = "PrepareForSleep"
RETRY = 60.0
"""Seconds until a bus that went away is looked for again."""

CONNECT_WITHIN = 5
LARGEST_MESSAGE = 1 << 20


class UnixReactor(Clock, Protocol):
    """Twisted's IReactorUNIX and IReactorTime in terms that a type checker understands."""

    def connectUNIX(self, address: str, factory: Any, timeout: float = 30) -> Any: ...


class Logind:
    """Keeps a connection to the bus; C{on_resumed} is called after each sleep."""

    def __init__(
        self,
        reactor: UnixReactor,
        on_resumed: Callable[[], None],
        *,
        find_bus: Callable[[], str] = find_system_bus,
    ) -> None:
        self._reactor = reactor
        self._on_resumed = on_resumed
        self._find_bus = find_bus
        self._connection: SleepSignals | None = None
        self._connector: Any = None
        self._timer: Timer | None = None
        self._running = False

    def start(self) -> None:
        self._running = True
        self._connect()

    def stop(self) -> None:
        self._running = False
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        if self._connector is not None:
            self._connector.disconnect()

    def _connect(self) -> None:
        self._timer = None
        try:
            path = self._find_bus()
        except RuntimeError:  # no address that we could connect to
            return
        factory = _Factory(self)
        self._connector = self._reactor.connectUNIX(path, factory, timeout=CONNECT_WITHIN)

    # The connection calls these.

    def absent(self, reason: str) -> None:
        """There is no bus to connect to: that will hardly change."""
        _log.info("no system bus, so sleep is noticed by the clocks: {reason}", reason=reason)
        self._connector = None

    def lost(self) -> None:
        self._connector = None
        if self._running:
            self._timer = self._reactor.callLater(RETRY, self._connect)

    def resumed(self) -> None:
        self._on_resumed()


class _Factory(ClientFactory):
    noisy = False

    def __init__(self, owner: Logind) -> None:
        self._owner = owner

    def buildProtocol(self, addr: object) -> SleepSignals:
        return SleepSignals(self._owner)

    def clientConnectionFailed(self, connector: object, reason: Failure) -> None:
        self._owner.absent(reason.getErrorMessage())

    def clientConnectionLost(self, connector: object, reason: Failure) -> None:
        self._owner.lost()


class SleepSignals(StreamProtocol):
    """One connection: authenticates as our user, says Hello, and asks for the one signal."""

    def __init__(self, owner: Logind) -> None:
        self._owner = owner
        self._authenticator = Authenticator()
        self._parser = Parser()

    @property
    def _out(self) -> Any:
        return self.transport

    def connectionMade(self) -> None:
        self._out.write(self._authenticator.data_to_send())

    def dataReceived(self, data: bytes) -> None:
        try:
            if self._authenticator.authenticated:
                self._read(data)
                return
            self._authenticator.feed(data)
            if self._authenticator.authenticated:
                self._begin()
        except (AuthenticationError, ValueError, UnicodeDecodeError, LookupError) as error:
            _log.warn("the system bus said something that is not D-Bus: {error}", error=str(error))
            self._out.loseConnection()

    def _begin(self) -> None:
        self._out.write(BEGIN)
        rule = MatchRule(type="signal", sender=SERVICE, interface=INTERFACE, member=SIGNAL)
        for serial, message in enumerate((message_bus.Hello(), message_bus.AddMatch(rule)), 1):
            self._out.write(message.serialise(serial))

    def _read(self, data: bytes) -> None:
        self._parser.add_data(data)
        if self._parser.bytes_desired() > LARGEST_MESSAGE:
            raise ValueError("a message is too long")
        while (message := self._parser.get_next_message()) is not None:
            fields = message.header.fields
            ours = fields.get(HeaderFields.interface) == INTERFACE and fields.get(HeaderFields.member) == SIGNAL
            # True before the machine falls asleep, False when it is awake again.
            if message.header.message_type is MessageType.signal and ours and message.body == (False,):
                self._owner.resumed()
