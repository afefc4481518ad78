"""The commands that only the control socket has, for finding out what is wrong: C{siptrace}, C{diagnosis}."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

from neon import arguments
from neon.api import wire
from neon.arguments import Parameter
from neon.commands import Command, Context, Data
from neon.siptrace import Traced
from neon.values import Destination

MAX_NUMBER: Final = 1 << 40


class Trace(Protocol):
    """L{neon.siptrace.SipTrace}."""

    def begin(self) -> int: ...

    def fetch(self, after: int) -> tuple[list[Traced], int]: ...


class Diagnosis:
    """C{facts} gathers what the daemon knows of itself: JSON, no secrets."""

    def __init__(self, trace: Trace, facts: Callable[[], Data]) -> None:
        self._trace = trace
        self._facts = facts

    def siptrace(self, context: Context, after: int | None) -> Data:
        """SIP messages behind number C{after}; without one a trace begins, and C{last} is where to go on from."""
        if after is None:
            return {"messages": [], "lost": 0, "last": self._trace.begin()}
        found, lost = self._trace.fetch(after)
        return {"messages": [_message(one) for one in found], "lost": lost}

    def diagnosis(self, context: Context) -> Data:
        """How the daemon is, as far as it knows."""
        return self._facts()

    def rows(self) -> tuple[Command, ...]:
        after = Parameter("after", arguments.whole_number(0, MAX_NUMBER), default=None)
        return (
            Command("siptrace", self.siptrace, (after,)),
            Command("diagnosis", self.diagnosis),
        )


def _message(one: Traced) -> dict[str, Any]:
    return {
        "number": one.number,
        "at": wire.timestamp(one.at),
        "sent": one.sent,
        "transport": one.peer.transport,
        "local": _place(one.local),
        "peer": _place(one.peer),
        "text": one.text,
    }


def _place(where: Destination | None) -> list[object] | None:
    return None if where is None else [where.host, where.port]
