"""What an application can do with a call that is up: send digits, hold it, pass it on. A part of L{neon.phone}."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress

from automat import NoTransition

from neon.details import Referral
from neon.errors import InvalidArgument
from neon.line import CallLine
from neon.ports import Signalling, SignallingCall
from neon.values import CallState


class CallControl:
    """The verbs of calls that exist already; C{calls} are the phone's, by their ids.

    C{place} calls whom a far end wishes us to call. Implements L{neon.line.Neighbours}.
    """

    def __init__(
        self,
        calls: Mapping[int, CallLine],
        signalling: Signalling,
        place: Callable[[CallLine, Referral], None] = lambda line, wish: None,
    ) -> None:
        self._calls = calls
        self._signalling = signalling
        self._place = place
        self.on_pressed: Callable[[str], None] = lambda digit: None
        """Hears each digit when it is sent; for whoever sits here."""

    def send_digits(self, call_id: int, digits: str) -> None:
        """Type digits, as L{neon.digits.parse} returns them, one after the other.

        @raise InvalidArgument: there is no such call, or it is not up.
        """
        line = self._line(call_id)
        self._attempt(call_id, "is not up: digits need a call that was answered", lambda: line.send_digits(digits))

    def set_hold(self, call_id: int, hold: bool) -> None:
        """Have the far end wait, or go on; asking for what is so already is a success.

        A call that we are making waits from its answer on; until then we are only silent.

        @raise InvalidArgument: there is no such call, or it is neither up nor one that we make.
        """
        line = self._line(call_id)
        self._attempt(call_id, "rings here, or is ending: it cannot be held", lambda: line.hold(hold))

    def set_mute(self, call_id: int, mute: bool) -> None:
        """Let the far end hear nothing of us, or hear us again; asking for what is so already is a success.

        @raise InvalidArgument: there is no such call, or it is not up.
        """
        line = self._line(call_id)
        self._attempt(call_id, "is not up: only a call that was answered can be muted", lambda: line.mute(mute))

    def set_volume(self, call_id: int, percent: int) -> None:
        """Hear the far end at 0 to 200 percent of its amplitude.

        @raise InvalidArgument: there is no such call, or it is not up.
        """
        line = self._line(call_id)
        self._attempt(call_id, "is not up: nothing can be heard of it", lambda: line.set_volume(percent))

    def transfer(self, call_id: int, number: str | None, other: int | None = None) -> None:
        """Pass the far end of a call on to C{number} (as L{neon.dialling.parse} returns it), or send a caller there.

        C{other} is another call that is up: the two far ends get each other, and C{number} does not matter.

        @raise InvalidArgument: there is no such call, one is not up, or it is being transferred already.
        """
        line = self._line(call_id)
        if line.transferring:
            raise InvalidArgument(f"call {call_id} is being transferred already")
        if other is not None:
            uri = self._consulted(call_id, line, other)
        elif number is not None:
            uri = self._signalling.target_uri(line.snapshot().connection_id, number)
        else:
            raise InvalidArgument("to is missing")
        self._attempt(call_id, "is neither up nor ringing here", lambda: line.transfer(uri, other))

    def reject(self, call_id: int, status: int) -> None:
        """Refuse a call that rings here, with this status.

        @raise InvalidArgument: there is no such call, or it does not ring here.
        """
        line = self._line(call_id)
        self._attempt(call_id, "does not ring here: only an incoming call can be rejected", lambda: line.reject(status))

    def answer_transfer(self, call_id: int, allow: bool) -> None:
        """Say whether we call whom the far end wishes us to call.

        @raise InvalidArgument: there is no such call, or its far end wishes nothing (any more).
        """
        line = self._line(call_id)
        if not line.asked_to_refer:
            raise InvalidArgument(f"nobody waits for an answer: call {call_id} is not to be transferred")
        line.answer_referral(allow)

    def replace(self, call_id: int, by: int) -> None:
        """The call C{by} has taken the place of another one, which ends."""
        line = self._calls.get(call_id)
        if line is not None:
            with suppress(NoTransition):  # it has ended by itself
                line.hang_up(f"call {by} took its place")

    def pressed(self, digit: str) -> None:
        """A digit is being sent, in whatever call."""
        self.on_pressed(digit)

    def follow(self, line: CallLine, wish: Referral) -> None:
        """Call whom the far end of C{line} wishes us to call."""
        self._place(line, wish)

    def digit_received(self, call_id: int, digit: str) -> None:
        """The media side heard a digit of this call."""
        line = self._calls.get(call_id)
        if line is not None:
            line.digit_received(digit)

    def dialog(self, call_id: int) -> SignallingCall | None:
        """The signalling side of a call that is up, None if there is none."""
        line = self._calls.get(call_id)
        up = line is not None and line.snapshot().state is CallState.CONFIRMED
        return line.dialog if up and line is not None else None

    def _consulted(self, call_id: int, line: CallLine, other: int) -> str:
        """The URI of the far end of the other call."""
        if other == call_id:
            raise InvalidArgument("a call cannot be transferred to itself")
        consulted = self._line(other)
        for one in (line, consulted):
            if one.snapshot().state is not CallState.CONFIRMED:
                raise InvalidArgument(f"call {one.call_id} is not up: an attended transfer needs two answered calls")
        return consulted.far_end

    def _line(self, call_id: int) -> CallLine:
        try:
            return self._calls[call_id]
        except KeyError:
            raise InvalidArgument(f"there is no call {call_id}, or it has ended") from None

    @staticmethod
    def _attempt(call_id: int, otherwise: str, verb: Callable[[], None]) -> None:
        try:
            verb()
        except NoTransition:
            raise InvalidArgument(f"call {call_id} {otherwise}") from None
