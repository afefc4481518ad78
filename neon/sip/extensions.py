"""What the two ends of a dialog can do beyond the bare protocol: option tags and methods.

RFC 3261, sections 19.2 (option tags), 20.5 (Allow), 20.32 (Require) and 20.37 (Supported).
"""

from __future__ import annotations

from typing import Final

from sippy.SipRequest import SipRequest
from sippy.SipResponse import SipResponse

from neon.sip import messages
from neon.sip.stack import CallSettings
from neon.values import ReliablePolicy

RELIABLE: Final = "100rel"
"""Provisional responses that are acknowledged (RFC 3262)."""

TIMER: Final = "timer"
"""Sessions that end when nobody refreshes them (RFC 4028)."""

REPLACES: Final = "replaces"
"""Calls that take the place of another one (RFC 3891)."""

KNOWN: Final = frozenset({RELIABLE, TIMER, REPLACES})
"""What may be required of an account; whether it is to be had from this one is decided when it is known which."""

MOST = 64
"""So many option tags or methods of a message are looked at."""


def understood(settings: CallSettings) -> frozenset[str]:
    """The option tags that a request may require of us."""
    tags = {TIMER, REPLACES}
    if settings.reliable is not ReliablePolicy.NO:
        tags.add(RELIABLE)
    return frozenset(tags)


def supported(settings: CallSettings) -> messages.Headers:
    """Supported, for every request and response that may begin or change a dialog."""
    return (("Supported", ", ".join(sorted(understood(settings)))),)


def capabilities(settings: CallSettings) -> messages.Headers:
    """What OPTIONS is told (RFC 3261, section 11.2)."""
    return (*messages.ALLOW, ("Accept", "application/sdp"), *supported(settings))


def words(message: SipRequest | SipResponse, header: str) -> frozenset[str]:
    """The tokens in all header fields of that name, in lower case; option tags and methods are tokens."""
    found: list[str] = []
    for field in message.getHFs(header):
        found.extend(word.strip().lower() for word in str(field.body).split(",", MOST)[:MOST])
    return frozenset(word for word in found[:MOST] if word)


class Peer:
    """What the far end of one dialog has said that it can do; what it says later counts."""

    def __init__(self) -> None:
        self._allowed: frozenset[str] = frozenset()
        self._refused: set[str] = set()

    def learn(self, message: SipRequest | SipResponse) -> None:
        """Take note of the Allow in a request or a response of the dialog; without one nothing changes."""
        if message.countHFs("allow"):
            self._allowed = words(message, "allow")

    def refused(self, method: str) -> None:
        """It does not serve the method after all (405, 501)."""
        self._refused.add(method.lower())

    def allows(self, method: str) -> bool:
        """Whether it has said that it serves the method."""
        return method.lower() in self._allowed and method.lower() not in self._refused
