"""Calls that ring at the user's own phone first, and dial when that is answered (spec section 5, the action C{call}).

The first leg is an incoming call like any other to the applications, but there is no network behind it: L{OwnLeg}
stands where SIP would, and it carries no audio. When it is answered the number is dialled as usual, which is the second
leg; the two name each other (CallBridged), and the end of one is the end of the other.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress

from neon.bus import Bus, Published
from neon.errors import NeonError
from neon.events import CallBridged, CallFinalized
from neon.model.facts import CallFacts
from neon.phone import Phone
from neon.ports import CallListener, Clock, Ids, SignallingCall
from neon.records import DialogRecord
from neon.values import (
    CallSnapshot,
    Cause,
    Codec,
    Direction,
    LocalMedia,
    MediaAgreement,
    MediaStatistics,
)

NO_AUDIO = MediaAgreement(("127.0.0.1", 9), Codec.PCMA, 8, 8)
"""Neither side waits, though nothing is sent: L{NoStream}."""
NOT_HERE = Cause(501, "this leg of the call has no network")


class NoStream:
    """Implements L{neon.ports.MediaStream}: the audio of the first leg, which is none."""

    local = LocalMedia(port=9)
    has_audio = False

    def start(self, agreement: MediaAgreement) -> None:
        """There is nothing to send."""

    def silence(self, on: bool) -> None:
        """It is."""

    def mix(self, on: bool) -> None:
        """There is nobody to mix."""

    def set_volume(self, percent: int) -> None:
        """There is nothing to hear."""

    def send_digit(self, digit: str, duration_ms: int) -> None:
        """Nobody would hear it."""

    def beep(self) -> None:
        """The second leg is where somebody listens."""

    def statistics(self) -> MediaStatistics:
        return MediaStatistics()

    def close(self) -> None:
        """Nothing was opened."""


class OwnLeg:
    """Implements L{neon.ports.SignallingCall} without a network; what would come back from one comes a turn later."""

    def __init__(self, clock: Clock, answered: Callable[[], None]) -> None:
        self.call_id = f"{secrets.token_hex(8)}@neon.invalid"
        self.on_changed: Callable[[], None] = lambda: None
        self.listener: CallListener | None = None
        self._clock = clock
        self._answered = answered
        self._over = False

    def record(self) -> DialogRecord | None:
        return None

    def ring(self, *, waiting: bool = False) -> None:
        """Events do."""

    def accept(self) -> None:
        self._later(self._accept)

    def reject(self, status: int) -> None:
        self._end(Cause(status))

    def deflect(self, uri: str, reason: str = "deflection") -> None:
        self._end(Cause(302))

    def hang_up(self) -> None:
        self._end(Cause())

    def hold(self, on: bool) -> None:
        self._later(lambda: self._heard.hold_refused(NOT_HERE))

    def send_digit(self, digit: str, duration_ms: int) -> None:
        """Nobody would hear it."""

    def refer(self, uri: str, other: SignallingCall | None = None) -> None:
        self._later(lambda: self._heard.transfer_failed(NOT_HERE))

    def notify_referral(self, status: int, reason: str) -> None:
        """Nobody has asked."""

    @property
    def _heard(self) -> CallListener:
        assert self.listener is not None
        return self.listener

    def _accept(self) -> None:
        self._heard.answered(NO_AUDIO)
        self._answered()

    def _end(self, cause: Cause) -> None:
        if not self._over:
            self._clock.callLater(0, self._heard.ended, cause)
            self._over = True

    def _later(self, act: Callable[[], None]) -> None:
        self._clock.callLater(0, lambda: None if self._over else act())


class Callbacks:
    """C{answers}: the first leg is answered by itself."""

    def __init__(self, phone: Phone, ids: Ids, clock: Clock, *, answers: bool = True) -> None:
        self._phone = phone
        self._bus: Bus = phone.bus
        self._ids = ids
        self._clock = clock
        self._answers = answers
        self._other: dict[int, int] = {}
        self.dialled: Callable[[int, int], None] = lambda first, second: None
        """Hears that a first leg was answered, and which call is the second."""
        self._bus.subscribe(self._happened, CallFinalized)

    def start(self, number: str, connection_id: int) -> int:
        """Ring here on behalf of an account, and call C{number} when that is answered; returns the first leg's callId.

        @raise InvalidArgument: there is no such account.
        @raise NotRegistered: it is not registered.
        """
        account = self._phone.account_to_call_with(connection_id, ()).snapshot()
        call_id = self._ids.next_call_id()
        leg = OwnLeg(self._clock, lambda: self._dial(call_id, number, connection_id))
        facts = CallFacts(
            call_id,
            connection_id,
            Direction.INCOMING,
            self._phone.target_uri(connection_id, number),
            account.uri,
            display_name=None,
        )
        line = self._phone.let_in(facts, NoStream(), leg)
        leg.listener = line
        line.begin()
        if self._answers:
            line.accept()
        return call_id

    def _dial(self, first: int, number: str, connection_id: int) -> None:
        try:
            second = self._phone.start_call(number, connection_id)
        except NeonError:
            self._end(first)  # the account is gone meanwhile, or NEON is stopping
            return
        self._other |= {first: second, second: first}
        calls = {call.call_id: call for call in self._phone.calls()}
        for one, other in ((first, second), (second, first)):
            if one in calls:
                self._bus.publish(CallBridged(*_who(calls[one]), other=other))
        self.dialled(first, second)

    def _happened(self, published: Published) -> None:
        event = published.event
        if isinstance(event, CallFinalized) and (other := self._other.pop(event.call_id, None)) is not None:
            self._end(other)

    def _end(self, call_id: int) -> None:
        with suppress(NeonError):  # it has ended by itself
            self._phone.finalize_call(call_id)


def _who(call: CallSnapshot) -> tuple[int, int, Direction, str, str, str | None]:
    return call.call_id, call.connection_id, call.direction, call.caller, call.callee, call.display_name
