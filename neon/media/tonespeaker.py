"""Tones on the device that calls are played on, which is open for as long as one is heard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from twisted.logger import Logger

from neon.media import engine as native
from neon.media.manager import MediaManager
from neon.ports import Clock, Timer
from neon.tones import Cadence

_log = Logger()

LASTING, ONCE = 0, 1
"""The device's layers."""

AFTER: Final = 0.3
"""Seconds that the device stays open after a tone: what is under way to the loudspeaker shall be heard."""


class ToneSpeaker:
    """Implements L{neon.soundports.Loudspeaker}. Where calls are played nowhere, or each in a place of its own, nothing
    is heard.
    """

    def __init__(self, clock: Clock, manager: MediaManager) -> None:
        self._clock = clock
        self._manager = manager
        self._lasting: _Borrowed | None = None
        self._once: _Borrowed | None = None
        self._timer: Timer | None = None

    def play(self, cadence: Cadence | None) -> None:
        if cadence is None:
            if self._lasting is not None:
                self._lasting.device.tones(LASTING, (), 0.0, repeat=False)
                self._lasting.give_back()
                self._lasting = None
            return
        if self._lasting is None:
            self._lasting = self._borrow()
        if self._lasting is not None:
            self._lasting.device.tones(LASTING, cadence.steps, cadence.dbm0, repeat=cadence.repeat)

    def once(self, cadence: Cadence) -> None:
        if self._once is None:
            self._once = self._borrow()
        if self._once is None:
            return
        self._once.device.tones(ONCE, cadence.steps, cadence.dbm0, repeat=False)
        if self._timer is not None:
            self._timer.cancel()
        seconds = sum(milliseconds for _, _, milliseconds in cadence.steps) / 1000
        self._timer = self._clock.callLater(seconds + AFTER, self._heard)

    def stop(self) -> None:
        """Give everything back."""
        self.play(None)
        if self._timer is not None:
            self._timer.cancel()
            self._heard()

    def _heard(self) -> None:
        self._timer = None
        if self._once is not None:
            self._once.give_back()
            self._once = None

    def _borrow(self) -> _Borrowed | None:
        try:
            return _Borrowed.of(self._manager)
        except OSError as error:
            _log.warn("no tone is heard: {error}", error=str(error))
            return None


class _Borrowed:
    """The device, open."""

    def __init__(self, device: native.Device, give_back: Callable[[], None]) -> None:
        self.device = device
        self.give_back = give_back

    @classmethod
    def of(cls, manager: MediaManager) -> _Borrowed | None:
        """None if there is none. @raise OSError: no descriptor or thread is left."""
        link, talk = manager.speaker(), manager.talk
        if link is None:
            return None
        device = link.acquire()
        if talk is not None:
            talk.acquire()

        def give_back() -> None:
            link.release()
            if talk is not None:
                talk.release()

        return cls(device, give_back)
