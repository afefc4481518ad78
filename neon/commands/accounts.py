"""The commands about SIP accounts."""

from __future__ import annotations

from dataclasses import replace

from neon import arguments
from neon.commands import incoming
from neon.commands.context import NO_ACCOUNT, Context, Data, moment
from neon.commands.watchdata import message_data
from neon.errors import InvalidArgument, NotRegistered
from neon.srtp import SrtpPolicy
from neon.values import AccountOptions, AccountSettings, Codec, DigitsBy, ReliablePolicy


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
    codecs: tuple[Codec, ...] | None,
    dtmf: DigitsBy | None,
    reject_status: int | None,
    max_calls: int | None,
    mwi: bool | None,
    blf: tuple[str, ...] | None,
    record: bool | None,
    srtp: SrtpPolicy | None,
    hold_music: str | None,
    ptime: int | None,
    reliable_responses: ReliablePolicy | None,
    session_expires: int | None,
    min_se: int | None,
) -> Data:
    """Register an account and keep it registered; what becomes of it arrives as events.

    Of these options, from codecs on, an account that is there already keeps what is not given.
    """
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
    before = next((one for one in context.phone.accounts() if one.uri == settings.uri), None)
    kept = AccountOptions() if before is None else before.options
    options = replace(
        kept,
        codecs=codecs or kept.codecs,
        dtmf=dtmf or kept.dtmf,
        reject_status=reject_status or kept.reject_status,
        max_calls=max_calls or kept.max_calls,
        mwi=kept.mwi if mwi is None else mwi,
        blf=kept.blf if blf is None else blf,
        srtp=srtp or kept.srtp,
        record=kept.record if record is None else record,
        hold_music=hold_music or kept.hold_music,
        ptime=ptime or kept.ptime,
        reliable_responses=reliable_responses or kept.reliable_responses,
        session_expires=kept.session_expires if session_expires is None else session_expires,
        min_se=min_se or kept.min_se,
    )
    connection_id = context.phone.register(replace(settings, options=options))
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
                **({} if account.name is None else {"name": account.name}),
                **options_of(account.options),
                **messages_of(context, account.connection_id),
                **incoming.rules_of(context, account.connection_id),
            }
            for account in context.phone.accounts()
        ]
    }


def options_of(options: AccountOptions) -> Data:
    """What holds for one account only, where there is something."""
    data = {
        "codecs": None if options.codecs is None else [codec.value for codec in options.codecs],
        "dtmf": None if options.dtmf is None else options.dtmf.value,
        "rejectStatus": options.reject_status,
        "maxCalls": options.max_calls,
        "mwi": options.mwi or None,
        "blf": list(options.blf) or None,
        "srtp": None if options.srtp is None else options.srtp.value,
        "record": options.record,
        "holdMusic": options.hold_music,
        "ptime": options.ptime,
        "reliableResponses": None if options.reliable_responses is None else options.reliable_responses.value,
        "sessionExpires": options.session_expires,
        "minSE": options.min_se,
    }
    told = {name: value for name, value in data.items() if value is not None}
    return {"options": told} if told else {}


def messages_of(context: Context, connection_id: int) -> Data:
    """The account's waiting messages, where its PBX has told of them."""
    summary = context.phone.watching.messages(connection_id)
    return {} if summary is None else {"messages": message_data(summary)}


def chosen(context: Context, connection_id: int | None, account: str | None) -> int | None:
    """The connectionId of the account that was meant, None if none was named.

    @raise InvalidArgument: there is no such account, or several, or it is not the one with C{connection_id}.
    """
    if account is None:
        return connection_id
    uri = account.removeprefix("sip:")
    known = context.phone.accounts()
    # The name in the configuration first: who gave it knows of no other.
    found = [one for one in known if one.name == account] or [
        one for one in known if uri in (one.uri.removeprefix("sip:"), one.uri.removeprefix("sip:").partition("@")[0])
    ]
    if connection_id is not None:
        found = [one for one in found if one.connection_id == connection_id]
    if len(found) > 1:
        raise InvalidArgument(f"there are {len(found)} accounts {account}: say which one, by address or connectionId")
    if not found:
        raise InvalidArgument(f"there is no account {account}")
    return found[0].connection_id


def usual(context: Context) -> int:
    """The account that is meant where none was named: the application's own, or the first.

    @raise NotRegistered: there is none.
    """
    own = own_accounts(context) or [account.connection_id for account in context.phone.accounts()]
    if not own:
        raise NotRegistered(NO_ACCOUNT)
    return own[0]


def own_accounts(context: Context) -> list[int]:
    """The accounts of this session that still exist."""
    known = {account.connection_id for account in context.phone.accounts()}
    return sorted(context.session.accounts & known)


def drop(context: Context, connection_id: int) -> None:
    context.phone.unregister(connection_id)
    context.session.accounts.discard(connection_id)
    context.client.autodisconnect(context.session, connection_id, False)
