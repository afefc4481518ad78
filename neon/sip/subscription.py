"""One subscription to an event package, kept alive (RFC 6665): SUBSCRIBE, its refreshes, its NOTIFYs, its end.

A L{Subscription} is always in one of these situations: a SUBSCRIBE is under way, it is active (a timer will refresh
it), it waits to try again, it was given up because the notifier will not have it, or it is stopped. A notifier may
send its first NOTIFY before the 2xx to our SUBSCRIBE; it is the NOTIFY that makes the dialog.
"""

from __future__ import annotations

import random as _random
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from sippy.SipRequest import SipRequest
from sippy.SipResponse import SipResponse
from sippy.SipURL import SipURL
from twisted.logger import Logger

from neon.ports import Timer
from neon.sip import binding, messages
from neon.sip.dialog import Dialog
from neon.sip.stack import ServerTransaction, Stack
from neon.sip.uac import Caller
from neon.values import Cause, Destination

EXPIRES: Final = 3600
"""The lifetime that is asked for, in seconds (the default of RFC 4235; RFC 3842 has none)."""

BACK_OFF: Final = (2.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0)
JITTER: Final = 0.25

NOTIFY_WITHIN: Final = 32.0
"""Timer N (64*T1): without a NOTIFY by then a subscription that was accepted is none."""

LINGER: Final = 5.0
"""Seconds in which the NOTIFY that follows our farewell is still answered."""

HOPELESS: Final = frozenset({401, 403, 404, 405, 406, 407, 410, 416, 420, 485, 489, 501, 505})
"""What will not be different next time; 6xx neither."""

FINAL_REASONS: Final = frozenset({"rejected", "noresource", "invariant"})
AT_ONCE: Final = frozenset({"deactivated", "timeout"})

_NUMBER: Final = re.compile(r"\s*(\d{1,9})\s*\Z")

_log = Logger()


@dataclass(frozen=True, slots=True)
class Wish:
    """What to subscribe to: an event package of somebody's, and the body that is understood."""

    package: str
    accept: str
    target: SipURL


Table = dict[tuple[str, str], "Subscription"]
"""The subscriptions by Call-ID and our tag, for who routes NOTIFYs."""


