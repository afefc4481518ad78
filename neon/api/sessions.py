"""Tokens and the sessions they stand for (spec section 2, "Tokens").

A token is 128 random bits in lower-case hex. Only its hash is kept, so that a memory dump or a log of the table
opens nothing. It dies on logout, on restart, and when it was not used for the idle time; a connection that is
open with it uses it all the time, so a program that only listens is not cut off.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from neon.commands.once import Once
from neon.ports import Clock, Timer
from neon.values import Scope

MAX_SESSIONS = 1000


@dataclass(eq=False, slots=True)
class Session:
    """One authenticated application.

    C{accounts} are the connection ids it registered; C{prose} and C{heard}, the aliases of actions that it used, say
    how it spells event names; C{once} remembers its answers; C{holders} are the open connections that showed its token.
    C{origin} is the page it belongs to, None for a program; C{scopes} is what its application may do.
    """

    application: str
    digest: bytes = field(repr=False)
    last_used: float
    once: Once = field(repr=False)
    alive: bool = True
    prose: bool = False
    heard: set[str] = field(default_factory=set)
    accounts: set[int] = field(default_factory=set)
    holders: set[object] = field(default_factory=set, repr=False)
    origin: str | None = None
    scopes: frozenset[Scope] = frozenset(Scope)


class Sessions:
    """Every live session; whoever has to know is called when one begins and when it ends."""

    def __init__(self, clock: Clock, idle_seconds: float) -> None:
        self._clock = clock
        self._idle_seconds = idle_seconds
        self._by_digest: dict[bytes, Session] = {}
        self._timer: Timer | None = None
        self.on_open: list[Callable[[Session], None]] = []
        self.on_close: list[Callable[[Session], None]] = []

    def __len__(self) -> int:
        return len(self._by_digest)

    def __iter__(self) -> Iterator[Session]:
        return iter(tuple(self._by_digest.values()))

    def open(self, application: str, *, prose: bool = False) -> tuple[str, Session]:
        """Begin a session: its token, which is told once, and the session."""
        token = secrets.token_hex(16)
        if len(self._by_digest) >= MAX_SESSIONS:
            # Somebody authenticates in a loop: the session that was idle longest goes.
            self.close(min(self._by_digest.values(), key=lambda session: (bool(session.holders), session.last_used)))
        session = Session(application, _digest(token), self._clock.seconds(), Once(self._clock), prose=prose)
        self._by_digest[session.digest] = session
        self._schedule()
        for opened in self.on_open:
            opened(session)
        return token, session

    def find(self, token: object) -> Session | None:
        """The live session of a token, which counts as used now; None for anything else."""
        if not isinstance(token, str):
            return None
        session = self._by_digest.get(_digest(token))
        if session is not None:
            session.last_used = self._clock.seconds()
        return session

    def close(self, session: Session) -> None:
        """End a session; its token is worth nothing from now on."""
        if not session.alive:
            return
        session.alive = False
        self._by_digest.pop(session.digest, None)
        if not self._by_digest:
            self.stop()
        for closed in self.on_close:
            closed(session)

    def close_application(self, application: str) -> None:
        """End every session of an application: it is gone, or may do something else from now on."""
        for session in self:
            if session.application == application:
                self.close(session)

    def hold(self, session: Session, holder: object) -> None:
        """An open connection showed the token."""
        if session.alive:
            session.holders.add(holder)

    def release(self, holder: object) -> None:
        """That connection is gone; the idle time begins."""
        for session in self._by_digest.values():
            if holder in session.holders:
                session.holders.discard(holder)
                session.last_used = self._clock.seconds()

    def stop(self) -> None:
        """Forget the timer."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _schedule(self) -> None:
        if self._timer is None and self._by_digest:
            oldest = min(session.last_used for session in self._by_digest.values())
            # One timer for all of them, and never more often than once a second.
            delay = max(1.0, oldest + self._idle_seconds - self._clock.seconds())
            self._timer = self._clock.callLater(delay, self._expire)

    def _expire(self) -> None:
        self._timer = None
        now = self._clock.seconds()
        for session in self:
            if session.holders:
                session.last_used = now
            elif now - session.last_used >= self._idle_seconds:
                self.close(session)
        self._schedule()


def _digest(token: str) -> bytes:
    # The look-up by digest tells an attacker nothing about the token by its timing.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
