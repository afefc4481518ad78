"""The button of a headset and the media keys: while there is a call NEON is a media player (MPRIS 2.2), since it is
players that desktops send these keys to.

Play answers a call that rings. Play/Pause does, and otherwise hangs up. Stop declines or hangs up. Pause alone does
nothing: other programs pause every player when they ring, and must not end a call by that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from neon.dbus.messagebus import UNKNOWN_METHOD, Answer, Body, BusError, MessageBus
from neon.desktop.callwatch import CallWatch
from neon.desktop.players import PATH, PLAYER, PROPERTIES
from neon.desktop.window import NAME as DESKTOP_ENTRY

NAME: Final = "org.mpris.MediaPlayer2.neon"
ROOT: Final = "org.mpris.MediaPlayer2"
INVALID: Final = "org.freedesktop.DBus.Error.InvalidArgs"
READ_ONLY: Final = "org.freedesktop.DBus.Error.PropertyReadOnly"
INTROSPECT: Final = "org.freedesktop.DBus.Introspectable"
TRACK: Final = "/org/neonsoftphone/Call"

XML: Final = """\
<!DOCTYPE node PUBLIC "-//freedesktop//DTD D-BUS Object Introspection 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd">
<node><interface name="org.mpris.MediaPlayer2"><method name="Raise"/><method name="Quit"/></interface>
<interface name="org.mpris.MediaPlayer2.Player"><method name="Play"/><method name="Pause"/><method name="PlayPause"/>
<method name="Stop"/><method name="Next"/><method name="Previous"/></interface>
<interface name="org.freedesktop.DBus.Properties">
<method name="Get"><arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="v" direction="out"/></method>
<method name="GetAll"><arg type="s" direction="in"/><arg type="a{sv}" direction="out"/></method>
<signal name="PropertiesChanged"><arg type="s"/><arg type="a{sv}"/><arg type="as"/></signal></interface></node>
"""


class Verbs(Protocol):
    """What keys do. None of it raises."""

    def answer(self, call_id: int) -> None: ...

    def hang_up(self, call_id: int) -> None: ...

    def show(self, number: str | None = None, token: str = "") -> None: ...


class MediaKeys:
    """Has its name on the bus only while there is a call, so that nobody sees a player that plays nothing."""

    def __init__(self, bus: MessageBus, calls: CallWatch, verbs: Verbs, words: Mapping[str, str], title: str) -> None:
        self._bus = bus
        self._calls = calls
        self._verbs = verbs
        self._words = words
        self._title = title
        self._there = False
        self._told = ""
        self._methods: Mapping[tuple[str, str], Callable[[], None]] = {
            (ROOT, "Raise"): verbs.show,
            (ROOT, "Quit"): _nothing,
            (PLAYER, "Play"): self._play,
            (PLAYER, "PlayPause"): self._play_pause,
            (PLAYER, "Stop"): self._stop,
            **{(PLAYER, name): _nothing for name in ("Pause", "Next", "Previous", "Seek", "SetPosition", "OpenUri")},
        }
        bus.serve(PATH, self._called)
        calls.subscribe(self._look)

    def _look(self) -> None:
        if self._calls.any != self._there:
            self._there = self._calls.any
            (self._bus.own if self._there else self._bus.disown)(NAME)
        what = self._what()
        if self._there and what != self._told:
            changed = {name: self._player()[name] for name in ("PlaybackStatus", "Metadata")}
            self._bus.emit(PATH, PROPERTIES, "PropertiesChanged", "sa{sv}as", (PLAYER, changed, []))
        self._told = what if self._there else ""

    def _what(self) -> str:
        # Who calls is not said here: locked screens show what plays.
        return self._words["incoming" if self._calls.ringing else "call"]

    def _called(self, interface: str, member: str, body: Body) -> Answer:
        if interface in ("", ROOT, PLAYER) and body == ():
            for name in (interface,) if interface else (PLAYER, ROOT):
                if (method := self._methods.get((name, member))) is not None:
                    method()
                    return None, ()
        if (interface, member) in self._methods:
            return None, ()
        if interface == PROPERTIES:
            return self._properties(member, body)
        if (interface, member) == (INTROSPECT, "Introspect"):
            return "s", (XML,)
        raise BusError(UNKNOWN_METHOD, f"there is no {member}")

    def _properties(self, member: str, body: Body) -> Answer:
        known: Mapping[str, Mapping[str, tuple[str, Any]]] = {ROOT: self._root(), PLAYER: self._player()}
        if not body or not isinstance(body[0], str) or body[0] not in known:
            raise BusError(INVALID, "there is no such interface")
        properties = known[body[0]]
        if member == "GetAll":
            return "a{sv}", (dict(properties),)
        if len(body) < 2 or body[1] not in properties:
            raise BusError(INVALID, "there is no such property")
        if member == "Get":
            return "v", (properties[body[1]],)
        if member == "Set":
            raise BusError(READ_ONLY, "nothing can be set")
        raise BusError(UNKNOWN_METHOD, f"there is no {member}")

    def _root(self) -> dict[str, tuple[str, Any]]:
        return {
            "CanQuit": ("b", False),
            "CanRaise": ("b", True),
            "HasTrackList": ("b", False),
            "Identity": ("s", self._title),
            "DesktopEntry": ("s", DESKTOP_ENTRY),
            "SupportedUriSchemes": ("as", []),
            "SupportedMimeTypes": ("as", []),
        }

    def _player(self) -> dict[str, tuple[str, Any]]:
        # What plays is what gets the keys.
        metadata = {"mpris:trackid": ("o", TRACK), "xesam:title": ("s", self._what())}
        return {
            "PlaybackStatus": ("s", "Playing" if self._there else "Stopped"),
            "Rate": ("d", 1.0),
            "MinimumRate": ("d", 1.0),
            "MaximumRate": ("d", 1.0),
            "Volume": ("d", 1.0),
            "Position": ("x", 0),
            "Metadata": ("a{sv}", metadata),
            "CanGoNext": ("b", False),
            "CanGoPrevious": ("b", False),
            "CanPlay": ("b", True),
            "CanPause": ("b", True),
            "CanSeek": ("b", False),
            "CanControl": ("b", True),
        }

    def _play(self) -> None:
        if (call_id := _oldest(self._calls.ringing)) is not None:
            self._verbs.answer(call_id)

    def _play_pause(self) -> None:
        if self._calls.ringing:
            self._play()
        else:
            self._stop()

    def _stop(self) -> None:
        """The call that rings, else the one that began last."""
        call_id = _oldest(self._calls.ringing)
        if call_id is None:
            call_id = next(reversed(self._calls.up), None)
        if call_id is not None:
            self._verbs.hang_up(call_id)


def _oldest(calls: Mapping[int, object]) -> int | None:
    return next(iter(calls), None)


def _nothing() -> None:
    """We are asked because we say that we are a player."""
