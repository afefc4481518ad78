"""The commands that only the control socket has: application accounts, web pages, and why things went as they did.

Rows of the same kind as those of L{neon.commands}, so that they are decoded, checked, answered and written down like
all others::

    appadd NAME [scopes]   apppasswd NAME   appremove NAME   applist
    originallow ORIGIN [once]   origindeny ORIGIN   originblock ORIGIN   originforget ORIGIN
    originlist   originpending
    explain [case]
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterable
from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred

from neon import arguments, parsing
from neon.api import wire
from neon.api.approvals import Answer, ApprovalRequests
from neon.api.origins import Origins
from neon.api.sessions import Session, Sessions
from neon.arguments import Parameter
from neon.cases import Cases
from neon.commands import Command, Context, Data
from neon.config import OWN
from neon.errors import InvalidArgument
from neon.passwords import PasswordHash
from neon.values import Scope

PASSWORD_BYTES: Final = 18
LONGEST_NAME: Final = 64
EVERYTHING: Final = frozenset(Scope)


class Stored(Protocol):
    """A row of the table of applications."""

    @property
    def name(self) -> str: ...

    @property
    def scopes(self) -> frozenset[Scope]: ...

    @property
    def created(self) -> str: ...


class Table(Protocol):
    """Where application accounts are kept (L{neon.store.applications.ApplicationTable})."""

    def all(self) -> Deferred[Any]:
        """Every row, as L{Stored}."""

    def save(self, name: str, password_hash: PasswordHash, scopes: frozenset[Scope] = ...) -> Deferred[None]: ...

    def remove(self, name: str) -> Deferred[bool]: ...


class Registry(Protocol):
    """Who may authenticate now (L{neon.access.Applications})."""

    def __contains__(self, name: object) -> bool: ...

    def put(self, name: str, password_hash: PasswordHash, scopes: frozenset[Scope] = ...) -> None: ...

    def drop(self, name: str) -> None: ...

    def scopes(self, name: str) -> frozenset[Scope]: ...


class InThread(Protocol):
    """Does slow work elsewhere."""

    def __call__(self, function: Callable[..., Any], *args: object) -> Deferred[Any]: ...


class ApplicationAccounts:
    """Makes, lists and removes application accounts while the daemon runs.

    C{fixed} are the names that are not ours to change: those of the configuration, and C{generated}, the one in
    access.json.
    """

    def __init__(
        self,
        table: Table,
        registry: Registry,
        sessions: Sessions,
        in_thread: InThread,
        fixed: Collection[str],
        generated: str,
    ) -> None:
        self._table = table
        self._registry = registry
        self._sessions = sessions
        self._in_thread = in_thread
        self._fixed = fixed
        self._generated = generated
        self._busy: set[str] = set()

    def add(self, context: Context, name: str, scopes: frozenset[Scope]) -> Deferred[Data]:
        """Make an application account; its password stands in this answer and nowhere else."""
        if name in OWN:
            raise InvalidArgument(f"the application {name} is NEON's own; take another name")
        if name in self._registry or name in self._busy:
            raise InvalidArgument(f"there is an application {name} already")
        return Deferred.fromCoroutine(self._give_password(name, scopes))

    def passwd(self, context: Context, name: str) -> Deferred[Data]:
        """Give an application another password; whoever is authenticated as it has to do it again."""
        self._check(name)
        return Deferred.fromCoroutine(self._give_password(name, self._registry.scopes(name)))

    def remove(self, context: Context, name: str) -> Deferred[Data]:
        """Take an application account away; its sessions end."""
        self._check(name)
        return Deferred.fromCoroutine(self._remove(name))

    def list(self, context: Context) -> Deferred[Data]:
        """Every application that may authenticate."""
        return Deferred.fromCoroutine(self._list())

    def _check(self, name: str) -> None:
        if name not in self._registry:
            raise InvalidArgument(f"there is no application {name}")
        if name in OWN and name != self._generated:
            raise InvalidArgument(f"the application {name} is NEON's own, and has no password")
        if name == self._generated:
            raise InvalidArgument(f"the application {name} is NEON's own; its password stands in access.json")
        if name in self._fixed:
            raise InvalidArgument(f"the application {name} stands in the configuration: change it there")
        if name in self._busy:
            raise InvalidArgument(f"the application {name} is being changed")

    async def _give_password(self, name: str, scopes: frozenset[Scope]) -> Data:
        self._busy.add(name)
        try:
            password = secrets.token_urlsafe(PASSWORD_BYTES)
            password_hash = await self._in_thread(PasswordHash.of, password)
            await self._table.save(name, password_hash, scopes)
        finally:
            self._busy.discard(name)
        self._registry.put(name, password_hash, scopes)
        self._end_sessions(name)
        return {"name": name, "password": password, "scopes": _words(scopes)}

    async def _remove(self, name: str) -> Data:
        self._busy.add(name)
        try:
            await self._table.remove(name)
        finally:
            self._busy.discard(name)
        self._registry.drop(name)
        self._end_sessions(name)
        return {"name": name}

    async def _list(self) -> Data:
        rows: Iterable[Stored] = await self._table.all()
        made = {row.name: row for row in rows if row.name not in self._fixed and row.name != self._generated}
        listed = [{"name": name, "scopes": _words(row.scopes), "source": "neonctl", "created": row.created}
                  for name, row in made.items()]
        for name, source in [(self._generated, "generated"), *((name, "configuration") for name in self._fixed)]:
            if name in self._registry:
                listed.append({"name": name, "scopes": _words(self._registry.scopes(name)), "source": source})
        return {"applications": sorted(listed, key=lambda item: str(item["name"]))}

    def _end_sessions(self, name: str) -> None:
        ended: list[Session] = [session for session in self._sessions if session.application == name]
        for session in ended:
            self._sessions.close(session)

    def rows(self) -> tuple[Command, ...]:
        return (
            Command("applist", self.list),
            Command("appadd", self.add, (NAME, SCOPES), once=False),
            Command("apppasswd", self.passwd, (NAME,), once=False),
            Command("appremove", self.remove, (NAME,)),
        )


class OriginDecisions:
    """Answers the questions whether web pages may use NEON, and tells what was answered before."""

    def __init__(self, origins: Origins, requests: ApprovalRequests) -> None:
        self._origins = origins
        self._requests = requests

    def list(self, context: Context) -> Data:
        """Every web page that something was decided about, and by whom."""
        return {"origins": [{"origin": origin, "standing": how} for origin, how in self._origins.listing()]}

    def pending(self, context: Context) -> Data:
        """The web pages that wait for a decision, the oldest first."""
        return {
            "origins": [
                {"origin": question.origin, "asked": wire.timestamp(question.since)}
                for question in self._requests.pending
            ]
        }

    def allow(self, context: Context, origin: str, once: bool) -> Deferred[Data]:
        """Let a web page use NEON: from now on, or until NEON ends."""
        return self._decide(origin, Answer.ALLOW_ONCE if once else Answer.ALLOW)

    def deny(self, context: Context, origin: str) -> Deferred[Data]:
        """Refuse a web page this time."""
        return self._decide(origin, Answer.DENY)

    def block(self, context: Context, origin: str) -> Deferred[Data]:
        """Refuse a web page from now on."""
        return self._decide(origin, Answer.BLOCK)

    def forget(self, context: Context, origin: str) -> Deferred[Data]:
        """Take a decision back: the page has to ask again."""
        forgotten: Deferred[Data] = self._origins.forget(origin).addCallback(lambda _: {"origin": origin})
        return forgotten

    def _decide(self, origin: str, answer: Answer) -> Deferred[Data]:
        decided: Deferred[Data] = self._requests.decide(origin, answer).addCallback(lambda _: {"origin": origin})
        return decided

    def rows(self) -> tuple[Command, ...]:
        return (
            Command("originlist", self.list),
            Command("originpending", self.pending),
            Command("originallow", self.allow, (ORIGIN, Parameter("once", arguments.boolean, default=False))),
            Command("origindeny", self.deny, (ORIGIN,)),
            Command("originblock", self.block, (ORIGIN,)),
            Command("originforget", self.forget, (ORIGIN,)),
        )


class Explanations:
    """Tells what became of a call or an account."""

    def __init__(self, cases: Cases) -> None:
        self._cases = cases

    def explain(self, context: Context, case: str | None) -> Data:
        """A call by its callId, or an account by its URI, number or connectionId; or the last call."""
        found = self._last() if case is None else self.find(case.strip())
        if found is None:
            raise InvalidArgument(
                "there was no call yet" if case is None else f"no call or account {arguments.shown(case)} is remembered"
            )
        return found

    def _last(self) -> Data | None:
        last = self._cases.last_call
        return None if last is None else self._cases.call(last)

    def find(self, word: str) -> Data | None:
        """The same of a call or an account that is named; None if it is not remembered."""
        number = int(word) if word.isascii() and word.isdigit() and len(word) < 16 else 0
        named = self._cases.account_named(word)
        return self._cases.call(number) or self._cases.account(named or number)

    def rows(self) -> tuple[Command, ...]:
        return (Command("explain", self.explain, (Parameter("case", arguments.text, default=None),)),)


def _words(scopes: frozenset[Scope]) -> list[str]:
    return [scope.value for scope in Scope if scope in scopes]


def _name(text: str) -> str:
    name = text.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise ValueError(f"must be a name of up to {LONGEST_NAME} printable characters")
    return name


def _origin(text: str) -> str:
    return parsing.origin(text.strip().removesuffix("/"))


NAME: Final = Parameter("name", arguments.written(_name))
SCOPES: Final = Parameter("scopes", arguments.written(parsing.scopes), default=EVERYTHING)
ORIGIN: Final = Parameter("origin", arguments.written(_origin))
