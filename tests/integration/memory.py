"""How much memory a process uses, told by itself."""

from __future__ import annotations

import ctypes
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Memory:
    """What is in use: Python's small blocks (of at most 512 octets each), and octets that the C library gave out.

    Not what the process has of the system: that depends on how much was in use at its worst moment, and where.
    """

    blocks: int
    octets: int


class _Mallinfo(ctypes.Structure):
    """glibc's C{struct mallinfo2}: see mallinfo(3)."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
        )
    )  # fmt: skip


def in_use() -> Memory:
    """Of this process at this moment; C{octets} is 0 where the C library does not tell."""
    mallinfo = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if mallinfo is None:
        return Memory(sys.getallocatedblocks(), 0)
    mallinfo.restype = _Mallinfo
    told = mallinfo()
    return Memory(sys.getallocatedblocks(), told.uordblks + told.hblkhd)