class Subscription:
    """C{way} says as whom and by which way, None while nobody knows. C{heard} gets each body as bytes with its type,
    both empty where there is none.

    C{lost} is called when there is nothing to be expected for now, with the reason in words; never twice in a row.
    """

    def __init__(
        self,
        stack: Stack,
        table: Table,
        wish: Wish,
        way: Callable[[], Caller | None],
        heard: Callable[[str, bytes], None],
        lost: Callable[[Cause], None],
        *,
        random: Callable[[], float] = _random.random,
    ) -> None:
        self._stack = stack
        self._table = table
        self._wish = wish
        self._way = way
        self._heard = heard
        self._lost = lost
        self._random = random
        self._key = ("", "")
        self._caller: Caller | None = None
        self._hops: list[Destination] = []
        self._cseq = 0
        self._asked = EXPIRES
        self._raised = 0
        self._failures = 0
        self._dialog: Dialog | None = None
        self._notified = False
        self._token: object = object()
        self._timer: Timer | None = None
        self._told_lost = False
        self._stopped = False
        self.given_up = False
        """Whether the notifier has said that it never will."""

    @property
    def active(self) -> bool:
        """Whether a NOTIFY has come, and the subscription has not ended since."""
        return self._notified and not self._stopped

    # What the owner asks for

    def start(self) -> None:
        """Subscribe, whatever was before."""
        if self._stopped:
            return
        self._forget()
        self.given_up = False
        caller = self._way()
        if caller is None or not caller.hops:
            self._later(self._back_off())
            return
        self._caller, self._hops = caller, list(caller.hops)
        self._key = (messages.new_call_id(), messages.new_tag())
        self._cseq = self._raised = 0
        self._table[self._key] = self
        self._subscribe()

    def check(self) -> None:
        """The account was registered anew: our Contact may be another one, or the notifier have forgotten us."""
        if self.active and self._dialog is not None and (caller := self._way()) is not None:
            self._caller = caller
            self._dialog.contact = caller.contact(self._dialog.home)
            self._refresh()
        else:
            self._failures = 0
            self.start()

    def refresh(self) -> None:
        """Ask for the whole state."""
        if self.active:
            self._refresh()

    def stop(self) -> None:
        """Unsubscribe."""
        if self._stopped:
            return
        self._stopped = True
        self._cancel()
        self._token = object()
        if self._dialog is not None:
            self._dialog.send("SUBSCRIBE", lambda response: None, headers=self._headers(0))
        # Also where our SUBSCRIBE is unanswered: its NOTIFY is refused then, which ends it as well.
        self._timer = self._stack.clock.callLater(LINGER, self._forget)

    # SUBSCRIBE

    def _headers(self, expires: int) -> messages.Headers:
        accept = ("Accept", self._wish.accept)
        return (("Event", self._wish.package), accept, ("Expires", str(expires)), *messages.ALLOW)

    def _subscribe(self) -> None:
        assert self._caller is not None
        remote = self._hops[0]
        self._cseq += 1
        request = messages.build_request(
            "SUBSCRIBE",
            self._wish.target,
            sender=self._caller.address,
            sender_tag=self._key[1],
            to=messages.named_address(self._wish.target),
            to_tag=None,
            call_id=self._key[0],
            cseq=self._cseq,
            remote=remote,
            contact=self._caller.contact(remote),
            routes=self._caller.routes,
            headers=self._headers(self._asked),
        )
        if self._caller.digest is not None:
            self._caller.digest.authorize(request)
        token = self._token = object()
        self._stack.endpoint.send_request(request, remote, partial(self._answered, token, request, remote))
        self._set_timer(NOTIFY_WITHIN + 1.0, self._unnotified)

    def _answered(self, token: object, request: SipRequest, remote: Destination, response: SipResponse) -> None:
        status = int(response.getSCode()[0])
        if status < 200:
            return
        if token is not self._token:
            self._end_unwanted(request, remote, response, status)
        elif status < 300:
            if self._dialog is None:
                self._dialog = self._established(request, remote, response)
            self._granted(_expires(response, self._asked))
        elif status in (401, 407) and self._may_answer(response, remote):
            self._subscribe()
        elif status in (408, 503) and len(self._hops) > 1:
            self._hops.pop(0)
            self._subscribe()
        else:
            self._refused(response, status, self._subscribe)

    def _end_unwanted(self, request: SipRequest, remote: Destination, response: SipResponse, status: int) -> None:
        """The answer to a SUBSCRIBE that we have forgotten, or stopped, meanwhile."""
        if status < 300 and self._stopped and self._dialog is None:
            self._established(request, remote, response).send(
                "SUBSCRIBE", lambda final: None, headers=self._headers(0)
            )

    def _established(self, request: SipRequest, remote: Destination, response: SipResponse) -> Dialog:
        assert self._caller is not None
        contact = self._caller.contact(remote)
        return Dialog.established(self._stack, request, response, remote, contact, self._caller.digest)

    def _may_answer(self, response: SipResponse, remote: Destination) -> bool:
        """Credentials are only computed for whom the SUBSCRIBE went to."""
        source = messages.source_of(response)
        digest = self._caller.digest if self._caller is not None else None
        return (
            digest is not None and source is not None and source[0] == remote.host.strip("[]")
            and digest.challenged(response)
        )  # fmt: skip

    def _refresh(self) -> None:
        assert self._dialog is not None
        self._cancel()
        token = self._token = object()
        self._dialog.send("SUBSCRIBE", partial(self._refreshed, token), headers=self._headers(self._asked))

    def _refreshed(self, token: object, response: SipResponse) -> None:
        status = int(response.getSCode()[0])
        if token is not self._token:
            return
        if status < 300:
            assert self._dialog is not None
            self._dialog.refresh_target(response)
            self._failures = 0
            self._granted(_expires(response, self._asked))
        elif status == 481:
            self.start()
        else:
            self._refused(response, status, self._refresh)

    def _refused(self, response: SipResponse, status: int, again: Callable[[], None]) -> None:
        cause = Cause(status, str(response.getSCode()[1]))
        if status == 423:
            minimum = binding.minimum_lifetime(response)
            self._raised += 1
            if minimum is not None and minimum > self._asked and self._raised <= 2:
                self._asked = minimum
                again()
                return
        if status in HOPELESS or status >= 600:
            self._give_up(cause)
        else:
            self._fail(cause, binding.retry_after(response))

    def _granted(self, seconds: int) -> None:
        """The subscription lasts so long: refresh it in time."""
        if not self._notified:
            return  # NOTIFY_WITHIN still runs; the first NOTIFY says how long it lasts
        self._set_timer(max(1.0, (0.85 + 0.05 * self._random()) * seconds), self._refresh)

    # NOTIFY

    def notified(self, request: SipRequest, transaction: ServerTransaction) -> None:
        """Serve a NOTIFY whose Call-ID and To tag are ours."""
        if _package(request) != self._wish.package:
            answer = messages.build_response(request, 489, headers=(("Allow-Events", self._wish.package),))
            transaction.respond(answer)
            return
        dialog = self._dialog_of(request, transaction.source)
        if dialog is None:
            transaction.respond(messages.build_response(request, 481))
            return
        if not dialog.in_order(request):
            transaction.respond(messages.build_response(request, 500, reason="CSeq Out Of Order"))
            return
        transaction.respond(messages.build_response(request, 200))
        dialog.refresh_target(request)
        self._dialog = dialog
        self._take(request)

    def _dialog_of(self, request: SipRequest, source: Destination) -> Dialog | None:
        """The dialog of a NOTIFY. The first one makes it; those of other forks are refused (section 4.1.2.4)."""
        if self._dialog is not None and self._dialog.matches(request):
            return self._dialog
        if self._notified or self._stopped or self._caller is None:
            return None
        try:
            contact = self._caller.contact(source)
            made = Dialog.accepted(self._stack, request, source, self._key[1], contact, self._caller.digest)
        except ValueError:
            return None
        made.local_cseq, made.remote_cseq = self._cseq, None
        made.home = self._hops[0]  # where our credentials may go
        return made

    def _take(self, request: SipRequest) -> None:
        state, parameters = _subscription_state(request)
        lasts = _number(parameters.get("expires"))
        if not self._stopped:
            self._notified = state != "terminated"
            self._told_lost = False
            if state == "terminated":
                self._token = object()
            else:
                self._granted(min(self._asked if lasts is None else lasts, binding.LONGEST_LIFETIME))
            body = request.getBody()
            if body is not None and str(body):
                content = str(body).encode("utf-8", "surrogateescape")
                self._heard(str(body.getType()).partition(";")[0].strip().lower(), content)
            elif state == "active":
                self._heard("", b"")
            if state == "terminated":
                self._terminated(parameters.get("reason", ""), _number(parameters.get("retry-after")) or 0)

    def _terminated(self, reason: str, wait: int) -> None:
        """The notifier ended it (section 4.1.3)."""
        cause = Cause(0, f"the subscription was ended: {reason or 'no reason'}")
        self._dialog = None
        if reason in FINAL_REASONS:
            self._give_up(cause)
        elif reason in AT_ONCE and self._failures == 0:
            self._failures = 1  # at once, but not again and again: only a refresh that succeeds makes it 0
            self._later(self._jittered(1.0))
        else:
            self._fail(cause, min(wait, binding.LONGEST_RETRY_AFTER))

    def _unnotified(self) -> None:
        self._fail(Cause(408, "no NOTIFY came"), 0)

    # The end, for now or for good

    def _fail(self, cause: Cause, wait: float) -> None:
        self._later(max(self._back_off(), wait))
        self._tell_lost(cause)

    def _give_up(self, cause: Cause) -> None:
        self._forget()
        self.given_up = True
        self._tell_lost(cause)

    def _tell_lost(self, cause: Cause) -> None:
        _log.info(
            "no {package} of {target}: {status} {reason}", package=self._wish.package,
            target=messages.bare(self._wish.target), status=cause.status, reason=cause.reason,
        )  # fmt: skip
        if not self._told_lost:
            self._told_lost = True
            self._lost(cause)

    def _later(self, delay: float) -> None:
        self._forget()
        self._set_timer(delay, self.start)

    def _back_off(self) -> float:
        delay = BACK_OFF[min(self._failures, len(BACK_OFF) - 1)]
        self._failures += 1
        return self._jittered(delay)

    def _jittered(self, delay: float) -> float:
        return delay * (1.0 + JITTER * (2.0 * self._random() - 1.0))

    def _forget(self) -> None:
        """Leave the dialog, if there is one, to itself."""
        self._cancel()
        self._token = object()
        self._table.pop(self._key, None)
        self._dialog = None
        self._notified = False

    def _set_timer(self, delay: float, then: Callable[[], None]) -> None:
        self._cancel()
        self._timer = self._stack.clock.callLater(delay, then)

    def _cancel(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None


def _package(request: SipRequest) -> str:
    for header in request.getHFs("event"):
        return str(header.body).partition(";")[0].strip().lower()
    return ""


def _subscription_state(request: SipRequest) -> tuple[str, dict[str, str]]:
    """The state and its parameters, lower case; active where a notifier forgot to say so."""
    for header in request.getHFs("subscription-state"):
        state, *parameters = (part.strip().lower() for part in str(header.body).split(";"))
        pairs = (parameter.partition("=") for parameter in parameters)
        return state, {name.strip(): value.strip() for name, _, value in pairs}
    return "active", {}


def _number(text: str | None) -> int | None:
    match = _NUMBER.match(text or "")
    return int(match[1]) if match else None


def _expires(response: SipResponse, asked: int) -> int:
    """The lifetime that a 2xx grants; it must not be longer than asked for (section 4.2.1.1)."""
    for header in response.getHFs("expires"):
        granted = _number(str(header.body))
        return asked if granted is None else min(granted, asked)
    return asked
