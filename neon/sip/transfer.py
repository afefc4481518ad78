"""A transfer from our side: REFER, and what the far end then tells of its call (RFC 3515, RFC 3891, RFC 3892).

REFER makes a subscription within the dialog; its NOTIFYs carry the status line of the new call (C{message/sipfrag},
RFC 3420). A far end that accepts and then says nothing for 32 s is believed to have done it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote

from sippy.SipRequest import SipRequest
from sippy.SipResponse import SipResponse

from neon.ports import Timer
from neon.sip import messages
from neon.sip.dialog import Dialog
from neon.sip.stack import ClientTransaction, Stack
from neon.values import Cause

SILENCE = 32.0
"""Seconds after its 202 until a far end that sends no NOTIFY counts as done."""

NO_OUTCOME = Cause(0, "the far end told no outcome of the transfer")
TOO_LONG = Cause(408, "the far end told no outcome of the transfer in time")

_STATUS_LINE = re.compile(r"\s*SIP/2\.0[ \t]+([1-6][0-9]{2})(?:[ \t]+([^\r\n]{0,128}))?")
_PLAIN_URI = re.compile(r"sip:[^\s<>\"?,]{1,512}\Z")


def refer_to(uri: str, replaced: Dialog | None = None) -> str:
    """The value of Refer-To; with Replaces for whoever is at the other end of C{replaced}."""
    if replaced is None:
        return f"<{uri}>"
    # The tags as the recipient of the INVITE sees them (RFC 3891, section 3): its own first, which is our remote one.
    replaces = f"{replaced.call_id};to-tag={replaced.remote_tag};from-tag={replaced.local_tag}"
    target = str(replaced.remote_target)
    if not _PLAIN_URI.match(target):
        target = messages.bare(replaced.remote_target)
    return f"<{target}?Replaces={quote(replaces, safe='')}>"


class Referral:
    """The REFERs of one call, one after the other.

    Exactly one of C{done} and C{failed} follows L{start}, later, unless L{stop} is called.
    """

    def __init__(self, stack: Stack, *, done: Callable[[], None], failed: Callable[[Cause], None]) -> None:
        self._stack = stack
        self._done = done
        self._failed = failed
        self._numbers: set[int] = set()
        self._timer: Timer | None = None
        self._notified = False
        self.pending = False
        """Whether the outcome of one is waited for."""

    def start(self, dialog: Dialog, target: str) -> None:
        """Send the far end to C{target}, the value of a Refer-To."""
        self.pending, self._notified = True, False
        self._numbers.clear()

        def sent(transaction: ClientTransaction) -> None:
            self._numbers.add(dialog.local_cseq)

        referred_by = f"<{messages.bare(dialog.local.url)}>"
        headers = (("Refer-To", target), ("Referred-By", referred_by), *messages.ALLOW)
        dialog.send("REFER", self._answered, headers=headers, on_sent=sent)

    def stop(self) -> None:
        """Report nothing more; the call is ending."""
        self.pending = False
        self._cancel_timer()

    def notified(self, request: SipRequest) -> SipResponse:
        """Take a NOTIFY within the dialog; returns what to answer."""
        package, number = _event(request)
        if not self.pending or (number is not None and number not in self._numbers):
            return messages.build_response(request, 481)
        if package != "refer":
            return messages.build_response(request, 489, headers=(("Allow-Events", "refer"),))
        self._take(request)
        return messages.build_response(request, 200)

    def _take(self, request: SipRequest) -> None:
        terminated, lasts = _subscription(request)
        body = request.getBody()
        is_fragment = body is not None and body.getType().strip() == "message/sipfrag"
        line = _STATUS_LINE.match(str(body)) if is_fragment else None
        status = 100 if line is None else int(line[1])
        if 200 <= status < 300:
            self._end(self._done)
        elif status >= 300 and line is not None:
            cause = Cause(status, (line[2] or messages.REASONS.get(status, "")).strip())
            self._end(lambda: self._failed(cause))
        elif terminated:
            self._end(lambda: self._failed(NO_OUTCOME))
        else:
            self._notified = True
            self._wait(min(lasts, self._stack.settings.no_answer_seconds), lambda: self._failed(TOO_LONG))

    def _answered(self, response: SipResponse) -> None:
        if not self.pending:
            return  # a NOTIFY overtook the 202, or the call is ending
        status = int(response.getSCode()[0])
        if status >= 300:
            cause = Cause(status, str(response.getSCode()[1]))
            self._end(lambda: self._failed(cause))
        elif not self._notified:
            self._wait(SILENCE, self._done)

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        self._cancel_timer()
        self._timer = self._stack.clock.callLater(seconds, self._end, then)

    def _end(self, tell: Callable[[], None]) -> None:
        self.pending = False
        self._cancel_timer()
        # Not before the NOTIFY is answered: what follows may be our BYE.
        self._timer = self._stack.clock.callLater(0.0, tell)

    def _cancel_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None


def _event(request: SipRequest) -> tuple[str, int | None]:
    """The package of a NOTIFY, and the CSeq of the REFER it belongs to (RFC 3515, section 2.4.6)."""
    for header in request.getHFs("event"):
        package, *parameters = (part.strip() for part in str(header.body).split(";"))
        number = next((part[3:] for part in parameters if part[:3].lower() == "id="), "")
        return package.lower(), int(number) if re.match(r"[0-9]{1,10}\Z", number) else None
    return "", None


def _subscription(request: SipRequest) -> tuple[bool, float]:
    """Whether the subscription is over, and else how many seconds it lasts (RFC 6665, section 4.1.3)."""
    for header in request.getHFs("subscription-state"):
        state, *parameters = (part.strip().lower() for part in str(header.body).split(";"))
        seconds = next((part[8:] for part in parameters if part.startswith("expires=")), "")
        return state == "terminated", float(seconds) if re.match(r"[0-9]{1,6}\Z", seconds) else 60.0
    return False, 60.0
