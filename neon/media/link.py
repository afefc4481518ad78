"""The socketpair between the engine's thread and whoever plays or captures: a worker process or a file's thread."""

from __future__ import annotations

import contextlib
import socket

from neon.media.engine import NARROW, Device, Engine

_LONGEST_FRAME = 4096


class Link:
    """A pair whose far end stays the same while the engine's device comes and goes with the calls.

    The engine serves a device every 20 ms as long as there is one, so there is one only while a call uses it:
    an idle daemon sleeps, and a file does not fill with silence.
    """

    def __init__(self, engine: Engine, rate: int = NARROW) -> None:
        """C{rate} is the device's. @raise OSError: no descriptor is left."""
        self._engine = engine
        self._rate = rate
        self._near, self.far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._near.setblocking(False)
        self._device: Device | None = None
        self._users = 0

    @property
    def device(self) -> Device | None:
        """The device, while somebody uses it."""
        return self._device

    def acquire(self) -> Device:
        """The device, for one more call. @raise OSError: no descriptor is left."""
        if self._device is None:
            self._drain()
            self._device = self._engine.open_device(self._near.fileno(), self._rate)
        self._users += 1
        return self._device

    def release(self) -> None:
        """One call less uses the device."""
        self._users -= 1
        if self._users == 0 and self._device is not None:
            self._device.close()
            self._device = None

    def close(self) -> None:
        """Close our end: the far end reads what is under way, then end of file. May be called twice."""
        if self._device is not None:
            self._device.close()
            self._device = None
        self._near.close()

    def _drain(self) -> None:
        """Forget what was captured while nobody listened: at most the few seconds that the socket holds."""
        with contextlib.suppress(BlockingIOError):
            while self._near.recv(_LONGEST_FRAME):
                pass
