"""How the C library keeps memory that nobody needs: as little of it as can be.

Neither does anything where the C library is not glibc.
"""

from __future__ import annotations

import ctypes
from typing import Final

LARGE: Final = 128 * 1024
"""Octets from which a block of memory is the system's again as soon as it is free."""

_M_MMAP_THRESHOLD: Final = -3  # malloc.h


def return_large_blocks() -> None:
    """Give free blocks of L{LARGE} and more back at once, from now on.

    glibc begins so, but takes the size of the first one that is freed for the bound of the next ones: then the 16 MB of
    a password check stay, and so does what was kept for a reader that stalled.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, LARGE)


def trim() -> None:
    """Give back what is free."""
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim is not None:
        malloc_trim(0)
