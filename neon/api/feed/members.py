"""Who may log in to the feed: agents, each with an extension, and supervisors (spec section 5).

Passwords are checked in a thread, in a time that does not depend on what is wrong with them, and not at all after
too many wrong ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from twisted.internet.defer import Deferred, DeferredLock, succeed

from neon.api.throttle import PasswordThrottle
from neon.passwords import PasswordHash
from neon.ports import Clock

MAX_PASSWORD = 256


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who may log in. C{extension} is an agent's, None for a supervisor, who sees every one.

    C{acts}: may dial, transfer and hang up. Agents always may, with their own extension.
    """

    name: str
    extension: str | None
    acts: bool

    @property
    def supervises(self) -> bool:
        return self.extension is None

    def sees(self, extension: str) -> bool:
        """Whether this extension is any of their business."""
        return self.extension is None or self.extension == extension


class InThread(Protocol):
    """C{deferToThread}, or something that does the work at once."""

    def __call__(self, function: Callable[..., bool], *args: object) -> Deferred[bool]: ...


class Members:
    """Names are told apart by role: an agent and a supervisor may be called the same."""

    def __init__(self, clock: Clock, in_thread: InThread, decoy: PasswordHash) -> None:
        self._in_thread = in_thread
        # What an unknown name is checked against, so that it takes as long as a known one.
        self._decoy = decoy
        self._known: dict[tuple[bool, str], tuple[Member, PasswordHash]] = {}
        self._throttle: PasswordThrottle[tuple[str, bool, str]] = PasswordThrottle(clock)
        self._locks: dict[tuple[str, bool, str], DeferredLock] = {}
        self.on_change: list[Callable[[bool, str], None]] = []
        """Hear which member (is it a supervisor? its name) was changed or removed: who is logged in as that goes."""

    def put(self, member: Member, password_hash: PasswordHash) -> None:
        """From now on this member has this password."""
        self._known[member.supervises, member.name] = member, password_hash
        self._changed(member.supervises, member.name)

    def drop(self, supervises: bool, name: str) -> None:
        """From now on there is no such member."""
        self._known.pop((supervises, name), None)
        self._changed(supervises, name)

    def find(self, supervises: bool, name: str) -> Member | None:
        """Who has this name in this role."""
        known = self._known.get((supervises, name))
        return None if known is None else known[0]

    def all(self, supervises: bool) -> Iterable[Member]:
        """By name."""
        return [member for (kind, _), (member, _) in sorted(self._known.items()) if kind is supervises]

    def verify(self, peer: str, supervises: bool, name: str, password: str) -> Deferred[Member | None]:
        """Who this is, None for a wrong name or password, or if C{peer} has guessed too often."""
        key = (peer, supervises, name)
        lock = self._locks.setdefault(key, DeferredLock())
        # One after the other: who logs in on ten screens at once has not guessed ten times.
        checked: Deferred[Member | None] = lock.run(self._check, key, password)

        def done(outcome: object) -> object:
            if not lock.locked and not lock.waiting:
                self._locks.pop(key, None)
            return outcome

        return checked.addBoth(done)

    def _check(self, key: tuple[str, bool, str], password: str) -> Deferred[Member | None]:
        if self._throttle.begin(key):
            return succeed(None)
        known = self._known.get(key[1:])
        checked = self._in_thread((known[1] if known else self._decoy).matches, password[:MAX_PASSWORD])

        def decide(right: bool) -> Member | None:
            # Still: it may have been changed while this password was being checked.
            good = right and known is not None and self._known.get(key[1:]) is known
            good = good and len(password) <= MAX_PASSWORD
            return known[0] if good and known is not None else None

        def told(outcome: object) -> object:
            self._throttle.end(key, isinstance(outcome, Member))
            return outcome

        return checked.addCallback(decide).addBoth(told)

    def _changed(self, supervises: bool, name: str) -> None:
        for told in self.on_change:
            told(supervises, name)
