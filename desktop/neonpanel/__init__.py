"""NEON's panel in a window of its own: a thin WebKitGTK shell around the page that the daemon serves.

Runs on the system's Python with PyGObject (python3-gi, gir1.2-gtk-3.0, gir1.2-webkit2-4.1) and imports nothing of
C{neon}. The session's D-Bus starts it when somebody wants to see it; what it can be asked for is in L{neonpanel.main}.
"""
