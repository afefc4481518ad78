"""C{neonctl autostart}: whether NEON starts when its user logs in. Needs no daemon that runs.

Where systemd has the user's NEON as a unit (the Debian package does) that unit is what starts it. The package enables
it for everybody, and what is enabled for everybody one user can only mask. Elsewhere a file in the desktop's autostart
folder does it (Desktop Application Autostart Specification).
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

from neon.ctl.exits import Failed
from neon.ctl.speech import say

UNIT: Final = "neon.service"
SECONDS: Final = 20.0

ENTRY: Final = """\
[Desktop Entry]
Type=Application
Name=NEON
Comment=Telephone calls over SIP
Exec={command}
Icon=org.neonsoftphone.Panel
NoDisplay=true
"""


class Systemd(Protocol):
    """Runs C{systemctl --user}; returns its exit status and what it printed."""

    def __call__(self, *words: str) -> tuple[int, str]: ...


def systemctl(*words: str) -> tuple[int, str]:
    """The real one; a machine without it, or a login without a user manager, has no units."""
    try:
        done = subprocess.run(
            ("systemctl", "--user", *words), capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return 1, ""
    return done.returncode, (done.stdout or done.stderr).strip()


def verb(options: argparse.Namespace, environ: Mapping[str, str], systemd: Systemd = systemctl) -> None:
    """C{autostart on}, C{off}, or nothing to say how it is.

    @raise Failed: it cannot be changed.
    """
    # Masked units have no text that could be shown, but are known.
    by_unit = options.state_dir is None and systemd("is-enabled", UNIT)[1] in STATES
    entry = _place(environ) / "neon.desktop"
    if options.switch is not None:
        wanted = options.switch == "on"
        if by_unit:
            _switch_unit(wanted, systemd)
        else:
            _switch_entry(wanted, entry, options.state_dir, environ)
    on = systemd("is-enabled", UNIT)[1] in ON if by_unit else entry.exists()
    how = f"systemd, {UNIT}" if by_unit else str(entry)
    say(options, {"on": on, "how": how}, f"NEON {'starts' if on else 'does not start'} when you log in ({how}).")


ON: Final = ("enabled", "enabled-runtime", "alias", "static", "linked")
STATES: Final = (*ON, "linked-runtime", "indirect", "generated", "disabled", "masked", "masked-runtime")


def _switch_unit(wanted: bool, systemd: Systemd) -> None:
    steps = [("unmask", UNIT), ("enable", UNIT)] if wanted else [("disable", UNIT)]
    for step in steps:
        status, said = systemd(*step)
        if status:
            raise Failed(f"systemctl --user {' '.join(step)}: {said or 'failed'}")
    if not wanted and systemd("is-enabled", UNIT)[1] in ON:
        status, said = systemd("mask", UNIT)
        if status:
            raise Failed(f"systemctl --user mask {UNIT}: {said or 'failed'}")


def _switch_entry(wanted: bool, entry: Path, state_dir: Path | None, environ: Mapping[str, str]) -> None:
    try:
        if not wanted:
            entry.unlink(missing_ok=True)
            return
        words = [_program(environ)]
        if state_dir is not None:
            words += ["--state-dir", str(state_dir.absolute())]
        entry.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        entry.write_text(ENTRY.format(command=_quoted(words)), "utf-8")
    except OSError as error:
        raise Failed(f"{entry} cannot be changed: {error.strerror}") from None


def _place(environ: Mapping[str, str]) -> Path:
    given = environ.get("XDG_CONFIG_HOME", "")
    return (Path(given) if given.startswith("/") else Path(environ.get("HOME") or "/") / ".config") / "autostart"


def _program(environ: Mapping[str, str]) -> str:
    """The daemon that belongs to this neonctl."""
    beside = Path(sys.executable).parent / "neon"
    found = str(beside) if beside.exists() else shutil.which("neon", path=environ.get("PATH"))
    if found is None:
        raise Failed("the program neon is not in the PATH")
    return found


def _quoted(words: Sequence[str]) -> str:
    """As C{Exec} wants it (Desktop Entry Specification, section 7)."""
    quoted = []
    for word in words:
        for character in '\\"`$':
            word = word.replace(character, f"\\{character}")
        # The value is a string, in which a backslash is written twice; and a percent sign begins a field.
        quoted.append(f'"{word}"'.replace("\\", "\\\\").replace("%", "%%"))
    return " ".join(quoted)
