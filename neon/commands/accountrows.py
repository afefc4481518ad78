"""The rows of the commands about SIP accounts."""

from __future__ import annotations

from typing import Final

from neon import arguments, parsing
from neon.arguments import Parameter
from neon.commands import accounts
from neon.commands.context import Command, Field
from neon.commands.incomingrows import RULES
from neon.commands.shapes import CONNECTION_ID, ID, MOMENT, SOUND, TEXT, URI, listed
from neon.srtp import SrtpPolicy
from neon.values import Codec, DigitsBy, RegistrationState, ReliablePolicy, Scope

COUNT: Final = {"type": "integer", "minimum": 0}
OPTIONS: Final = {
    "type": "object",
    "properties": {
        "codecs": {"type": "array", "items": {"enum": [codec.value for codec in Codec]}},
        "dtmf": {"enum": [way.value for way in DigitsBy]},
        "rejectStatus": {"type": "integer", "minimum": 400, "maximum": 699},
        "maxCalls": {"type": "integer", "minimum": 1},
        "mwi": {"const": True},
        "blf": {"type": "array", "items": TEXT},
        "srtp": {"enum": [policy.value for policy in SrtpPolicy]},
        "record": {"type": "boolean"},
        "holdMusic": TEXT,
        "ptime": {"enum": [10, 20, 30, 40, 50, 60]},
        "reliableResponses": {"enum": [policy.value for policy in ReliablePolicy]},
        "sessionExpires": COUNT,
        "minSE": COUNT,
    },
    "additionalProperties": False,
}
MESSAGES: Final = {
    "type": "object",
    "properties": {
        "waiting": {"type": "boolean"}, **dict.fromkeys(("new", "old", "urgentNew", "urgentOld"), COUNT)
    },
    "required": ["waiting"],
    "additionalProperties": False,
}

ROWS: Final = (
    Command(
        "sipregister",
        accounts.sip_register,
        (
            Parameter(
                "domain",
                arguments.domain,
                about="The SIP domain or server: host or host:port, optionally with ;transport=udp, tcp, tls or auto.",
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
            Parameter(
                "codecs",
                arguments.codecs,
                default=None,
                about="The codecs of this account's calls, the preferred one first.",
                extension=True,
            ),
            Parameter(
                "dtmf",
                arguments.one_of(DigitsBy),
                default=None,
                about="How digits go in this account's calls.",
                extension=True,
            ),
            Parameter(
                "rejectstatus",
                arguments.status_of(*parsing.REJECT_STATUSES),
                into="reject_status",
                default=None,
                spelled="rejectStatus",
                about="What callers hear whom it refuses: 486, 480, 600, 603, 403, 404 or 607.",
                extension=True,
            ),
            Parameter(
                "maxcalls",
                arguments.whole_number(1, 1000),
                into="max_calls",
                default=None,
                spelled="maxCalls",
                about="How many calls this account may have at once.",
                extension=True,
            ),
            Parameter(
                "mwi",
                arguments.boolean,
                default=None,
                about="Ask the registrar whether messages are waiting (OnMessageWaiting).",
                extension=True,
            ),
            Parameter(
                "blf",
                arguments.extensions,
                default=None,
                about="The extensions that are watched (OnExtensionState): numbers of the domain, or user@host.",
                extension=True,
            ),
            Parameter(
                "srtp",
                arguments.one_of(SrtpPolicy),
                default=None,
                about="Whether this account's calls are encrypted: off, optional (with whoever can) or mandatory.",
                extension=True,
            ),
            Parameter(
                "record",
                arguments.boolean,
                default=None,
                about="Record every call of this account from its answer on.",
                extension=True,
            ),
            Parameter(
                "holdmusic",
                SOUND,
                into="hold_music",
                default=None,
                spelled="holdMusic",
                about="What those hear who are on hold: a WAV file's name in the directory for sounds.",
                extension=True,
            ),
            Parameter(
                "ptime",
                arguments.packet_time,
                default=None,
                about="How many milliseconds of audio a packet of this account's calls should have: 10, 20, ... 60.",
                extension=True,
            ),
            Parameter(
                "reliableresponses",
                arguments.one_of(ReliablePolicy),
                into="reliable_responses",
                default=None,
                spelled="reliableResponses",
                about="Whether ringing is acknowledged in this account's calls (100rel): no, supported, preferred or "
                "required.",
                extension=True,
            ),
            Parameter(
                "sessionexpires",
                arguments.whole_number(0, 86400),
                into="session_expires",
                default=None,
                spelled="sessionExpires",
                about="The session timer that this account's calls ask for, in seconds; 0 is none.",
                extension=True,
            ),
            Parameter(
                "minse",
                arguments.whole_number(3, 86400),
                into="min_se",
                default=None,
                spelled="minSE",
                about="The shortest session timer that others may ask of this account, in seconds.",
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
                Field("name", TEXT, "What the configuration calls it.", optional=True),
                Field("options", OPTIONS, "What holds for this account only.", optional=True),
                Field("messages", MESSAGES, "Its waiting messages, where its PBX has told of them.", optional=True),
                RULES,
            ),
        ),
        extension=True,
    ),
)
