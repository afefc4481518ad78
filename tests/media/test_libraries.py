"""The libraries of others are loaded with the first call that needs them, and not before."""

from __future__ import annotations

import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

PROGRAM = """
from neon.media import _engine

def loaded():
    maps = open("/proc/self/maps").read()
    print(*(name for name in ("libopus", "libspandsp", "libsrtp2") if name in maps))

loaded()
_engine.Coder("PCMA")
_engine.Engine().open_stream("127.0.0.1", 21000, 24000, True)
loaded()
_engine.Coder("opus")
loaded()
_engine.Coder("G722")
loaded()
_engine.Srtp("AES_CM_128_HMAC_SHA1_80", bytes(30), bytes(30), b"", b"")
loaded()
"""


class LibraryTests(SynchronousTestCase):
    def test_when_they_are_needed(self) -> None:
        """A process with G.711 in clear has none of them; each comes with its first use."""
        said = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True, timeout=60)
        self.assertEqual(
            said.stdout.splitlines(),
            ["", "", "libopus", "libopus libspandsp", "libopus libspandsp libsrtp2"],
        )
