"""Tests of C{neon.dbus}."""
