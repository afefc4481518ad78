"""Our requests that change or refresh a session: re-INVITE and UPDATE (RFC 3261, section 14.1; RFC 3311).

They leave one after the other. Whatever becomes of one, the call goes on: after a failure the session is as it was
before. Two that cross (491) are tried again after the random times of RFC 3261.
"""

from __future__ import annotations

import random
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from sippy.SipResponse import SipResponse
from twisted.logger import Logger

from neon.ports import Timer
from neon.sip import extensions, messages
from neon.sip.dialog import Dialog
from neon.sip.negotiation import Negotiation
from neon.sip.sdp import SdpError
from neon.sip.sessiontimer import SessionTimer
from neon.sip.stack import ClientTransaction, Stack
from neon.values import Cause, MediaAgreement, MediaDirection

_log = Logger()

ATTEMPTS = 8
"""So often one is sent before we give in to a far end that always says 491 or "later"."""

PATIENCE = 32.0
"""Seconds (64*T1) until a re-INVITE that got only provisional responses is cancelled."""

BUSY_INTERVAL = 0.5
LONGEST_RETRY_AFTER = 10
"""What RFC 3261, section 14.2 allows a 500 to ask for."""

NOT_SERVED = frozenset((405, 415, 420, 501))
"""Says that UPDATE is not served after all."""


@dataclass(frozen=True, slots=True)
class Change:
    """What one request is to do to the session of C{dialog}.

    C{wish} is the direction of our audio from then on, None as it is. C{offer} False asks for no change of the media:
    an UPDATE then has no body. C{early}: the dialog has no final response yet, so only UPDATE can do it. Exactly one
    of C{accepted} (with the agreement, if media were spoken of) and C{refused} follows, later.
    """

    dialog: Dialog
    negotiation: Negotiation
    accepted: Callable[[MediaAgreement | None], None]
    refused: Callable[[Cause], None]
    wish: MediaDirection | None = None
    offer: bool = True
    early: bool = False


