"""One UDP socket for SIP, and the faces of it that sippy wants: one per local address that a peer may see.

Datagrams leave in the order in which they were handed over, on the reactor's thread, to numeric addresses
only: no name is ever resolved here.
"""

from __future__ import annotations

import functools
import ipaddress
import re
import socket
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias, cast

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import DatagramProtocol

from neon.ports import Clock
from neon.values import Address, Destination

Receive: TypeAlias = Callable[[bytes, Address], None]

# One byte more than the door lets in, so that it can tell a datagram that is too long.
LARGEST_READ = 16 * 1024 + 1
_LOOKUP_LIFETIME = 30.0
_LOOKUPS = 256
_CONTENT_LENGTH = re.compile(r"(\r\n(?:content-length|l)[ \t]*:[ \t]*)\d+", re.IGNORECASE)


class UdpReactor(Protocol):
    """Twisted's IReactorUDP in terms that a type checker understands."""

    def listenUDP(self, port: int, protocol: Any, interface: str = "", maxPacketSize: int = 8192) -> Any: ...


class CannotSend(Exception):
    """The datagram did not leave: no numeric unicast address, or the socket refused it."""


@functools.lru_cache(maxsize=256)
def is_numeric(host: str) -> bool:
    """Whether C{host} is an IPv4 or IPv6 address, brackets allowed."""
    try:
        ipaddress.ip_address(unbracketed(host))
    except ValueError:
        return False
    return True


def unbracketed(host: str) -> str:
    """C{[::1]}, as URIs and Via want it, becomes C{::1}, as sockets want it."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def bracketed(host: str) -> str:
    """C{::1} becomes C{[::1]}; anything else stays."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


@functools.lru_cache(maxsize=1024)
def destination(host: str, port: int) -> Address:
    """Where a datagram may go.

    @raise CannotSend: for a name, a broadcast or multicast address, the unspecified one, or a port out of range.
    """
    host = unbracketed(host)
    try:
        parsed = ipaddress.ip_address(host)
    except ValueError:
        raise CannotSend("the address is not numeric") from None
    if parsed.is_multicast or parsed.is_unspecified or parsed == ipaddress.IPv4Address("255.255.255.255"):
        raise CannotSend("the address is not one host's")
    if not 1 <= port <= 65535:
        raise CannotSend("the port is out of range")
    return host, port


def encode(message: str) -> bytes:
    """The message as octets, with a Content-Length that counts octets: sippy counts characters."""
    if message.isascii():
        return message.encode("ascii")
    head, separator, body = message.partition("\r\n\r\n")
    octets = body.encode("utf-8", "surrogateescape")
    head = _CONTENT_LENGTH.sub(lambda match: f"{match[1]}{len(octets)}", head)
    return (head + separator).encode("utf-8", "surrogateescape") + octets


class PathOptions:
    """What sippy asks of C{Network_server.uopts}."""

    def __init__(self, local: Address) -> None:
        self.laddress = local

    def isWildCard(self) -> bool:
        return False


class LocalPath:
    """The socket as one of our addresses: what sippy calls a C{Network_server}."""

    transport = "udp"
    reliable = False

    def __init__(self, socket_: SipSocket, local: Address) -> None:
        self.local = local
        self.uopts = PathOptions((bracketed(local[0]), local[1]))
        self._socket = socket_

    def getSIPaddr(self) -> tuple[Address, str]:
        return self.uopts.laddress, self.transport

    def addr2str(self, address: Address) -> str:
        return f"{self.transport}:{address[0]}:{address[1]}"

    def send_to(self, data: str | bytes, address: Destination | Address, delayed: bool = False) -> None:
        self._socket.send(data if isinstance(data, bytes) else encode(data), (address[0], address[1]))

    def shutdown(self) -> None:
        """The socket is closed by its owner, the endpoint."""

    join = shutdown


class _Reader(DatagramProtocol):
    """Hands over what arrives. Each bind has its own: Twisted lets go of one only after the bind's end."""

    noisy = False

    def __init__(self, receive: Receive) -> None:
        self._receive = receive

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        self._receive(datagram, (addr[0], addr[1]))


