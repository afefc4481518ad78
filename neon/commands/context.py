"""The words that the table of commands is written in: a row, what it needs, and what its function works with."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

from twisted.internet.defer import Deferred

from neon.arguments import Parameter
from neon.gate import Gate
from neon.phone import Phone
from neon.values import Scope

Data: TypeAlias = dict[str, Any]

NO_ACCOUNT: Final = "no SIP account is registered"


class Session(Protocol):
    """What a token stands for."""

    application: str
    accounts: set[int]
    prose: bool


class Sessions(Protocol):
    """Who is authenticated."""

    def open(self, application: str, *, prose: bool = False) -> tuple[str, Any]:
        """Begin a session; returns its token and itself."""

    def find(self, token: object) -> Any:
        """The live session of a token, or None."""

    def close(self, session: Any) -> None:
        """End a session."""


class Applications(Protocol):
    """Who may authenticate."""

    def verify(self, user: str, password: str) -> Deferred[bool]:
        """Whether this is an application and its password."""


class Client(Protocol):
    """Where a command came from, as far as commands have to know: one connection of a skin."""

    @property
    def origin(self) -> str | None:
        """The web page's origin, normalised; None for a program of this machine."""

    def authenticated(self, session: Any) -> None:
        """The client showed the token of this session."""

    def autodisconnect(self, session: Any, connection_id: int, wanted: bool) -> None:
        """The account shall, or shall no longer, go when this client goes."""


class Needs(enum.Enum):
    """What has to be there before a command runs."""

    NOTHING = enum.auto()
    TOKEN = enum.auto()
    REGISTERED = enum.auto()


@dataclass(frozen=True, slots=True)
class Context:
    """What a command's function works with; C{session} is None for those that need no token."""

    phone: Phone
    sessions: Sessions
    applications: Applications
    client: Client
    session: Any
    gate: Gate


@dataclass(frozen=True, slots=True)
class Command:
    """One row: C{function(context, **arguments)} returns the answer's data, or a Deferred of it.

    C{scope} is what an application has to be allowed; C{dials} the keyword argument that names who is called.
    """

    name: str
    function: Callable[..., Data | Deferred[Data]]
    parameters: tuple[Parameter, ...] = ()
    needs: Needs = Needs.TOKEN
    aliases: tuple[str, ...] = ()
    scope: Scope | None = None
    dials: str | None = None
