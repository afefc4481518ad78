"""The window: shown and hidden, as large as it was, gone with Escape or its close button but still there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from gi.repository import Gdk, GLib, Gtk

from neonpanel import address, memory, policy
from neonpanel.memory import Shape
from neonpanel.view import View

LOOK_AGAIN_SECONDS: Final = 3
ASK_AGAIN_SECONDS: Final = 5.0
"""A page that asks for a password gets a ticket by itself, but not without end."""

ZOOM_STEP: Final = 1.1


class PanelWindow:
    """Made hidden. C{words} for when there is no page; C{kept} is the file that remembers its size."""

    def __init__(self, application: Any, words: dict[str, str], kept: Path) -> None:
        self._kept = kept
        self._shape = memory.read(kept)
        self._fetching = False
        self._asked_at = 0.0
        self._retry = 0
        self._raised_by_call = False
        self._view = View(self._page_is)
        self._window = Gtk.ApplicationWindow(application=application, title="NEON")
        self._window.set_default_size(self._shape.width, self._shape.height)
        self._window.set_size_request(*memory.LEAST)
        if self._shape.maximized:
            self._window.maximize()
        self._view.widget.set_zoom_level(self._shape.zoom)
        self._stack = Gtk.Stack()
        self._stack.add_named(self._view.widget, "page")
        self._stack.add_named(self._absence(words), "absence")
        self._window.add(self._stack)
        self._stack.show_all()
        self._view.widget.connect("notify::title", self._titled)
        self._window.connect("delete-event", self._closed)
        self._window.connect("configure-event", self._resized)
        self._window.connect("window-state-event", self._resized)
        self._window.connect("focus-in-event", self._noticed)
        # What the page made nothing of: there Escape closes dialogs.
        self._window.connect_after("key-press-event", self._key)

    def show(self, url: str) -> None:
        """Bring it up, in front and with the keyboard; C{url} is a fresh address of the page, or empty."""
        self._raised_by_call = False
        self.tell(url)
        self._window.set_urgency_hint(False)
        self._window.present_with_time(self._now())
        self._view.widget.grab_focus()

    def ring(self, url: str) -> None:
        """Somebody calls: bring it up without taking the keyboard from whatever has it."""
        self.tell(url)
        if not self._window.is_visible():
            self._raised_by_call = True
            self._window.set_focus_on_map(False)
            self._window.show()
            self._window.set_focus_on_map(True)
        elif self._window.get_window() is not None:
            self._window.deiconify()
            self._window.get_window().raise_()
        self._window.set_urgency_hint(True)

    def calm(self) -> None:
        """Nobody calls any more: a window that only came up for that, and was not looked at, goes again."""
        self._window.set_urgency_hint(False)
        if self._raised_by_call:
            self.hide()

    def hide(self) -> None:
        """Put it away; the page goes on."""
        self._raised_by_call = False
        memory.write(self._kept, self._shape)
        self._window.hide()

    def tell(self, url: str) -> None:
        """Here is an address; without one, ask for it. A page that is signed in needs none."""
        if url and policy.is_panel(url):
            if not self._view.is_at(url):
                self._load(url)
        elif self._view.state in ("empty", "failed", "asking"):
            self._fetch()

    def _load(self, url: str) -> None:
        if self._retry:
            GLib.source_remove(self._retry)
            self._retry = 0
        self._view.load(url)

    def _fetch(self) -> bool:
        self._retry = 0
        if not self._fetching:
            self._fetching = True
            self._asked_at = GLib.get_monotonic_time() / 1e6
            address.fetch(self._found)
        return bool(GLib.SOURCE_REMOVE)

    def _found(self, url: str | None) -> None:
        self._fetching = False
        if url is not None:
            self._load(url)
        elif self._view.state != "asking":
            self._stack.set_visible_child_name("absence")
            self._look_again()

    def _page_is(self, state: str) -> None:
        asked_lately = GLib.get_monotonic_time() / 1e6 - self._asked_at < ASK_AGAIN_SECONDS
        if state == "failed":
            # Nothing answers at that address any more: the daemon ended, or has another port now.
            if asked_lately:
                self._look_again()
            else:
                self._fetch()
            return
        self._stack.set_visible_child_name("page")
        if state == "asking" and not asked_lately:
            self._fetch()

    def _look_again(self) -> None:
        """Later, if there is anybody to look for it for: a window that comes up asks by itself."""
        if self._window.is_visible() and not self._retry:
            self._retry = GLib.timeout_add_seconds(LOOK_AGAIN_SECONDS, self._fetch)

    def _absence(self, words: dict[str, str]) -> Any:
        box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=12, valign=Gtk.Align.CENTER, margin=24)
        title = Gtk.Label(label=words["absent"], wrap=True)
        title.get_style_context().add_class("title")
        again = Gtk.Button(label=words["again"], halign=Gtk.Align.CENTER)
        again.connect("clicked", lambda _: self._fetch())
        more = Gtk.Label(label=words["absent-more"], wrap=True, selectable=True, justify=Gtk.Justification.CENTER)
        for widget in (title, more, again):
            box.add(widget)
        return box

    def _closed(self, _window: Any, _event: Any) -> bool:
        self.hide()
        return True

    def _titled(self, view: Any, _property: Any) -> None:
        self._window.set_title(view.get_title() or "NEON")

    def _resized(self, _window: Any, _event: Any) -> bool:
        maximized = self._window.is_maximized()
        if maximized:
            self._shape = Shape(self._shape.width, self._shape.height, True, self._shape.zoom)
        else:
            width, height = self._window.get_size()
            self._shape = Shape(width, height, False, self._shape.zoom)
        return False

    def _noticed(self, _window: Any, _event: Any) -> bool:
        self._raised_by_call = False
        self._window.set_urgency_hint(False)
        return False

    def _key(self, _window: Any, event: Any) -> bool:
        control = bool(event.state & Gdk.ModifierType.CONTROL_MASK)
        if event.keyval == Gdk.KEY_Escape or (control and event.keyval == Gdk.KEY_w):
            self.hide()
        elif control and event.keyval in (Gdk.KEY_plus, Gdk.KEY_equal, Gdk.KEY_KP_Add):
            self._zoom(self._shape.zoom * ZOOM_STEP)
        elif control and event.keyval in (Gdk.KEY_minus, Gdk.KEY_KP_Subtract):
            self._zoom(self._shape.zoom / ZOOM_STEP)
        elif control and event.keyval in (Gdk.KEY_0, Gdk.KEY_KP_0):
            self._zoom(1.0)
        else:
            return False
        return True

    def _zoom(self, level: float) -> None:
        level = min(memory.MOST_ZOOM, max(memory.LEAST_ZOOM, level))
        self._shape = Shape(self._shape.width, self._shape.height, self._shape.maximized, level)
        self._view.widget.set_zoom_level(level)

    def _now(self) -> int:
        """The X server's time, without which a window manager takes a request for one that is out of date."""
        self._window.realize()
        window = self._window.get_window()
        now: Callable[[Any], int] | None = _server_time()
        return Gdk.CURRENT_TIME if now is None or "X11" not in type(window).__name__ else now(window)


def _server_time() -> Callable[[Any], int] | None:
    try:
        from gi.repository import GdkX11
    except ImportError:
        return None
    found: Callable[[Any], int] = GdkX11.x11_get_server_time
    return found
