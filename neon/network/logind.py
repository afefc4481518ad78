"""Hears from logind that the machine woke up (org.freedesktop.login1.Manager.PrepareForSleep, systemd-logind(8)).

A machine without a system bus, or without logind, is a normal one: L{neon.network.clockjump} notices its sleep.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from neon.dbus.messagebus import Body, MessageBus

SERVICE: Final = "org.freedesktop.login1"
INTERFACE: Final = "org.freedesktop.login1.Manager"
SIGNAL: Final = "PrepareForSleep"


class Logind:
    """C{on_resumed} is called after each sleep. C{bus} is the system's, of which we are the only user; None: none."""

    def __init__(self, bus: MessageBus | None, on_resumed: Callable[[], None]) -> None:
        self._bus = bus
        self._on_resumed = on_resumed
        if bus is not None:
            bus.listen(bus.service(SERVICE), INTERFACE, SIGNAL, self._heard)

    def start(self) -> None:
        if self._bus is not None:
            self._bus.start()

    def stop(self) -> None:
        if self._bus is not None:
            self._bus.stop()

    def _heard(self, body: Body) -> None:
        # True before the machine falls asleep, False when it is awake again.
        if body == (False,):
            self._on_resumed()
