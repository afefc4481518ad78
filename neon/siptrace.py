"""What goes over the wire, for whoever asks: in the log at debug level, and to neonctl while it fetches.

L{SipTrace.attach} decides who hears of an endpoint's messages, so that without a trace each costs no more than the
ladder does. All that leaves here is without credentials and media keys (L{neon.redaction}).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

from twisted.logger import Logger

from neon import redaction
from neon.ports import Clock, Timer
from neon.values import Destination

_log = Logger()

MAX_BYTES: Final = 4 << 20
"""What may wait to be fetched; the oldest goes first."""

FETCH_BYTES: Final = 256 << 10
"""What one answer brings."""

IDLE_SECONDS: Final = 15.0
"""Who has not fetched for so long has gone."""

Hook = Callable[[str, Destination, object], None]


class Traceable(Protocol):
    """What is needed of an endpoint (L{neon.sip.endpoint.Endpoint})."""

    trace: Hook | None

    def local_address(self, remote: Destination) -> Destination: ...


@dataclass(frozen=True, slots=True)
class Traced:
    """One message, the C{number}th of this trace, as it was let in or sent."""

    number: int
    at: datetime
    sent: bool
    local: Destination | None
    peer: Destination
    text: str


class SipTrace:
    """Sees the messages of the endpoints that are attached. C{ladder} hears of all of them, and is heard first."""

    def __init__(
        self,
        clock: Clock,
        ladder: Hook,
        *,
        logs: bool,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._clock = clock
        self._ladder = ladder
        self._logs = logs
        self._wall = wall
        self._endpoints: list[Traceable] = []
        self._idle: Timer | None = None
        self._kept: deque[Traced] = deque()
        self._bytes = 0
        self._number = 0

    def attach(self, endpoint: Traceable) -> None:
        """Hear of an endpoint's messages from now on."""
        self._endpoints.append(endpoint)
        self._choose(endpoint)

    def begin(self) -> int:
        """Trace from now on; returns the number of the last message so far, the place to L{fetch} from.

        A trace that nobody fetches ends by itself after L{IDLE_SECONDS}. Several may be fetching.
        """
        if self._idle is None:
            self._number = 0
            self._idle = self._clock.callLater(IDLE_SECONDS, self._end)
            for endpoint in self._endpoints:
                self._choose(endpoint)
        else:
            self._idle.reset(IDLE_SECONDS)
        return self._number

    def fetch(self, after: int) -> tuple[list[Traced], int]:
        """The messages behind number C{after}, as many as fit into one answer, and how many before them are lost."""
        self.begin()
        lost = max(0, self._kept[0].number - 1 - after) if self._kept else 0
        found: list[Traced] = []
        size = 0
        for one in self._kept:
            if one.number <= after:
                continue
            size += len(one.text)
            if found and size > FETCH_BYTES:
                break
            found.append(one)
        return found, lost

    def _end(self) -> None:
        self._idle = None
        self._kept.clear()
        self._bytes = 0
        for endpoint in self._endpoints:
            self._choose(endpoint)

    def _choose(self, endpoint: Traceable) -> None:
        if not self._logs and self._idle is None:
            endpoint.trace = self._ladder
            return

        def hook(direction: str, peer: Destination, message: object) -> None:
            self._ladder(direction, peer, message)
            self._see(endpoint, direction, peer, message)

        endpoint.trace = hook

    def _see(self, endpoint: Traceable, direction: str, peer: Destination, message: object) -> None:
        """Never raises: a message that cannot be shown must still be carried."""
        try:
            text = redaction.message(str(message))
            if self._logs:
                log = "SIP {direction} {host}:{port}\n{message}"
                _log.debug(log, direction=direction, host=peer.host, port=peer.port, message=text)
            if self._idle is not None:
                self._keep(endpoint, direction, peer, text)
        except Exception:
            _log.failure("a SIP message was not traced")

    def _keep(self, endpoint: Traceable, direction: str, peer: Destination, text: str) -> None:
        try:
            local = endpoint.local_address(peer)
        except Exception:  # there is no way to it any more
            local = None
        self._number += 1
        self._kept.append(Traced(self._number, self._wall(), direction == "->", local, peer, text))
        self._bytes += len(text)
        while self._bytes > MAX_BYTES:
            self._bytes -= len(self._kept.popleft().text)
