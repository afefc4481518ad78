"""What NEON does on a person's desktop, over D-Bus: its window, notifications, media keys, music, and staying awake.

A machine without a session bus is a normal one.
"""
