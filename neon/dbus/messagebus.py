"""A message bus, the session's or the system's, and everything that is wanted from it: kept over lost connections.

What was asked for (signals, names of services, names and objects of our own) is asked for again whenever there is a
connection again; a call that is under way when it is lost fails.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeAlias

from jeepney import (
    DBusAddress,
    HeaderFields,
    MatchRule,
    MessageFlag,
    MessageType,
    message_bus,
    new_error,
    new_method_call,
    new_method_return,
    new_signal,
)
from jeepney.bus import get_connectable_addresses
from twisted.internet.defer import Deferred, fail
from twisted.internet.protocol import ClientFactory
from twisted.logger import Logger
from twisted.python.failure import Failure

from neon.dbus.connection import BusConnection
from neon.ports import Clock, Timer

CONNECT_WITHIN: Final = 5
FIRST_RETRY: Final = 1.0
LAST_RETRY: Final = 60.0
PATIENCE: Final = 25.0
"""Seconds for an answer, as everywhere on D-Bus. Starting a service is part of it."""
MOST_CALLS: Final = 256

BUS: Final = "org.freedesktop.DBus"
DISCONNECTED: Final = "org.freedesktop.DBus.Error.Disconnected"
NO_REPLY: Final = "org.freedesktop.DBus.Error.NoReply"
UNKNOWN_METHOD: Final = "org.freedesktop.DBus.Error.UnknownMethod"
UNKNOWN_OBJECT: Final = "org.freedesktop.DBus.Error.UnknownObject"
FAILED: Final = "org.freedesktop.DBus.Error.Failed"
DO_NOT_QUEUE: Final = 4

Body: TypeAlias = tuple[Any, ...]
Answer: TypeAlias = tuple[str | None, Body]
"""The signature and the body of a reply."""

_log = Logger()


class BusError(Exception):
    """Somebody on the bus refused, or nobody answered. C{name} is D-Bus' name for it."""

    def __init__(self, name: str, text: str = "") -> None:
        super().__init__(f"{name}: {text}" if text else name)
        self.name = name


class UnixReactor(Clock, Protocol):
    """Twisted's IReactorUNIX and IReactorTime in terms that a type checker understands."""

    def connectUNIX(self, address: str, factory: Any, timeout: float = 30) -> Any: ...


class Served(Protocol):
    """An object of ours: answers a call of C{interface.member}, or raises L{BusError}."""

    def __call__(self, interface: str, member: str, body: Body) -> Answer: ...


@dataclass(eq=False)
class Service:
    """Somebody else on the bus, by a well-known name. C{owner} is who has that name now, None for nobody."""

    name: str
    owner: str | None = None
    changed: list[Callable[[], None]] = field(default_factory=list)


@dataclass(frozen=True)
class _Signal:
    service: Service
    interface: str
    member: str
    heard: Callable[[Body], None]


@dataclass(frozen=True)
class _Waiting:
    answer: Deferred[Body]
    timer: Timer


def refusal(failure: Failure) -> BusError:
    """The L{BusError} that a call failed with; anything else is raised again."""
    if not isinstance(failure.value, BusError):
        failure.raiseException()
    assert isinstance(failure.value, BusError)
    return failure.value


def session_bus(environ: Mapping[str, str]) -> str | None:
    """Where this user's session bus is: what the environment says, else where systemd has it; None if there is none."""
    if (given := environ.get("DBUS_SESSION_BUS_ADDRESS")) is not None:
        return _first(given)
    place = os.path.join(environ.get("XDG_RUNTIME_DIR") or "/nonexistent", "bus")
    try:
        found = os.stat(place)
    except OSError:
        return None
    return place if stat.S_ISSOCK(found.st_mode) and found.st_uid == os.geteuid() else None


def system_bus(environ: Mapping[str, str]) -> str | None:
    """Where the machine's bus is."""
    return _first(environ.get("DBUS_SYSTEM_BUS_ADDRESS") or "unix:path=/run/dbus/system_bus_socket")


def _first(addresses: str) -> str | None:
    try:
        return str(next(get_connectable_addresses(addresses)))
    except (ValueError, RuntimeError, KeyError):  # an address that is none, or one that we cannot connect to
        return None


