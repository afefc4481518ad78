"""The daemon as systemd starts it: with its sockets already open, and telling when it is ready and that it lives."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import sys
from typing import Any

from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol

from tests.integration.daemon import ROOT
from tests.integration.processes import IntegrationCase, free_port, until

CONFIGURATION = """\
[sip]
bind = 127.0.0.1
port = 0
[media]
bind = 127.0.0.1
capture = null
playback = null
[websocket]
host = 127.0.0.1
port = {websocket}
[http]
host = 127.0.0.1
port = {http}
"""


class Asker(Protocol):
    """Asks for the metrics as soon as it is connected; C{answer} is all that came back."""

    answer = b""

    def __init__(self, port: int) -> None:
        self.port = port

    def connectionMade(self) -> None:
        transport: Any = self.transport
        transport.write(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n" % self.port)

    def dataReceived(self, data: bytes) -> None:
        self.answer += data


class SystemdTests(IntegrationCase):
    programs_needed = ("systemd-socket-activate",)

    async def test_activation(self) -> None:
        """The first connection starts the daemon, which answers it on systemd's socket, feeds the watchdog, and says
        when it stops."""
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.at_end(manager.close)
        manager.bind(f"\0{self.folder.name}")
        told: list[str] = []

        def hear(line: str) -> bool:
            with contextlib.suppress(BlockingIOError):
                while True:
                    told.append(manager.recv(100).decode())
            return line in told

        websocket, http = free_port(), free_port()
        path = self.folder / "neon.conf"
        path.write_text(CONFIGURATION.format(websocket=websocket, http=http))
        state = self.folder / "state"
        activate = ["systemd-socket-activate", f"--listen=127.0.0.1:{websocket}", f"--listen=127.0.0.1:{http}"]
        for variable in (
            f"NOTIFY_SOCKET=@{self.folder.name}",
            "WATCHDOG_USEC=1000000",
            f"PYTHONPATH={ROOT}",
            f"HOME={self.folder}",
        ):
            activate += ["-E", variable]
        command = "from neon.program import run; run()"
        program = self.start(
            "neon", *activate, sys.executable, "-c", command, "--config", str(path), "--state-dir", str(state)
        )
        await program.says(rf"Listening on .*:{http}")
        self.assertFalse(state.exists())
        asker = await connectProtocol(TCP4ClientEndpoint(reactor, "127.0.0.1", http), Asker(http))
        await until(lambda: b"neon_api_events_total" in asker.answer, "the metrics", 30)
        self.assertTrue(asker.answer.startswith(b"HTTP/1.1 200 "), asker.answer[:200])
        await until(lambda: hear("READY=1"), "the daemon being ready")
        await until(lambda: hear("") or told.count("WATCHDOG=1") >= 3, "the watchdog being fed")
        access = json.loads((state / "access.json").read_text())
        self.assertEqual(access["websocket"], f"ws://127.0.0.1:{websocket}/")
        self.assertEqual(await program.stop(within=10), -15)
        self.assertTrue(hear("STOPPING=1"))
        self.assertLess(told.index("READY=1"), told.index("WATCHDOG=1"))
        self.assertEqual(re.findall("Traceback|Unhandled", program.output), [])
        self.assertNotIn("which the configuration does not", program.output)


class ExposureTests(IntegrationCase):
    programs_needed = ("systemd-analyze",)

    async def test_system_unit(self) -> None:
        """systemd's own judgement of how little the system's daemon may do: 2.0 or less, of 10."""
        unit = self.folder / "neon.service"
        unit.write_bytes((ROOT / "debian" / "neon.service").read_bytes())
        options = ("--offline=true", "--threshold=20", "--no-pager")
        program = self.start("analyze", "systemd-analyze", "security", *options, str(unit))
        self.assertEqual(await program.ended(60), 0, program.output)
        self.assertIn("Overall exposure level", program.output)
