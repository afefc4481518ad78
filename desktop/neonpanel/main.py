"""The program: one for each session, at the bus name L{NAME}, which starts it where it is not running.

It is an application by org.freedesktop.Application, at C{/org/neonsoftphone/Panel}. C{Activate} shows the window, and
C{ActivateAction} does::

    show URL    bring the window up        ring URL    the same for a call, without taking the keyboard
    hide        put it away                calm        nobody rings any more
    address URL where the page is now      quit        end

URL is an address of the panel with a ticket, or empty; then the program asks for one itself.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any, Final

# Rendering through shared graphics memory leaves windows blank with some drivers, in virtual machines above all.
os.environ.setdefault("WEBKIT_DISABLE_DMABUF_RENDERER", "1")

import gi

try:
    for library, version in (("Gdk", "3.0"), ("Gtk", "3.0"), ("WebKit2", "4.1")):
        gi.require_version(library, version)
except ValueError as error:
    sys.exit(f"neon-panel: {error}; apt install gir1.2-gtk-3.0 gir1.2-webkit2-4.1")

from gi.repository import Gdk, Gio, GLib, Gtk

from neonpanel import memory, theme
from neonpanel.window import PanelWindow
from neonpanel.words import words

NAME: Final = "org.neonsoftphone.Panel"


class Panel(Gtk.Application):  # type: ignore[misc]  # GTK has no types
    """The application. Its window is made when it is first needed, and stays."""

    def __init__(self) -> None:
        super().__init__(application_id=NAME)
        self._window: PanelWindow | None = None
        self.connect("startup", self._start)
        self.connect("activate", lambda _: self.window.show(""))
        for name, takes in (("show", "s"), ("ring", "s"), ("address", "s"), ("hide", None), ("calm", None)):
            self._offer(name, takes, self._act)
        self._offer("quit", None, lambda *_: self.quit())

    @property
    def window(self) -> PanelWindow:
        if self._window is None:
            self._window = PanelWindow(self, words(GLib.get_language_names()), memory.place(os.environ))
        return self._window

    def _offer(self, name: str, takes: str | None, act: Any) -> None:
        action = Gio.SimpleAction.new(name, None if takes is None else GLib.VariantType.new(takes))
        action.connect("activate", act)
        self.add_action(action)

    def _act(self, action: Any, parameter: Any) -> None:
        url = "" if parameter is None else parameter.get_string()
        match action.get_name():
            case "show":
                self.window.show(url)
            case "ring":
                self.window.ring(url)
            case name if self._window is not None:
                # Of a window that nobody wanted yet there is nothing to hide.
                {"address": lambda: self.window.tell(url), "hide": self.window.hide, "calm": self.window.calm}[name]()

    def _start(self, _application: Any) -> None:
        self.set_accels_for_action("app.quit", ["<Control>q"])
        Gtk.Window.set_default_icon_name(NAME)
        if (bus := self.get_dbus_connection()) is not None:
            theme.follow(bus)


def main(argv: Sequence[str]) -> int:
    """Run; returns the exit status."""
    if Gdk.Display.get_default() is None:
        # Said before the name is taken, so that whoever wanted the window hears that there will be none.
        sys.stderr.write("neon-panel: there is no display\n")
        return 1
    GLib.set_prgname(NAME)
    return int(Panel().run(list(argv)))
