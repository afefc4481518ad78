"""Web pages that nobody has decided about yet: each origin is one question to the user.

Whoever can ask (the panel, a desktop notification, C{neonctl origin}) looks at L{ApprovalRequests.pending},
subscribes to changes, and answers. A WebSocket handshake waits for the answer; an HTTP request does not.

Any web page can raise a question by itself, so questions are few, short-lived, and not repeated at once.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import Logger

from neon.bus import utc_now
from neon.ports import Clock, Timer

MAX_PENDING: Final = 8
MAX_WAITING: Final = 16
QUESTION_SECONDS: Final = 300.0
QUIET_SECONDS: Final = 60.0
MAX_QUIET: Final = 1000


class Answer(enum.Enum):
    """What a user says to a question; the value is the word for it on a command line."""

    ALLOW_ONCE = "allow-once"
    """Until the daemon ends."""
    ALLOW = "allow"
    """From now on."""
    DENY = "deny"
    """Not now; the page may bring the question up again after a minute."""
    BLOCK = "block"
    """Never, and do not ask again."""

    @property
    def allows(self) -> bool:
        return self in (Answer.ALLOW, Answer.ALLOW_ONCE)


@dataclass(frozen=True, slots=True)
class Question:
    """A question that is open: may this origin use NEON?"""

    id: int
    origin: str
    since: datetime


class NoQuestion(LookupError):
    """That question does not exist, or not any more."""


@dataclass(slots=True)
class _Pending:
    question: Question
    timer: Timer
    waiting: list[Deferred[bool]] = field(default_factory=list)


class ApprovalRequests:
    """The open questions. C{decided(origin, answer)} is called with each answer before those who wait are told."""

    _log = Logger()

    def __init__(
        self,
        clock: Clock,
        decided: Callable[[str, Answer], Deferred[None]],
        *,
        hold_seconds: float = 15.0,
        wall: Callable[[], datetime] = utc_now,
    ) -> None:
        self._clock = clock
        self._decided = decided
        self._hold_seconds = hold_seconds
        self._wall = wall
        self._last_id = 0
        self._pending: dict[str, _Pending] = {}
        self._quiet: dict[str, float] = {}
        self._subscribers: dict[object, Callable[[], object]] = {}

    @property
    def pending(self) -> tuple[Question, ...]:
        """The open questions, the oldest first."""
        return tuple(pending.question for pending in self._pending.values())

    def subscribe(self, changed: Callable[[], object]) -> Callable[[], None]:
        """Call C{changed} whenever a question came or went; returns what ends that."""
        key = object()
        self._subscribers[key] = changed
        return lambda: self._subscribers.pop(key, None) and None

    def ask(self, origin: str) -> Question | None:
        """Bring an origin up; None if it was denied a moment ago, or if there are too many questions already."""
        pending = self._raise(origin)
        return None if pending is None else pending.question

    def wait(self, origin: str) -> Deferred[bool]:
        """Bring an origin up and wait for the answer, no longer than the hold time. May be cancelled."""
        pending = self._raise(origin)
        if pending is None or self._waiting() >= MAX_WAITING or self._hold_seconds <= 0:
            return succeed(False)

        def left(result: bool) -> bool:
            if timer.active():
                timer.cancel()
            if answer in pending.waiting:
                pending.waiting.remove(answer)
            return result

        answer: Deferred[bool] = Deferred(lambda d: d.callback(False))
        pending.waiting.append(answer)
        timer: Timer = self._clock.callLater(self._hold_seconds, answer.callback, False)
        return answer.addCallback(left)

    def answer(self, question_id: int, answer: Answer) -> Deferred[None]:
        """The user decided; fires when the decision is kept. Fails with L{NoQuestion}."""
        for pending in self._pending.values():
            if pending.question.id == question_id:
                return self.decide(pending.question.origin, answer)
        return fail(NoQuestion(f"there is no open question {question_id}"))

    def decide(self, origin: str, answer: Answer) -> Deferred[None]:
        """The user decided about an origin, whether there was a question or not; fires when the decision is kept."""
        if answer is Answer.DENY:
            self._be_quiet(origin)
        else:
            self._quiet.pop(origin, None)
        kept = self._decided(origin, answer)
        self._close(origin, answer.allows)
        return kept

    def stop(self) -> None:
        """Nobody is asked any more; who waits is refused."""
        for origin in tuple(self._pending):
            self._close(origin, False)

    def _raise(self, origin: str) -> _Pending | None:
        now = self._clock.seconds()
        if (pending := self._pending.get(origin)) is not None:
            pending.timer.reset(QUESTION_SECONDS)
            return pending
        if self._quiet.get(origin, now) > now or len(self._pending) >= MAX_PENDING:
            return None
        self._last_id += 1
        question = Question(self._last_id, origin, self._wall())
        timer: Timer = self._clock.callLater(QUESTION_SECONDS, self._close, origin, False)
        pending = self._pending[origin] = _Pending(question, timer)
        self._log.info("{origin} asks to use NEON; allow it with: neonctl origin allow {origin}", origin=origin)
        self._changed()
        return pending

    def _close(self, origin: str, allowed: bool) -> None:
        pending = self._pending.pop(origin, None)
        if pending is None:
            return
        if pending.timer.active():
            pending.timer.cancel()
        for waiting in tuple(pending.waiting):
            waiting.callback(allowed)
        self._changed()

    def _be_quiet(self, origin: str) -> None:
        now = self._clock.seconds()
        if len(self._quiet) >= MAX_QUIET:
            self._quiet = {other: end for other, end in self._quiet.items() if end > now}
        if len(self._quiet) < MAX_QUIET:
            self._quiet[origin] = now + QUIET_SECONDS

    def _waiting(self) -> int:
        return sum(len(pending.waiting) for pending in self._pending.values())

    def _changed(self) -> None:
        for changed in tuple(self._subscribers.values()):
            try:
                changed()
            except Exception:
                self._log.failure("a subscriber to questions failed")
