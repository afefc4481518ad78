"""The attempts at one call: where the INVITE goes next when it failed, and what it asks for then (RFC 3261, 8.1.3).

A failure that says what is wrong is met: a password that is asked for, a longer session timer, a plainer offer, the
next server, a server that is busy for a moment, another target. Every one of these is bounded.
"""

from __future__ import annotations

from sippy.SipRequest import SipRequest
from sippy.SipResponse import SipResponse
from sippy.SipURL import SipURL

from neon.sip import messages
from neon.sip.digest import DigestClient
from neon.sip.modification import retry_after
from neon.sip.negotiation import Negotiation
from neon.sip.redirection import Redirection
from neon.sip.sessiontimer import SessionTimer
from neon.values import Destination

LONGEST_WAIT = 4
"""Seconds that a server which is busy for the moment (500, 503 with Retry-After) may make us wait, once."""


class Attempts:
    """What may be tried yet for one call.

    C{target} is the Request-URI of the next attempt. C{hops} are the addresses that it may go to, the first of them
    next; they are empty when the target is a new one. C{redirects} is whether a 3xx is followed.
    """

    def __init__(
        self,
        target: SipURL,
        negotiation: Negotiation,
        timer: SessionTimer,
        *,
        digest: DigestClient | None,
        redirects: bool,
    ) -> None:
        self.target = target
        self.hops: list[Destination] = []
        self._negotiation = negotiation
        self._timer = timer
        self._digest = digest
        self._redirects = redirects
        self._redirection = Redirection(target)
        self._waited = False

    def after(self, request: SipRequest, response: SipResponse, *, silent: bool = False) -> float | None:
        """In how many seconds to try again after this failure of the last attempt; None if the call has failed.

        C{silent}: nothing had come from the server, so a time-out is its own.
        """
        status = int(response.getSCode()[0])
        if self._may_ask_again(status, request, response):
            return 0.0
        if (status == 503 or (status == 408 and silent)) and len(self.hops) > 1:
            self.hops.pop(0)
            return 0.0
        wait = retry_after(response)
        if status in (500, 503) and wait is not None and wait <= LONGEST_WAIT and not self._waited:
            self._waited = True
            return float(wait)
        return 0.0 if self._redirect(status, response) else None

    def _may_ask_again(self, status: int, request: SipRequest, response: SipResponse) -> bool:
        """Whether the same server may take the same call, asked for differently; what has to change is changed then."""
        if status in (401, 407):
            return self._may_sign(request, response)
        if status == 422:
            return self._timer.raised(response)
        # Some fail over payload types and attributes that they could ignore.
        return status in (488, 606) and self._negotiation.simplify()

    def _may_sign(self, request: SipRequest, response: SipResponse) -> bool:
        """Credentials are only computed for whom the INVITE went to."""
        source = messages.source_of(response)
        return (
            self._digest is not None
            and source is not None
            and source[0] == self.hops[0].host.strip("[]")
            and self._digest.challenged(response, request)
        )

    def _redirect(self, status: int, response: SipResponse) -> bool:
        """Follow a redirection, or what is left of an earlier one; 6xx is said for all places (section 21.6)."""
        if status in (300, 301, 302) and self._redirects:
            self._redirection.add(response)
        target = self._redirection.next() if status < 600 else None
        if target is None:
            return False
        self.target = target
        self.hops.clear()
        return True
