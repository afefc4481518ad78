"""Music pauses while somebody calls or talks, and goes on afterwards (MPRIS D-Bus Interface Specification 2.2)."""

from __future__ import annotations

from typing import Any, Final

from jeepney import DBusAddress
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from neon.dbus.messagebus import BUS, BusError, MessageBus, not_important
from neon.desktop.callwatch import CallWatch
from neon.ports import Clock, Timer

PREFIX: Final = "org.mpris.MediaPlayer2."
OURS: Final = (f"{PREFIX}neon", f"{PREFIX}org.neonsoftphone")
"""Our own, and what WebKit makes of sounds in the panel."""

PATH: Final = "/org/mpris/MediaPlayer2"
PLAYER: Final = "org.mpris.MediaPlayer2.Player"
PROPERTIES: Final = "org.freedesktop.DBus.Properties"
MOST: Final = 16
PATIENCE: Final = 3.0
RESUME_SECONDS: Final = 1.0
"""After the last call: the next one may begin at once."""


class Players:
    """Pauses those that play when the first call begins. They play again afterwards, if nobody did anything to them."""

    _log = Logger()

    def __init__(self, clock: Clock, bus: MessageBus, calls: CallWatch) -> None:
        self._clock = clock
        self._bus = bus
        self._calls = calls
        self._quiet = False
        self._paused: list[str] = []
        self._timer: Timer | None = None
        calls.subscribe(self._look)

    def _look(self) -> None:
        if self._calls.any:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            elif not self._quiet:
                self._quiet = True
                self._run(self._pause())
        elif self._quiet and self._timer is None:
            self._timer = self._clock.callLater(RESUME_SECONDS, self._resume)

    def stop(self) -> None:
        """Let the music play on now; the bus is still there."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for player in self._paused:
            # There is no time left to ask how it is.
            play = self._bus.call(DBusAddress(PATH, player, PLAYER), "Play", start=False)
            play.addErrback(not_important)

    def _resume(self) -> None:
        self._timer = None
        self._quiet = False
        paused, self._paused = self._paused, []
        for player in paused:
            self._run(self._play(player))

    def _run(self, work: Any) -> None:
        done: Deferred[None] = Deferred.fromCoroutine(work)
        done.addErrback(lambda failure: self._log.failure("players were not paused", failure))

    async def _pause(self) -> None:
        try:
            (names,) = await self._bus.call(DBusAddress("/org/freedesktop/DBus", BUS, BUS), "ListNames")
        except BusError:
            return
        found = [name for name in names if name.startswith(PREFIX) and not name.startswith(OURS)]
        for name in found[:MOST]:
            self._run(self._pause_one(name))

    async def _pause_one(self, name: str) -> None:
        try:
            # By its own name: another program that takes the well-known one later was not paused by us.
            (owner,) = await self._bus.call(
                DBusAddress("/org/freedesktop/DBus", BUS, BUS), "GetNameOwner", "s", (name,)
            )
            if await self._status(owner) != "Playing":
                return
            await self._bus.call(DBusAddress(PATH, owner, PLAYER), "Pause", start=False, patience=PATIENCE)
        except BusError as error:
            self._log.debug("{player} was not paused: {error}", player=name, error=str(error))
            return
        self._log.debug("{player} was paused", player=name)
        if self._quiet:
            self._paused.append(owner)
        else:
            await self._play(owner)

    async def _play(self, owner: str) -> None:
        try:
            if await self._status(owner) == "Paused":
                await self._bus.call(DBusAddress(PATH, owner, PLAYER), "Play", start=False, patience=PATIENCE)
        except BusError as error:
            self._log.debug("a player does not play on: {error}", error=str(error))

    async def _status(self, owner: str) -> str:
        asked = self._bus.call(
            DBusAddress(PATH, owner, PROPERTIES),
            "Get",
            "ss",
            (PLAYER, "PlaybackStatus"),
            start=False,
            patience=PATIENCE,
        )
        return str((await asked)[0][1])
