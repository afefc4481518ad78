"""What is installed is what is here."""

from __future__ import annotations

from configparser import ConfigParser
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).resolve().parent.parent


class DistributionTests(SynchronousTestCase):
    def test_packages(self) -> None:
        """setup.cfg lists every package: an editable installation would not miss one, the others would."""
        setup = ConfigParser()
        setup.read(ROOT / "setup.cfg")
        listed = set(setup["options"]["packages"].split()) - {"twisted.plugins"}
        here = {".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "neon").rglob("__init__.py")}
        self.assertEqual(listed, here)
