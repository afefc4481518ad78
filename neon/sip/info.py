"""Digits in INFO requests: C{application/dtmf-relay} both ways, C{application/dtmf} as we hear it.

Neither has an RFC; both are older than info packages (RFC 6086, section 2) and what PBXs speak::

    Signal=5
    Duration=100
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from typing import Final, TypeAlias

from sippy.SipRequest import SipRequest
from sippy.SipResponse import SipResponse
from twisted.logger import Logger

from neon.sip import messages
from neon.sip.dialog import OnResponse

_log = Logger()

RELAY: Final = "application/dtmf-relay"
PLAIN: Final = "application/dtmf"
ACCEPTED: messages.Headers = (("Accept", f"{RELAY}, {PLAIN}"),)

DIGITS: Final = "0123456789*#ABCD"
"""By the numbers that RFC 4733 gives them, which some senders write instead of C{*} and C{#}."""

_SIGNAL = re.compile(r"^\s*signal\s*=\s*([0-9]{1,2}|[*#A-D])\s*$", re.IGNORECASE | re.MULTILINE)
_PLAIN = re.compile(r"\s*([0-9]{1,2}|[*#A-D])\s*\Z", re.IGNORECASE)

SendInfo: TypeAlias = Callable[[str, OnResponse], None]


def write_digit(digit: str, duration_ms: int) -> str:
    """The body of an INFO with one digit."""
    return f"Signal={digit}\r\nDuration={duration_ms}\r\n"


def read_digit(kind: str, body: str) -> str | None:
    """The digit in a body of one of the two types, None if there is none (a hook flash, an unknown signal)."""
    found = _SIGNAL.search(body) if kind == RELAY else _PLAIN.match(body)
    if found is None:
        return None
    signal = found[1].upper()
    if len(signal) == 1 and signal in DIGITS:
        return signal
    return DIGITS[int(signal)] if int(signal) < len(DIGITS) else None


def answer_info(request: SipRequest, heard: Callable[[str], None]) -> SipResponse:
    """The answer to an INFO within a dialog; C{heard} is told of a digit.

    An empty INFO is a keep-alive; no info package was agreed on (RFC 6086, section 4.2.2: 469); other bodies are
    for nobody here (415).
    """
    if request.countHFs("info-package"):
        return messages.build_response(request, 469, headers=(("Recv-Info", ""),))
    body = request.getBody()
    if body is None:
        return messages.build_response(request, 200)
    kind = body.getType().strip()
    if kind not in (RELAY, PLAIN):
        return messages.build_response(request, 415, headers=ACCEPTED)
    digit = read_digit(kind, str(body))
    if digit is not None:
        heard(digit)
    return messages.build_response(request, 200)


class DigitSender:
    """Sends digits by INFO, each when the one before was answered, so that they cannot overtake each other.

    C{refused} gets those that the far end does not want this way, also later ones; never from inside L{send}.
    """

    def __init__(self, send: SendInfo, refused: Callable[[str], None]) -> None:
        self._send = send
        self._refused = refused
        self._waiting: deque[tuple[str, int]] = deque()
        self._under_way = False
        self._stopped = False

    def send(self, digit: str, duration_ms: int) -> None:
        self._waiting.append((digit, duration_ms))
        if not self._under_way:
            self._next()

    def stop(self) -> None:
        """Forget what waits."""
        self._stopped = True
        self._waiting.clear()

    def _next(self) -> None:
        if not self._waiting or self._stopped:
            return
        self._under_way = True
        self._send(write_digit(*self._waiting[0]), self._answered)

    def _answered(self, response: SipResponse) -> None:
        self._under_way = False
        if self._stopped:
            return
        status = int(response.getSCode()[0])
        if status in (408, 481):
            # Nobody is there: what was typed half a minute ago means nothing any more.
            _log.warn("{count} digits were lost: {status}", count=len(self._waiting), status=status)
            self._waiting.clear()
        elif status >= 300:
            digits = "".join(digit for digit, _ in self._waiting)
            self._waiting.clear()
            self._refused(digits)
        else:
            self._waiting.popleft()
            self._next()
