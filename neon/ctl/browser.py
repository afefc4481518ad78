"""The person's own browser, for what is better seen than printed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from typing import Final

PROGRAM: Final = "xdg-open"
DISPLAYS: Final = ("WAYLAND_DISPLAY", "DISPLAY")


def open_in_browser(url: str, environment: Mapping[str, str]) -> bool:
    """Start the browser and do not wait for it; False where there is none to start, or no display."""
    program = shutil.which(PROGRAM, path=environment.get("PATH"))
    if program is None or not any(environment.get(name) for name in DISPLAYS):
        return False
    nothing = subprocess.DEVNULL
    try:
        subprocess.Popen([program, url], stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True)
    except OSError:
        return False
    return True
