"""C{twistd neon} as a program: what cannot work ends at once, with a sentence and a status other than 0."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from neon import places, tap
from neon.passwords import PasswordHash

QUIET = """
[sip]
bind = 127.0.0.1
port = 0
[media]
bind = 127.0.0.1
capture = null
playback = null
[http]
port = 0
"""


class PlacesTests(SynchronousTestCase):
    def test_state_dir(self) -> None:
        """systemd's place, else XDG's, else the usual one at home."""
        for environ, place in (
            ({"STATE_DIRECTORY": "/var/lib/neon:/x", "XDG_STATE_HOME": "/y"}, "/var/lib/neon"),
            ({"XDG_STATE_HOME": "/y", "HOME": "/home/ana"}, "/y/neon"),
            ({"HOME": "/home/ana"}, "/home/ana/.local/state/neon"),
        ):
            self.assertEqual(places.default_state_dir(environ), Path(place))


class ProgramTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.directory = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.directory)
        self.state = self.directory / "state"

    def run_neon(self, configuration: str, *options: str, given: str = "") -> tuple[int, str]:
        """The status and everything printed."""
        path = self.directory / "neon.conf"
        path.write_text(configuration)
        path.chmod(0o600)
        command = [sys.executable, "-c", "from twisted.scripts.twistd import run; run()", "-n", "--pidfile=", "neon"]
        done = subprocess.run(
            [*command, "--config", str(path), "--state-dir", str(self.state), *options],
            check=False,
            input=given,
            capture_output=True,
            text=True,
            timeout=60,
            cwd=self.directory,
            env={**os.environ, "PYTHONPATH": str(Path(tap.__file__).parent.parent)},
        )
        return done.returncode, done.stdout + done.stderr

    def test_bad_configuration(self) -> None:
        """File, line and a sentence; no traceback, nothing started."""
        status, printed = self.run_neon("[sip]\nprot = 5060\n")
        self.assertEqual(status, 1)
        self.assertIn(f"neon: {self.directory}/neon.conf:2: [sip] has no key 'prot'; did you mean 'port'?", printed)
        self.assertNotIn("Traceback", printed)
        self.assertFalse(self.state.exists())

    def test_bad_operator(self) -> None:
        """An operator's file is checked with the configuration, by file and line, and named when it is good."""
        operators = self.directory / "operators.d"
        operators.mkdir()
        configuration = f"[operators]\ndirectory = {operators}\n"
        for scheme, wanted in (("http", f"neon: {operators}/acme.conf:2: 'url' is http"), ("https", "acme.conf).")):
            (operators / "acme.conf").write_text(f"[operator]\nurl = {scheme}://ws.example.com/\n")
            status, printed = self.run_neon(configuration, "--check-config")
            self.assertEqual((status, wanted in printed), (int(scheme == "http"), True), printed)

    def test_bad_device(self) -> None:
        """A device that does not exist is found with the configuration, by file and line."""
        status, printed = self.run_neon("[media]\n\ncapture = microphone\n", "--check-config")
        self.assertEqual(status, 1)
        self.assertIn("neon.conf:3: 'microphone' is no capture device", printed)

    def test_check(self) -> None:
        """A good configuration is called good, and nothing is started."""
        status, printed = self.run_neon(QUIET, "--check-config")
        self.assertEqual((status, printed), (0, f"The configuration is good ({self.directory}/neon.conf).\n"))
        self.assertFalse(self.state.exists())

    def test_hash_password(self) -> None:
        """The hash that is printed is one of the password that was typed."""
        status, printed = self.run_neon("", "--hash-password", given="se cret\n")
        self.assertEqual(status, 0)
        self.assertTrue(PasswordHash.parse(printed.strip()).matches("se cret"))

    def test_busy_port(self) -> None:
        """A taken port ends the start with a sentence; the numbers reserved for calls are given back."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            status, printed = self.run_neon(f"{QUIET}[websocket]\nport = {port}\n")
        self.assertEqual(status, 1)
        self.assertIn(f"the WebSocket API cannot listen on 127.0.0.1 port {port}: Address already in use", printed)
        self.assertNotIn("Traceback", printed)
        connection = sqlite3.connect(self.state / "neon.sqlite")
        self.addCleanup(connection.close)
        self.assertEqual(connection.execute("SELECT next FROM counters").fetchall(), [(1,), (1,)])

    def test_another_daemon(self) -> None:
        """Where somebody listens for neonctl already, a second daemon does not take their place."""
        self.state.mkdir(mode=0o700)
        with socket.socket(socket.AF_UNIX) as taken:
            taken.bind(str(self.state / "ctl.sock"))
            taken.listen()
            status, printed = self.run_neon(f"{QUIET}[websocket]\nport = 0\n")
            self.assertTrue((self.state / "ctl.sock").exists())
        self.assertEqual(status, 1)
        self.assertIn(f"neon: another NEON listens at {self.state}/ctl.sock already", printed)
        self.assertNotIn("Traceback", printed)

    def test_useless_state(self) -> None:
        """A state directory that cannot be one is a sentence."""
        self.state.write_text("")
        status, printed = self.run_neon(QUIET)
        self.assertEqual(status, 1)
        self.assertIn(f"neon: the state directory {self.state} cannot be used", printed)
        self.assertNotIn("Traceback", printed)
