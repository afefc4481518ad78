"""Tests of C{neon.desktop}, and of what of neon-panel runs without GTK: that is not installed beside C{neon}."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "desktop"))
