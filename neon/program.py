"""The command C{neon}: C{twistd neon} in the foreground, without a pid file, by a shorter name."""

from __future__ import annotations

import sys

from neon import inherited  # noqa: F401  # isort: skip  # first of all: see there

from twisted.scripts import twistd


def run() -> None:
    """The console script."""
    sys.argv[1:1] = ["--nodaemon", "--pidfile=", "neon"]
    twistd.run()  # type: ignore[no-untyped-call]
