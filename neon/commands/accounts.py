"""The commands about SIP accounts."""

from __future__ import annotations

from neon import arguments
from neon.commands.context import NO_ACCOUNT, Context, Data, moment
from neon.errors import InvalidArgument, NotRegistered
from neon.values import AccountSettings


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
    elif not (chosen := own_accounts(context)):
        if len(known) > 1:
            raise InvalidArgument("there are several accounts, none registered by this application: say connectionId")
        chosen = known
    if not chosen:
        raise NotRegistered(NO_ACCOUNT)
    for one in chosen:
        drop(context, one)
    return {}


def list_accounts(context: Context) -> Data:
    """The SIP accounts and how they are, and the number of the last event that this list knows of."""
    return {
        **moment(context),
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


def own_accounts(context: Context) -> list[int]:
    """The accounts of this session that still exist."""
    known = {account.connection_id for account in context.phone.accounts()}
    return sorted(context.session.accounts & known)


def drop(context: Context, connection_id: int) -> None:
    context.phone.unregister(connection_id)
    context.session.accounts.discard(connection_id)
    context.client.autodisconnect(context.session, connection_id, False)
