"""Every connection of one endpoint, by where it leads: those that we open when they are needed, and those of others.

A connection that somebody opened is used for what goes to the same address and transport until it closes.
"""

from __future__ import annotations

import socket
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.protocol import Factory
from twisted.protocols.tls import TLSMemoryBIOFactory

from neon.ports import Clock
from neon.sip.connection import StreamConnection
from neon.sip.flow import Flow, FlowUser
from neon.sip.tls import TlsContexts
from neon.sip.transport import ipv6_only, unbracketed
from neon.values import Address, Destination

MOST_FLOWS = 256
MOST_ACCEPTED = 64
MOST_ACCEPTED_OF_ONE = 8


class StreamReactor(Protocol):
    """Twisted's IReactorTCP in terms that a type checker understands."""

    def connectTCP(
        self, host: str, port: int, factory: Any, timeout: float = 30, bindAddress: Address | None = None
    ) -> Any: ...

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any: ...


class _Incoming(Factory):
    """Takes connections of others, as many as there may be."""

    noisy = False

    def __init__(self, flows: Flows, transport: str) -> None:
        self._flows = flows
        self._transport = transport

    def buildProtocol(self, addr: Any) -> StreamConnection | None:
        return self._flows.accept(Destination(addr.host, addr.port, self._transport))


class Flows:
    """Every connection of one endpoint.

    C{sent_by} says, for a host, what our Via to it says. C{contexts} makes what TLS needs, when it is first needed.
    C{bind} is where connections of ours come from, per family: C{(host, 0)} or None.
    """

    def __init__(
        self,
        reactor: StreamReactor,
        clock: Clock,
        user: FlowUser,
        *,
        sent_by: Callable[[str, str], Address],
        contexts: Callable[[], TlsContexts],
        bind: Callable[[str], Address | None] = lambda host: None,
    ) -> None:
        self.clock = clock
        self.user = user
        self._contexts = contexts
        self._reactor = reactor
        self._sent_by = sent_by
        self._bind = bind
        self._ours: OrderedDict[Destination, Flow] = OrderedDict()
        self._accepted: dict[Destination, Flow] = {}
        self._ports: list[Any] = []

    def contexts(self) -> TlsContexts:
        """What secure connections are made with.

        @raise TlsUnusable: a file of certificates or keys cannot be used.
        """
        return self._contexts()

    def flow(self, destination: Destination) -> Flow:
        """The way to a destination: the one that is there, or a new one, which connects when it is used.

        A numeric name claims no domain, so any connection to that address will do, whosever certificate it has.
        """
        destination = destination._replace(host=unbracketed(destination.host))
        known = self.known(destination)
        if known is None and destination.name == destination.host:
            known = next((flow for flow in self._ours.values() if flow.destination[:3] == destination[:3]), None)
        if known is None:
            known = Flow(self, destination, self._sent_by(destination.host, destination.transport), ours=True)
            self._ours[destination] = known
            self._make_room()
        elif known.ours:
            self._ours.move_to_end(known.destination)
        return known

    def known(self, destination: Destination) -> Flow | None:
        """The way to a destination, if there is one."""
        return self._ours.get(destination) or self._accepted.get(destination)

    def drop_stranded(self) -> None:
        """The machine's addresses changed: give up connections from an address that is no longer the one to use."""
        for destination, flow in list(self._ours.items()):
            if flow.is_open and flow.local.host != self._sent_by(destination.host, destination.transport)[0]:
                del self._ours[destination]
                flow.close()

    def _make_room(self) -> None:
        if len(self._ours) <= MOST_FLOWS:
            return
        for destination, flow in self._ours.items():
            if flow.idle:
                del self._ours[destination]
                return
        _, oldest = self._ours.popitem(last=False)
        oldest.close()

    def accept(self, source: Destination) -> StreamConnection | None:
        """Take a connection of somebody's; None if it is not wanted."""
        of_one = sum(flow.destination.host == source.host for flow in self._accepted.values())
        full = of_one >= MOST_ACCEPTED_OF_ONE or len(self._accepted) >= MOST_ACCEPTED
        if full or not self.user.welcome(source.host):
            return None
        flow = Flow(self, source, self._sent_by(source.host, source.transport), ours=False)
        connection = StreamConnection(self.clock, flow, ours=False, secure=source.transport == "tls")
        flow.made(connection)
        self._accepted[source] = flow
        return connection

    def forget(self, flow: Flow) -> None:
        """See L{FlowOwner<neon.sip.flow.FlowOwner>}."""
        if not flow.ours:
            self._accepted.pop(flow.destination, None)

    def is_ours(self, host: str, port: int) -> bool:
        """Whether C{host:port} is something that we wrote into a Via."""
        sent_by = (unbracketed(host), port)
        return any(flow.sent_by == sent_by for table in (self._ours, self._accepted) for flow in table.values())

    def connect(self, destination: Destination, factory: Any, within: float) -> Any:
        return self._reactor.connectTCP(
            destination.host, destination.port, factory, timeout=within, bindAddress=self._bind(destination.host)
        )

    def listen(self, transport: str, host: str, port: int) -> int:
        """Take connections at an address of ours; returns the port.

        @raise twisted.internet.error.CannotListenError: the address is taken or not ours.
        """
        factory: Any = _Incoming(self, transport)
        if transport == "tls":
            creator: Any = self.contexts().server()  # Twisted declares a zope interface here
            factory = TLSMemoryBIOFactory(creator, False, factory)
        reactor: Any = self._reactor
        if host == "::":
            with ipv6_only(socket.SOCK_STREAM, port) as bound:
                bound.listen(50)
                listening = reactor.adoptStreamPort(bound.fileno(), socket.AF_INET6, factory)
        else:
            listening = reactor.listenTCP(port, factory, interface=host)
        self._ports.append(listening)
        return int(listening.getHost().port)

    def close(self) -> Deferred[None]:
        """Close everything; fires when it is done, within C{CLOSE_WITHIN}."""
        ports, self._ports = self._ports, []
        done: list[Deferred[Any]] = [maybeDeferred(port.stopListening) for port in ports]
        done += [flow.close() for table in (self._ours, self._accepted) for flow in list(table.values())]
        return DeferredList(done, consumeErrors=True).addCallback(lambda _: None)
