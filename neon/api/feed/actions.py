"""What members of the feed may have done, carried out by the one table of commands.

An agent touches their own extension only: a call of somebody else's is refused like one that does not exist, so that
nobody can find out by asking. A supervisor does so only with the right to act, and says for which extension.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from twisted.internet.defer import Deferred, FirstError, fail, gatherResults
from twisted.python.failure import Failure

from neon.api.feed import wire
from neon.api.feed.members import Member
from neon.api.sessions import Session, Sessions
from neon.commands import Commands, Data, Subscribed
from neon.errors import InvalidArgument, NotAuthorised, NotRegistered


class Extensions(Protocol):
    """Which call and which account is whose (L{neon.localboard.LocalSwitchboard})."""

    def extension_of(self, call_id: int) -> str | None: ...

    def connection_of(self, extension: str) -> int | None: ...


class Actor:
    """One connection of the feed as a client of the commands; implements L{neon.commands.Client}."""

    origin: str | None = None
    audio: None = None

    def __init__(self, key: str, session: Session, token: str) -> None:
        self.key = key
        self.session = session
        self.token = token

    def warn(self, sentence: str) -> None:
        """The feed has no place for warnings."""

    def authenticated(self, session: Session) -> None:
        """It was before it asked."""

    def autodisconnect(self, session: Session, connection_id: int, wanted: bool) -> None:
        """Members register no accounts."""

    def subscribe(
        self, session: Session, since: int | None, boot: str | None, events: tuple[str, ...] | None
    ) -> Subscribed:
        raise NotAuthorised("the feed has messages of its own")

    def manual(self) -> Mapping[str, Any]:
        return {}


class CommandActions:
    """Implements L{neon.api.feed.server.Actions}."""

    def __init__(self, commands: Commands, sessions: Sessions, extensions: Extensions) -> None:
        self._commands = commands
        self._sessions = sessions
        self._extensions = extensions
        self._actors: dict[object, Actor] = {}
        self._numbers = 0

    def act(self, member: Member, action: wire.Action, key: object) -> Deferred[dict[str, Any]]:
        if not member.acts:
            raise NotAuthorised("this supervisor may watch, not act")
        actor = self._actor(member, key)
        match action:
            case wire.Dial(phone=phone, custom=(one, two), extension=extension):
                account = self._account(member, extension)
                wanted = {"number": phone, "connectionid": account, "customfield1": one, "customfield2": two}
                return self._run(actor, "callback", wanted).addCallback(lambda data: {"callid": data["callId"]})
            case wire.BlindTransfer(call_id=call_id, phone=phone):
                self._check(member, call_id)
                return self._run(actor, "transfercall", {"callid": call_id, "to": phone}).addCallback(_nothing)
            case wire.HangUp(call_ids=call_ids):
                return self._hang_up(member, actor, call_ids)

    def left(self, key: object) -> None:
        actor = self._actors.pop(key, None)
        if actor is not None:
            self._sessions.close(actor.session)

    def _hang_up(self, member: Member, actor: Actor, call_ids: tuple[int, ...]) -> Deferred[dict[str, Any]]:
        """Every one that can be; the first that could not is what the answer tells."""
        results: list[Deferred[Data]] = []
        for call_id in call_ids:
            try:
                self._check(member, call_id)
            except InvalidArgument as error:
                results.append(fail(error))
            else:
                results.append(self._run(actor, "finalizecall", {"callid": call_id}))

        return gatherResults(results, consumeErrors=True).addCallbacks(_nothing, _first)

    def _run(self, actor: Actor, action: str, values: Mapping[str, object]) -> Deferred[Data]:
        pairs = [("action", action), ("token", actor.token), *values.items()]
        return self._commands.execute(pairs, actor)

    def _actor(self, member: Member, key: object) -> Actor:
        actor = self._actors.get(key)
        if actor is None or not actor.session.alive:
            role = "supervisor" if member.supervises else "agent"
            token, session = self._sessions.open(f"{role} {member.name}")
            self._numbers += 1
            actor = self._actors[key] = Actor(f"feed {self._numbers}", session, token)
            self._sessions.hold(session, actor)
        return actor

    def _account(self, member: Member, extension: str | None) -> int:
        """The account to call with."""
        if member.extension is not None and extension not in (None, member.extension):
            raise InvalidArgument(f"there is no extension {extension}")
        wanted = member.extension or extension
        if wanted is None:
            raise InvalidArgument("a supervisor has to say for which extension")
        account = self._extensions.connection_of(wanted)
        if account is None:
            if member.supervises:
                raise InvalidArgument(f"there is no extension {wanted}")
            raise NotRegistered(f"the extension {wanted} is not registered")
        return account

    def _check(self, member: Member, call_id: int) -> None:
        extension = self._extensions.extension_of(call_id)
        if extension is None or not member.sees(extension):
            raise InvalidArgument(f"there is no call {call_id}, or it has ended")


class NoActions:
    """For a hub, which only watches: implements L{neon.api.feed.server.Actions}."""

    def act(self, member: Member, action: wire.Action, key: object) -> Deferred[dict[str, Any]]:
        raise NotAuthorised("this hub only watches: log in at the extension's own desk to act")

    def left(self, key: object) -> None:
        """It had nothing here."""


def _first(failure: Failure) -> Failure:
    """What it was that failed first of several."""
    assert isinstance(failure.value, FirstError)
    cause: Failure = failure.value.subFailure
    return cause


def _nothing(_: object) -> dict[str, Any]:
    return {}
