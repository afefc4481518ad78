"""Dark or light as the desktop says (the setting C{color-scheme} of org.freedesktop.appearance, from its portal).

GTK 3 does not ask for it by itself, and the page follows GTK.
"""

from __future__ import annotations

from typing import Any, Final

from gi.repository import Gio, GLib, Gtk

PORTAL: Final = "org.freedesktop.portal.Desktop"
PATH: Final = "/org/freedesktop/portal/desktop"
SETTINGS: Final = "org.freedesktop.portal.Settings"
NAMESPACE: Final = "org.freedesktop.appearance"
KEY: Final = "color-scheme"
DARK: Final = 1
LIGHT: Final = 2


def follow(bus: Any) -> None:
    """Do what the desktop says, now and from now on; without a portal GTK's own setting stays."""
    own = Gtk.Settings.get_default().get_property("gtk-application-prefer-dark-theme")

    def put(value: Any) -> None:
        while isinstance(value, GLib.Variant) and value.get_type_string() == "v":
            value = value.get_variant()
        if isinstance(value, GLib.Variant) and value.get_type_string() == "u":
            wish = value.get_uint32()
            dark = own if wish not in (DARK, LIGHT) else wish == DARK
            Gtk.Settings.get_default().set_property("gtk-application-prefer-dark-theme", dark)

    def read(source: Any, result: Any) -> None:
        try:
            put(bus.call_finish(result).get_child_value(0))
        except GLib.Error:
            return

    def changed(_bus: Any, _sender: str, _path: str, _interface: str, _signal: str, parameters: Any) -> None:
        if parameters.get_type_string() == "(ssv)" and parameters.unpack()[:2] == (NAMESPACE, KEY):
            put(parameters.get_child_value(2))

    bus.signal_subscribe(
        PORTAL, SETTINGS, "SettingChanged", PATH, NAMESPACE, Gio.DBusSignalFlags.NONE, changed
    )
    asked = GLib.Variant("(ss)", (NAMESPACE, KEY))
    bus.call(PORTAL, PATH, SETTINGS, "Read", asked, None, Gio.DBusCallFlags.NONE, 5000, None, read)
