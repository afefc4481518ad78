"""The words with which a first run introduces itself: where to connect, as whom, and a line to paste.

The password stands in them on purpose (it was generated for this machine and opens only its loopback ports),
which is why they go to the terminal of whoever started the daemon, and never through the log.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO


def banner(access: Mapping[str, object], state_dir: Path, python: str = sys.executable) -> str:
    """Say what C{access} (the contents of access.json) means to a person.

    C{python} is the interpreter NEON is installed for: the line to paste starts with it, and has absolute paths
    only, so that it works in any other shell.
    """
    state = ["--state-dir", str(state_dir.absolute())]
    command = shlex.join([python, "-m", "neon.trycall", *state, "600"])
    places = [("WebSocket API", access["websocket"])]
    if access.get("http"):
        places.append(("HTTP API", access["http"]))
    places += [
        ("user", access["user"]),
        ("password", access["password"]),
        ("for programs", state_dir.absolute() / "access.json"),
    ]
    return "\n".join(
        [
            "",
            "NEON is ready.",
            "",
            *(f"  {name:<15} {place}" for name, place in places),
            "",
            "To call 600, which echoes what it hears, paste this into a second terminal:",
            "",
            f"  {command}",
            "",
            "601 plays a tone, 602 calls you back, 603 is busy, 604 never answers. Ctrl-C stops NEON.",
            "",
            *(_operator([python, "-m", "neon.ctl.main", *state]) if access.get("operator") else ()),
            "",
        ]
    )


def _operator(neonctl: Sequence[str]) -> list[str]:
    """How to become a customer of the test operator."""
    return [
        "To sign up with the test operator, under any name and password, and to see what is left to spend:",
        "",
        *(f"  {shlex.join([*neonctl, *verb])}" for verb in (["signup", "ana"], ["balance"])),
        "",
    ]


def show(access: Mapping[str, object], state_dir: Path, output: TextIO | None = None) -> None:
    """Write the banner to the terminal (standard output, unless told otherwise), at once."""
    stream = sys.stdout if output is None else output
    stream.write(banner(access, state_dir))
    stream.flush()
