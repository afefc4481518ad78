"""How loud microphone and loudspeaker are, a few times a second, while somebody wants to see it and no longer."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from twisted.logger import Logger

from neon.media.engine import Device
from neon.media.talkdevice import TalkDevice
from neon.ports import Clock, Timer
from neon.sounddevices import Levels

_log = Logger()

EVERY: Final = 0.2
"""Seconds between two looks."""
LEASE: Final = 300.0
"""Seconds that one wish lasts: a page that was closed cannot take it back, and the microphone is open meanwhile."""
MOST: Final = 64
"""How many may watch at a time."""
SILENCE_DBFS: Final = -100.0


class LevelWatch:
    """Opens the devices as a call does, so that a microphone can be tried without one."""

    def __init__(
        self, clock: Clock, talk: Callable[[], TalkDevice | None], on_levels: Callable[[Levels], None]
    ) -> None:
        self._clock = clock
        self._talk = talk
        self._on_levels = on_levels
        self._watchers: dict[str, float] = {}
        self._device: Device | None = None
        self._release: Callable[[], None] = lambda: None
        self._before = (0, 0, 0, 0)
        self._timer: Timer | None = None

    def watch(self, who: str, on: bool) -> None:
        """Somebody wants it for L{LEASE} seconds from now on, or no longer."""
        self._watchers.pop(who, None)
        if on and len(self._watchers) < MOST:
            self._watchers[who] = self._clock.seconds() + LEASE
        if self._watchers and self._timer is None:
            self._begin()
        elif not self._watchers:
            self.stop()

    def stop(self) -> None:
        """Look no more."""
        self._watchers.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._end()

    def _begin(self) -> None:
        talk = self._talk()
        if talk is not None:
            try:
                device = talk.link.acquire()
            except OSError as error:
                _log.warn("levels cannot be measured: {error}", error=str(error))
            else:
                talk.acquire()
                device.measure(True)
                self._device, self._before = device, device.levels()

                def release() -> None:
                    device.measure(False)
                    talk.link.release()
                    talk.release()

                self._release = release
        self._timer = self._clock.callLater(EVERY, self._look)

    def _end(self) -> None:
        if self._device is not None:
            self._device = None
            self._release()

    def _look(self) -> None:
        self._timer = None
        now = self._clock.seconds()
        self._watchers = {who: until for who, until in self._watchers.items() if until > now}
        if not self._watchers:
            self._end()
            return
        self._timer = self._clock.callLater(EVERY, self._look)
        if self._device is None:
            self._on_levels(Levels(None, None))
            return
        after = self._device.levels()
        energy, samples, out_energy, out_samples = ((b - a) % 2**64 for a, b in zip(self._before, after, strict=True))
        self._before = after
        self._on_levels(Levels(level_dbfs(energy, samples), level_dbfs(out_energy, out_samples)))


def level_dbfs(energy: int, samples: int) -> float | None:
    """The level of samples by the sum of their squares, in dB below a full-scale sine; None if there were none."""
    if not samples:
        return None
    mean = energy / samples
    return SILENCE_DBFS if mean <= 0 else max(SILENCE_DBFS, 10 * math.log10(2 * mean / 32768.0**2))
