"""What systemd hands over at the start (sd_listen_fds(3)), kept from Twisted, which takes it when it is imported.

So this module is imported before Twisted, by L{neon.program}: C{neon} knows socket activation, C{twistd neon} does not.
"""

from __future__ import annotations

import os
from typing import Final

NAMES: Final = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")

HANDED: Final = {name: os.environ.pop(name) for name in NAMES if name in os.environ}
"""The variables, which are no longer in the environment."""
