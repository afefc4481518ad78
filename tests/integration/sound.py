"""What a peer heard, judged: the frequency and the level of a tone that somebody else is known to have spoken."""

from __future__ import annotations

import wave
from collections.abc import Callable, Sequence
from pathlib import Path

from tests import audio
from tests.integration.processes import PATIENCE, until

FRAME = audio.RATE // 50
LEVEL_TOLERANCE = 1.0
"""dB. G.711 alone moves a tone's level by a few hundredths; a law decoded as the other one by ten or more."""


async def recording(path: Path, within: float = PATIENCE) -> list[int]:
    """The samples of a WAV file, once whoever writes it has closed it (the length in its header is set then)."""

    def look() -> list[int] | None:
        try:
            with wave.open(str(path)) as file:
                return audio.samples_of(file.readframes(file.getnframes())) or None
        except (OSError, EOFError, wave.Error):
            return None

    return await until(look, f"a recording in {path}", within)


def onset(samples: Sequence[int], hz: float, dbm0: float) -> int | None:
    """The index of the first frame's first sample with the tone within 6 dB of its level."""
    for start in range(0, len(samples) - FRAME, FRAME):
        if audio.tone_level_dbm0(samples[start : start + FRAME], hz) > dbm0 - 6:
            return start
    return None


def complaint(samples: Sequence[int], hz: float, dbm0: float, seconds: float = 0.5) -> str | None:
    """Why these samples are not a listener's to a steady tone of that frequency and level; None if they are.

    So many seconds in a row must be right, wherever they are after the beginning of the tone.
    """
    return _of_best_part(samples, hz, dbm0, seconds, _level_complaint)


def pure_complaint(samples: Sequence[int], hz: float, dbm0: float, seconds: float = 0.5) -> str | None:
    """Like L{complaint}, and nothing else may be heard: the tone dominates, and carries the whole level."""
    return _of_best_part(samples, hz, dbm0, seconds, _purity_complaint)


def _of_best_part(
    samples: Sequence[int],
    hz: float,
    dbm0: float,
    seconds: float,
    judge: Callable[[Sequence[int], float, float], str | None],
) -> str | None:
    start = onset(samples, hz, dbm0)
    if start is None:
        everything = f"{len(samples) / audio.RATE:.2f} s at {audio.level_dbm0(samples):.1f} dBm0"
        return f"no {hz:g} Hz at {dbm0:g} dBm0 in {everything}"
    # The first frame may hold the beginning only, and a jitter buffer settles in the first few.
    first, length = start + 5 * FRAME, round(seconds * audio.RATE)
    if len(samples) < first + length:
        return f"only {max(0, len(samples) - first) / audio.RATE:.2f} s of {hz:g} Hz"
    trouble = None
    # A machine that stood still for a moment leaves a hole, which says nothing of those who speak and listen.
    for begin in range(first, min(len(samples) - length, first + 3 * audio.RATE) + 1, 5 * FRAME):
        wrong = judge(samples[begin : begin + length], hz, dbm0)
        if wrong is None:
            return None
        trouble = trouble or wrong
    return trouble


def _level_complaint(part: Sequence[int], hz: float, dbm0: float) -> str | None:
    level = audio.tone_level_dbm0(part, hz)
    return None if abs(level - dbm0) <= LEVEL_TOLERANCE else f"{hz:g} Hz at {level:.1f} dBm0 instead of {dbm0:g}"


def _purity_complaint(part: Sequence[int], hz: float, dbm0: float) -> str | None:
    trouble = _level_complaint(part, hz, dbm0)
    if trouble is not None:
        return trouble
    frequency = audio.dominant_frequency(part)
    if abs(frequency - hz) > 5:
        return f"{frequency:.0f} Hz instead of {hz:g}"
    everything = audio.level_dbm0(part)
    if abs(everything - dbm0) > LEVEL_TOLERANCE:
        return f"{everything:.1f} dBm0 in all, where {hz:g} Hz has {dbm0:g}"
    return None


def best_dbm0(samples: Sequence[int], hz: float, seconds: float = 0.4, rate: int = audio.RATE) -> float:
    """The level of that tone in the window of that length where it is loudest."""
    length, step = round(seconds * rate), rate // 10
    starts = range(0, max(1, len(samples) - length + 1), step)
    return max(audio.tone_level_dbm0(samples[start : start + length], hz, rate) for start in starts)
