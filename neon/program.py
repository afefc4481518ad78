"""The command C{neon}: C{twistd neon} in the foreground, without a pid file, by a shorter name.

It starts sooner and smaller than C{twistd neon}, which loads every plugin of every package before it knows which one is
meant: unittest among them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from neon import inherited  # noqa: F401  # isort: skip  # first of all: see there

from twisted.application import app
from twisted.scripts import twistd
from twisted.scripts._twistd_unix import ServerOptions

from twisted.plugins.neon_plugin import neon


class Twistd(ServerOptions):
    """The options of C{twistd}, which has nothing to run but NEON."""

    @property
    def subCommands(self) -> Iterator[tuple[str, None, Any, str]]:
        """As in the base class, which keeps what it found in C{loadedPlugins} for who makes the application.

        To look C{options} up loads all of NEON.
        """
        maker: Any = neon
        self.loadedPlugins = {maker.tapname: maker}
        yield maker.tapname, None, maker.options, maker.description


def run() -> None:
    """The console script."""
    sys.argv[1:1] = ["--nodaemon", "--pidfile=", neon.tapname]
    app.run(twistd.runApp, Twistd)  # type: ignore[no-untyped-call]
