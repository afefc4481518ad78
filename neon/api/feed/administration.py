"""The commands of the control socket about who may log in to the feed.

Rows of the same kind as those of L{neon.api.administration}::

    agentadd NAME EXTENSION   agentpasswd NAME   agentremove NAME   agentlist
    supervisoradd NAME [act]   supervisorpasswd NAME   supervisorremove NAME   supervisorlist
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred

from neon import arguments
from neon.api.administration import NAME, PASSWORD_BYTES
from neon.api.feed.members import Member, Members
from neon.arguments import Parameter
from neon.commands import Command, Context, Data
from neon.errors import InvalidArgument
from neon.passwords import PasswordHash

LONGEST_EXTENSION: Final = 128


class Table(Protocol):
    """Where members are kept (L{neon.store.members.MemberTable})."""

    def save(self, name: str, extension: str | None, acts: bool, password_hash: PasswordHash) -> Deferred[None]: ...

    def remove(self, supervises: bool, name: str) -> Deferred[bool]: ...


class InThread(Protocol):
    """Does slow work elsewhere."""

    def __call__(self, function: Callable[..., Any], *args: object) -> Deferred[Any]: ...


class MemberAccounts:
    """Makes, lists and removes the logins of agents and supervisors while the daemon runs.

    C{notice} has a sentence for whoever adds somebody while nobody can log in, None where all is well.
    """

    def __init__(
        self, table: Table, members: Members, in_thread: InThread, notice: Callable[[], str | None] = lambda: None
    ) -> None:
        self._table = table
        self._members = members
        self._in_thread = in_thread
        self._notice = notice
        self._busy: set[tuple[bool, str]] = set()

    def add_agent(self, context: Context, name: str, extension: str) -> Deferred[Data]:
        """Let an agent log in and use one extension; the password stands in this answer and nowhere else."""
        return self._add(context, Member(name, extension, acts=True))

    def add_supervisor(self, context: Context, name: str, act: bool) -> Deferred[Data]:
        """Let a supervisor log in and watch every extension; with C{act} also dial, transfer and hang up for them."""
        return self._add(context, Member(name, None, acts=act))

    def passwd(self, supervises: bool, context: Context, name: str) -> Deferred[Data]:
        """Give somebody another password; whoever is logged in with the old one has to do it again."""
        return Deferred.fromCoroutine(self._save(self._find(supervises, name)))

    def remove(self, supervises: bool, context: Context, name: str) -> Deferred[Data]:
        """Let somebody log in no longer."""
        self._find(supervises, name)
        return Deferred.fromCoroutine(self._remove(supervises, name))

    def list(self, supervises: bool, context: Context) -> Data:
        """Who may log in."""
        rows = [
            {"name": member.name, "act": member.acts} if supervises else
            {"name": member.name, "extension": member.extension}
            for member in self._members.all(supervises)
        ]
        return {_many(supervises): rows}

    def _add(self, context: Context, member: Member) -> Deferred[Data]:
        if self._members.find(member.supervises, member.name) is not None:
            raise InvalidArgument(f"there is {_one(member.supervises)} {member.name} already")
        if (notice := self._notice()) is not None:
            context.client.warn(notice)
        return Deferred.fromCoroutine(self._save(member))

    def _find(self, supervises: bool, name: str) -> Member:
        member = self._members.find(supervises, name)
        if member is None:
            raise InvalidArgument(f"there is no {_one(supervises).split()[1]} {name}")
        return member

    async def _save(self, member: Member) -> Data:
        key = member.supervises, member.name
        if key in self._busy:
            raise InvalidArgument(f"the login of {member.name} is being changed")
        self._busy.add(key)
        try:
            password = secrets.token_urlsafe(PASSWORD_BYTES)
            password_hash = await self._in_thread(PasswordHash.of, password)
            await self._table.save(member.name, member.extension, member.acts, password_hash)
            self._members.put(member, password_hash)
        finally:
            self._busy.discard(key)
        own = {"act": member.acts} if member.supervises else {"extension": member.extension}
        return {"name": member.name, "password": password, **own}

    async def _remove(self, supervises: bool, name: str) -> Data:
        await self._table.remove(supervises, name)
        self._members.drop(supervises, name)
        return {"name": name}

    def rows(self) -> tuple[Command, ...]:
        return (
            Command("agentadd", self.add_agent, (NAME, EXTENSION)),
            Command("supervisoradd", self.add_supervisor, (NAME, Parameter("act", arguments.boolean, default=False))),
            *self._common("agent", supervises=False),
            *self._common("supervisor", supervises=True),
        )

    def _common(self, role: str, supervises: bool) -> tuple[Command, ...]:
        return (
            Command(f"{role}passwd", partial(self.passwd, supervises), (NAME,)),
            Command(f"{role}remove", partial(self.remove, supervises), (NAME,)),
            Command(f"{role}list", partial(self.list, supervises)),
        )


def _one(supervises: bool) -> str:
    return "a supervisor" if supervises else "an agent"


def _many(supervises: bool) -> str:
    return "supervisors" if supervises else "agents"


def _extension(text: str) -> str:
    extension = text.strip().removeprefix("sip:")
    if not extension or len(extension) > LONGEST_EXTENSION or not extension.isprintable() or " " in extension:
        raise ValueError("must be the number of an account, or number@domain")
    return extension


EXTENSION: Final = Parameter("extension", arguments.written(_extension))
