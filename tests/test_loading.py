"""What the daemon loads before anybody needs it costs every start its time, and every daemon its memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

SELDOM = {"lxml", "nh3", "treq", "neon.testbed", "sounddevice", "pyaudio"}
"""XML, HTML and web services of operators, the test operator, and sound cards (which have a process of their own)."""


class LoadingTests(SynchronousTestCase):
    def test_seldom_needed(self) -> None:
        """Nothing of this is loaded with the daemon."""
        code = "import sys, neon.tap; print(*sys.modules)"
        here = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
        told = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120, env=here
        )
        loaded = set(told.stdout.split())
        self.assertIn("neon.tap", loaded)
        self.assertEqual(loaded & SELDOM, set())
