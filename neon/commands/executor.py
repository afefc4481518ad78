"""Executes commands: finds the row, makes the checks in their order, calls the function.

The checks run in the order of spec section 2: format (100), token (600 or 602, as the skin spells it), arguments
(102), registration (601).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.python.failure import Failure

from neon import arguments
from neon.commands.context import NO_ACCOUNT, Applications, Client, Command, Context, Data, Needs, Sessions
from neon.commands.table import CALL_ID, TABLE
from neon.errors import DataFormatError, DeadToken, InvalidArgument, NotRegistered
from neon.gate import Gate, OpenGate
from neon.phone import Phone
from neon.values import Scope


class Commands:
    """Executes what clients ask for."""

    def __init__(
        self,
        phone: Phone,
        sessions: Sessions,
        applications: Applications,
        table: Iterable[Command] | None = None,
        gate: Gate | None = None,
    ) -> None:
        self._phone = phone
        self._sessions = sessions
        self._applications = applications
        self._gate: Gate = OpenGate() if gate is None else gate
        self._rows: dict[str, Command] = {}
        for command in TABLE if table is None else table:
            for name in (command.name, *command.aliases):
                if self._rows.setdefault(name, command) is not command:
                    raise ValueError(f"two commands are called {name}")

    def execute(self, pairs: Iterable[tuple[str, object]], client: Client) -> Deferred[Data]:
        """Run the command that C{pairs} describe: C{action}, C{token}, and its parameters.

        Never raises: the Deferred fails, with a L{NeonError} unless it is our own fault.
        """
        run = _Run(client)
        try:
            result = self._execute(arguments.fold(pairs), run)
        except Exception as error:
            self._done(error, run)
            return fail(error)
        if isinstance(result, Deferred):
            return result.addBoth(self._done, run)
        return succeed(self._done(result, run))

    def listener(self, pairs: Iterable[tuple[str, object]], client: Client) -> Any:
        """The session that the token among C{pairs} stands for, where a client fetches its events by asking.

        @raise DeadToken: there is none.
        @raise NotAuthorised: the application may not have events, or there were too many wrong tokens.
        """
        session = self._session(arguments.fold(pairs), client)
        self._gate.allow(session, _Listening())
        return session

    def _done(self, outcome: Any, run: _Run) -> Any:
        value = outcome.value if isinstance(outcome, Failure) else outcome
        self._gate.done(run.session, run.client, run.command, run.values, value)
        return outcome

    def _execute(self, given: Mapping[str, list[object]], run: _Run) -> Data | Deferred[Data]:
        action = _action(given)
        command = run.command = self._rows.get(action)
        if command is None or command.needs is not Needs.NOTHING:
            run.session = self._session(given, run.client)
        if command is None:
            raise InvalidArgument(f"unknown action {arguments.shown(action)}")
        if run.session is not None:
            self._gate.allow(run.session, command)
        values = run.values = arguments.read(command.parameters, given)
        context = Context(self._phone, self._sessions, self._applications, run.client, run.session, self._gate)
        if command.needs is not Needs.REGISTERED or self._phone.is_registered:
            self._gate.charge(run.session, command, values)
            return command.function(context, **values)
        if CALL_ID.keyword not in values:
            raise NotRegistered(NO_ACCOUNT)
        # A call outlives a lost registration, and whoever is in it must be able to end it. Any other call: 601.
        try:
            self._gate.charge(run.session, command, values)
            return command.function(context, **values)
        except InvalidArgument:
            raise NotRegistered(NO_ACCOUNT) from None

    def _session(self, given: Mapping[str, list[object]], client: Client) -> Any:
        tokens = given.get("token", [])
        session = self._sessions.find(tokens[0]) if tokens else None
        if any(token != tokens[0] for token in tokens[1:]):
            session = None
        if not tokens or not self._gate.admit(session, client):
            raise DeadToken("this action needs a token that authenticate gave out and that is still alive")
        client.authenticated(session)
        return session


@dataclass(slots=True)
class _Run:
    """One execution of one command, as far as it got."""

    client: Client
    command: Command | None = None
    session: Any = None
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Listening:
    """What the gate is shown for L{Commands.listener}."""

    name: str = "events"
    scope: Scope = Scope.EVENTS
    dials: None = None


def _action(given: Mapping[str, list[object]]) -> str:
    actions = given.get("action", [])
    if not actions or not isinstance(actions[0], str) or not actions[0].strip():
        raise DataFormatError("there is no action")
    words = {action.strip().lower() if isinstance(action, str) else None for action in actions}
    if len(words) > 1:
        raise InvalidArgument("action was given twice with different values")
    return actions[0].strip().lower()
