"""How often somebody may do something: messages, passwords, tokens (robustness rules, "Local APIs", 2, 6 and 7).

Time comes from a clock, and every table is bounded: whoever is watched here can make up keys by himself.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from neon.ports import Clock

MAX_KEYS: Final = 1000

MINUTE: Final = 60.0

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Bucket:
    """A token bucket: C{rate} a second, and as many at once; a rate of 0 has no limit."""

    def __init__(self, clock: Clock, rate: float) -> None:
        self._clock = clock
        self._rate = rate
        self._level = rate
        self._at = clock.seconds()

    def take(self) -> float:
        """Take one: 0.0 if there was one, else the seconds until there will be."""
        if self._rate <= 0:
            return 0.0
        now = self._clock.seconds()
        self._level = min(self._rate, self._level + (now - self._at) * self._rate)
        self._at = now
        # What floating point leaves of a whole one counts as one, and nobody is told to wait for less than a tick.
        if self._level > 1 - 1e-6:
            self._level -= 1
            return 0.0
        return max(0.001, (1 - self._level) / self._rate)


class Recent(Generic[K, V]):
    """A dictionary of so many entries: whoever was not looked at longest goes."""

    def __init__(self, size: int = MAX_KEYS) -> None:
        self._size = size
        self._entries: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
        return entry

    def put(self, key: K, entry: V) -> V:
        self._entries[key] = entry
        self._entries.move_to_end(key)
        while len(self._entries) > self._size:
            self._entries.popitem(last=False)
        return entry

    def pop(self, key: K) -> None:
        self._entries.pop(key, None)

    def __len__(self) -> int:
        return len(self._entries)


@dataclass(slots=True)
class _Guesses:
    failures: deque[float] = field(default_factory=deque)
    running: int = 0
    pause: float = 0.0
    until: float = float("-inf")


class PasswordThrottle(Generic[K]):
    """Wrong passwords: C{free} a minute; each one beyond doubles a pause from a second to C{longest}.

    A check that is running counts as wrong until it is known to be right: a hundred at once are a hundred guesses.
    """

    def __init__(self, clock: Clock, free: int = 5, longest: float = MINUTE) -> None:
        self._clock = clock
        self._free = free
        self._longest = longest
        self._guesses: Recent[K, _Guesses] = Recent()

    def begin(self, key: K) -> float:
        """A password is about to be checked: 0.0 if it may be, and then L{end} follows; else the seconds to wait."""
        now = self._clock.seconds()
        guesses = self._guesses.get(key)
        if guesses is None:
            guesses = self._guesses.put(key, _Guesses())
        if now < guesses.until:
            return guesses.until - now
        self._forget(guesses, now)
        # Once a pause was needed, one at a time.
        room = 1 if guesses.pause else self._free - len(guesses.failures)
        if guesses.running >= room:
            return 1.0
        guesses.running += 1
        return 0.0

    def end(self, key: K, right: bool) -> None:
        """The check is over."""
        guesses = self._guesses.get(key)
        if guesses is None:
            return
        guesses.running = max(0, guesses.running - 1)
        if right:
            guesses.failures.clear()
            guesses.pause, guesses.until = 0.0, float("-inf")
            if not guesses.running:
                self._guesses.pop(key)
            return
        now = self._clock.seconds()
        guesses.failures.append(now)
        if guesses.pause or len(guesses.failures) >= self._free:
            guesses.pause = min(self._longest, 2 * guesses.pause or 1.0)
            guesses.until = now + guesses.pause

    def _forget(self, guesses: _Guesses, now: float) -> None:
        while guesses.failures and guesses.failures[0] <= now - MINUTE:
            guesses.failures.popleft()
        # The doubling begins anew after a minute in which nothing was guessed at all.
        if not guesses.failures and now - guesses.until >= MINUTE:
            guesses.pause = 0.0


@dataclass(slots=True)
class _Wrong:
    times: deque[float] = field(default_factory=deque)
    until: float = float("-inf")


class TokenThrottle(Generic[K]):
    """Wrong tokens: after C{limit} in a minute, a minute in which no token is looked at."""

    def __init__(self, clock: Clock, limit: int = 10, pause: float = MINUTE) -> None:
        self._clock = clock
        self._limit = limit
        self._pause = pause
        self._wrong: Recent[K, _Wrong] = Recent()

    def paused(self, key: K) -> bool:
        """Whether this is that minute."""
        wrong = self._wrong.get(key)
        return wrong is not None and self._clock.seconds() < wrong.until

    def failed(self, key: K) -> None:
        """A wrong token was shown."""
        now = self._clock.seconds()
        wrong = self._wrong.get(key)
        if wrong is None:
            wrong = self._wrong.put(key, _Wrong())
        wrong.times.append(now)
        while wrong.times[0] <= now - MINUTE:
            wrong.times.popleft()
        if len(wrong.times) >= self._limit:
            wrong.times.clear()
            wrong.until = now + self._pause
