"""Every way in and out of one endpoint: a UDP socket per address family, connections, and where others connect to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.error import CannotListenError

from neon.ports import Clock
from neon.sip.flow import Flow, FlowUser
from neon.sip.flows import Flows, StreamReactor
from neon.sip.tls import TlsContexts, TlsSettings, TlsUnusable
from neon.sip.transport import LocalPath, SipSocket, UdpReactor, unbracketed
from neon.values import Address, Destination

ATTEMPTS = 8
"""So often any free port is tried: one that is free for UDP may be taken for TCP."""


@dataclass(frozen=True, slots=True)
class Transports:
    """What an endpoint has beside one UDP socket.

    C{more_hosts}: addresses to bind as well, on the same port; one of each family in all. C{listen_tcp}: whether
    connections are taken on that port. C{tls_port}: where secure ones are taken, None for nowhere, 0 for any port.
    C{largest_datagram}: a longer request is tried over TCP first (RFC 3261, section 18.1.1); 0 for never.
    C{compact}: header names are written in their short forms. Connections of ours need none of this.
    """

    more_hosts: tuple[str, ...] = ()
    listen_tcp: bool = False
    tls_port: int | None = None
    tls: TlsSettings = field(default_factory=TlsSettings)
    largest_datagram: int = 0
    compact: bool = False


class Ways:
    """C{on_datagram} gets what the UDP sockets hear; C{user} hears of connections."""

    def __init__(
        self,
        reactor: UdpReactor,
        clock: Clock,
        host: str,
        port: int,
        transports: Transports,
        on_datagram: Callable[[bytes, Address], None],
        user: FlowUser,
    ) -> None:
        self._transports = transports
        self._port = port
        self._contexts: TlsContexts | None = None
        self._listening: dict[str, int] = {}
        self._sockets = [
            SipSocket(reactor, clock, each, port, on_datagram) for each in (host, *transports.more_hosts)
        ]
        first = self._sockets[0]
        self._four = next((one for one in self._sockets if ":" not in one.address[0]), first)
        self._six = next((one for one in self._sockets if ":" in one.address[0]), first)
        self._flows = Flows(
            cast("StreamReactor", reactor), clock, user,
            sent_by=self._sent_by, contexts=self._tls_contexts, bind=self._from,
        )  # fmt: skip

    def listen(self) -> None:
        """Bind all of it, or nothing.

        @raise twisted.internet.error.CannotListenError: an address is taken or not ours.
        @raise TlsUnusable: a file of certificates or keys cannot be used.
        """
        transports = self._transports
        if transports.tls != TlsSettings():
            self._tls_contexts()  # before anything is bound: a wrong file name should not wait for its first use
        if transports.tls_port is not None and not self._tls_contexts().can_listen:
            raise TlsUnusable("TLS connections cannot be taken without a certificate of our own")
        for attempts_left in reversed(range(ATTEMPTS)):
            try:
                self._bind()
                return
            except CannotListenError:
                self.close()
                if self._port or not attempts_left:
                    raise

    def _bind(self) -> None:
        self._listening.clear()
        transports, port = self._transports, self._port
        for one in self._sockets:
            one.listen(port)
            port = self._sockets[0].address[1]  # the others share what the first one was given
        for one in self._sockets:
            if transports.listen_tcp:
                self._listening["tcp"] = self._flows.listen("tcp", one.address[0], port)
            if transports.tls_port is not None:
                tls_port = self._listening.get("tls", transports.tls_port)
                self._listening["tls"] = self._flows.listen("tls", one.address[0], tls_port)

    def close(self) -> Deferred[None]:
        """Close everything; fires when it is done."""
        closing: list[Deferred[Any]] = [one.close() for one in self._sockets]
        closing.append(self._flows.close())
        return DeferredList(closing, consumeErrors=True).addCallback(lambda _: None)

    @property
    def address(self) -> Address:
        """The first address that is bound for UDP."""
        return self._sockets[0].address

    @property
    def points(self) -> tuple[Destination, ...]:
        """Everywhere that somebody may send to."""
        found = [Destination(*one.address) for one in self._sockets]
        for transport, port in self._listening.items():
            found += [Destination(one.address[0], port, transport) for one in self._sockets]
        return tuple(found)

    def path(self, destination: Destination) -> LocalPath | Flow:
        """The way to a destination; a connection is made when something is sent."""
        if destination.reliable:
            return self._flows.flow(destination)
        return self._socket(destination.host).path(destination.host)

    def flow(self, destination: Destination) -> Flow:
        return self._flows.flow(destination)

    def local_address(self, remote: Destination) -> Destination:
        """Our address as a destination sees it: with a connection its own, which is where to call back."""
        if remote.transport == "udp":
            return Destination(*self._socket(remote.host).local_address(remote.host))
        flow = self._flows.known(remote)
        if flow is not None:
            return flow.local
        return Destination(*self._sent_by(remote.host, remote.transport), remote.transport)

    def forget_routes(self) -> None:
        for one in self._sockets:
            one.forget_routes()
        self._flows.drop_stranded()

    def is_ours(self, host: str, port: int) -> bool:
        """Whether C{host:port} is something that we wrote into a Via."""
        return self._four.is_ours(host, port) or self._six.is_ours(host, port) or self._flows.is_ours(host, port)

    def _socket(self, host: str) -> SipSocket:
        """The socket of a host's family; the first if there is none, which will say what is wrong."""
        return self._six if ":" in host else self._four

    def _sent_by(self, host: str, transport: str) -> Address:
        local, port = self._socket(host).local_address(host)
        return local, self._listening.get(transport, port)

    def _from(self, host: str) -> Address | None:
        fixed = self._socket(host).fixed_host
        return None if fixed is None or (":" in fixed) != (":" in unbracketed(host)) else (fixed, 0)

    def _tls_contexts(self) -> TlsContexts:
        if self._contexts is None:
            self._contexts = TlsContexts(self._transports.tls)
        return self._contexts