class MessageBus:
    """C{path} is its socket. C{descriptors}: some answers have file descriptors in them."""

    def __init__(self, reactor: UnixReactor, path: str, *, descriptors: bool = False) -> None:
        self._reactor = reactor
        self._path = path
        self._descriptors = descriptors
        self._connection: BusConnection | None = None
        self._connector: Any = None
        self._ready = False
        self._running = False
        self._told = False
        self._retry = FIRST_RETRY
        self._timer: Timer | None = None
        self._waiting: dict[int, _Waiting] = {}
        self._services: dict[str, Service] = {}
        self._signals: list[_Signal] = []
        self._objects: dict[str, Served] = {}
        self._names: set[str] = set()
        self._listeners: list[Callable[[], None]] = []

    @property
    def connected(self) -> bool:
        """Whether calls can be made."""
        return self._ready

    def start(self) -> None:
        self._running = True
        self._connect()

    def stop(self) -> None:
        """Leave the bus; what is under way fails."""
        self._running = False
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        if self._connector is not None:
            self._connector.disconnect()

    def on_connected(self, listener: Callable[[], None]) -> None:
        """Call C{listener} whenever there is a connection, after what is wanted has been asked for."""
        self._listeners.append(listener)

    def call(
        self,
        address: DBusAddress,
        member: str,
        signature: str | None = None,
        body: Body = (),
        *,
        start: bool = True,
        patience: float = PATIENCE,
    ) -> Deferred[Body]:
        """Call a method; fires with what it answers. C{start}: a service that is not running may be started.

        Fails with L{BusError}. Descriptors in the answer are closed once the callbacks have run.
        """
        if not self._ready:
            return fail(BusError(DISCONNECTED))
        message = new_method_call(address, member, signature, body)
        if not start:
            message.header.flags |= MessageFlag.no_auto_start
        return self._ask(message, patience)

    def service(self, name: str, changed: Callable[[], None] | None = None) -> Service:
        """Watch who has a name; C{changed} is called when somebody else does, or nobody any more."""
        service = self._services.get(name)
        if service is None:
            service = self._services[name] = Service(name)
            if self._ready:
                self._watch(service)
        if changed is not None:
            service.changed.append(changed)
        return service

    def listen(self, service: Service, interface: str, member: str, heard: Callable[[Body], None]) -> None:
        """Call C{heard} with the body of each such signal. Only the service itself is believed."""
        signal = _Signal(service, interface, member, heard)
        self._signals.append(signal)
        if self._ready:
            self._match(signal)

    def serve(self, path: str, served: Served) -> None:
        """Have an object of our own."""
        self._objects[path] = served

    def own(self, name: str) -> None:
        """Take a well-known name, unless somebody has it."""
        self._names.add(name)
        if self._ready:
            self._own(name)

    def disown(self, name: str) -> None:
        """Give it back."""
        self._names.discard(name)
        if self._ready:
            self._ask(message_bus.ReleaseName(name)).addErrback(not_important)

    def emit(self, path: str, interface: str, member: str, signature: str, body: Body) -> None:
        """Send a signal to whoever listens."""
        if self._ready and self._connection is not None:
            self._connection.send(new_signal(DBusAddress(path, interface=interface), member, signature, body))

    # Connecting

    def _connect(self) -> None:
        self._timer = None
        self._connector = self._reactor.connectUNIX(self._path, _Factory(self), timeout=CONNECT_WITHIN)

    def connection(self) -> BusConnection:
        """A new one, for the factory."""
        return BusConnection(self, descriptors=self._descriptors)

    def lost(self, reason: str) -> None:
        """There is none, or not any more: look again later."""
        if self._ready and self._running:
            _log.info("the bus at {path} was lost", path=self._path)
        elif not self._told and self._running:
            _log.info("the bus at {path} cannot be used: {reason}", path=self._path, reason=reason)
            self._told = True
        self._connection = self._connector = None
        self._ready = False
        waiting, self._waiting = self._waiting, {}
        for asked in waiting.values():
            if asked.timer.active():
                asked.timer.cancel()
            asked.answer.errback(BusError(DISCONNECTED))
        for service in self._services.values():
            self._owned(service, None)
        if self._running:
            self._timer = self._reactor.callLater(self._retry, self._connect)
            self._retry = min(2 * self._retry, LAST_RETRY)

    def signed_in(self, connection: BusConnection) -> None:
        """The connection calls this: now for a name of our own."""
        self._connection = connection

        def greeted(_: Body) -> None:
            self._ready = True
            self._told = False
            self._retry = FIRST_RETRY
            for service in self._services.values():
                self._watch(service)
            for signal in self._signals:
                self._match(signal)
            for name in self._names:
                self._own(name)
            for listener in self._listeners:
                listener()

        def unwelcome(failure: Failure) -> None:
            _log.warn("the bus does not take us: {reason}", reason=failure.getErrorMessage())
            connection.close()

        self._ask(message_bus.Hello()).addCallback(greeted).addErrback(unwelcome)

    def _watch(self, service: Service) -> None:
        rule = MatchRule(type="signal", sender=BUS, interface=BUS, member="NameOwnerChanged")
        rule.add_arg_condition(0, service.name)
        self._ask(message_bus.AddMatch(rule)).addErrback(not_important)
        self._ask(message_bus.GetNameOwner(service.name)).addCallbacks(
            lambda body: self._owned(service, body[0]), lambda _: self._owned(service, None)
        )

    def _match(self, signal: _Signal) -> None:
        name, interface, member = signal.service.name, signal.interface, signal.member
        rule = MatchRule(type="signal", sender=name, interface=interface, member=member)
        self._ask(message_bus.AddMatch(rule)).addErrback(not_important)

    def _own(self, name: str) -> None:
        self._ask(message_bus.RequestName(name, DO_NOT_QUEUE)).addErrback(not_important)

    def _owned(self, service: Service, owner: str | None) -> None:
        if service.owner != owner:
            service.owner = owner
            for changed in service.changed:
                changed()

    # Messages

    def _ask(self, message: Any, patience: float = PATIENCE) -> Deferred[Body]:
        if self._connection is None or len(self._waiting) >= MOST_CALLS:
            return fail(BusError(DISCONNECTED, "too much is under way" if self._waiting else ""))
        serial = self._connection.next_serial
        answer: Deferred[Body] = Deferred()
        timer: Timer = self._reactor.callLater(patience, self._give_up, serial)
        self._waiting[serial] = _Waiting(answer, timer)
        self._connection.send(message)
        return answer

    def _give_up(self, serial: int) -> None:
        self._waiting.pop(serial).answer.errback(BusError(NO_REPLY))

    def received(self, message: Any) -> None:
        """The connection calls this."""
        header = message.header
        match header.message_type:
            case MessageType.method_return | MessageType.error:
                self._answered(message)
            case MessageType.signal:
                self._heard(message)
            case MessageType.method_call:
                self._called(message)

    def _answered(self, message: Any) -> None:
        fields = message.header.fields
        asked = self._waiting.pop(fields.get(HeaderFields.reply_serial, 0), None)
        if asked is None:
            return
        if asked.timer.active():
            asked.timer.cancel()
        if message.header.message_type is MessageType.error:
            said = message.body[0] if message.body and isinstance(message.body[0], str) else ""
            asked.answer.errback(BusError(fields.get(HeaderFields.error_name, FAILED), said))
        else:
            asked.answer.callback(message.body)

    def _heard(self, message: Any) -> None:
        fields = message.header.fields
        sender, interface = fields.get(HeaderFields.sender), fields.get(HeaderFields.interface)
        member = fields.get(HeaderFields.member)
        if sender == BUS and member == "NameOwnerChanged" and len(message.body) == 3:
            if (service := self._services.get(message.body[0])) is not None:
                self._owned(service, message.body[2] or None)
            return
        for signal in tuple(self._signals):
            if (signal.interface, signal.member) == (interface, member) and sender == signal.service.owner is not None:
                signal.heard(message.body)

    def _called(self, message: Any) -> None:
        fields = message.header.fields
        try:
            served = self._objects.get(fields.get(HeaderFields.path, ""))
            if served is None:
                raise BusError(UNKNOWN_OBJECT)
            interface = fields.get(HeaderFields.interface, "")
            signature, body = served(interface, fields[HeaderFields.member], message.body)
            reply = new_method_return(message, signature, body)
        except BusError as error:
            reply = new_error(message, error.name, "s", (str(error),))
        except Exception:
            _log.failure("a call over the bus failed")
            reply = new_error(message, FAILED, "s", ("internal error",))
        if not message.header.flags & MessageFlag.no_reply_expected and self._connection is not None:
            self._connection.send(reply)


def not_important(failure: Failure) -> None:
    """Where nothing depends on it: a bus that is going, a name that somebody else has, a program that is not there."""
    refusal(failure)
    _log.debug("the bus refused: {reason}", reason=failure.getErrorMessage())


class _Factory(ClientFactory):
    noisy = False

    def __init__(self, owner: MessageBus) -> None:
        self._owner = owner

    def buildProtocol(self, addr: object) -> BusConnection:
        return self._owner.connection()

    def clientConnectionFailed(self, connector: object, reason: Failure) -> None:
        self._owner.lost(reason.getErrorMessage())

    def clientConnectionLost(self, connector: object, reason: Failure) -> None:
        self._owner.lost(reason.getErrorMessage())
