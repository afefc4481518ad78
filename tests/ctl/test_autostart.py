"""C{neonctl autostart}: by systemd where it has the unit, by a file of the desktop's where not."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from neon.ctl import autostart
from neon.ctl.exits import Failed

ROOT = Path(__file__).parent.parent.parent


class FakeSystemd:
    """C{systemctl --user} of somebody for whom the unit is enabled by C{globally}, C{own}, and masked or not."""

    def __init__(self, *, known: bool = True, globally: bool = True) -> None:
        self.known, self.globally, self.own, self.masked = known, globally, False, False
        self.fails = False

    def __call__(self, *words: str) -> tuple[int, str]:
        verb, unit = words
        assert unit == autostart.UNIT
        if not self.known:
            return 1, "Failed to connect to bus: No medium found"
        if verb == "is-enabled":
            state = "masked" if self.masked else "enabled" if self.globally or self.own else "disabled"
            return int(state != "enabled"), state
        if self.fails:
            return 1, "Access denied"
        match verb:
            case "mask" | "unmask":
                self.masked = verb == "mask"
            case "enable" | "disable":
                self.own = verb == "enable"
        return 0, ""


class AutostartTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.entry = self.folder / "autostart" / "neon.desktop"
        program = self.folder / "neon"
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        self.environ = {"XDG_CONFIG_HOME": str(self.folder), "PATH": str(self.folder)}
        self.patch(sys, "executable", "/nowhere/python")

    def run_verb(self, switch: str | None, systemd: FakeSystemd, state_dir: Path | None = None) -> str:
        said: list[str] = []
        self.patch(autostart, "say", lambda options, data, text: said.append(text))
        options = argparse.Namespace(switch=switch, state_dir=state_dir, json=False)
        autostart.verb(options, self.environ, systemd)
        return said[0].partition(" when")[0]

    def test_unit(self) -> None:
        """The unit is switched on and off, whether it is enabled for everybody or for one user."""
        for globally in (True, False):
            systemd = FakeSystemd(globally=globally)
            self.assertEqual(self.run_verb(None, systemd), "NEON starts" if globally else "NEON does not start")
            for _ in range(2):
                self.assertEqual(self.run_verb("off", systemd), "NEON does not start")
                self.assertEqual(systemd.masked, globally)
                self.assertEqual(self.run_verb("on", systemd), "NEON starts")
        self.assertFalse(self.entry.exists())

    def test_unit_refused(self) -> None:
        """What systemd says against it is told."""
        systemd = FakeSystemd()
        systemd.fails = True
        for switch in ("on", "off"):
            self.assertIn("Access denied", str(self.assertRaises(Failed, self.run_verb, switch, systemd)))

    def test_entry(self) -> None:
        """Without such a unit a file of the desktop's does it, and goes again."""
        systemd = FakeSystemd(known=False)
        self.assertEqual(self.run_verb(None, systemd), "NEON does not start")
        for _ in range(2):
            self.assertEqual(self.run_verb("on", systemd), "NEON starts")
            self.assertIn(f'Exec="{self.folder}/neon"\n', self.entry.read_text())
        for _ in range(2):
            self.assertEqual(self.run_verb("off", systemd), "NEON does not start")

    def test_state_dir(self) -> None:
        """A daemon with a state of its own is none of the unit's; its path may have anything in it."""
        self.run_verb("on", FakeSystemd(), Path('/a b/"$x%'))
        line = next(line for line in self.entry.read_text().splitlines() if line.startswith("Exec="))
        self.assertEqual(line, f'Exec="{self.folder}/neon" "--state-dir" "/a b/\\\\"\\\\$x%%"')

    def test_nothing_to_start(self) -> None:
        """Where there is no daemon to start, or no place to say so, that is told."""
        (self.folder / "neon").unlink()
        self.assertRaises(Failed, self.run_verb, "on", FakeSystemd(known=False))
        self.environ["XDG_CONFIG_HOME"] = "/proc/nowhere"
        self.environ["PATH"] = "/bin"
        self.assertRaises(Failed, self.run_verb, "on", FakeSystemd(known=False))

    def test_no_systemd(self) -> None:
        """A machine without systemctl is one without units."""
        self.patch(subprocess, "run", _absent)
        self.assertEqual(autostart.systemctl("is-enabled", autostart.UNIT), (1, ""))

    def test_entries(self) -> None:
        """The desktop's own program for it finds nothing wrong with our files."""
        program = shutil.which("desktop-file-validate")
        if program is None:
            raise SkipTest("desktop-file-validate is not installed")
        self.run_verb("on", FakeSystemd(known=False))
        files = (self.entry, *(ROOT / "desktop").glob("*.desktop"))
        done = subprocess.run([program, *map(str, files)], capture_output=True, text=True, check=False)
        self.assertEqual((done.stdout, done.returncode), ("", 0))


def _absent(*_: object, **__: object) -> None:
    raise FileNotFoundError(2, "No such file or directory")
