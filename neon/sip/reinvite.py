"""Our re-INVITEs: hold and resume (RFC 3261, section 14.1; RFC 3264, section 8.4; RFC 6337, section 5.3).

Whatever becomes of one, the call goes on: after a failure the session is as it was before. Two that cross (491)
are tried again after the random times of RFC 3261.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from sippy.SipResponse import SipResponse
from twisted.logger import Logger

from neon.ports import Timer
from neon.sip import messages
from neon.sip.dialog import Dialog
from neon.sip.negotiation import Negotiation
from neon.sip.sdp import SdpError
from neon.sip.stack import ClientTransaction, Stack
from neon.values import Cause, MediaAgreement, MediaDirection

_log = Logger()

ATTEMPTS = 8
"""So often one is sent before we give in to a far end that always says 491 or "later"."""

PATIENCE = 32.0
"""Seconds (64*T1) until one that got only provisional responses is cancelled."""

BUSY_INTERVAL = 0.5
LONGEST_RETRY_AFTER = 10
"""What RFC 3261, section 14.2 allows a 500 to ask for."""


class Reinvitation:
    """The re-INVITEs of one call, one after the other.

    C{first} says whether the Call-ID is ours, who waits longer at glare; C{blocked} whether an exchange of the far
    end's is not complete. Exactly one of C{accepted}, C{refused} and C{gone} (481: there is no dialog any more)
    follows L{start}, later, unless L{stop} is called.
    """

    def __init__(
        self,
        stack: Stack,
        *,
        first: bool,
        blocked: Callable[[], bool],
        accepted: Callable[[MediaAgreement], None],
        refused: Callable[[Cause], None],
        gone: Callable[[Cause], None],
    ) -> None:
        self._stack = stack
        self._first = first
        self._blocked = blocked
        self._accepted = accepted
        self._refused = refused
        self._gone = gone
        self._dialog: Dialog | None = None
        self._negotiation: Negotiation | None = None
        self._wish = MediaDirection.SENDRECV
        self._before = MediaDirection.SENDRECV
        self._attempts = 0
        self._transaction: ClientTransaction | None = None
        self._timer: Timer | None = None
        self._limit: Timer | None = None
        self._stopped = False
        self.pending = False
        """Whether one is on its way: those of the far end have to wait then (491)."""

    def start(self, dialog: Dialog, negotiation: Negotiation, wish: MediaDirection) -> None:
        """Ask for another direction of our audio."""
        self._dialog, self._negotiation, self._wish = dialog, negotiation, wish
        self._attempts = 0
        self._try()

    def stop(self) -> None:
        """Report nothing more; the call is ending."""
        self._stopped = True
        for timer in (self._timer, self._limit):
            if timer is not None and timer.active():
                timer.cancel()
        # One that only ever hears 100 would stay for as long as an INVITE may ring.
        if self.pending:
            self._give_up()

    def _try(self) -> None:
        if self._stopped:
            return
        if self._blocked():
            self._later(BUSY_INTERVAL)
            return
        assert self._dialog is not None and self._negotiation is not None
        self._attempts += 1
        negotiation = self._negotiation
        self._before, negotiation.direction = negotiation.direction, self._wish
        agreement = negotiation.agreement
        offered = self._wish
        if not offered.receives and agreement is not None and not agreement.direction.sends:
            offered = MediaDirection.INACTIVE  # they do not listen to us either
        host = self._stack.endpoint.local_address(self._dialog.home).host
        self.pending = True
        self._transaction = None
        self._limit = self._stack.clock.callLater(PATIENCE, self._give_up)
        self._dialog.send(
            "INVITE",
            self._answered,
            body=negotiation.offer(host, offered),
            headers=(*messages.ALLOW, ("Accept", "application/sdp")),
            on_sent=self._sent,
        )

    def _sent(self, transaction: ClientTransaction) -> None:
        self._transaction = transaction
        if self._stopped:
            self._give_up()

    def _give_up(self) -> None:
        if self._transaction is not None:
            self._transaction.cancel()

    def _answered(self, response: SipResponse) -> None:
        self.pending = False
        if self._limit is not None and self._limit.active():
            self._limit.cancel()
        if self._stopped:
            return
        assert self._dialog is not None and self._negotiation is not None
        status, reason = int(response.getSCode()[0]), str(response.getSCode()[1])
        if status < 300:
            self._dialog.refresh_target(response)
            self._read(response)
            return
        self._negotiation.direction = self._before
        delay = self._delay(status, response)
        if delay is not None and self._attempts < ATTEMPTS:
            _log.info("re-INVITE of {call_id}: {status}, again in {delay} s", call_id=self._dialog.call_id,
                      status=status, delay=delay)  # fmt: skip
            self._later(delay)
        elif status == 481:
            self._gone(Cause(status, reason))
        else:
            self._refused(Cause(status, reason))

    def _read(self, response: SipResponse) -> None:
        assert self._negotiation is not None
        answer = messages.description_of(response)
        try:
            if answer is None:
                raise SdpError("the answer to our re-INVITE has no session description")
            agreement = self._negotiation.read_answer(answer)
        except SdpError as error:
            self._negotiation.direction = self._before
            self._refused(Cause(488, str(error)))
        else:
            self._accepted(agreement)

    def _delay(self, status: int, response: SipResponse) -> float | None:
        """When to try again, None if that makes no sense."""
        if status == 491:
            # In units of 10 ms; whoever owns the Call-ID waits longer (RFC 3261, section 14.1).
            return random.randint(210, 400) / 100 if self._first else random.randint(0, 200) / 100
        if status == 500:
            for header in response.getHFs("retry-after"):
                seconds = re.match(r"\s*([0-9]{1,5})", str(header.body))
                if seconds is not None and int(seconds[1]) <= LONGEST_RETRY_AFTER:
                    return float(seconds[1])
        return None

    def _later(self, delay: float) -> None:
        self._timer = self._stack.clock.callLater(delay, self._try)
