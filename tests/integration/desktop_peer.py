#!/usr/bin/python3 -I
"""What NEON meets on a session bus, as another implementation of D-Bus has it (GLib's): prints a line of JSON for all
that it is asked.

    desktop_peer.py desktop             notifications, the screen saver, logind, and the portal's settings
    desktop_peer.py player NAME STATUS  a media player

org.example.Test at /test is for the test: Click(id, key) on a notification, and Scheme(0 to 2), the desktop's colours.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from gi.repository import Gio, GLib

XML = """
<node>
<interface name="org.freedesktop.Notifications">
 <method name="GetCapabilities"><arg type="as" direction="out"/></method>
 <method name="Notify"><arg type="s" direction="in"/><arg type="u" direction="in"/><arg type="s" direction="in"/>
  <arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="as" direction="in"/>
  <arg type="a{sv}" direction="in"/><arg type="i" direction="in"/><arg type="u" direction="out"/></method>
 <method name="CloseNotification"><arg type="u" direction="in"/></method>
 <signal name="ActionInvoked"><arg type="u"/><arg type="s"/></signal>
 <signal name="NotificationClosed"><arg type="u"/><arg type="u"/></signal>
</interface>
<interface name="org.freedesktop.ScreenSaver">
 <method name="Inhibit"><arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="u" direction="out"/>
 </method>
 <method name="UnInhibit"><arg type="u" direction="in"/></method>
</interface>
<interface name="org.freedesktop.login1.Manager">
 <method name="Inhibit"><arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="s" direction="in"/>
  <arg type="s" direction="in"/><arg type="h" direction="out"/></method>
</interface>
<interface name="org.freedesktop.portal.Settings">
 <method name="Read"><arg type="s" direction="in"/><arg type="s" direction="in"/>
  <arg type="v" direction="out"/></method>
 <signal name="SettingChanged"><arg type="s"/><arg type="s"/><arg type="v"/></signal>
</interface>
<interface name="org.mpris.MediaPlayer2.Player">
 <method name="Play"/><method name="Pause"/><property name="PlaybackStatus" type="s" access="read"/>
</interface>
<interface name="org.example.Test">
 <method name="Click"><arg type="u" direction="in"/><arg type="s" direction="in"/></method>
 <method name="Scheme"><arg type="u" direction="in"/></method>
</interface>
</node>
"""
APPEARANCE = ("org.freedesktop.appearance", "color-scheme")


def say(member: str, *body: object) -> None:
    sys.stdout.write(json.dumps([member, *body]) + "\n")
    sys.stdout.flush()


class Peer:
    """Answers everything; C{status} is the player's."""

    def __init__(self, bus: Any, status: str) -> None:
        self.bus = bus
        self.status = status
        self.scheme = 0
        self.last = 0
        self.interfaces = {interface.name: interface for interface in Gio.DBusNodeInfo.new_for_xml(XML).interfaces}

    def serve(self, name: str, path: str, interface: str) -> None:
        self.bus.register_object(path, self.interfaces[interface], self.called, self.read, None)
        if name:
            Gio.bus_own_name_on_connection(self.bus, name, Gio.BusNameOwnerFlags.NONE, None, None)

    def read(self, *_: object) -> Any:
        return GLib.Variant("s", self.status)

    def called(self, _bus: Any, _sender: str, path: str, interface: str, member: str, body: Any, answer: Any) -> None:
        given = body.unpack()
        if member != "Read":
            say(member, *given)
        match interface.rpartition(".")[2], member:
            case _, "GetCapabilities":
                answer.return_value(GLib.Variant("(as)", (["body", "body-markup", "actions"],)))
            case _, "Notify":
                self.last = given[1] or self.last + 1
                answer.return_value(GLib.Variant("(u)", (self.last,)))
            case _, "CloseNotification":
                answer.return_value(None)
                self.emit(path, interface, "NotificationClosed", GLib.Variant("(uu)", (given[0], 3)))
            case "ScreenSaver", "Inhibit":
                answer.return_value(GLib.Variant("(u)", (7,)))
            case "Manager", "Inhibit":
                self.lock(answer)
            case _, "Read":
                # Wrapped twice, as the portals do.
                answer.return_value(GLib.Variant("(v)", (GLib.Variant("v", GLib.Variant("u", self.scheme)),)))
            case _, "Click":
                answer.return_value(None)
                notifications = "org.freedesktop.Notifications"
                self.emit("/org/freedesktop/Notifications", notifications, "ActionInvoked", body)
            case _, "Scheme":
                (self.scheme,) = given
                answer.return_value(None)
                changed = GLib.Variant("(ssv)", (*APPEARANCE, GLib.Variant("u", self.scheme)))
                settings = "org.freedesktop.portal.Settings"
                self.emit("/org/freedesktop/portal/desktop", settings, "SettingChanged", changed)
            case _:
                self.status = {"Play": "Playing", "Pause": "Paused"}.get(member, self.status)
                answer.return_value(None)

    def emit(self, path: str, interface: str, member: str, body: Any) -> None:
        self.bus.emit_signal(None, path, interface, member, body)

    def lock(self, answer: Any) -> None:
        ours, theirs = os.pipe()
        descriptors = Gio.UnixFDList.new()
        handle = descriptors.append(theirs)
        os.close(theirs)
        answer.return_value_with_unix_fd_list(GLib.Variant("(h)", (handle,)), descriptors)

        def released(*_: object) -> bool:
            say("released")
            os.close(ours)
            return bool(GLib.SOURCE_REMOVE)

        GLib.unix_fd_add_full(GLib.PRIORITY_DEFAULT, ours, GLib.IOCondition.HUP, released)


def main() -> None:
    bus = Gio.bus_get_sync(Gio.BusType.SESSION)
    if sys.argv[1] == "player":
        peer = Peer(bus, sys.argv[3])
        peer.serve(f"org.mpris.MediaPlayer2.{sys.argv[2]}", "/org/mpris/MediaPlayer2", "org.mpris.MediaPlayer2.Player")
    else:
        peer = Peer(bus, "")
        for name, path, interface in (
            ("org.freedesktop.Notifications", "/org/freedesktop/Notifications", "org.freedesktop.Notifications"),
            ("org.freedesktop.ScreenSaver", "/org/freedesktop/ScreenSaver", "org.freedesktop.ScreenSaver"),
            ("org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager"),
            ("org.freedesktop.portal.Desktop", "/org/freedesktop/portal/desktop", "org.freedesktop.portal.Settings"),
            ("org.example.Test", "/test", "org.example.Test"),
        ):
            peer.serve(name, path, interface)
    bus.call_sync("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "GetId", None, None, 0, -1, None)
    say("ready")
    GLib.MainLoop().run()


main()
