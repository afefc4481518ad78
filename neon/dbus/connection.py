"""One connection to a D-Bus daemon: signs in as our user, then carries messages and file descriptors (D-Bus
specification, "Authentication protocol" and "Message protocol").
"""

from __future__ import annotations

from typing import Any, Final, Protocol

from jeepney import FileDescriptor, HeaderFields, Parser
from jeepney.auth import BEGIN, AuthenticationError, Authenticator
from twisted.internet.interfaces import IFileDescriptorReceiver
from twisted.internet.protocol import Protocol as StreamProtocol
from twisted.logger import Logger
from zope.interface import implementer

LARGEST_MESSAGE: Final = 1 << 20
MOST_DESCRIPTORS: Final = 16

_log = Logger()


class Owner(Protocol):
    """Hears what happens on the connection."""

    def signed_in(self, connection: BusConnection) -> None: ...

    def received(self, message: Any) -> None:
        """A jeepney message. Descriptors in its body that nobody takes are closed afterwards."""


@implementer(IFileDescriptorReceiver)
class BusConnection(StreamProtocol):
    """C{descriptors}: ask the bus to pass them, and fail where it does not."""

    def __init__(self, owner: Owner, *, descriptors: bool = False) -> None:
        self._owner = owner
        self._authenticator = Authenticator(enable_fds=descriptors)
        self._parser = Parser()
        self._received: list[Any] = []
        self._serial = 0

    @property
    def _out(self) -> Any:
        return self.transport

    @property
    def next_serial(self) -> int:
        """What the reply to the next message will name."""
        return self._serial + 1

    def send(self, message: Any) -> None:
        """Write a message."""
        self._serial += 1
        self._out.write(message.serialise(self._serial))

    def close(self) -> None:
        """Hang up, once everything is written."""
        self._out.loseConnection()

    # Twisted calls these.

    def connectionMade(self) -> None:
        self._out.write(self._authenticator.data_to_send())

    def fileDescriptorReceived(self, descriptor: int) -> None:
        """Comes before the bytes of its message."""
        self._received.append(FileDescriptor(descriptor))

    def dataReceived(self, data: bytes) -> None:
        try:
            if self._authenticator.authenticated:
                self._read(data)
                return
            self._authenticator.feed(data)
            if self._authenticator.authenticated:
                self._out.write(BEGIN)
                self._owner.signed_in(self)
            elif answer := self._authenticator.data_to_send():
                self._out.write(answer)
        except (AuthenticationError, ValueError, LookupError, TypeError) as error:
            # UnicodeDecodeError is a ValueError; jeepney raises TypeErrors for bodies that do not fit their signature.
            _log.warn("the bus said something that is not D-Bus: {error}", error=str(error))
            self._out.abortConnection()

    def connectionLost(self, reason: object = None) -> None:
        for descriptor in (*self._received, *self._parser.fds):
            descriptor.close()
        self._received.clear()
        self._parser.fds = []

    def _read(self, data: bytes) -> None:
        received, self._received = self._received, []
        self._parser.add_data(data, received)
        if self._parser.bytes_desired() > LARGEST_MESSAGE or len(self._parser.fds) > MOST_DESCRIPTORS:
            raise ValueError("a message is too long")
        while (message := self._parser.get_next_message()) is not None:
            try:
                self._owner.received(message)
            except Exception:
                _log.failure("a message of the bus could not be dealt with")
            if HeaderFields.unix_fds in message.header.fields:
                _close_descriptors(message.body)


def _close_descriptors(body: Any) -> None:
    """Of whatever nobody has taken."""
    for value in body:
        if isinstance(value, FileDescriptor):
            try:
                value.fileno()
            except RuntimeError:
                continue
            value.close()
