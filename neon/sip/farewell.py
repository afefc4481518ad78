"""Ends the calls that an earlier life of the daemon left behind: BYE, or CANCEL for those that were still ringing.

Nobody listens to such a call any more; its far end, which may still be talking to us, is told, for as long as a
transaction of the old life could have lasted. A BYE that is challenged waits for the account whose password it needs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from sippy.SipResponse import SipResponse
from twisted.logger import Logger

from neon.ports import Timer
from neon.records import DialogRecord
from neon.sip import messages
from neon.sip.dialog import Dialog
from neon.sip.dialogrecord import dialog_of, request_of
from neon.sip.digest import DigestClient
from neon.sip.stack import Stack
from neon.values import Cause

WITHIN: Final = 32.0
"""Seconds (64*T1) after which a far end that did not answer is believed to be gone."""

AGAIN: Final = 2.0
"""Seconds between two tries that were refused for a reason which may go away."""

PER_SECOND: Final = 500
"""So many calls are ended in a second: a thousand of them must not leave in one burst."""

MAY_CHANGE: Final = frozenset({401, 403, 407, 500, 503, 504})
"""Refusals that a registration under way, or a proxy that starts itself, may overcome."""

UNANSWERED: Final = Cause(408, "the far end did not answer when its call was ended")

_log = Logger()


class Farewells:
    """The calls of before that are being ended; C{digest_for} finds the credentials of an account's URI."""

    def __init__(self, stack: Stack, digest_for: Callable[[str], DigestClient | None]) -> None:
        self._stack = stack
        self._digest_for = digest_for
        self._under_way: dict[tuple[str, str], _Farewell] = {}
        self._next_start = 0.0

    def end(self, account: str, record: DialogRecord, done: Callable[[Cause], None]) -> None:
        """End one; C{done} is called once, later, with what is left to say about it."""
        key = (record.sip_call_id, record.local_tag)

        def over(cause: Cause) -> None:
            del self._under_way[key]
            done(cause)

        farewell = _Farewell(self._stack, partial(self._digest_for, account), record, over)
        self._under_way[key] = farewell
        now = self._stack.clock.seconds()
        self._next_start = max(now, self._next_start) + 1 / PER_SECOND
        farewell.start(self._next_start - now - 1 / PER_SECOND)

    def knows(self, call_id: str) -> bool:
        """Whether a SIP Call-ID is one of these calls'."""
        return any(known == call_id for known, _ in self._under_way)

    def stray(self, response: SipResponse) -> bool:
        """A 2xx to an INVITE that nobody remembers: the answer that crossed our CANCEL. Whether it was one of these."""
        key = (messages.call_id_of(response), messages.tag_of(response, "from") or "")
        farewell = self._under_way.get(key)
        if farewell is None:
            return False
        farewell.answered_late(response)
        return True

    def stop(self) -> None:
        """Send nothing more; what was sent is retransmitted below for as long as there is a socket."""
        for farewell in list(self._under_way.values()):
            farewell.stop()
        self._under_way.clear()


class _Farewell:
    """One call."""

    def __init__(
        self,
        stack: Stack,
        digest: Callable[[], DigestClient | None],
        record: DialogRecord,
        over: Callable[[Cause], None],
    ) -> None:
        self._stack = stack
        self._digest = digest
        self._record = record
        self._over = over
        self._dialog: Dialog | None = None
        self._timer: Timer | None = None
        self._deadline: Timer | None = None
        self._done = False

    def start(self, delay: float) -> None:
        self._timer = self._stack.clock.callLater(delay, self._begin)

    def stop(self) -> None:
        self._done = True
        for timer in (self._timer, self._deadline):
            if timer is not None and timer.active():
                timer.cancel()

    def _begin(self) -> None:
        self._deadline = self._stack.clock.callLater(WITHIN, self._finish, UNANSWERED)
        self._attempt(self._cancel if self._record.branch else self._say_goodbye)

    def _attempt(self, send: Callable[[], None]) -> None:
        try:
            send()
        except Exception:
            # Nothing that another try would change: the record makes no message.
            _log.failure("a call of before could not be ended")
            self._finish(UNANSWERED)

    def _cancel(self) -> None:
        cancel = request_of(self._record, "CANCEL")
        self._stack.endpoint.send_request(cancel, self._record.home, self._cancel_answered)

    def _say_goodbye(self) -> None:
        cseq = self._record.local_cseq if self._dialog is None else self._dialog.local_cseq
        # Made anew: the account may have got its password meanwhile.
        self._dialog = dialog_of(self._record, self._stack, self._digest())
        self._dialog.local_cseq = cseq
        self._dialog.send("BYE", self._bye_answered)

    def _bye_answered(self, response: SipResponse) -> None:
        status = int(response.getSCode()[0])
        if status in MAY_CHANGE:
            self._again()
        else:
            # 200, 481, 404...: whatever it is, the dialog is gone (RFC 3261, section 15.1.1).
            self._finish(UNANSWERED if status == 408 else Cause())

    def _again(self) -> None:
        if not self._done:
            self._timer = self._stack.clock.callLater(AGAIN, self._attempt, self._say_goodbye)

    def _cancel_answered(self, response: SipResponse) -> None:
        if int(response.getSCode()[0]) < 200 or self._done:
            return
        if self._deadline is not None and self._deadline.active():
            # A 200 to the INVITE may be on its way, in which case L{answered_late} is called.
            self._deadline.reset(AGAIN)

    def answered_late(self, response: SipResponse) -> None:
        """It was answered before the CANCEL came: acknowledge, and hang up (RFC 3261, section 9.1)."""
        cseq = messages.cseq_of(response)
        if self._dialog is None:
            contact = dialog_of(self._record, self._stack, None).contact
            invite = request_of(self._record, "INVITE")
            dialog = Dialog.established(
                self._stack, invite, response, self._record.home, contact, self._digest()
            )
            self._dialog = dialog
            dialog.acknowledge(cseq)
            dialog.send("BYE", lambda final: self._finish(Cause()))
        else:
            self._dialog.acknowledge(cseq)

    def _finish(self, cause: Cause) -> None:
        if not self._done:
            # A ringing call that was cancelled has ended as it was meant to.
            self.stop()
            self._over(Cause() if self._record.branch else cause)
