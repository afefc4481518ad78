"""What this process has open, for tests that are to leave nothing behind.

They compare sets and not numbers: what an earlier test has forgotten may be closed at any time, and is nobody's leak.
"""

from __future__ import annotations

import os
from contextlib import suppress


def descriptors() -> set[tuple[str, str]]:
    """The open descriptors, by their numbers and what they are of."""
    found = set()
    for number in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # the one that has just read this list
            found.add((number, os.readlink(f"/proc/self/fd/{number}")))
    return found


def threads() -> set[str]:
    """The threads, by their numbers."""
    return set(os.listdir("/proc/self/task"))