class Modification:
    """The re-INVITEs and UPDATEs of one call.

    C{first} says whether the Call-ID is ours, who waits longer at glare; C{blocked} whether an exchange of the far
    end's is not complete; C{gone} hears that there is no dialog any more (481). After L{stop} nothing is reported.
    """

    def __init__(
        self,
        stack: Stack,
        timer: SessionTimer,
        *,
        first: bool,
        blocked: Callable[[], bool],
        gone: Callable[[Cause], None],
    ) -> None:
        self._stack = stack
        self._session_timer = timer
        self._first = first
        self._blocked = blocked
        self._gone = gone
        self._waiting: deque[Change] = deque()
        self._change: Change | None = None
        self._before = MediaDirection.SENDRECV
        self._method = "INVITE"
        self._describes = True
        self._attempts = 0
        self._transaction: ClientTransaction | None = None
        self._timer: Timer | None = None
        self._limit: Timer | None = None
        self._stopped = False
        self._on_its_way = False

    @property
    def inviting(self) -> bool:
        """Whether a re-INVITE of ours is on its way: those of the far end have to wait then (491)."""
        return self._on_its_way and self._method == "INVITE"

    @property
    def offering(self) -> bool:
        """Whether an offer of ours waits for its answer."""
        return self._on_its_way and self._describes

    def start(self, change: Change) -> None:
        """Make this change, after those that were asked for before."""
        self._waiting.append(change)
        if self._change is None:
            self._next()

    def stop(self) -> None:
        """Report nothing more; the call is ending."""
        self._stopped = True
        self._waiting.clear()
        self._cancel_timers()
        # One that only ever hears 100 would stay for as long as an INVITE may ring.
        if self._on_its_way:
            self._give_up()

    def _next(self) -> None:
        if self._waiting and not self._stopped:
            self._change = self._waiting.popleft()
            self._attempts = 0
            self._try()

    def _try(self) -> None:
        change = self._change
        if self._stopped or change is None:
            return
        if self._blocked():
            self._later(BUSY_INTERVAL)
            return
        self._attempts += 1
        self._method = "UPDATE" if self._by_update(change) else "INVITE"
        # A re-INVITE without an offer would ask for one.
        self._describes = change.offer or self._method == "INVITE"
        self._on_its_way, self._transaction = True, None
        if self._method == "INVITE":
            self._limit = self._stack.clock.callLater(PATIENCE, self._give_up)
        change.dialog.send(
            self._method,
            self._answered,
            body=self._describe(change) if self._describes else None,
            headers=(
                *messages.ALLOW,
                ("Accept", "application/sdp"),
                *extensions.supported(self._stack.settings),
                *self._session_timer.continuing(),
            ),
            on_sent=self._sent,
        )

    def _by_update(self, change: Change) -> bool:
        """RFC 3311, section 5.1 recommends re-INVITE where both can be: a person may have to consent to new media."""
        return change.early or (not change.offer and change.dialog.peer.allows("UPDATE"))

    def _describe(self, change: Change) -> str:
        negotiation = change.negotiation
        self._before = negotiation.direction
        if change.wish is not None:
            negotiation.direction = change.wish
        offered, agreement = negotiation.direction, negotiation.agreement
        if not offered.receives and agreement is not None and not agreement.direction.sends:
            offered = MediaDirection.INACTIVE  # they do not listen to us either
        return negotiation.offer(self._stack.endpoint.local_address(change.dialog.home).host, offered)

    def _sent(self, transaction: ClientTransaction) -> None:
        self._transaction = transaction
        if self._stopped:
            self._give_up()

    def _give_up(self) -> None:
        if self._transaction is not None:
            self._transaction.cancel()

    def _answered(self, response: SipResponse) -> None:
        self._on_its_way = False
        if self._limit is not None and self._limit.active():
            self._limit.cancel()
        change = self._change
        if self._stopped or change is None:
            return
        status, reason = int(response.getSCode()[0]), str(response.getSCode()[1])
        if status < 300:
            change.dialog.refresh_target(response)
            change.dialog.peer.learn(response)
            if not change.early:
                self._session_timer.accepted(response)
            self._read(change, response)
            return
        if self._describes:
            change.negotiation.direction = self._before
        delay = self._delay(change, status, response)
        if delay is not None and self._attempts < ATTEMPTS:
            _log.info("{method} of {call_id}: {status}, again in {delay} s", method=self._method,
                      call_id=change.dialog.call_id, status=status, delay=delay)  # fmt: skip
            self._later(delay)
        elif status == 481 and not change.early:
            self._change = None
            self._gone(Cause(status, reason))
        else:
            self._end(lambda: change.refused(Cause(status, reason)))

    def _read(self, change: Change, response: SipResponse) -> None:
        if not self._describes:
            self._end(lambda: change.accepted(None))
            return
        answer = messages.description_of(response)
        try:
            if answer is None:
                raise SdpError(f"the answer to our {self._method} has no session description")
            agreement = change.negotiation.read_answer(answer)
        except SdpError as error:
            cause = Cause(488, str(error))
            change.negotiation.direction = self._before
            self._end(lambda: change.refused(cause))
        else:
            self._end(lambda: change.accepted(agreement))

    def _end(self, tell: Callable[[], None]) -> None:
        """This change is done; what is told may ask for the next."""
        self._change = None
        tell()
        if self._change is None:
            self._next()

    def _delay(self, change: Change, status: int, response: SipResponse) -> float | None:
        """When to try again, None if that makes no sense."""
        if status == 491:
            # In units of 10 ms; whoever owns the Call-ID waits longer (RFC 3261, section 14.1).
            return random.randint(210, 400) / 100 if self._first else random.randint(0, 200) / 100
        if status == 422 and self._session_timer.raised(response):
            return 0.0
        if status in NOT_SERVED and self._method == "UPDATE" and not change.early:
            change.dialog.peer.refused("UPDATE")
            return 0.0
        if status == 500:
            seconds = retry_after(response)
            if seconds is not None and seconds <= LONGEST_RETRY_AFTER:
                return float(seconds)
        return None

    def _later(self, delay: float) -> None:
        self._timer = self._stack.clock.callLater(delay, self._try)

    def _cancel_timers(self) -> None:
        for timer in (self._timer, self._limit):
            if timer is not None and timer.active():
                timer.cancel()


def retry_after(response: SipResponse) -> int | None:
    """The seconds in Retry-After, None if there are none."""
    for header in response.getHFs("retry-after"):
        seconds = re.match(r"\s*([0-9]{1,9})", str(header.body))
        if seconds is not None:
            return int(seconds[1])
    return None
