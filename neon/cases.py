"""What became of each lately made call and of each account: facts for L{neon.explain}, gathered from the bus.

A case is told whole, as plain data that any skin can encode: who, when, how it ended, and its SIP messages
(L{neon.ladder}). How many are remembered is bounded; the oldest go first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from neon.bus import Bus, Published
from neon.events import (
    CallAccepted,
    CallEvent,
    CallFinalized,
    CallStarted,
    CallTransferFailed,
    CallTransferred,
    Registered,
    RegistrationCancelled,
    RegistrationEvent,
    RegistrationExpired,
    RegistrationFailed,
    RegistrationFinalized,
    RegistrationRefused,
    Unregistered,
)
from neon.ladder import Conversation, Ladder
from neon.values import AccountSnapshot, Cause, RegistrationState

MAX_CALLS: Final = 200
MAX_ACCOUNTS: Final = 2000

OUTCOMES: Final[dict[type[RegistrationEvent], str]] = {
    Registered: "registered",
    Unregistered: "unregistered",
    RegistrationRefused: "refused",
    RegistrationFailed: "failed",
    RegistrationExpired: "expired",
    RegistrationCancelled: "cancelled",
}
"""The words for how a registration stands."""


@dataclass(slots=True)
class _Call:
    started: CallEvent
    started_at: datetime
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    end: CallFinalized | None = None
    transfer: str | None = None
    transfer_cause: Cause = field(default_factory=Cause)


@dataclass(slots=True)
class _Account:
    uri: str
    outcome: str = "registering"
    cause: Cause = field(default_factory=Cause)
    at: datetime | None = None


class Cases:
    """Remembers; C{accounts} tells which accounts there are now, C{account} how one of them is, if it is there."""

    def __init__(
        self,
        bus: Bus,
        ladder: Ladder,
        accounts: Callable[[], Iterable[AccountSnapshot]],
        account: Callable[[int], AccountSnapshot | None],
    ) -> None:
        self._ladder = ladder
        self._snapshots = accounts
        self._snapshot = account
        self._calls: OrderedDict[int, _Call] = OrderedDict()
        self._sip: dict[int, str] = {}
        self._accounts: OrderedDict[int, _Account] = OrderedDict()
        bus.subscribe(self._happened, CallEvent, RegistrationEvent)

    def dialog(self, call_id: int, sip_call_id: str) -> None:
        """The call has this SIP Call-ID."""
        self._sip[call_id] = sip_call_id
        self._ladder.keep(sip_call_id)
        if len(self._sip) > 2 * MAX_CALLS:
            del self._sip[next(iter(self._sip))]

    @property
    def last_call(self) -> int | None:
        """The call that was begun last."""
        return next(reversed(self._calls), None)

    def call(self, call_id: int) -> dict[str, Any] | None:
        """All that is known of a call; None if it is not remembered."""
        case = self._calls.get(call_id)
        if case is None:
            return None
        event, end = case.started, case.end
        cause = end.cause if end else Cause()
        return {
            "kind": "call",
            "callId": call_id,
            "connectionId": event.connection_id,
            "type": event.direction.value,
            "from": event.caller,
            "to": event.callee,
            "started": _time(case.started_at),
            "answered": _time(case.answered_at),
            "ended": _time(case.ended_at),
            "duration": end.duration_ms if end else 0,
            "SIPError": cause.status,
            "reason": cause.reason,
            "transfer": None
            if case.transfer is None
            else {
                "outcome": case.transfer,
                "SIPError": case.transfer_cause.status,
                "reason": case.transfer_cause.reason,
            },
            **_told(self._ladder.call(self._sip.get(call_id, ""))),
        }

    def account(self, connection_id: int) -> dict[str, Any] | None:
        """All that is known of an account, also of one that was given up lately."""
        self._look()
        case = self._accounts.get(connection_id)
        if case is None:
            return None
        return {
            "kind": "registration",
            "connectionId": connection_id,
            "uri": case.uri,
            "outcome": case.outcome,
            "at": _time(case.at),
            "SIPError": case.cause.status,
            "reason": case.cause.reason,
            **_told(self._ladder.registration(case.uri)),
        }

    def account_named(self, word: str) -> int | None:
        """The latest account with that URI, C{user@host} or number."""
        self._look()
        wanted = word.removeprefix("sip:")
        for connection_id, case in reversed(self._accounts.items()):
            uri = case.uri.removeprefix("sip:")
            if wanted in (uri, uri.partition("@")[0]):
                return connection_id
        return None

    def _happened(self, published: Published) -> None:
        event = published.event
        if isinstance(event, CallEvent):
            self._call_happened(event, published.at)
        elif isinstance(event, RegistrationEvent) and not isinstance(event, RegistrationFinalized):
            # Not all of them: a thousand accounts have a thousand of these events.
            snapshot = self._snapshot(event.connection_id)
            if snapshot is not None:
                self._note(snapshot)
            case = self._accounts.get(event.connection_id)
            if case is not None:
                case.outcome, case.cause, case.at = OUTCOMES[type(event)], event.cause, published.at

    def _call_happened(self, event: CallEvent, at: datetime) -> None:
        if isinstance(event, CallStarted):
            self._calls[event.call_id] = _Call(event, at)
            if len(self._calls) > MAX_CALLS:
                self._sip.pop(self._calls.popitem(last=False)[0], None)
        elif (case := self._calls.get(event.call_id)) is None:
            if isinstance(event, CallFinalized):
                self._ended_after_a_crash(event, at)
        elif isinstance(event, CallAccepted):
            case.answered_at = at
        elif isinstance(event, CallTransferred):
            case.transfer, case.transfer_cause = "done", Cause()
        elif isinstance(event, CallTransferFailed):
            case.transfer, case.transfer_cause = "failed", event.cause
        elif isinstance(event, CallFinalized):
            case.end, case.ended_at = event, at

    def _ended_after_a_crash(self, event: CallFinalized, at: datetime) -> None:
        """A call that began in an earlier life of the daemon (L{neon.leftovers})."""
        began = at - timedelta(milliseconds=event.duration_ms)
        answered = began if event.duration_ms else None
        self._calls[event.call_id] = _Call(event, began, answered, at, event)
        if len(self._calls) > MAX_CALLS:
            self._calls.popitem(last=False)

    def _look(self) -> None:
        """Note the accounts that are there, before they are gone again."""
        for account in self._snapshots():
            self._note(account)

    def _note(self, account: AccountSnapshot) -> None:
        known = self._accounts.get(account.connection_id)
        if known is None:
            self._accounts[account.connection_id] = _Account(account.uri)
            if len(self._accounts) > MAX_ACCOUNTS:
                self._accounts.popitem(last=False)
        elif known.uri != account.uri:
            known.uri = account.uri
        if known is not None and account.state is RegistrationState.REGISTERING and known.outcome != "registering":
            known.outcome, known.cause = "registering", Cause()


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _told(conversation: Conversation | None) -> dict[str, Any]:
    if conversation is None:
        return {"ladder": [], "omitted": 0}
    return {
        "ladder": [
            {
                "ts": _time(step.at),
                "sent": step.sent,
                "peer": f"[{step.peer[0]}]:{step.peer[1]}" if ":" in step.peer[0] else f"{step.peer[0]}:{step.peer[1]}",
                "message": step.what,
                "cseq": step.cseq,
                "notes": list(step.notes),
                "repeats": step.repeats,
            }
            for step in conversation.steps
        ],
        "omitted": conversation.omitted,
    }
