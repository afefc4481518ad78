"""What a person sees of neonctl beside a terminal: their own browser, and a sentence on the desktop."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

PROGRAM: Final = "xdg-open"
TELL_SECONDS: Final = 10.0
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


def tell(sentence: str, environment: Mapping[str, str]) -> None:
    """Show a sentence to somebody who did not start us in a terminal, where C{notify-send} can."""
    program = shutil.which("notify-send", path=environment.get("PATH"))
    if program is None:
        return
    argv = [program, "--app-name=NEON", "--icon=org.neonsoftphone.Panel", "--", "NEON", sentence]
    with suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=TELL_SECONDS, check=False)
