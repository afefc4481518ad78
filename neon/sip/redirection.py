"""Where a redirected INVITE goes next: the Contacts of 3xx responses by preference, bounded, never twice to one place.

RFC 3261, sections 8.1.3.4 and 21.3; 305 and 380 are not followed.
"""

from __future__ import annotations

import re

from sippy.SipResponse import SipResponse
from sippy.SipURL import SipURL

from neon.sip import messages

MOST_REDIRECTIONS = 5
_Q = re.compile(r"(?:0(?:\.[0-9]{1,3})?|1(?:\.0{1,3})?)\Z")


class Redirection:
    """The targets that one call has seen and those that it may try yet."""

    def __init__(self, first: SipURL) -> None:
        self._seen = {_key(first)}
        self._untried: list[SipURL] = []
        self._followed = 0

    def add(self, response: SipResponse) -> None:
        """Take note of a 3xx: its Contacts come before those of earlier ones, the highest q first."""
        found: list[tuple[float, SipURL]] = []
        for body in response.getHFBodys("contact"):
            if body.asterisk or not messages.is_callable(body.getUrl()):
                continue
            url = body.getUrl().getCopy()
            # Header fields in the URI would become ours; nobody else's header goes into our INVITE.
            url.headers = url.method = url.maddr = url.ttl = None
            if _key(url) not in self._seen:
                self._seen.add(_key(url))
                q = body.getUri().getParam("q")
                found.append((float(q) if q is not None and _Q.match(q) else 1.0, url))
        found.sort(key=lambda item: -item[0])  # stable: equals keep their order
        self._untried[:0] = [url for _, url in found]

    def next(self) -> SipURL | None:
        """The next target, None if there is none or the call has been sent around often enough."""
        if not self._untried or self._followed >= MOST_REDIRECTIONS:
            return None
        self._followed += 1
        return self._untried.pop(0)


def _key(url: SipURL) -> tuple[str | None, str, int]:
    return url.username, str(url.host).lower(), url.port or 5060
