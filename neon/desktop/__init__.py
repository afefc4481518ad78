"""What NEON does on a person's desktop, over D-Bus: its window, notifications, media keys, music, and staying awake.

D-Bus is spoken on the reactor, with jeepney's bytes in and bytes out. A machine without a session bus is a normal one.
"""
