"""What stands between a client and a command: the seam at which access rules are applied (spec section 2, code 602).

L{neon.commands} asks a L{Gate} at fixed points and knows none of the rules; L{OpenGate} has none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from twisted.internet.defer import Deferred

from neon.values import Scope


class Visitor(Protocol):
    """Where a command came from, as far as access rules look at it."""

    @property
    def origin(self) -> str | None:
        """The web page's origin, normalised; None for a program of this machine."""


class Rule(Protocol):
    """The row of a command, as far as access rules look at it."""

    @property
    def name(self) -> str: ...

    @property
    def scope(self) -> Scope | None:
        """What an application has to be allowed; None where any may."""

    @property
    def own_page(self) -> bool:
        """Whether it is for NEON's own pages alone."""

    @property
    def dials(self) -> str | None:
        """The keyword argument that names who is called, for commands that may cost money."""

    @property
    def dials_later(self) -> bool:
        """Whether nobody is called now: it is for calls to come."""


class Gate(Protocol):
    """Judges every command, in the order of these methods."""

    def authenticate(self, user: str, visitor: Any, check: Callable[[], Deferred[bool]]) -> Deferred[bool]:
        """Run the check of a password, unless there were too many wrong ones.

        The Deferred fails with L{NotAuthorised} if C{check} was not run.
        """

    def opened(self, session: Any, visitor: Any) -> None:
        """A password was right and this is the new session: bind it."""

    def admit(self, session: Any, visitor: Any) -> bool:
        """Whether the session that a token was looked up as (None: no such token) may be used by this visitor.

        @raise NotAuthorised: there were too many wrong tokens.
        """

    def allow(self, session: Any, command: Rule) -> None:
        """The token is good; the arguments were not looked at yet.

        @raise NotAuthorised: the application has not the scope, or the command is for NEON's own pages.
        """

    def charge(self, session: Any, command: Rule, values: Mapping[str, Any]) -> None:
        """The command is about to be carried out.

        @raise NotAuthorised: it would be one call too many, or one to a number that may not be dialled.
        """

    def done(self, session: Any, visitor: Any, command: Rule | None, values: Mapping[str, Any], outcome: Any) -> None:
        """It is over: C{outcome} is the answer's data, or the exception. C{command} is None for an unknown action."""


class OpenGate:
    """Lets everybody do everything with a live token; for programs without the APIs' rules, and tests."""

    def authenticate(self, user: str, visitor: Any, check: Callable[[], Deferred[bool]]) -> Deferred[bool]:
        return check()

    def opened(self, session: Any, visitor: Any) -> None:
        """Nothing is bound."""

    def admit(self, session: Any, visitor: Any) -> bool:
        return session is not None

    def allow(self, session: Any, command: Rule) -> None:
        """Every scope."""

    def charge(self, session: Any, command: Rule, values: Mapping[str, Any]) -> None:
        """No limit."""

    def done(self, session: Any, visitor: Any, command: Rule | None, values: Mapping[str, Any], outcome: Any) -> None:
        """Nothing is written."""
