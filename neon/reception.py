"""Takes calls in: asks the model what becomes of each, and sees to it. A part of L{neon.phone}.

A call that does not ring (DND, busy, forwarded at once) has no OnNewCall and no OnFinalizedCall: there was nothing to
answer. It is told as CallMissed only, with a number of its own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from twisted.logger import Logger

from neon.bus import Bus
from neon.details import IncomingRules, ReferPolicy, Why
from neon.errors import NeonError
from neon.events import CallMissed
from neon.line import CallLine
from neon.model.facts import CallFacts
from neon.model.incoming import Divert, Refuse, Ring, Situation, decide
from neon.ports import (
    CallListener,
    Ids,
    IncomingCall,
    Media,
    MediaStream,
    MediaUnavailable,
    Signalling,
    SignallingCall,
)
from neon.values import AccountOptions, Cause, DigitsBy, Direction, LocalMedia

UNAVAILABLE = 503
GONE = 481


@dataclass(frozen=True, slots=True)
class ReceptionSettings:
    """C{max_calls}: further calls are busy. C{call_waiting}: whether a call rings while there is another one.

    C{dnd_status}: what DND refuses with. C{reject_status}: what a user's refusal says. C{digits_by}: how digits are
    sent. C{refer}: what a far end that transfers us hears. C{headers_out}: the header fields that an
    application may send with a call (L{neon.headers.names}).
    """

    max_calls: int = 4
    call_waiting: bool = True
    dnd_status: int = 480
    reject_status: int = 486
    digits_by: DigitsBy = DigitsBy.AUTO
    refer: ReferPolicy = ReferPolicy.REFUSE
    headers_out: tuple[str, ...] = ()


class Reception:
    """Implements L{neon.ports.IncomingCallListener}.

    C{calls} are the phone's, by their ids; C{add} makes a line of a call's facts, C{rules_of} knows what was said about
    calls to an account, C{options_of} how it behaves.
    """

    _log = Logger()

    def __init__(
        self,
        calls: Mapping[int, CallLine],
        signalling: Signalling,
        media: Media,
        bus: Bus,
        ids: Ids,
        settings: ReceptionSettings,
        *,
        add: Callable[[CallFacts, MediaStream, SignallingCall], CallLine],
        rules_of: Callable[[int], IncomingRules],
        options_of: Callable[[int], AccountOptions],
    ) -> None:
        self._calls = calls
        self._signalling = signalling
        self._media = media
        self._bus = bus
        self._ids = ids
        self._settings = settings
        self._add = add
        self._rules_of = rules_of
        self._options_of = options_of
        self.closed = False
        """Whether nobody is let in any more."""

    def incoming(self, call: IncomingCall, signalling: SignallingCall) -> tuple[CallListener, LocalMedia] | int | None:
        """Ring, or say why not (L{neon.ports.IncomingCallListener})."""
        if self.closed:
            return UNAVAILABLE
        if call.replaced is not None:
            return self._replace(call, call.replaced, signalling)
        rules = self._rules_of(call.connection_id)
        decision = decide(call.caller, call.callee, call.details, rules, self._situation(call))
        match decision:
            case Refuse(status, why):
                self._log.info("{status} for {caller}: {why}", status=status, caller=call.caller, why=why.value)
                self._missed(call, Cause(status), why, None)
                return status
            case Divert(target, reason):
                return self._divert(call, signalling, target, reason)
            case Ring():
                return self._ring(call, signalling, self._absolute(call, decision))

    def _situation(self, call: IncomingCall) -> Situation:
        settings, own = self._settings, self._options_of(call.connection_id).max_calls
        most = settings.max_calls
        if own is None and len(self._calls) < most:
            # There is room for all of them, so only whether there are any matters: nobody is counted.
            live = int(any(line.occupies for line in self._calls.values()))
            return Situation(live, most, settings.call_waiting, settings.dnd_status, call.trusted)
        busy_with = [line for line in self._calls.values() if line.occupies]
        live = len(busy_with)
        if own is not None and sum(line.connection_id == call.connection_id for line in busy_with) >= own:
            most = min(most, live)
        return Situation(live, most, settings.call_waiting, settings.dnd_status, call.trusted)

    def _absolute(self, call: IncomingCall, ring: Ring) -> Ring:
        """The same with a URI to forward to, without one if there is none to be had."""
        if ring.forward_to is None:
            return ring
        try:
            uri = self._signalling.target_uri(call.connection_id, ring.forward_to)
        except NeonError as error:
            self._log.error("calls are not forwarded to {target}: {error}", target=ring.forward_to, error=error)
            return dataclasses.replace(ring, forward_to=None)
        return dataclasses.replace(ring, forward_to=uri)

    def _divert(self, call: IncomingCall, signalling: SignallingCall, target: str, reason: str) -> int | None:
        try:
            uri = self._signalling.target_uri(call.connection_id, target)
        except NeonError as error:
            self._log.error("a call was not forwarded to {target}: {error}", target=target, error=error)
            return self._settings.dnd_status
        self._log.info("{caller} is sent to {uri}: {reason}", caller=call.caller, uri=uri, reason=reason)
        self._missed(call, Cause(302), Why.FORWARDED, uri)
        signalling.deflect(uri, reason)
        return None

    def _missed(self, call: IncomingCall, cause: Cause, why: Why, to: str | None) -> None:
        who = (call.connection_id, Direction.INCOMING, call.caller, call.callee, call.display_name)
        self._bus.publish(CallMissed(self._ids.next_call_id(), *who, cause, why, to))

    def _replace(
        self, call: IncomingCall, replaced: SignallingCall, signalling: SignallingCall
    ) -> tuple[CallListener, LocalMedia] | int:
        """A call that takes the place of one of the same account is answered; nobody is rung up again."""
        for line in self._calls.values():
            snapshot = line.snapshot()
            if line.dialog is replaced and snapshot.connection_id == call.connection_id:
                details = dataclasses.replace(call.details, replaces=line.call_id)
                call = dataclasses.replace(call, details=details)
                return self._ring(call, signalling, Ring(), muted=snapshot.muted, volume=snapshot.volume)
        return GONE

    def _ring(
        self,
        call: IncomingCall,
        signalling: SignallingCall,
        ring: Ring,
        *,
        muted: bool = False,
        volume: int = 100,
    ) -> tuple[CallListener, LocalMedia] | int:
        call_id = self._ids.next_call_id()
        try:
            stream = self._media.open(call_id)
        except MediaUnavailable as error:
            self._log.warn("no media for the call from {caller}: {error}", caller=call.caller, error=error)
            self._missed(call, Cause(UNAVAILABLE, str(error)), Why.FAILED, None)
            return UNAVAILABLE
        details = call.details
        if details.answer_after != ring.answer_after:
            # Only what happens is told, not what the caller wished for.
            details = dataclasses.replace(details, answer_after=ring.answer_after)
        options = self._options_of(call.connection_id)
        own_status, own_digits = options.reject_status, options.dtmf
        facts = CallFacts(
            call_id,
            call.connection_id,
            Direction.INCOMING,
            call.caller,
            call.callee,
            call.display_name,
            reject_status=self._settings.reject_status if own_status is None else own_status,
            digits_by=self._settings.digits_by if own_digits is None else own_digits,
            details=details,
            ring=ring,
            refer_policy=self._settings.refer,
            muted=muted,
            volume=volume,
        )
        line = self._add(facts, stream, signalling)
        line.begin()
        return line, stream.local.of_account(options)
