"""Keeps the way back open through a NAT: a packet now and then to the servers that must be able to reach us.

Over UDP two line ends, as RFC 5626, section 3.5.1 has them for streams (most servers know them over UDP too); a STUN
binding request (section 3.5.2) or an OPTIONS instead where the configuration says so. Connections keep themselves
alive. One timer serves all accounts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from sippy.SipRequest import SipRequest
from sippy.SipResponse import SipResponse
from sippy.SipURL import SipURL
from twisted.logger import Logger

from neon.ports import Clock, Timer
from neon.sip import messages
from neon.stunmessage import binding_request, new_transaction
from neon.values import Destination

_log = Logger()

INTERVAL = 25.0
"""Seconds; many NATs forget a UDP binding after 30."""

PING = b"\r\n\r\n"


class Sender(Protocol):
    """What is needed of an Endpoint."""

    def local_address(self, remote: Destination) -> Destination: ...

    def path(self, destination: Destination) -> Any: ...

    def send_request(
        self, request: SipRequest, remote: Destination, on_response: Callable[[SipResponse], None]
    ) -> object: ...


def beat(endpoint: Sender, way: str, destination: Destination) -> None:
    """Send one keep-alive; C{way} is C{crlf}, C{stun} or C{options}. What comes back need not be heard."""
    if way == "options":
        us, them = endpoint.local_address(destination), messages.uri_host(destination.host)
        request = messages.build_request(
            "OPTIONS",
            SipURL(host=them, port=destination.port),
            sender=messages.named_address(SipURL(host=messages.uri_host(us.host), port=us.port)),
            sender_tag=messages.new_tag(),
            to=messages.named_address(SipURL(host=them, port=destination.port)),
            to_tag=None,
            call_id=messages.new_call_id(),
            cseq=1,
            remote=destination,
            contact=messages.contact_url(None, us),
        )
        endpoint.send_request(request, destination, lambda response: None)
    else:
        data = binding_request(new_transaction()) if way == "stun" else PING
        endpoint.path(destination).send_to(data, destination)


class KeepAlive:
    """Sends to every destination that somebody holds. C{send} is the way that it is done."""

    def __init__(self, clock: Clock, send: Callable[[Destination], None], interval: float = INTERVAL) -> None:
        self._clock = clock
        self._send = send
        self._interval = interval
        self._held: dict[object, Destination] = {}
        self._timer: Timer | None = None

    def hold(self, owner: object, destination: Destination) -> None:
        """Keep the way from there open until L{release}; an owner has one destination at a time."""
        self._held[owner] = destination
        if self._timer is None:
            self._timer = self._clock.callLater(self._interval, self._beat)

    def release(self, owner: object) -> None:
        """That owner needs it no longer, if it ever did."""
        self._held.pop(owner, None)
        if not self._held and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _beat(self) -> None:
        self._timer = self._clock.callLater(self._interval, self._beat)
        for destination in dict.fromkeys(self._held.values()):
            try:
                self._send(destination)
            except Exception as error:
                # No route at the moment: the next beat, or the news of the network, will see to it.
                _log.debug("{destination} was not kept alive: {error}", destination=str(destination), error=str(error))
