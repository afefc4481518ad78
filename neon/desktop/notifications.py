"""Notifications with buttons (Desktop Notifications Specification 1.2), kept as they should be whatever becomes of the
program that shows them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from jeepney import DBusAddress
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from neon.dbus.messagebus import Body, MessageBus, refusal
from neon.desktop.window import NAME as DESKTOP_ENTRY

NAME: Final = "org.freedesktop.Notifications"
SERVER: Final = DBusAddress("/org/freedesktop/Notifications", NAME, NAME)
LONGEST: Final = 200
URGENT: Final = 2
NORMAL: Final = 1

# What turns the direction of text around, or hides what stands behind it.
_INVISIBLE: Final = {*range(0x20), *range(0x7F, 0xA0), 0xAD, *range(0x200B, 0x2010), *range(0x2028, 0x202F),
                     *range(0x2060, 0x2070), 0xFEFF, *range(0xD800, 0xE000)}  # fmt: skip


@dataclass(frozen=True)
class Notice:
    """What is to be seen. C{actions} are pairs of a key and a button's words; C{default} is what a click on the text
    does. C{chosen(key, token)} hears of the click; C{token} lets a window take the keyboard (xdg-activation).
    """

    title: str
    text: str
    category: str
    chosen: Callable[[str, str], None]
    actions: tuple[tuple[str, str], ...] = ()
    urgent: bool = False


@dataclass(eq=False)
class _Shown:
    notice: Notice
    id: int = 0
    """The server's number of it; 0 before it is known."""
    asked: bool = False
    gone: bool = False
    token: str = ""


def plain(text: str) -> str:
    """Text of a stranger as one short line without anything invisible in it."""
    line = "".join(" " if character in "\t\r\n" else character for character in text)
    line = " ".join("".join(character for character in line if ord(character) not in _INVISIBLE).split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


class Notifier:
    """Shows notices by keys of our own. C{application} is the name above them; C{icon} a name or a path."""

    _log = Logger()

    def __init__(self, bus: MessageBus, application: str, icon: str, default: str) -> None:
        self._bus = bus
        self._application = application
        self._icon = icon
        self._default = default
        self._shown: dict[str, _Shown] = {}
        self._capabilities: frozenset[str] | None = None
        self._asking: Deferred[None] | None = None
        self._server = bus.service(NAME, self._another_server)
        for member, heard in (
            ("ActionInvoked", self._invoked),
            ("ActivationToken", self._allowed),
            ("NotificationClosed", self._closed),
        ):
            bus.listen(self._server, NAME, member, heard)
        bus.on_connected(self._show_all)

    def __contains__(self, key: str) -> bool:
        """Whether it is there, as far as we know: the person has not put it away."""
        return key in self._shown

    def show(self, key: str, notice: Notice) -> None:
        """Show it, in the place of the one that has this key."""
        before = self._shown.get(key)
        shown = self._shown[key] = _Shown(notice)
        if before is not None:
            before.gone = True
            shown.id = before.id
        self._send(shown)

    def close(self, key: str) -> None:
        """Take it away, if it is there."""
        shown = self._shown.pop(key, None)
        if shown is not None:
            shown.gone = True
            if shown.id:
                self._withdraw(shown.id)

    def _withdraw(self, number: int) -> None:
        self._bus.call(SERVER, "CloseNotification", "u", (number,), start=False).addErrback(self._not_shown)

    def _send(self, shown: _Shown) -> None:
        if not self._bus.connected:
            return
        if self._capabilities is None:
            # It may have to be started first, which is why its notices wait for it together.
            if not shown.asked:
                shown.asked = True
                self._ask()
            return
        notice = shown.notice
        marked = "body-markup" in self._capabilities
        actions: list[str] = []
        if "actions" in self._capabilities:
            actions = [word for pair in (("default", self._default), *notice.actions) for word in pair]
        hints: dict[str, Any] = {
            "urgency": ("y", URGENT if notice.urgent else NORMAL),
            "category": ("s", notice.category),
            "desktop-entry": ("s", DESKTOP_ENTRY),
        }
        if notice.urgent:
            # NEON rings by itself.
            hints["suppress-sound"] = ("b", True)
        text = escape(notice.text, quote=False) if marked else notice.text
        expires = 0 if notice.urgent else -1
        body = (self._application, shown.id, self._icon, notice.title, text, actions, hints, expires)

        def answered(reply: Body) -> None:
            if shown.gone and not any(other.id == reply[0] for other in self._shown.values()):
                self._withdraw(reply[0])
            shown.id = reply[0]

        self._bus.call(SERVER, "Notify", "susssasa{sv}i", body).addCallback(answered).addErrback(self._not_shown)

    def _ask(self) -> None:
        if self._asking is not None:
            return

        def known(body: Body) -> None:
            self._capabilities = frozenset(body[0])

        def done(_: object) -> None:
            self._asking = None
            for shown in self._shown.values():
                shown.asked = False
                if self._capabilities is not None:
                    self._send(shown)

        self._asking = self._bus.call(SERVER, "GetCapabilities").addCallbacks(known, self._not_shown).addCallback(done)

    def _not_shown(self, failure: Any) -> None:
        self._log.debug("no notification: {reason}", reason=str(refusal(failure)))

    def _another_server(self) -> None:
        """What the last one showed is gone with it."""
        self._capabilities = None
        for shown in self._shown.values():
            shown.id = 0
        if self._server.owner is not None:
            self._show_all()

    def _show_all(self) -> None:
        for shown in tuple(self._shown.values()):
            if not shown.id:
                self._send(shown)

    def _find(self, body: Body) -> tuple[str, _Shown] | None:
        return next(((key, shown) for key, shown in self._shown.items() if shown.id and shown.id == body[0]), None)

    def _allowed(self, body: Body) -> None:
        if (found := self._find(body)) is not None and isinstance(body[1], str):
            found[1].token = body[1]

    def _invoked(self, body: Body) -> None:
        if (found := self._find(body)) is not None:
            _, shown = found
            shown.notice.chosen(str(body[1]), shown.token)

    def _closed(self, body: Body) -> None:
        """The person has seen it, or it is too old: it does not come again."""
        if (found := self._find(body)) is not None:
            del self._shown[found[0]]
