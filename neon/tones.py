"""The tones of telephone exchanges, by country (ITU-T E.180, supplement 2), and those of the keys (ITU-T Q.23)."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

Step: TypeAlias = tuple[float, float, int]
"""Two frequencies in hertz, 0 for none, and milliseconds."""


@dataclass(frozen=True, slots=True)
class Cadence:
    """Steps, over and over or once; each frequency has C{dbm0}."""

    steps: tuple[Step, ...]
    repeat: bool = True
    dbm0: float = -20.0


class Tone(enum.Enum):
    """What a tone tells."""

    RING_BACK = "ring-back"
    BUSY = "busy"
    CONGESTION = "congestion"
    CALL_WAITING = "call-waiting"


def _cadence(hertz: tuple[float, float], *milliseconds: int, dbm0: float = -20.0) -> Cadence:
    """On and off by turns."""
    return Cadence(
        tuple((*(hertz if n % 2 == 0 else (0.0, 0.0)), length) for n, length in enumerate(milliseconds)), dbm0=dbm0
    )


_ONE: Final = (425.0, 0.0)

WAITING_DBM0: Final = -24.0
"""Somebody is being talked to meanwhile."""

TONES: Final[Mapping[str, Mapping[Tone, Cadence]]] = {
    "us": {
        Tone.RING_BACK: _cadence((440, 480), 2000, 4000),
        Tone.BUSY: _cadence((480, 620), 500, 500),
        Tone.CONGESTION: _cadence((480, 620), 250, 250),
        Tone.CALL_WAITING: _cadence((440, 0), 300, 9700, dbm0=WAITING_DBM0),
    },
    "br": {
        Tone.RING_BACK: _cadence(_ONE, 1000, 4000),
        Tone.BUSY: _cadence(_ONE, 250, 250),
        Tone.CONGESTION: _cadence(_ONE, 250, 250, 750, 250),
        Tone.CALL_WAITING: _cadence(_ONE, 50, 1000, dbm0=WAITING_DBM0),
    },
    "es": {
        Tone.RING_BACK: _cadence(_ONE, 1500, 3000),
        Tone.BUSY: _cadence(_ONE, 200, 200),
        Tone.CONGESTION: _cadence(_ONE, 200, 200, 200, 200, 200, 600),
        Tone.CALL_WAITING: _cadence(_ONE, 175, 175, 175, 3500, dbm0=WAITING_DBM0),
    },
}

_ROWS, _COLUMNS = (697.0, 770.0, 852.0, 941.0), (1209.0, 1336.0, 1477.0, 1633.0)
_KEYS: Final = "123A456B789C*0#D"


def of_key(digit: str, milliseconds: int) -> Cadence:
    """What pressing one of C{0-9 * # A-D} sounds like."""
    row, column = divmod(_KEYS.index(digit), 4)
    return Cadence(((_ROWS[row], _COLUMNS[column], milliseconds),), repeat=False)


def country_of(environ: Mapping[str, str]) -> str:
    """The country whose tones the user's locale goes with; C{us} where it says nothing of those that are known."""
    locale = next((environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environ.get(name)), "")
    language, _, region = locale.partition(".")[0].partition("_")
    if region.lower() in TONES:
        return region.lower()
    return {"pt": "br", "es": "es"}.get(language.lower(), "us")
