"""How long the machine stood still during a test: what has to happen in real time cannot be judged by such a run."""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path

BEARABLE = 0.1
"""Seconds without a processor that every test must bear; what plays and listens is buffered for less."""

NAP = 0.02


class Standstill:
    """Watches, from now until it is stopped, for times at which nobody ran here."""

    def __init__(self) -> None:
        self._longest = 0.0
        self._stolen = _stolen()
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="standstill", daemon=True)
        self._watcher.start()

    def stop(self) -> float:
        """The longest time in seconds for which a thread that wanted to run did not, or a processor was not there."""
        self._over.set()
        self._watcher.join()
        return max(self._longest, _stolen() - self._stolen)

    def _watch(self) -> None:
        before = time.monotonic()
        while not self._over.wait(NAP):
            now = time.monotonic()
            self._longest = max(self._longest, now - before - NAP)
            before = now


def _stolen() -> float:
    """Seconds for which a virtual machine's processor was given to others, the worst one's (proc(5), in hundredths)."""
    try:
        lines = Path("/proc/stat").read_text().splitlines()
    except OSError:
        return 0.0
    processors = [line.split() for line in lines if re.match(r"cpu\d", line)]
    return max((int(fields[8]) / 100 for fields in processors), default=0.0)