class SipSocket:
    """Listens exclusively on one host and port, and knows by which of our addresses a peer reaches us."""

    def __init__(self, reactor: UdpReactor, clock: Clock, host: str, port: int, receive: Receive) -> None:
        self._reactor = reactor
        self._clock = clock
        self._wanted = (unbracketed(host), port)
        self._receive = receive
        self._port: Any = None
        self._bound: Address | None = None
        self._paths: dict[str, LocalPath] = {}
        self._lookups: dict[str, tuple[str, float]] = {}
        wildcard = ipaddress.ip_address(self._wanted[0]).is_unspecified
        self._fixed: str | None = None if wildcard else self._wanted[0]

    def listen(self, port: int | None = None) -> None:
        """Bind, to another port than was wanted if one is given.

        @raise twisted.internet.error.CannotListenError: the address is taken or not ours.
        """
        host, wanted = self._wanted
        port = wanted if port is None else port
        # Twisted sets neither SO_REUSEADDR nor SO_REUSEPORT on a unicast UDP port: the bind is exclusive.
        reader = _Reader(self._receive)
        if host == "::":
            self._port = _adopted(self._reactor, port, reader)
        else:
            self._port = self._reactor.listenUDP(port, reader, interface=host, maxPacketSize=LARGEST_READ)
        self._bound = host, self._port.getHost().port

    def close(self) -> Deferred[None]:
        """Stop listening; fires when the descriptor is closed."""
        port, self._port = self._port, None
        return cast("Deferred[None]", maybeDeferred(lambda: port.stopListening() if port is not None else None))

    @property
    def address(self) -> Address:
        """The host and port that are bound; the wanted ones before L{listen}."""
        return self._bound or self._wanted

    @property
    def fixed_host(self) -> str | None:
        """The one address that this is bound to, None if it is bound to all of its family."""
        return self._fixed

    def forget_routes(self) -> None:
        """Our addresses may have changed: look them up again."""
        self._lookups.clear()

    def local_address(self, remote_host: str) -> Address:
        """Our address as C{remote_host}, which is numeric, sees it; the loopback address if there is no route to it."""
        if self._fixed is not None:
            return self._fixed, self.address[1]
        remote_host = unbracketed(remote_host)
        now = self._clock.seconds()
        known = self._lookups.get(remote_host)
        if known is None or known[1] < now:
            if len(self._lookups) >= _LOOKUPS:
                self._lookups.clear()
            known = _route(remote_host), now + _LOOKUP_LIFETIME
            self._lookups[remote_host] = known
        return known[0], self.address[1]

    def path(self, remote_host: str) -> LocalPath:
        """The face of the socket that fits a peer."""
        host, port = self.local_address(remote_host)
        path = self._paths.get(host)
        if path is None or path.local[1] != port:
            path = self._paths[host] = LocalPath(self, (host, port))
        return path

    def is_ours(self, host: str, port: int) -> bool:
        """Whether C{host:port} is something that we wrote into a Via."""
        return port == self.address[1] and (unbracketed(host) == self._fixed or unbracketed(host) in self._paths)

    def send(self, data: bytes, address: Address) -> None:
        """Send one datagram now.

        @raise CannotSend: it did not leave.
        """
        target = destination(*address[:2])
        if self._port is None:
            raise CannotSend("the socket is closed")
        try:
            # Port.write would look four times whether the address is one, which is known.
            self._port.socket.sendto(data, target)
        except ConnectionRefusedError:
            pass  # of an earlier datagram (ICMP)
        except OSError as error:
            # No route or no buffer, too long, or an address of the wrong family.
            raise CannotSend(f"the socket refused it: {type(error).__name__}") from error


def ipv6_only(kind: socket.SocketKind, port: int) -> socket.socket:
    """A socket bound to every IPv6 address and to no IPv4 one, which Twisted cannot make.

    @raise twisted.internet.error.CannotListenError: the port is taken.
    """
    made = socket.socket(socket.AF_INET6, kind)
    try:
        made.setblocking(False)
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == socket.SOCK_STREAM:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(("::", port))
    except OSError as error:
        made.close()
        failure: Any = CannotListenError
        raise failure("::", port, error) from None
    return made


def _adopted(reactor: Any, port: int, protocol: DatagramProtocol) -> Any:
    with ipv6_only(socket.SOCK_DGRAM, port) as bound:
        return reactor.adoptDatagramPort(bound.fileno(), socket.AF_INET6, protocol, LARGEST_READ)


def _route(remote_host: str) -> str:
    """Ask the kernel which source address it would use: connecting a UDP socket sends nothing."""
    family = socket.AF_INET6 if ":" in remote_host else socket.AF_INET
    loopback = "::1" if family == socket.AF_INET6 else "127.0.0.1"
    try:
        ipaddress.ip_address(remote_host)
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((remote_host, 9))
            return cast("str", probe.getsockname()[0])
    except (OSError, ValueError):
        return loopback
