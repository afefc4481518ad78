"""Executes commands: finds the row, makes the checks in their order, calls the function.

The checks run in the order of spec section 2: format (100), token (600 or 602, as the skin spells it), arguments
(102), registration (601). A command whose C{requestId} was there a short while ago is not run again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.python.failure import Failure

from neon import arguments
from neon.callaudio import CallAudio
from neon.callback import Callbacks
from neon.commands.context import NO_ACCOUNT, Applications, Client, Command, Context, Data, Needs, Sessions
from neon.commands.once import Once
from neon.commands.operators import NoOperators
from neon.commands.shapes import CALL_ID, REQUEST_ID
from neon.commands.table import TABLE
from neon.errors import DataFormatError, DeadToken, InvalidArgument, NotRegistered
from neon.gate import Gate, OpenGate
from neon.history import History
from neon.phone import Phone
from neon.playing import Playing
from neon.ports import Operators, Screen
from neon.recorder import Recorder
from neon.sounddevices import Sound
from neon.values import Scope


class NoScreen:
    """A machine without a panel."""

    def show(self, visible: bool) -> Deferred[bool]:
        return succeed(False)


class Commands:
    """Executes what clients ask for."""

    def __init__(
        self,
        phone: Phone,
        sessions: Sessions,
        applications: Applications,
        table: Iterable[Command] | None = None,
        gate: Gate | None = None,
        screen: Screen | None = None,
        history: History | None = None,
        callbacks: Callbacks | None = None,
        operators: Operators | None = None,
        recorder: Recorder | None = None,
        playing: Playing | None = None,
        audio: CallAudio | None = None,
        sound: Sound | None = None,
        brand: str = "NEON",
    ) -> None:
        self._phone = phone
        self._screen: Screen = NoScreen() if screen is None else screen
        self._history = history
        self._callbacks = callbacks
        self._recorder = recorder
        self._playing = playing
        self._audio = audio
        self._sound = sound
        self._brand = brand
        self._operators: Operators = NoOperators() if operators is None else operators
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

    def waits(self, pairs: Iterable[tuple[str, object]]) -> bool:
        """Whether the command that C{pairs} describe waits for somebody far away: later ones need not wait for it."""
        action = next((value for name, value in pairs if name.strip().lower() == "action"), None)
        command = self._rows.get(action.strip().lower()) if isinstance(action, str) else None
        return command is not None and command.waits

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
        if action != command.name:
            run.warn(f"the action {action} was read as {command.name}")
            if run.session is not None:
                run.session.heard.add(action)
        if run.session is not None:
            self._gate.allow(run.session, command)
        values = run.values = arguments.read(command.parameters, given, run.warn)
        request_id = arguments.read((REQUEST_ID,), given)[REQUEST_ID.keyword]
        carry_out = partial(self._carry_out, command, run)
        if request_id is None or run.session is None or not command.once:
            return carry_out()
        described = hashlib.sha256(repr((command.name, sorted(values.items()))).encode("utf-8", "surrogatepass"))
        once: Once = run.session.once
        return once.run(request_id, described.digest(), carry_out, run.warn)

    def _carry_out(self, command: Command, run: _Run) -> Data | Deferred[Data]:
        context = Context(
            phone=self._phone,
            bus=self._phone.bus,
            screen=self._screen,
            sessions=self._sessions,
            applications=self._applications,
            client=run.client,
            session=run.session,
            gate=self._gate,
            history=self._history,
            callbacks=self._callbacks,
            operators=self._operators,
            recorder=self._recorder,
            playing=self._playing,
            audio=self._audio,
            sound=self._sound,
            brand=self._brand,
        )
        with self._phone.bus.held():
            return self._call(command, run, context)

    def _call(self, command: Command, run: _Run, context: Context) -> Data | Deferred[Data]:
        if command.needs is not Needs.REGISTERED or self._phone.is_registered:
            self._gate.charge(run.session, command, run.values)
            return command.function(context, **run.values)
        if CALL_ID.keyword not in run.values:
            raise NotRegistered(NO_ACCOUNT)
        # A call outlives a lost registration, and whoever is in it must be able to end it. Any other call: 601.
        try:
            self._gate.charge(run.session, command, run.values)
            return command.function(context, **run.values)
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

    def warn(self, sentence: str) -> None:
        """Something was tolerated."""
        self.client.warn(sentence)


@dataclass(frozen=True, slots=True)
class _Listening:
    """What the gate is shown for L{Commands.listener}."""

    name: str = "events"
    scope: Scope = Scope.EVENTS
    own_page: bool = False
    dials: None = None
    dials_later: bool = False


def _action(given: Mapping[str, list[object]]) -> str:
    actions = given.get("action", [])
    if not actions or not isinstance(actions[0], str) or not actions[0].strip():
        raise DataFormatError("there is no action")
    action = actions[0].strip().lower()
    if len(actions) > 1 and any(not isinstance(one, str) or one.strip().lower() != action for one in actions):
        raise InvalidArgument("action was given twice with different values")
    return action
