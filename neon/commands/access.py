"""The commands about being let in: authenticate and logout."""

from __future__ import annotations

from functools import partial

from twisted.internet.defer import Deferred

from neon.commands.accounts import drop, own_accounts
from neon.commands.context import Context, Data
from neon.errors import InvalidCredentials


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
    for connection_id in own_accounts(context):
        drop(context, connection_id)
    context.sessions.close(context.session)
    return {}
