"""The one table of commands. A function's keyword arguments are the parameters of its row; a test compares the two."""

from __future__ import annotations

from typing import Any, Final

from neon import arguments
from neon.arguments import MAX_ID, Parameter
from neon.commands import access, accounts, calls, listening
from neon.commands.context import Command, Field, Needs
from neon.values import CallState, Direction, RegistrationState, Scope

REQUEST_ID: Final = Parameter(
    "requestid",
    arguments.request_id,
    into="request_id",
    default=None,
    spelled="requestId",
    about="Made up by the client, new for each thing it wants done: the same one within 30 seconds runs nothing and "
    "gets the first answer again.",
    extension=True,
)
CALL_ID: Final = Parameter(
    "callid", arguments.identifier, into="call_id", spelled="callId", about="The call, as OnNewCall named it."
)
CONNECTION_ID: Final = Parameter(
    "connectionid",
    arguments.identifier,
    into="connection_id",
    default=None,
    spelled="connectionId",
    about="The SIP account, as sipregister named it.",
    extension=True,
)

ID: Final = {"type": "integer", "minimum": 1, "maximum": MAX_ID}
TEXT: Final = {"type": "string"}
YES_NO: Final = {"type": "boolean"}
URI: Final = {"type": "string", "description": "a bare SIP URI"}

MOMENT: Final = (
    Field("seq", {"type": "integer", "minimum": 0}, "The number of the last event so far."),
    Field("boot", TEXT, "Names this life of the daemon: event numbers begin again with each."),
)


def listed(name: str, about: str, *fields: Field) -> Field:
    """A list of objects in an answer."""
    properties: dict[str, Any] = {field.name: field.schema for field in fields}
    required = [field.name for field in fields if not field.optional]
    item = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return Field(name, {"type": "array", "items": item}, about)


