"""Streams whose public address is known before a call needs them, where the configuration names a STUN server.

A few are kept ready: bound, asked about, and asked about again before a NAT forgets them. So a call has its address at
once, and a STUN server that is slow or gone delays nothing: a stream that has not got its answer is given out as it is.
During a call it is asked anew when the network has changed, through the engine's thread, which has the sockets then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import TypeAlias

from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.logger import Logger
from twisted.python.failure import Failure

from neon.media.engine import SOCKETS, SocketName, Stream
from neon.media.stun import ReaderReactor, ServedQuery, StunQuery
from neon.ports import MediaUnavailable, Timer
from neon.values import Address

_log = Logger()

READY = 2
"""So many are kept ready: a call, and one that comes while it begins."""

REFRESH = 20.0
"""Seconds until the address is asked for again, which keeps it ours; many NATs forget after 30."""

PAUSES = (1.0, 3.0, 9.0)
"""Seconds after which it is asked again on another network, which may carry nothing yet, while a call is up."""

FindServer: TypeAlias = Callable[[], "Deferred[Address]"]


class MappedPort:
    """One stream, and where its RTP and RTCP are seen from outside.

    While it is parked that is asked again and again. From L{serve} on the call's own packets keep it as it is, and it
    is asked anew when the network has changed (L{renew}). C{locating}: it is, and what was known counts no more.
    """

    def __init__(self, reactor: ReaderReactor, stream: Stream, find_server: FindServer) -> None:
        self.stream = stream
        self.rtp: Address | None = None
        self.rtcp: Address | None = None
        self.locating = False
        self._on_known: Callable[[], None] = lambda: None
        self._told = False
        self._served = False
        self._pauses: Iterator[float] = iter(())
        self._queries: dict[SocketName, ServedQuery] = {}
        self._reactor = reactor
        self._find_server = find_server
        self._asking: Deferred[tuple[Address, Address]] | None = None
        self._timer: Timer | None = None
        self._ask()

    def serve(self) -> None:
        """The engine's thread has the stream from now on."""
        self.release()
        self._served = True
        if self.locating:
            self._ask()

    def release(self) -> None:
        """The stream ends: ask no more."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        asking, self._asking = self._asking, None
        if asking is not None:
            asking.cancel()

    def renew(self, on_known: Callable[[], None]) -> None:
        """We are somewhere else now.

        C{on_known} is called when it is known where, or that nobody says; and again if somebody says it after all.
        """
        self.release()
        self.rtp = self.rtcp = None
        self.locating, self._told, self._on_known = True, False, on_known
        self._pauses = iter(PAUSES)
        self._ask()

    def heard(self, name: SocketName) -> None:
        """The engine has an answer to one of the sockets."""
        query = self._queries.get(name)
        if query is None:
            self.stream.take_answer(name)  # to a question that was given up
        else:
            query.heard()

    def _ask(self) -> None:
        asking = self._asking = Deferred.fromCoroutine(self._find())
        asking.addBoth(self._over, asking)

    async def _find(self) -> tuple[Address, Address]:
        server = await self._find_server()
        if self._served:
            self._queries = {name: ServedQuery(self._reactor, self.stream, name, server) for name in SOCKETS}
            queries = [query.answer for query in self._queries.values()]
        else:
            queries = [StunQuery(self._reactor, fd, server).answer for fd in self.stream.filenos()]
        rtp, rtcp = await gatherResults(queries, consumeErrors=True)
        return rtp, rtcp

    def _over(self, result: tuple[Address, Address] | Failure, asking: object) -> None:
        if asking is not self._asking:
            return  # given up
        self._asking = None
        self._queries = {}
        pause: float | None = None if self._served else REFRESH
        if isinstance(result, Failure):
            self._warn(result)
            pause = next(self._pauses, None) if self._served else REFRESH
        else:
            self.rtp, self.rtcp = result
        if pause is not None:
            self._timer = self._reactor.callLater(pause, self._ask)
        if self.locating or self._served:
            self.locating = False
            self._on_known()

    def _warn(self, failure: Failure) -> None:
        if self._told:
            return
        self._told = True
        reason = failure.value.subFailure if isinstance(failure.value, FirstError) else failure
        _log.warn("port {port}: the STUN server was no help: {reason}", port=self.stream.local_port,
                  reason=reason.getErrorMessage())  # fmt: skip


class MappedPorts:
    """The ones that are ready. C{open_stream} makes a parked stream; C{find_server} says where the server is."""

    def __init__(self, reactor: ReaderReactor, open_stream: Callable[[], Stream], find_server: FindServer) -> None:
        self._reactor = reactor
        self._open_stream = open_stream
        self._find_server = find_server
        self._ready: deque[MappedPort] = deque()
        self._running = False

    def start(self) -> None:
        """Begin to keep some ready; the engine has to run."""
        self._running = True
        self._fill()

    def stop(self) -> None:
        self._running = False
        self._empty()

    def renew(self) -> None:
        """We are somewhere else now: what was learnt is worth nothing."""
        self._empty()
        self._fill()

    def take(self) -> MappedPort:
        """The one that is ready first. @raise MediaUnavailable: no port is left."""
        port = next((port for port in self._ready if port.rtp is not None), None)
        if port is None:
            port = self._ready[0] if self._ready else self._make()
        if port in self._ready:
            self._ready.remove(port)
        self._reactor.callLater(0.0, self._fill)
        return port

    def _make(self) -> MappedPort:
        return MappedPort(self._reactor, self._open_stream(), self._find_server)

    def _fill(self) -> None:
        try:
            while self._running and len(self._ready) < READY:
                self._ready.append(self._make())
        except MediaUnavailable as error:
            _log.warn("no port is kept ready: {error}", error=str(error))

    def _empty(self) -> None:
        while self._ready:
            port = self._ready.popleft()
            port.release()
            port.stream.close()
