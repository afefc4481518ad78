"""The panel as the daemon sees it: who is let into it without a password, and how it is brought up.

What a person sees is C{neon/api/static/panel}; L{neon.api.panel} serves it.
"""
