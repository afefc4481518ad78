"""The commands about what a client gets to hear and see."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from neon import __version__
from neon.commands.context import Context, Data, moment


def subscribe(
    context: Context, since: int | None, boot: str | None, events: tuple[str, ...] | None
) -> Data:
    """Ask for what was missed, and for extension events.

    The events after number since follow this answer, in order and without the ones that come meanwhile being
    doubled; say so on a connection before anything else is heard on it. C{gap} tells that some of them are gone.
    """
    wish = context.client.subscribe(context.session, since, boot, events)
    for name in wish.unknown:
        context.client.warn(f"there is no extension event {name} in this version")
    return {**moment(context), "events": list(wish.events), "replayed": wish.replayed, "gap": wish.gap}


def show_ui(context: Context, show: bool) -> Deferred[Data]:
    """Show or hide the panel. Where there is none that is a success as well, with C{ui} false."""
    shown: Deferred[Data] = context.screen.show(show).addCallback(lambda there: {"ui": there})
    return shown


def help_(context: Context) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the commands and events of this version."""
    return dict(context.client.manual())


def get_version(context: Context) -> Data:
    """Which NEON this is, and which life of it."""
    return {"name": "NEON", "version": __version__, "brand": context.brand, "boot": context.bus.boot}
