"""What the daemon loads before anybody needs it costs every start its time, and every daemon its memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

SELDOM = {
    "lxml", "nh3", "treq", "neon.testbed", "sounddevice", "pyaudio",
    # of operators, supervisors and brokers only what says that there are none
    "neon.operators.settings", "neon.operators.accounts", "neon.operators.balance", "neon.operators.licence",
    "neon.api.feed.server", "neon.api.feed.wire", "neon.desks.topics", "neon.certificates",
    # what is written for whoever asks for it
    "neon.api.openapi", "neon.api.asyncapi", "difflib",
    # the libraries of codecs and encryption
    "neon.media._g722", "neon.media._opus", "neon.media._srtp",
}  # fmt: skip
"""XML, HTML and web services of operators, the test operator, sound cards (which have a process of their own) ..."""

NOT_OURS = {"unittest", "twisted.trial", "twisted.plugins.twisted_words"}
"""What C{twistd} loads to find its plugins, and C{neon} does not."""

IDLE = """
import sys
from twisted.internet import reactor
from neon.program import run
sys.argv = ["neon", "--config", sys.argv[1], "--state-dir", sys.argv[2]]
def told():
    print("loaded", *sys.modules, file=sys.__stdout__, flush=True)
    reactor.stop()
reactor.callWhenRunning(reactor.callLater, 0, told)
run()
"""

CONFIGURATION = """
[sip]
bind = 127.0.0.1
port = 0

[websocket]
host = 127.0.0.1
port = 0

[http]
host = 127.0.0.1
port = 0

[media]
bind = 127.0.0.1
capture = null
playback = null
"""


class LoadingTests(SynchronousTestCase):
    def test_seldom_needed(self) -> None:
        """Nothing of this is loaded in a daemon that has started and has nothing to do."""
        folder = Path(self.mktemp())
        folder.mkdir(mode=0o700)
        configuration = folder / "neon.conf"
        configuration.write_text(CONFIGURATION)
        here = {
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parent.parent),
            "DBUS_SESSION_BUS_ADDRESS": "disabled:",
            "HOME": str(folder.absolute()),
        }
        for name in ("XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "NOTIFY_SOCKET"):
            here.pop(name, None)
        command = [sys.executable, "-c", IDLE, str(configuration.absolute()), str(folder.absolute())]
        told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=here)
        loaded = {word for line in told.stdout.splitlines() if line.startswith("loaded ") for word in line.split()}
        self.assertIn("neon.tap", loaded, told.stdout + told.stderr)
        self.assertEqual(loaded & (SELDOM | NOT_OURS), set())
