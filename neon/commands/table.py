"""The one table of commands. A function's keyword arguments are the parameters of its row; a test compares the two."""

from __future__ import annotations

from typing import Final

from neon import arguments
from neon.arguments import Parameter
from neon.commands import access, accounts, calls
from neon.commands.context import Command, Needs
from neon.values import Scope

CALL_ID: Final = Parameter("callid", arguments.identifier, into="call_id")
CONNECTION_ID: Final = Parameter("connectionid", arguments.identifier, into="connection_id", default=None)

TABLE: Final = (
    Command(
        "authenticate",
        access.authenticate,
        (
            Parameter("user", arguments.text),
            Parameter("password", arguments.password),
            Parameter("spelling", arguments.choice("table", "prose"), default="table"),
        ),
        needs=Needs.NOTHING,
    ),
    Command("logout", access.logout),
    Command(
        "sipregister",
        accounts.sip_register,
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
    Command("sipunregister", accounts.sip_unregister, (CONNECTION_ID,), scope=Scope.ACCOUNT),
    Command(
        "startcall",
        calls.start_call,
        (Parameter("number", arguments.dial_string), CONNECTION_ID),
        needs=Needs.REGISTERED,
        scope=Scope.CALL,
        dials="number",
    ),
    Command("acceptcall", calls.accept_call, (CALL_ID,), needs=Needs.REGISTERED, scope=Scope.CALL),
    Command("finalizecall", calls.finalize_call, (CALL_ID,), needs=Needs.REGISTERED, scope=Scope.CALL),
    Command("listcalls", calls.list_calls, scope=Scope.EVENTS),
    Command("listaccounts", accounts.list_accounts, scope=Scope.EVENTS),
    Command("getversion", access.get_version),
)
