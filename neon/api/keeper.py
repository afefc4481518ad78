"""The rules behind L{neon.gate.Gate}: passwords, tokens, scopes, tolls, and the audit log (robustness rules, "Local
APIs", 6 to 10), the same for every skin.

Web pages are kept apart by their origin. The programs of this machine are one crowd: one of them that guesses must
not lock the others out, so what it guessed at, an account, is what rests; and a token of 128 bits that is right is
taken from them at any time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

from twisted.internet.defer import Deferred, fail
from twisted.python.failure import Failure

from neon.api.audit import Audit
from neon.api.sessions import Session
from neon.api.throttle import PasswordThrottle, TokenThrottle
from neon.api.toll import TollGuard
from neon.config import LOCAL, PANEL
from neon.errors import InvalidCredentials, NeonError, NotAuthorised
from neon.gate import Rule, Visitor
from neon.ports import Clock
from neon.values import Scope


class Applications(Protocol):
    """Which applications there are, and what they may."""

    def __contains__(self, name: object) -> bool: ...

    def scopes(self, name: str) -> frozenset[Scope]: ...


class Keeper:
    """Implements L{neon.gate.Gate}. C{own_origins} are those of the pages that NEON itself serves."""

    def __init__(
        self,
        clock: Clock,
        applications: Applications,
        toll: TollGuard,
        audit: Audit,
        own_origins: Collection[str] = (),
    ) -> None:
        self._own_origins = own_origins
        self._applications = applications
        self._toll = toll
        self._audit = audit
        self._passwords: PasswordThrottle[tuple[str | None, str]] = PasswordThrottle(clock)
        self._tokens: TokenThrottle[str] = TokenThrottle(clock)

    def authenticate(self, user: str, visitor: Visitor, check: Callable[[], Deferred[bool]]) -> Deferred[bool]:
        origin = visitor.origin
        if user == PANEL and origin not in self._own_origins:
            # Not so much as looked at: its tickets open NEON's own page, and nothing else.
            return fail(InvalidCredentials("wrong user or password"))
        key = (None, user) if origin is None else (origin, "")
        if wait := self._passwords.begin(key):
            return fail(NotAuthorised(f"too many wrong passwords; try again in {math.ceil(wait)} s"))

        def checked(right: bool | Failure) -> bool | Failure:
            self._passwords.end(key, right is True)
            return right

        return check().addBoth(checked)

    def opened(self, session: Session, visitor: Visitor) -> None:
        session.origin = visitor.origin
        session.scopes = self._applications.scopes(session.application)

    def admit(self, session: Session | None, visitor: Visitor) -> bool:
        origin = visitor.origin
        right = session is not None and session.origin == origin
        if origin is None or (right and visitor in getattr(session, "holders", ())):
            # It was shown on this very connection before: that is no guess.
            return right
        if self._tokens.paused(origin):
            raise NotAuthorised("too many wrong tokens; try again in a minute")
        if not right:
            self._tokens.failed(origin)
        return right

    def allow(self, session: Session, command: Rule) -> None:
        if command.scope is not None and command.scope not in session.scopes:
            raise NotAuthorised(f"this application lacks the scope {command.scope.value}, which {command.name} needs")

        if command.own_page and not self._is_owner(session):
            raise NotAuthorised(f"{command.name} is for NEON's own panel")

    def _is_owner(self, session: Session) -> bool:
        """Whether this is the daemon's owner in front of NEON's own page, and not just an application's password."""
        return session.origin in self._own_origins and session.application in (PANEL, LOCAL)

    def charge(self, session: Session, command: Rule, values: Mapping[str, Any]) -> None:
        if command.dials is not None and (target := values.get(command.dials)) is not None:
            # A command with a call id sends a call that exists elsewhere.
            placed = "call_id" not in values and not command.dials_later
            self._toll.charge(session.application, str(target), new_call=placed)

    def done(
        self,
        session: Session | None,
        visitor: Visitor,
        command: Rule | None,
        values: Mapping[str, Any],
        outcome: Any,
    ) -> None:
        call_id = values.get("call_id")
        code = 0
        if isinstance(outcome, NeonError):
            code = outcome.code
        elif isinstance(outcome, BaseException):
            code = NeonError.code
        elif isinstance(outcome, dict):
            call_id = outcome.get("callId", call_id)
        application = None if session is None else session.application
        if application is None and values.get("user") in self._applications:
            application = values["user"]
        dialled = command is not None and command.dials is not None and "call_id" not in values
        if code == 0 and dialled and session is not None and isinstance(call_id, int):
            self._toll.started(session.application, call_id)
        name = None if command is None else command.name
        self._audit.command(application, visitor.origin, name, code, call_id if isinstance(call_id, int) else None)
