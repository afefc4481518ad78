"""The commands, each once: what it is called, what it takes, what it needs first, and the function that does it.

A skin hands over what it decoded, as pairs of name and value, and gets a Deferred of the answer's data, or of a
L{NeonError} with the code to send. The checks run in the order of spec section 2: format (100), token (600 or 602,
as the skin spells it), arguments (102), registration (601).
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Protocol, TypeAlias

from twisted.internet.defer import Deferred, fail, succeed
from twisted.python.failure import Failure

from neon import __version__, arguments
from neon.arguments import Parameter
from neon.errors import DataFormatError, DeadToken, InvalidArgument, InvalidCredentials, NotRegistered
from neon.gate import Gate, OpenGate
from neon.phone import Phone
from neon.values import AccountSettings, Scope

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


def _action(given: Mapping[str, list[object]]) -> str:
    actions = given.get("action", [])
    if not actions or not isinstance(actions[0], str) or not actions[0].strip():
        raise DataFormatError("there is no action")
    words = {action.strip().lower() if isinstance(action, str) else None for action in actions}
    if len(words) > 1:
        raise InvalidArgument("action was given twice with different values")
    return actions[0].strip().lower()


# The functions. Their keyword arguments are the parameters of their row; a test compares the two.


def authenticate(context: Context, user: str, password: str, spelling: str) -> Deferred[Data]:
    """Begin a session."""

    def checked(right: bool) -> Data:
        if not right:
            raise InvalidCredentials("wrong user or password")
        token, session = context.sessions.open(user, prose=spelling == "prose")
        context.gate.opened(session, context.client)
        context.client.authenticated(session)
        return {"token": token}

    check = partial(context.applications.verify, user, password)
    return context.gate.authenticate(user, context.client, check).addCallback(checked)


def logout(context: Context) -> Data:
    """End the session and give up the accounts it registered."""
    for connection_id in _own_accounts(context):
        _drop(context, connection_id)
    context.sessions.close(context.session)
    return {}


def sip_register(
    context: Context,
    domain: arguments.Domain,
    number: str,
    password: str,
    autodisconnect: bool,
    auth_user: str | None,
    display_name: str | None,
    proxy: str | None,
    expires: int,
) -> Data:
    """Register an account and keep it registered; what becomes of it arrives as events."""
    settings = AccountSettings(
        domain=domain.host,
        port=domain.port,
        transport=domain.transport,
        number=number,
        password=password,
        auth_user=auth_user,
        display_name=display_name,
        proxy=proxy,
        expires=expires,
    )
    connection_id = context.phone.register(settings)
    context.session.accounts.add(connection_id)
    context.client.autodisconnect(context.session, connection_id, autodisconnect)
    return {"connectionId": connection_id}


def sip_unregister(context: Context, connection_id: int | None) -> Data:
    """Give up one account, or those of this application, or the only one there is."""
    known = [account.connection_id for account in context.phone.accounts()]
    if connection_id is not None:
        chosen = [connection_id]
    elif not (chosen := _own_accounts(context)):
        if len(known) > 1:
            raise InvalidArgument("there are several accounts, none registered by this application: say connectionId")
        chosen = known
    if not chosen:
        raise NotRegistered(NO_ACCOUNT)
    for one in chosen:
        _drop(context, one)
    return {}


def start_call(context: Context, number: str, connection_id: int | None) -> Data:
    """Dial."""
    return {"callId": context.phone.start_call(number, connection_id, preferred=context.session.accounts)}


def accept_call(context: Context, call_id: int) -> Data:
    """Answer."""
    return {"alreadyAnswered": True} if context.phone.accept_call(call_id) else {}


def finalize_call(context: Context, call_id: int) -> Data:
    """Cancel, reject or hang up, whichever fits."""
    context.phone.finalize_call(call_id)
    return {}


def list_calls(context: Context) -> Data:
    """The live calls."""
    return {
        "calls": [
            {
                "callId": call.call_id,
                "connectionId": call.connection_id,
                "type": call.direction.value,
                "state": call.state.value,
                "from": call.caller,
                "to": call.callee,
                **({} if call.display_name is None else {"displayName": call.display_name}),
            }
            for call in context.phone.calls()
        ]
    }


def list_accounts(context: Context) -> Data:
    """The accounts and how they are."""
    return {
        "accounts": [
            {
                "connectionId": account.connection_id,
                "uri": account.uri,
                "state": account.state.value,
                **({} if account.display_name is None else {"displayName": account.display_name}),
            }
            for account in context.phone.accounts()
        ]
    }


def get_version(context: Context) -> Data:
    """Which NEON this is."""
    return {"name": "NEON", "version": __version__}


def _own_accounts(context: Context) -> list[int]:
    """The accounts of this session that still exist."""
    known = {account.connection_id for account in context.phone.accounts()}
    return sorted(context.session.accounts & known)


def _drop(context: Context, connection_id: int) -> None:
    context.phone.unregister(connection_id)
    context.session.accounts.discard(connection_id)
    context.client.autodisconnect(context.session, connection_id, False)


CALL_ID: Final = Parameter("callid", arguments.identifier, into="call_id")
CONNECTION_ID: Final = Parameter("connectionid", arguments.identifier, into="connection_id", default=None)

TABLE: Final = (
    Command(
        "authenticate",
        authenticate,
        (
            Parameter("user", arguments.text),
            Parameter("password", arguments.password),
            Parameter("spelling", arguments.choice("table", "prose"), default="table"),
        ),
        needs=Needs.NOTHING,
    ),
    Command("logout", logout),
    Command(
        "sipregister",
        sip_register,
        (
            Parameter("domain", arguments.domain),
            Parameter("number", arguments.sip_user),
            Parameter("password", arguments.password),
            Parameter("autodisconnect", arguments.boolean, default=False),
            Parameter("authuser", arguments.text, into="auth_user", default=None),
            Parameter("displayname", arguments.text, into="display_name", default=None),
            Parameter("proxy", arguments.proxy, default=None),
            Parameter("expires", arguments.whole_number(10, 86400), default=600),
        ),
        scope=Scope.ACCOUNT,
    ),
    Command("sipunregister", sip_unregister, (CONNECTION_ID,), scope=Scope.ACCOUNT),
    Command(
        "startcall",
        start_call,
        (Parameter("number", arguments.dial_string), CONNECTION_ID),
        needs=Needs.REGISTERED,
        scope=Scope.CALL,
        dials="number",
    ),
    Command("acceptcall", accept_call, (CALL_ID,), needs=Needs.REGISTERED, scope=Scope.CALL),
    Command("finalizecall", finalize_call, (CALL_ID,), needs=Needs.REGISTERED, scope=Scope.CALL),
    Command("listcalls", list_calls, scope=Scope.EVENTS),
    Command("listaccounts", list_accounts, scope=Scope.EVENTS),
    Command("getversion", get_version),
)
