"""Streams whose public address is known before a call needs them, where the configuration names a STUN server.

A few are kept ready: bound, asked about, and asked about again before a NAT forgets them. So a call has its address at
once, and a STUN server that is slow or gone delays nothing: a stream that has not got its answer is given out as it is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TypeAlias

from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.logger import Logger
from twisted.python.failure import Failure

from neon.media.engine import Stream
from neon.media.stun import ReaderReactor, StunQuery
from neon.ports import MediaUnavailable, Timer
from neon.values import Address

_log = Logger()

READY = 2
"""So many are kept ready: a call, and one that comes while it begins."""

REFRESH = 20.0
"""Seconds until the address is asked for again, which keeps it ours; many NATs forget after 30."""

FindServer: TypeAlias = Callable[[], "Deferred[Address]"]


class MappedPort:
    """One parked stream, and where its RTP and RTCP are seen from outside."""

    def __init__(self, reactor: ReaderReactor, stream: Stream, find_server: FindServer) -> None:
        self.stream = stream
        self.rtp: Address | None = None
        self.rtcp: Address | None = None
        self._told = False
        self._released = False
        self._reactor = reactor
        self._find_server = find_server
        self._asking: Deferred[None] | None = None
        self._timer: Timer | None = None
        self._ask()

    def release(self) -> None:
        """The stream begins, or ends: ask no more."""
        self._released = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        if self._asking is not None:
            self._asking.cancel()

    def _ask(self) -> None:
        self._asking = Deferred.fromCoroutine(self._find())
        self._asking.addErrback(self._not_found).addBoth(self._again)

    async def _find(self) -> None:
        server = await self._find_server()
        queries = [StunQuery(self._reactor, fd, server).answer for fd in self.stream.filenos()]
        self.rtp, self.rtcp = await gatherResults(queries, consumeErrors=True)

    def _not_found(self, failure: Failure) -> None:
        if self._released or self._told:
            return
        self._told = True
        reason = failure.value.subFailure if isinstance(failure.value, FirstError) else failure
        _log.warn("port {port}: the STUN server was no help: {reason}", port=self.stream.local_port,
                  reason=reason.getErrorMessage())  # fmt: skip

    def _again(self, _: object) -> None:
        self._asking = None
        if not self._released:
            self._timer = self._reactor.callLater(REFRESH, self._ask)


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
