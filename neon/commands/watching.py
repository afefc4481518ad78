"""The commands about others: extensions that are watched, and messages that wait."""

from __future__ import annotations

from neon.commands import accounts
from neon.commands.context import Context, Data, moment
from neon.commands.watchdata import extension_data


def watch_extension(context: Context, extension: str, connection_id: int | None, account: str | None) -> Data:
    """Have the PBX tell what an extension is doing; it arrives as OnExtensionState, for those that subscribed to it."""
    chosen = accounts.chosen(context, connection_id, account) or accounts.usual(context)
    context.phone.watching.watch(chosen, extension)
    return {"connectionId": chosen}


def unwatch_extension(context: Context, extension: str, connection_id: int | None, account: str | None) -> Data:
    """Hear no more of an extension."""
    chosen = accounts.chosen(context, connection_id, account) or accounts.usual(context)
    context.phone.watching.unwatch(chosen, extension)
    return {}


def list_extensions(context: Context) -> Data:
    """The extensions that are watched and what they do, and the number of the last event that this list knows of."""
    return {
        **moment(context),
        "extensions": [
            {"connectionId": watched.connection_id, **extension_data(watched.extension, watched.status)}
            for watched in context.phone.watching.extensions()
        ],
    }
