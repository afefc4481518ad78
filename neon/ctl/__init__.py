"""C{neonctl}: drives a running NEON from a terminal or a script, over its control socket (L{neon.api.control}).

A short-lived, synchronous program: it blocks on its one socket, and imports nothing that takes long to import.
"""
