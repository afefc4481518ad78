"""Provisional responses that arrive: 100rel and PRACK, both sides (RFC 3262).

Without it a 180 may be lost on UDP, and an answer in a 183 binds nobody. Whether we use it is a setting
(L{neon.values.ReliablePolicy}).
"""

from __future__ import annotations

import re
import secrets
from collections import deque
from collections.abc import Callable

from sippy.SipRequest import SipRequest
from sippy.SipResponse import SipResponse
from twisted.logger import Logger

from neon.ports import Clock, Timer
from neon.sip import extensions, messages
from neon.sip.stack import CallSettings, ServerTransaction
from neon.sip.written import WrittenResponse
from neon.values import ReliablePolicy

_log = Logger()

T1 = 0.5
LONGEST = 64 * T1
"""Seconds that a PRACK is waited for (section 3)."""

MOST_ACKNOWLEDGED = 64
"""So many reliable responses of one early dialog get their PRACK: each is repeated to wherever the far end says."""

MOST_WAITING = 8
"""So many responses wait for the one before to be acknowledged; more are not worth keeping."""

_RSEQ = re.compile(r"\s*([0-9]{1,10})\s*\Z")
_RACK = re.compile(r"\s*([0-9]{1,10})\s+([0-9]{1,10})\s+([A-Za-z]{1,20})\s*\Z")


# The caller's side


def sequence_of(response: SipResponse) -> int | None:
    """The RSeq of a provisional response that wants a PRACK, None for any other."""
    if extensions.RELIABLE not in extensions.words(response, "require"):
        return None
    for field in response.getHFs("rseq"):
        number = _RSEQ.match(str(field.body))
        if number is not None and 0 < int(number[1]) < 1 << 32:
            return int(number[1])
    return None


def acknowledgement(response: SipResponse, sequence: int) -> messages.Headers:
    """What the PRACK for it says (section 7.2)."""
    return (("RAck", f"{sequence} {messages.cseq_of(response)} INVITE"),)


class Sequence:
    """The order in which the reliable responses of one early dialog count (section 4)."""

    def __init__(self) -> None:
        self._last: int | None = None
        self._count = 0

    def is_next(self, number: int) -> bool:
        """Whether a response is new and in its turn.

        One that we know is a retransmission, whose PRACK is on its way. One that came too early is as good as
        lost: it comes again.
        """
        if (self._last is not None and number != self._last + 1) or self._count >= MOST_ACKNOWLEDGED:
            return False
        self._last = number
        self._count += 1
        return True


# The callee's side


def is_wanted(request: SipRequest, settings: CallSettings) -> bool:
    """Whether an INVITE is answered reliably: where the caller requires it, or where it can and we prefer it."""
    if settings.reliable is ReliablePolicy.NO:
        return False
    if extensions.RELIABLE in extensions.words(request, "require"):
        return True
    eager = settings.reliable in (ReliablePolicy.PREFERRED, ReliablePolicy.REQUIRED)
    return eager and extensions.RELIABLE in extensions.words(request, "supported")


def lacking(request: SipRequest, settings: CallSettings) -> SipResponse | None:
    """The 421 for an INVITE of somebody who cannot what we insist on (section 3), or the 420 for one that insists on
    what we do not do; None if all is well.
    """
    if settings.reliable is ReliablePolicy.NO and extensions.RELIABLE in extensions.words(request, "require"):
        return messages.build_response(request, 420, headers=(("Unsupported", extensions.RELIABLE),))
    if settings.reliable is not ReliablePolicy.REQUIRED or is_wanted(request, settings):
        return None
    return messages.build_response(request, 421, headers=(("Require", extensions.RELIABLE),))


class ReliableResponses:
    """Our provisional responses to one INVITE: each again until its PRACK, the next one only then.

    C{never_acknowledged} is called when one had none for 32 s.
    """

    def __init__(
        self,
        clock: Clock,
        request: SipRequest,
        transaction: ServerTransaction,
        never_acknowledged: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._cseq = messages.cseq_of(request)
        self._transaction = transaction
        self._never_acknowledged = never_acknowledged
        self._number = secrets.randbelow((1 << 31) - 1)
        self._waiting: deque[SipResponse] = deque()
        self._under_way: SipResponse | None = None
        self._acknowledged = True
        self._began = 0.0
        self._timer: Timer | None = None

    @property
    def pending(self) -> bool:
        """Whether a PRACK is waited for."""
        return self._under_way is not None

    def send(self, response: WrittenResponse) -> None:
        """Send a provisional response, or keep it until the one before is acknowledged and L{proceed} is said."""
        if self._under_way is not None:
            if len(self._waiting) < MOST_WAITING:
                self._waiting.append(response)
            return
        self._number += 1
        self._acknowledged = False
        response.add("Require", extensions.RELIABLE)
        response.add("RSeq", str(self._number))
        self._under_way, self._began = response, self._clock.seconds()
        self._transmit(T1)

    def _transmit(self, interval: float) -> None:
        response = self._under_way
        if response is None:
            return
        if self._clock.seconds() - self._began >= LONGEST:
            self.stop()
            self._never_acknowledged()
            return
        self._transaction.respond(response)
        left = self._began + LONGEST - self._clock.seconds()
        self._timer = self._clock.callLater(min(interval, left), self._transmit, 2 * interval)

    def acknowledge(self, prack: SipRequest) -> bool:
        """Take a PRACK; False (481) if it is for nothing of ours, or came before."""
        for field in prack.getHFs("rack"):
            numbers = _RACK.match(str(field.body))
            if numbers is None or self._acknowledged:
                return False
            if (int(numbers[1]), int(numbers[2]), numbers[3].upper()) != (self._number, self._cseq, "INVITE"):
                return False
            self._acknowledged = True
            self._under_way = None
            self._cancel_timer()
            return True
        return False

    def proceed(self) -> None:
        """Send the next that waits, if its turn has come: the PRACK of the one before is answered."""
        if self._under_way is None and self._waiting:
            self.send(self._waiting.popleft())

    def stop(self) -> None:
        """Send nothing again: the final response is out. A PRACK that is under way still finds its response."""
        self._cancel_timer()
        self._under_way = None
        self._waiting.clear()

    def _cancel_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
