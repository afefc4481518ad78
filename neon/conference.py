"""The user's conference: calls whose far ends hear each other as well as us. A part of L{neon.phone}.

There is one at most, since its user is always a party of it. A call that is in it stays an ordinary call: it is held,
muted, recorded, transferred and hung up by the same verbs; while it is on hold, by either side, it neither hears the
others nor is heard. What is played into it, or said in it by an application, all hear. When one call is left that call
goes on alone. A call that takes the place of a member (a transfer) takes its place here, too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Final

from automat import NoTransition

from neon.bus import Bus, Published
from neon.errors import InvalidArgument
from neon.events import CallAccepted, CallFinalized, CallStarted, ConferenceChanged
from neon.line import CallLine
from neon.values import CallState

MOST: Final = 8
"""Calls in it: each hears seven others and us."""


class Conference:
    """C{calls} are the phone's, by their ids."""

    def __init__(self, calls: Mapping[int, CallLine], bus: Bus) -> None:
        self._calls = calls
        self._bus = bus
        self._members: list[int] = []
        self._heirs: dict[int, int] = {}
        """Calls under way that take the place of a member, by their ids."""
        bus.subscribe(self._happened, CallStarted, CallAccepted, CallFinalized)

    @property
    def members(self) -> tuple[int, ...]:
        """The calls that are in it, in the order in which they came; none if there is none."""
        return tuple(self._members)

    def start(self, call_ids: Collection[int]) -> None:
        """Put calls together, with each other and with those that are together already; take them off hold.

        @raise InvalidArgument: there is no such call, one is not up or has no audio, or there would be one only, or
            more than L{MOST}. Nothing has been changed.
        """
        wanted = [call_id for call_id in dict.fromkeys(call_ids) if call_id not in self._members]
        for call_id in call_ids:
            self._check(call_id)
        count = len(self._members) + len(wanted)
        if count < 2:
            raise InvalidArgument("a conference needs two calls that were answered, at least")
        if count > MOST:
            raise InvalidArgument(f"a conference has {MOST} calls at most")
        muted = self._muted()
        self._members += wanted
        for call_id in call_ids:
            self._calls[call_id].confer(True)
        if muted:
            for call_id in wanted:
                self._calls[call_id].mute(True)
        if wanted:
            self._tell()

    def leave(self, call_id: int) -> None:
        """Let a call go on alone.

        @raise InvalidArgument: it is not in the conference.
        """
        if call_id not in self._members:
            raise InvalidArgument(f"call {call_id} is not in the conference")
        self._part(call_id)
        self._settle()

    def hold(self, on: bool) -> None:
        """Have everybody in it wait, also for each other, or go on.

        @raise InvalidArgument: there is no conference.
        """
        if not self._members:
            raise InvalidArgument("there is no conference")
        for call_id in self._members:
            self._set_hold(call_id, on)

    def mute(self, on: bool) -> None:
        """Have nobody in it hear the user, or all of them; they still hear each other.

        Whoever comes to it while the user is muted to everybody hears no more than they.

        @raise InvalidArgument: there is no conference.
        """
        if not self._members:
            raise InvalidArgument("there is no conference")
        for call_id in self._members:
            with suppress(NoTransition, KeyError):
                self._calls[call_id].mute(on)

    def swap(self, call_id: int) -> None:
        """Talk to this call, or to the conference that it is in: every other call is put on hold, and it is resumed.

        @raise InvalidArgument: there is no such call, it is not up or has no audio.
        """
        self._check(call_id)
        group = self.members if call_id in self._members else (call_id,)
        for other in list(self._calls):
            if other not in group:
                self._set_hold(other, on=True)
        for one in group:
            self._set_hold(one, on=False)

    def _check(self, call_id: int) -> None:
        line = self._calls.get(call_id)
        if line is None:
            raise InvalidArgument(f"there is no call {call_id}, or it has ended")
        if line.snapshot().state is not CallState.CONFIRMED:
            raise InvalidArgument(f"call {call_id} is not up: this needs calls that were answered")
        if not line.has_audio:
            raise InvalidArgument(f"call {call_id} is the own end of a callback, which has no audio")
        if line.transferring:
            raise InvalidArgument(f"call {call_id} is being transferred")

    def _muted(self) -> bool:
        """Whether the user is muted to everybody in it."""
        lines = [self._calls[call_id] for call_id in self._members if call_id in self._calls]
        return bool(lines) and all(line.snapshot().muted for line in lines)

    def _set_hold(self, call_id: int, on: bool) -> None:
        line = self._calls.get(call_id)
        if line is None or not line.has_audio or line.snapshot().state is not CallState.CONFIRMED or line.transferring:
            return
        with suppress(NoTransition):
            line.hold(on)

    def _happened(self, published: Published) -> None:
        event = published.event
        if isinstance(event, CallStarted) and event.details.replaces in self._members:
            self._heirs[event.call_id] = event.details.replaces
        elif isinstance(event, CallAccepted) and event.call_id in self._heirs:
            self._succeed(event.call_id, self._heirs.pop(event.call_id))
        elif isinstance(event, CallFinalized) and (event.call_id in self._members or event.call_id in self._heirs):
            self._heirs.pop(event.call_id, None)
            if event.call_id in self._members:
                self._members.remove(event.call_id)
            self._settle()

    def _succeed(self, heir: int, member: int) -> None:
        """The new call is answered; the old one may have ended already."""
        line = self._calls.get(heir)
        if line is None:
            self._settle()
            return
        with suppress(NoTransition):
            line.confer(True)
            self._members.append(heir)
        if member in self._members:
            self._part(member)
        self._settle()

    def _part(self, call_id: int) -> None:
        self._members.remove(call_id)
        line = self._calls.get(call_id)
        if line is not None:
            with suppress(NoTransition):
                line.confer(False)

    def _settle(self) -> None:
        """Tell who is in it now; one alone is not, unless somebody is about to come in the place of another one."""
        if len(self._members) == 1 and self._heirs:
            return
        if len(self._members) == 1:
            self._part(self._members[0])
        if not self._members:
            self._heirs.clear()
        self._tell()

    def _tell(self) -> None:
        self._bus.publish(ConferenceChanged(self.members))
