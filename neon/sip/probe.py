"""Notices that a silent registrar is back: an OPTIONS now and then, while the next REGISTER is a long time off.

A REGISTER every two minutes is polite to a server that is down, but a phone should be reachable half a minute
after it is up again. One OPTIONS transaction is heard for 32 s with a packet every 4 s at most, so a pause of 20 s
between two of them leaves no gap longer than that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from sippy.SipRequest import SipRequest
from sippy.SipResponse import SipResponse
from sippy.SipURL import SipURL
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from neon.ports import Clock, Timer
from neon.sip import messages
from neon.sip.transport import bracketed
from neon.values import AccountSettings, Destination

_log = Logger()

PAUSE = 20.0


class RequestSender(Protocol):
    """What registering needs of an Endpoint."""

    def local_address(self, remote: Destination) -> Destination: ...

    def reach(self, destination: Destination) -> Deferred[None]: ...

    def send_request(
        self, request: SipRequest, remote: Destination, on_response: Callable[[SipResponse], None]
    ) -> object: ...


def when_reached(
    endpoint: RequestSender,
    clock: Clock,
    destination: Destination,
    then: Callable[[], None],
    otherwise: Callable[[str], None],
) -> None:
    """Do something as soon as there is a way to a destination: now, for datagrams.

    C{otherwise} hears in words why there is none, never from inside this call.
    """
    endpoint.reach(destination).addCallbacks(
        lambda _: then(), lambda failure: clock.callLater(0.0, otherwise, failure.getErrorMessage())
    ).addErrback(lambda failure: _log.failure("nothing was sent to {destination}", failure, destination=destination))


class Probe:
    """Asks one address at a time until it answers, or until L{stop}."""

    def __init__(self, endpoint: RequestSender, clock: Clock, spread: Callable[[float], float]) -> None:
        """C{spread} varies a delay by chance, so that a thousand phones do not ask at once."""
        self._endpoint = endpoint
        self._clock = clock
        self._spread = spread
        self._timer: Timer | None = None
        self._asked: object = None

    def start(
        self,
        settings: AccountSettings,
        targets: tuple[Destination, ...],
        on_alive: Callable[[], None],
        pause: float = PAUSE,
    ) -> None:
        """Begin after a pause, in seconds; C{on_alive} is called once, and then the probe is stopped."""
        self.stop()
        if targets:
            self._timer = self._clock.callLater(self._spread(pause), self._ask, settings, targets, on_alive, pause)

    def stop(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        self._asked = None

    def _ask(
        self,
        settings: AccountSettings,
        targets: tuple[Destination, ...],
        on_alive: Callable[[], None],
        pause: float,
    ) -> None:
        self._timer = None
        self._asked = asked = object()

        def heard(response: SipResponse) -> None:
            if asked is not self._asked or response.getSCode()[0] < 200:
                return
            # Whatever it says, it is there; unless we said so ourselves, or it says that it is in trouble.
            if messages.source_of(response) is not None and response.getSCode()[0] < 500:
                self.stop()
                on_alive()
            else:
                self.start(settings, (*targets[1:], targets[0]), on_alive, pause)

        me = messages.named_address(SipURL(username=settings.number, host=bracketed(settings.domain)))
        request = messages.build_request(
            "OPTIONS",
            SipURL(host=bracketed(settings.domain), port=settings.port if settings.port != 5060 else None),
            sender=me,
            sender_tag=messages.new_tag(),
            to=me,
            to_tag=None,
            call_id=messages.new_call_id(),
            cseq=1,
            remote=targets[0],
            contact=messages.contact_url(None, self._endpoint.local_address(targets[0])),
            headers=(("Accept", "application/sdp"),),
        )
        self._endpoint.send_request(request, targets[0], heard)
