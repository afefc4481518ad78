"""Where a daemon keeps its state and its control socket: the daemon and neonctl agree here.

The control socket is C{ctl.sock}, mode 0600 in a directory of mode 0700:

 - in C{DIR}, for a daemon that was started with C{--state-dir DIR}, so that several daemons of one user never meet;
 - else in C{$RUNTIME_DIRECTORY}, which systemd gives to services (C{/run/neon});
 - else in C{$XDG_RUNTIME_DIR/neon}, if that directory is the user's own (C{su} and C{sudo} may leave another's);
 - else in the state directory.

C{access.json} says which, as C{control}.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

SOCKET: Final = "ctl.sock"
SYSTEM: Final = Path("/run/neon")
LONGEST_ADDRESS: Final = 100


def default_state_dir(environ: Mapping[str, str]) -> Path:
    """Where the state is kept unless said otherwise: systemd's place, else the user's."""
    if given := environ.get("STATE_DIRECTORY", "").split(":")[0]:
        return Path(given)
    return Path(environ.get("XDG_STATE_HOME") or Path(environ.get("HOME", "/")) / ".local" / "state") / "neon"


def control_socket(environ: Mapping[str, str], state_dir: Path | None = None) -> Path:
    """Where a daemon listens for neonctl; C{state_dir} is what it was told by C{--state-dir}, if it was."""
    if state_dir is not None:
        return state_dir / SOCKET
    if given := environ.get("RUNTIME_DIRECTORY", "").split(":")[0]:
        return Path(given) / SOCKET
    if (given := environ.get("XDG_RUNTIME_DIR", "")) and _is_ours(given):
        return Path(given) / "neon" / SOCKET
    return default_state_dir(environ) / SOCKET


def _is_ours(directory: str) -> bool:
    try:
        return os.stat(directory).st_uid == os.geteuid()
    except OSError:
        return False


def likely_sockets(environ: Mapping[str, str], state_dir: Path | None = None) -> list[Path]:
    """Where neonctl looks, in this order: the user's daemon, then one run from a checkout, then the system's."""
    if state_dir is not None:
        return [state_dir / SOCKET]
    checkout = Path(__file__).resolve().parent.parent / ".neon"
    places = [
        control_socket(environ),
        default_state_dir(environ) / SOCKET,
        *([checkout / SOCKET] if checkout.is_dir() else []),
        SYSTEM / SOCKET,
    ]
    return list(dict.fromkeys(places))


def short_name(path: Path) -> tuple[str, int | None]:
    """A name of C{path} that fits into a socket's address (108 bytes, unix(7)), and what it needs while it is used:
    a descriptor to close afterwards, where the path itself is too long.

    @raise OSError: its directory cannot be opened.
    """
    if len(os.fsencode(path)) < LONGEST_ADDRESS:
        return str(path), None
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    return f"/proc/self/fd/{directory}/{path.name}", directory
