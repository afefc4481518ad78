"""How long packets are, in milliseconds of audio (RFC 8866, sections 6.4 and 6.5): what is written, and what follows.

a=ptime is what somebody would like to get, a=maxptime the most that it takes. Both are about what is sent to whoever
writes them; the two directions have nothing to do with each other.
"""

from __future__ import annotations

from typing import Final

USUAL: Final = 20
LONGEST: Final = 60
"""What we take, whatever we would like to have."""

_STEP: Final = 10


def lines(wanted_ms: int) -> list[str]:
    """What we say about packets to us."""
    return [f"a=ptime:{wanted_ms}", f"a=maxptime:{LONGEST}"]


def to_send(wanted: int | None, longest: int | None, ours: int = USUAL) -> int:
    """How long our packets shall be, from what the far end has written: whole tens of milliseconds from 10 to 60.

    Where it wants nothing that we can do it is C{ours}.
    """
    sensible = wanted is not None and _STEP <= wanted <= LONGEST and wanted % _STEP == 0
    time = wanted if sensible and wanted is not None else ours
    if longest is not None and _STEP <= longest < time:
        time = longest // _STEP * _STEP
    return time
