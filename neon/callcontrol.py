"""What an application can do with a call that is up: send digits, hold it, pass it on. A part of L{neon.phone}."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from automat import NoTransition

from neon.errors import InvalidArgument
from neon.line import CallLine
from neon.ports import Signalling, SignallingCall
from neon.values import CallState


class CallControl:
    """The verbs of calls that exist already; C{calls} are the phone's, by their ids."""

    def __init__(self, calls: Mapping[int, CallLine], signalling: Signalling) -> None:
        self._calls = calls
        self._signalling = signalling

    def send_digits(self, call_id: int, digits: str) -> None:
        """Type digits, as L{neon.digits.parse} returns them, one after the other.

        @raise InvalidArgument: there is no such call, or it is not up.
        """
        line = self._line(call_id)
        self._attempt(call_id, "is not up: digits need a call that was answered", lambda: line.send_digits(digits))

    def set_hold(self, call_id: int, hold: bool) -> None:
        """Have the far end wait, or go on; asking for what is so already is a success.

        @raise InvalidArgument: there is no such call, or it is not up.
        """
        line = self._line(call_id)
        self._attempt(call_id, "is not up: only a call that was answered can be held", lambda: line.hold(hold))

    def set_mute(self, call_id: int, mute: bool) -> None:
        """Let the far end hear nothing of us, or hear us again; asking for what is so already is a success.

        @raise InvalidArgument: there is no such call, or it is not up.
        """
        line = self._line(call_id)
        self._attempt(call_id, "is not up: only a call that was answered can be muted", lambda: line.mute(mute))

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
