"""Asks the daemon for an address of the panel with a fresh ticket, where nobody brought one: C{neonctl panel}."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from gi.repository import Gio, GLib

from neonpanel.policy import is_panel

COMMAND: Final = ("neonctl", "panel", "--print", "--json")
PATIENCE_SECONDS: Final = 20


def fetch(found: Callable[[str | None], None]) -> None:
    """Call C{found} with the address, or with None where NEON is not running."""
    silent = Gio.SubprocessFlags.STDERR_SILENCE | Gio.SubprocessFlags.STDOUT_PIPE
    try:
        process = Gio.Subprocess.new(COMMAND, silent)
    except GLib.Error:
        GLib.idle_add(lambda: found(None))
        return
    late = GLib.timeout_add_seconds(PATIENCE_SECONDS, lambda: process.force_exit() or GLib.SOURCE_CONTINUE)

    def done(source: Any, result: Any) -> None:
        GLib.source_remove(late)
        try:
            _, printed, _ = process.communicate_utf8_finish(result)
        except GLib.Error:
            printed = None
        found(_url(printed or ""))

    process.communicate_utf8_async(None, None, done)


def _url(printed: str) -> str | None:
    try:
        url = json.loads(printed)["url"]
    except (ValueError, KeyError, TypeError):
        return None
    return url if isinstance(url, str) and is_panel(url) else None
