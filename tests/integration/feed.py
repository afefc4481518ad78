"""A client of the supervisor and agent feed, and a Mosquitto to join desks by."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
from pathlib import Path
from typing import Any

from autobahn.twisted.websocket import WebSocketClientProtocol
from twisted.internet import ssl

from neon.ctl.connection import connect
from tests.integration import websockets
from tests.integration.daemon import Daemon
from tests.integration.processes import PATIENCE, IntegrationCase, Program, free_port, until

FEED = """\
[feed]
enabled = yes
name = {name}
port = 0
tls = {tls}
tls-port = 0
auto-answer = {auto_answer}
"""


def feed_section(name: str = "desk", *, tls: bool = False, auto_answer: bool = True) -> str:
    """The configuration of a feed on free ports."""
    return FEED.format(name=name, tls="yes" if tls else "no", auto_answer="yes" if auto_answer else "no")


class FeedClient(WebSocketClientProtocol):
    """Keeps the messages that arrive in C{messages}; C{picture} is what one knows of calls and extensions by them."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[dict[str, Any]] = []
        self.status: dict[str, str] = {}
        self.calls: dict[str, dict[object, dict[str, Any]]] = {}
        self.opened = False
        self.closed = False

    def onOpen(self) -> None:
        self.opened = True

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        self.closed = True

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        message = json.loads(payload)
        self.messages.append(message)
        if message["type"] == "init":
            self.status = {item["Extension"]: item["Status"] for item in message["data"]}
            self.calls = {
                item["Extension"]: {call["CallID"]: {"state": call["Status"]} for call in item["Calls"]}
                for item in message["data"]
            }
        elif message["type"] == "update":
            self._update(message["extension"], message)

    def _update(self, extension: str, message: dict[str, Any]) -> None:
        calls = self.calls.setdefault(extension, {})
        match message["action"]:
            case "extension-status":
                self.status[extension] = message["status"]
            case "new-call":
                assert message["callid"] not in calls, "told twice"
                calls[message["callid"]] = {"state": None}
            case "call-state":
                calls[message["callid"]]["state"] = message["state"]
            case "hangup":
                del calls[message["callid"]]

    def say(self, **message: object) -> None:
        self.sendMessage(json.dumps(message).encode())

    async def hears(self, within: float = PATIENCE, **fields: object) -> dict[str, Any]:
        """Wait for a message with these fields, and take it."""

        def look() -> dict[str, Any] | None:
            for index, message in enumerate(self.messages):
                if all(message.get(name) == value for name, value in fields.items()):
                    return self.messages.pop(index)
            return None

        return await until(look, f"a message with {fields} (there were: {self.messages[-5:]})", within)

    async def log_in(self, user: str, password: str) -> dict[str, Any]:
        """Log in; return the C{init}."""
        await self.hears(type="welcome")
        self.say(type="auth-plain", user=user, passwd=password)
        await self.hears(type="auth-resp", auth="ok")
        return await self.hears(type="init")


async def feed_client(daemon: Daemon, path: str, *, tls: bool = False) -> FeedClient:
    """Connect to the feed of a daemon."""
    client = FeedClient()
    url = daemon.access["feed"]["wss" if tls else "ws"] + path.lstrip("/")
    # What NEON signs itself nobody trusts: the test of the certificate is another one's.
    websockets.connect(client, url, ssl=ssl.CertificateOptions(verify=False) if tls else None)
    await until(lambda: client.opened, "the feed")
    return client


def member(daemon: Daemon, action: str, **values: object) -> str:
    """Let somebody log in, as neonctl does; return the password."""
    neon = connect([Path(daemon.access["control"])], timeout=10)
    try:
        return str(neon.command(action, **values)["password"])
    finally:
        neon.close()


class Mosquitto:
    """A broker on a free port; C{persistent}: it remembers what it has kept when it is killed.

    C{secured}: it wants TLS, with this certificate and key in PEM, and a user and password.
    """

    def __init__(self, test: IntegrationCase, *, persistent: bool = False, secured: bytes | None = None) -> None:
        self._test = test
        self._lives = 0
        self.port = free_port()
        store = test.folder / "mosquitto"
        store.mkdir()
        keep = f"persistence true\npersistence_location {store}/\nautosave_on_changes true\nautosave_interval 1\n"
        self._configuration = test.folder / "mosquitto.conf"
        # Started by root it would become somebody who may not look into the test's folder.
        whose = pwd.getpwuid(os.geteuid()).pw_name
        guarded = "allow_anonymous true\n" if secured is None else self._secure(store, secured)
        guarded += keep if persistent else ""
        self._configuration.write_text(f"user {whose}\nlistener {self.port} 127.0.0.1\n{guarded}")
        self.program: Program

    async def start(self) -> None:
        """Start it, again perhaps."""
        self._lives += 1
        self.program = self._test.start(f"mosquitto{self._lives}", "mosquitto", "-c", str(self._configuration))
        await self.program.says("running")

    @staticmethod
    def _secure(folder: Path, pem: bytes) -> str:
        (folder / "server.pem").write_bytes(pem)
        (folder / "passwords").write_text("neon:a password\n")
        subprocess.run(("mosquitto_passwd", "-U", folder / "passwords"), check=True, timeout=10)
        return (
            f"certfile {folder}/server.pem\nkeyfile {folder}/server.pem\n"
            f"allow_anonymous false\npassword_file {folder}/passwords\n"
        )
