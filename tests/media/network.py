"""A network in simulated time: packets that come late, twice, out of order or never, and a jitter buffer that plays.

Nothing waits: a packet arrives when its number says so, and time passes by taking frames out of the buffer.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from neon.media import _engine
from tests.media.signals import FRAME

MS = 8
"""Ticks of the RTP clock in a millisecond."""

Arrivals = Sequence[tuple[float, int]]
"""When (in milliseconds of our clock) which packet comes; None of them in any particular order."""


@dataclass
class Played:
    """What came of it: the sound, what the buffer counted at the end, and its delay in ms after each second."""

    heard: array[int]
    counters: dict[str, int]
    delays: list[float] = field(default_factory=list)

    @property
    def longest(self) -> float:
        return max(self.delays)


def arrivals(delays: Iterable[float | None], ptime_ms: float = 20.0, ppm: float = 0.0) -> list[tuple[float, int]]:
    """When packets come that were held up so many milliseconds each; None is lost.

    C{ppm}: how much faster than ours the sender's clock runs.
    """
    pace = ptime_ms / (1 + ppm * 1e-6)
    return [(number * pace + delay, number) for number, delay in enumerate(delays) if delay is not None]


def play(
    packets: Sequence[bytes],
    coming: Arrivals,
    *,
    buffer: _engine.JitterBuffer | None = None,
    ticks: int = FRAME,
    phase_ms: float = 5.0,
    frames: int | None = None,
) -> Played:
    """Play C{packets}, of which those of other numbers are repetitions; each as long as its codes say.

    A frame of C{ticks} is taken C{phase_ms} after the first packet was sent, and then regularly.
    """
    buffer = _engine.JitterBuffer(True) if buffer is None else buffer
    starts = [0]
    for packet in packets:
        starts.append(starts[-1] + len(packet))
    heard = array("h")
    played = Played(heard, {})
    queue = sorted(coming)
    wanted = frames if frames is not None else starts[-1] // ticks
    position = 0
    for frame in range(wanted):
        now = phase_ms + frame * ticks / MS
        while position < len(queue) and queue[position][0] <= now:
            number = queue[position][1]
            buffer.push(starts[number], packets[number])
            position += 1
        heard.frombytes(buffer.pop(ticks))
        if frame % (8000 // ticks) == 0:
            played.delays.append(buffer.counters()["delay"] / MS)
    played.counters = buffer.counters()
    return played
