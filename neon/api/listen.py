"""Listening on loopback addresses, IPv4 and IPv6, at one port number."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import Any, Protocol

from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.logger import Logger

_log = Logger()

ATTEMPTS = 20
"""How often a free port is looked for that is free on every address."""

_NOT_OURS = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


class TcpReactor(Protocol):
    """Twisted's IReactorTCP in terms that a type checker understands."""

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any: ...


class Listeners:
    """The open listening sockets of one API, all with the same port number."""

    def __init__(self, ports: list[Any]) -> None:
        self._ports = ports

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """The numeric hosts and ports."""
        return [(port.getHost().host, port.getHost().port) for port in self._ports]

    def close(self) -> Deferred[None]:
        """Accept no more connections."""
        closed = DeferredList([maybeDeferred(port.stopListening) for port in self._ports], consumeErrors=True)
        return closed.addCallback(lambda _: None)


def listen(reactor: TcpReactor, factory: Any, hosts: Sequence[str], port: int) -> Listeners:
    """Listen on every host; port 0 takes a number that is free on all of them.

    A host that this machine does not have (no IPv6, say) is left out, as long as one remains.

    @raise CannotListenError: a port is taken, or there is no host to listen on.
    """
    for attempt in range(ATTEMPTS):
        opened: list[Any] = []
        missing: CannotListenError | None = None
        for host in hosts:
            number = opened[0].getHost().port if opened else port
            try:
                opened.append(reactor.listenTCP(number, factory, interface=host))
            except CannotListenError as error:
                if getattr(error.socketError, "errno", None) in _NOT_OURS:
                    missing = error
                    _log.info("not listening on {host}: this machine does not have it", host=host)
                    continue
                Listeners(opened).close()
                if port != 0 or not opened or attempt == ATTEMPTS - 1:
                    raise
                break
        else:
            if missing is not None and not opened:
                raise missing
            return Listeners(opened)
    raise AssertionError("unreachable")
