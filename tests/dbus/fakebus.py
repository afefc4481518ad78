"""A D-Bus daemon in memory, with one client: reads and writes real bytes, and lets the test be everybody else."""

from __future__ import annotations

import os
from typing import Any

from jeepney import (
    DBusAddress,
    HeaderFields,
    MessageType,
    Parser,
    new_error,
    new_method_call,
    new_method_return,
    new_signal,
)
from twisted.internet.error import ConnectionDone, ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from neon.dbus.messagebus import BUS

OURS = ":1.7"
SERVER = ":1.100"


class FakeBus(Clock):
    """Also the reactor. C{owners} says who has which name; C{asked} are what the client asked of others, unanswered."""

    def __init__(self) -> None:
        super().__init__()
        self.there = True
        self.owners: dict[str, str] = {}
        self.activatable: list[str] = []
        self.rules: list[str] = []
        self.asked: list[Any] = []
        self.signals: list[Any] = []
        self.answers: list[Any] = []
        self.descriptors = True
        self.attempts = 0
        self.factory: Any = None
        self.protocol: Any = None
        self._parser = Parser()
        self._signed_in = False
        self._serial = 1000

    # The reactor and the transport

    def connectUNIX(self, address: str, factory: Any, timeout: float = 30) -> Any:
        self.attempts += 1
        self.factory = factory
        if not self.there:
            factory.clientConnectionFailed(self, Failure(ConnectionRefusedError()))
            return self
        self._parser, self._signed_in = Parser(), False
        self.protocol = factory.buildProtocol(None)
        self.protocol.makeConnection(self)
        return self

    def write(self, data: bytes) -> None:
        if self._signed_in:
            self._parser.add_data(data)
            while (message := self._parser.get_next_message()) is not None:
                self._received(message)
            return
        for line in data.lstrip(b"\0").splitlines(keepends=True):
            if line.startswith(b"AUTH EXTERNAL "):
                assert bytes.fromhex(line.split()[2].decode()) == str(os.geteuid()).encode()
                self.protocol.dataReceived(b"OK 0123456789abcdef\r\n")
            elif line == b"NEGOTIATE_UNIX_FD\r\n":
                self.protocol.dataReceived(b"AGREE_UNIX_FD\r\n" if self.descriptors else b"ERROR\r\n")
            elif line == b"BEGIN\r\n":
                self._signed_in = True

    def loseConnection(self) -> None:
        self.lose()

    abortConnection = disconnect = loseConnection

    def lose(self) -> None:
        """The bus goes away."""
        if self.protocol is not None:
            protocol, self.protocol = self.protocol, None
            protocol.connectionLost(Failure(ConnectionDone()))
            self.factory.clientConnectionLost(self, Failure(ConnectionDone()))

    # The bus

    def _received(self, message: Any) -> None:
        fields = message.header.fields
        kind = message.header.message_type
        if kind is MessageType.signal:
            self.signals.append(message)
        elif kind is not MessageType.method_call:
            self.answers.append(message)
        elif fields[HeaderFields.destination] != BUS:
            self.asked.append(message)
        else:
            self._asked(message, fields[HeaderFields.member])

    def _asked(self, message: Any, member: str) -> None:
        match member, message.body:
            case "Hello", _:
                self.reply(message, "s", (OURS,))
            case "AddMatch", (rule,):
                self.rules.append(rule)
                self.reply(message)
            case "GetNameOwner", (name,) if name in self.owners:
                self.reply(message, "s", (self.owners[name],))
            case "RequestName", (name, _):
                taken = name in self.owners
                self.owners.setdefault(name, OURS)
                self.reply(message, "u", (3 if taken else 1,))
            case "ReleaseName", (name,):
                if self.owners.get(name) == OURS:
                    del self.owners[name]
                self.reply(message, "u", (1,))
            case "ListNames", _:
                self.reply(message, "as", ([BUS, OURS, *self.owners],))
            case "ListActivatableNames", _:
                self.reply(message, "as", (self.activatable,))
            case _:
                self.refuse(message, "org.freedesktop.DBus.Error.NameHasNoOwner")

    # Everybody else

    def _say(self, message: Any, sender: str, descriptors: tuple[int, ...] = ()) -> None:
        message.header.fields[HeaderFields.sender] = sender
        self._serial += 1
        for descriptor in descriptors:
            self.protocol.fileDescriptorReceived(descriptor)
        fds: list[int] | None = [] if descriptors else None
        self.protocol.dataReceived(message.serialise(self._serial, fds))

    def reply(
        self, call: Any, signature: str | None = None, body: tuple[Any, ...] = (), descriptors: tuple[int, ...] = ()
    ) -> None:
        """Answer a call of the client."""
        self._say(new_method_return(call, signature, body), SERVER, descriptors)

    def refuse(self, call: Any, name: str, text: str = "no") -> None:
        self._say(new_error(call, name, "s", (text,)), SERVER)

    def signal(self, path: str, interface: str, member: str, signature: str, body: tuple[Any, ...],
               sender: str = SERVER) -> None:  # fmt: skip
        """Somebody sends a signal."""
        self._say(new_signal(DBusAddress(path, interface=interface), member, signature, body), sender)

    def own(self, name: str, owner: str | None) -> None:
        """Somebody takes a name, or gives it back."""
        before = self.owners.pop(name, "")
        if owner is not None:
            self.owners[name] = owner
        body = (name, before, owner or "")
        self.signal("/org/freedesktop/DBus", BUS, "NameOwnerChanged", "sss", body, sender=BUS)

    def call(self, path: str, interface: str, member: str, signature: str | None = None,
             body: tuple[Any, ...] = ()) -> Any:  # fmt: skip
        """Somebody calls the client; returns the message that came back."""
        self.answers.clear()
        self._say(new_method_call(DBusAddress(path, OURS, interface), member, signature, body), ":1.55")
        return self.answers[0]

    def taken(self, member: str) -> Any:
        """The oldest call of that method which nobody has answered; it is off the list."""
        for index, call in enumerate(self.asked):
            if call.header.fields[HeaderFields.member] == member:
                return self.asked.pop(index)
        raise AssertionError(f"nobody called {member}, but {self.members()}")

    def members(self) -> list[str]:
        """The methods that were called and not answered."""
        return [call.header.fields[HeaderFields.member] for call in self.asked]
