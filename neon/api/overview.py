"""The supervisor's view of the panel: every extension and its calls, searched and counted (C{switchboard}).

What the feed tells its supervisors change by change (L{neon.api.feed}) is asked for here, a page at a time: the panel
asks again every second while the view is open, so that a floor of 100,000 costs nothing while nobody looks, and
somebody who looks costs a bounded answer. Looking through so many goes in slices, with the reactor's turns between.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from twisted.internet.defer import Deferred

from neon import arguments
from neon.arguments import Parameter
from neon.commands import Command, Context, Data
from neon.ports import Clock
from neon.switchboard import CallId, ExtensionPicture, Status, Switchboard

SLICE: Final = 1000
MOST: Final = 500
USUAL: Final = 100
LONGEST_SEARCH: Final = 80

_ORDER: Final = (Status.RINGING, Status.IN_USE, Status.ON_HOLD, Status.IDLE, Status.UNAVAILABLE)
_RANK: Final = {status: rank for rank, status in enumerate(_ORDER)}


class Overview:
    """Looks at C{switchboard}. C{acts}: its calls are this daemon's own, so that they can be acted on."""

    def __init__(self, clock: Clock, switchboard: Switchboard, *, acts: bool) -> None:
        self._clock = clock
        self._switchboard = switchboard
        self._acts = acts

    def look(self, context: Context, search: str, status: str | None, limit: int) -> Deferred[Data]:
        """Extensions, those with calls first: whose name or calls have C{search} in them, and what they all do."""
        found = _Found(search[:LONGEST_SEARCH].casefold(), status)
        pictures = self._switchboard.pictures()
        done: Deferred[Data] = Deferred()

        def go_on(begin: int) -> None:
            for picture in pictures[begin : begin + SLICE]:
                found.add(picture)
            if begin + SLICE < len(pictures):
                self._clock.callLater(0, go_on, begin + SLICE)
            else:
                shown = found.first(limit)
                durations = self._durations(context)
                data = [_extension(picture, durations) for picture in shown]
                done.callback(
                    {
                        "total": len(pictures),
                        "found": len(found.pictures),
                        "counts": {one.value: found.counts[one] for one in _ORDER},
                        "acts": self._acts,
                        "extensions": data,
                    }
                )

        go_on(0)
        return done

    def rows(self) -> tuple[Command, ...]:
        """C{switchboard}, for the control socket and the panel."""
        parameters = (
            Parameter("search", arguments.text, default=""),
            Parameter("status", arguments.choice(*(status.value for status in _ORDER)), default=None),
            Parameter("limit", arguments.whole_number(1, MOST), default=USUAL),
        )
        return (Command("switchboard", self.look, parameters, once=False),)

    def _durations(self, context: Context) -> Mapping[CallId, int]:
        """Milliseconds since they were answered, of the calls that are ours."""
        if not self._acts:
            return {}
        now = context.phone.now
        return {
            call.call_id: round((now - call.answered_at) * 1000)
            for call in context.phone.calls()
            if call.answered_at is not None
        }


class _Found:
    """What was found so far."""

    def __init__(self, search: str, status: str | None) -> None:
        self._search = search
        self._status = status
        self.counts: Counter[Status] = Counter()
        self.pictures: list[tuple[Any, ExtensionPicture]] = []

    def add(self, picture: ExtensionPicture) -> None:
        status = picture.status
        self.counts[status] += 1
        if (self._status in (None, status.value)) and (not self._search or self._search in _words(picture)):
            self.pictures.append(((_RANK[status], _natural(picture.name)), picture))

    def first(self, limit: int) -> list[ExtensionPicture]:
        """The first so many: who is in a call before who is not, 9 before 10."""
        return [picture for _, picture in sorted(self.pictures, key=lambda one: one[0])[:limit]]


def _words(picture: ExtensionPicture) -> str:
    numbers = (number for call in picture.calls for number in (call.phone_a, call.phone_b))
    return "\n".join((picture.name, picture.hint, *numbers)).casefold()


def _natural(name: str) -> list[tuple[int, int | str]]:
    pieces = re.findall(r"\d{1,30}|\D+", name)
    return [(0, int(piece)) if piece.isdecimal() else (1, piece) for piece in pieces]


def _extension(picture: ExtensionPicture, durations: Mapping[CallId, int]) -> dict[str, Any]:
    return {
        "extension": picture.name,
        "address": picture.hint,
        "status": picture.status.value,
        "calls": [
            {
                "callId": call.call_id,
                "type": call.direction.value,
                "from": call.phone_a,
                "to": call.phone_b,
                "phase": call.phase.words,
                "hold": call.hold,
                "recording": call.recorded,
                **({"duration": durations[call.call_id]} if call.call_id in durations else {}),
            }
            for call in picture.calls
        ],
    }