TABLE: Final = (
    Command(
        "authenticate",
        access.authenticate,
        (
            Parameter("user", arguments.text, about="The application's name."),
            Parameter("password", arguments.password, about="The application's password."),
            Parameter(
                "spelling",
                arguments.choice("table", "prose"),
                default="table",
                about="How events are called that the documents spell in two ways: as their tables do, or their prose.",
                extension=True,
            ),
        ),
        needs=Needs.NOTHING,
        answer=(Field("token", {"type": "string", "pattern": "^[0-9a-f]{32}$"}, "For every other command."),),
        spelled="Authenticate",
    ),
    Command("logout", access.logout, extension=True),
    Command(
        "sipregister",
        accounts.sip_register,
        (
            Parameter(
                "domain",
                arguments.domain,
                about="The SIP domain or server: host or host:port, optionally with ;transport=udp.",
            ),
            Parameter("number", arguments.sip_user, about="The number or user name of the account."),
            Parameter("password", arguments.password, about="The account's password."),
            Parameter(
                "autodisconnect",
                arguments.boolean,
                default=False,
                about="Unregister the account when this WebSocket closes and is not back within five seconds.",
            ),
            Parameter(
                "authuser",
                arguments.text,
                into="auth_user",
                default=None,
                spelled="authUser",
                about="The name to authenticate with, where it is not the number.",
                extension=True,
            ),
            Parameter(
                "displayname",
                arguments.text,
                into="display_name",
                default=None,
                spelled="displayName",
                about="What the phones of others show beside the number.",
                extension=True,
            ),
            Parameter(
                "proxy",
                arguments.proxy,
                default=None,
                about="An outbound proxy: host or host:port.",
                extension=True,
            ),
            Parameter(
                "expires",
                arguments.whole_number(10, 86400),
                default=600,
                about="The lifetime to ask the registrar for, in seconds.",
                extension=True,
            ),
        ),
        scope=Scope.ACCOUNT,
        answer=(Field("connectionId", ID, "The account's number, in its events.", extension=True),),
        spelled="SIPRegister",
    ),
    Command(
        "sipunregister", accounts.sip_unregister, (CONNECTION_ID,), scope=Scope.ACCOUNT, spelled="SIPUnRegister"
    ),
    Command(
        "startcall",
        calls.start_call,
        (
            Parameter("number", arguments.dial_string, about="Whom to call: a number, a sip: or tel: URI, user@host."),
            CONNECTION_ID,
        ),
        needs=Needs.REGISTERED,
        scope=Scope.CALL,
        dials="number",
        answer=(Field("callId", ID, "The call's number, in its events."),),
        spelled="StartCall",
    ),
    Command(
        "acceptcall",
        calls.accept_call,
        (CALL_ID,),
        needs=Needs.REGISTERED,
        scope=Scope.CALL,
        answer=(
            Field(
                "alreadyAnswered",
                {"const": True},
                "There where the call had been answered before.",
                optional=True,
                extension=True,
            ),
        ),
        spelled="AcceptCall",
    ),
    Command(
        "finalizecall",
        calls.finalize_call,
        (CALL_ID,),
        needs=Needs.REGISTERED,
        scope=Scope.CALL,
        spelled="FinalizeCall",
    ),
    Command(
        "transfercall",
        calls.transfer_call,
        (
            CALL_ID,
            Parameter(
                "to",
                arguments.dial_string,
                default=None,
                about="Whom the far end shall talk to: a number, a sip: or tel: URI, user@host. "
                "Needed unless toCallId is there.",
            ),
            Parameter(
                "tocallid",
                arguments.identifier,
                into="to_call_id",
                default=None,
                spelled="toCallId",
                about="Another call that was answered: the two far ends get each other.",
                extension=True,
            ),
        ),
        needs=Needs.REGISTERED,
        aliases=("transferecall", "transfer"),
        scope=Scope.CALL,
        dials="to",
        spelled="TransferCall",
    ),
    Command(
        "senddtmf",
        calls.send_dtmf,
        (
            CALL_ID,
            Parameter(
                "dtmf",
                arguments.dtmf,
                aliases=("tdmf", "dtfm"),
                about="One or more of 0-9 * # A-D; a comma is a pause of two seconds.",
            ),
        ),
        needs=Needs.REGISTERED,
        scope=Scope.DTMF,
        spelled="SendDTMF",
    ),
    Command(
        "sethold",
        calls.set_hold,
        (CALL_ID, Parameter("hold", arguments.boolean, about="Whether the far end is to wait.")),
        needs=Needs.REGISTERED,
        scope=Scope.CALL,
        spelled="SetHold",
    ),
    Command(
        "showui",
        listening.show_ui,
        (Parameter("show", arguments.boolean, about="Whether it is to be seen."),),
        scope=Scope.UI,
        answer=(Field("ui", YES_NO, "Whether this machine has a panel at all.", extension=True),),
        spelled="ShowUI",
    ),
    Command(
        "subscribe",
        listening.subscribe,
        (
            Parameter(
                "since",
                arguments.whole_number(0, MAX_ID),
                default=None,
                about="Send the events after the one with this number.",
            ),
            Parameter(
                "boot",
                arguments.text,
                default=None,
                about="The life of the daemon that the number is from. A number of an earlier one is a gap.",
            ),
            Parameter(
                "events",
                arguments.names,
                default=None,
                about="The extension events that are wanted from now on: their names, or all, or none.",
            ),
        ),
        scope=Scope.EVENTS,
        once=False,
        answer=(
            *MOMENT,
            Field("events", {"type": "array", "items": TEXT}, "The extension events that are sent from now on."),
            Field("replayed", {"type": "integer", "minimum": 0}, "How many earlier events follow."),
            Field("gap", YES_NO, "Some events after that number are gone for good: look again with listcalls."),
        ),
        extension=True,
    ),
    Command(
        "setmute",
        calls.set_mute,
        (CALL_ID, Parameter("mute", arguments.boolean, about="Whether the far end is to hear nothing.")),
        needs=Needs.REGISTERED,
        scope=Scope.CALL,
        extension=True,
    ),
    Command(
        "listcalls",
        calls.list_calls,
        scope=Scope.EVENTS,
        once=False,
        answer=(
            *MOMENT,
            listed(
                "calls",
                "The calls, oldest first.",
                Field("callId", ID),
                Field("connectionId", ID),
                Field("type", {"enum": [direction.value for direction in Direction]}),
                Field("state", {"enum": [state.value for state in CallState]}),
                Field("from", URI),
                Field("to", URI),
                Field("hold", YES_NO, "The far end waits for us."),
                Field("remoteHold", YES_NO, "We wait for the far end."),
                Field("muted", YES_NO, "The far end hears nothing of us."),
                Field("displayName", TEXT, optional=True),
            ),
        ),
        extension=True,
    ),
    Command(
        "listaccounts",
        accounts.list_accounts,
        scope=Scope.EVENTS,
        once=False,
        answer=(
            *MOMENT,
            listed(
                "accounts",
                "The accounts, oldest first.",
                Field("connectionId", ID),
                Field("uri", URI),
                Field("state", {"enum": [state.value for state in RegistrationState]}),
                Field("displayName", TEXT, optional=True),
            ),
        ),
        extension=True,
    ),
    Command(
        "help",
        listening.help_,
        once=False,
        answer=(
            Field("$schema", {"const": "https://json-schema.org/draft/2020-12/schema"}),
            Field("title", TEXT),
            Field("version", TEXT, "Which NEON this is."),
            Field("$defs", {"type": "object"}, "The schemas."),
            Field("commands", {"type": "object"}, "By action: what to send, and the data of the answer."),
            Field("events", {"type": "object"}, "By name: what is sent."),
        ),
        extension=True,
    ),
    Command(
        "getversion",
        listening.get_version,
        once=False,
        answer=(Field("name", {"const": "NEON"}), Field("version", TEXT), Field("boot", TEXT)),
        extension=True,
    ),
)
