"""Commands that run once: the same C{requestId} from the same token gets the first answer again (spec section 2).

A double click, or a retry after a lost connection, never places two calls. It does not matter whether the first
one is still running, nor whether it was refused. What is remembered is bounded in time and number, and goes with
its session.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from twisted.internet.defer import Deferred, fail, succeed
from twisted.python.failure import Failure

from neon.commands.context import Data
from neon.ports import Clock

SECONDS: Final = 30.0
MAX_REMEMBERED: Final = 1000

OTHER_COMMAND: Final = "this requestId was used before, for another command: that one's answer comes again"


@dataclass(slots=True)
class _First:
    """A command that was run; C{outcome} is None while it runs."""

    at: float
    described: object
    outcome: Data | Failure | None = None
    waiting: list[Deferred[Data]] = field(default_factory=list)


class Once:
    """The memory of one session."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._firsts: dict[str, _First] = {}

    def __len__(self) -> int:
        return len(self._firsts)

    def run(
        self,
        request_id: str,
        described: object,
        work: Callable[[], Data | Deferred[Data]],
        warn: Callable[[str], None],
    ) -> Deferred[Data]:
        """The answer that C{work} gives, or gave when it was run under this C{request_id} a short while ago.

        C{described} is compared, to C{warn} a client that uses one id for two different commands.
        """
        self._forget()
        first = self._firsts.get(request_id)
        if first is None:
            first = self._firsts[request_id] = _First(self._clock.seconds(), described)
            answer = self._again(first)
            try:
                result = work()
            except Exception as error:
                self._finished(Failure(error), first)  # type: ignore[no-untyped-call]
            else:
                if isinstance(result, Deferred):
                    result.addBoth(self._finished, first)
                else:
                    self._finished(result, first)
            return answer
        if first.described != described:
            warn(OTHER_COMMAND)
        return self._again(first)

    def _again(self, first: _First) -> Deferred[Data]:
        if first.outcome is None:
            later: Deferred[Data] = Deferred()
            first.waiting.append(later)
            return later
        return fail(first.outcome) if isinstance(first.outcome, Failure) else succeed(first.outcome)

    def _finished(self, outcome: Data | Failure, first: _First) -> None:
        first.outcome = outcome
        waiting, first.waiting = first.waiting, []
        for one in waiting:
            # A Failure given to a Deferred is its errback.
            one.callback(outcome)

    def _forget(self) -> None:
        """Drop what is too old, and the oldest of too many; the dictionary is in the order of arrival."""
        horizon = self._clock.seconds() - SECONDS
        for request_id, first in list(self._firsts.items()):
            if first.at > horizon and len(self._firsts) < MAX_REMEMBERED:
                break
            if first.outcome is not None:
                del self._firsts[request_id]
