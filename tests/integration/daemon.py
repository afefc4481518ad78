"""The NEON daemon as users run it (C{twistd -n neon}), in a folder of its own, and a client of its WebSocket API."""

from __future__ import annotations

import itertools
import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from autobahn.twisted.websocket import WebSocketClientProtocol

from neon.audioframes import AudioFrame
from tests.integration import websockets
from tests.integration.memory import Memory
from tests.integration.netns import Namespace
from tests.integration.processes import PATIENCE, IntegrationCase, Program, free_port, until

ROOT = Path(__file__).parent.parent.parent

CONFIGURATION = """\
[sip]
bind = {bind}
port = {sip}
max-calls = {max_calls}
{sip_more}

[media]
bind = {media_bind}
ports = {rtp}-{rtp_end}
capture = {capture}
playback = {playback}

[websocket]
enabled = {websocket}
host = 127.0.0.1
port = 0

[http]
host = 127.0.0.1
port = 0

[testbed]
enabled = {testbed}
port = 0

{limits}

{more}
"""

NO_LIMITS = """\
[api]
messages-per-second = 0

[toll]
calls-per-minute = 0
calls-at-once = 0
"""
"""Tests call more, and faster, than an application usually may."""


class Refused(Exception):
    """The daemon refused a command."""

    def __init__(self, code: int, description: str) -> None:
        super().__init__(f"{code} {description}")
        self.code = code


class Client(WebSocketClientProtocol):
    """One WebSocket connection. Events are kept in C{events}, in their order, until L{event} takes them."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[dict[str, Any]] = []
        self.opened = False
        self.closed = False
        self.token: str | None = None
        self.unnamed: list[dict[str, Any]] = []
        self.frames: list[AudioFrame] = []
        self._answers: dict[object, dict[str, Any]] = {}
        self._ids = itertools.count(1)

    def onOpen(self) -> None:
        self.opened = True

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        self.closed = True

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        if isBinary:
            self.frames.append(AudioFrame.decode(payload))
            return
        message = json.loads(payload)
        if message.get("action") == "event":
            self.events.append({**message, "arrived": time.time()})
        elif "id" in message:
            self._answers[message["id"]] = message
        else:
            self.unnamed.append(message)

    async def command(self, action: str, **parameters: object) -> dict[str, Any]:
        """Give a command; return the answer's data.

        @raise Refused: with the answer's code.
        """
        number = next(self._ids)
        message = {"id": number, "action": action, **parameters}
        if self.token is not None:
            message["token"] = self.token
        self.send_text(json.dumps(message))
        answer = await until(lambda: self._answers.pop(number, None), f"the answer to {action}")
        if not answer["success"]:
            raise Refused(answer["error"]["code"], answer["error"]["description"])
        data: dict[str, Any] = answer["data"]
        return data

    def send_text(self, text: str) -> None:
        """Send a text frame as it is."""
        self.sendMessage(text.encode())

    def send_audio(self, frame: AudioFrame) -> None:
        """Send a binary frame."""
        self.sendMessage(frame.encode(), isBinary=True)

    async def answered(self, count: int) -> None:
        """Wait until so many answers without an id have come."""
        await until(lambda: len(self.unnamed) >= count, "an answer")

    async def event(self, name: str, within: float = PATIENCE, **data: object) -> dict[str, Any]:
        """Wait for an event of that name with (at least) that data, and take it; return its data, C{arrived} added."""

        def look() -> dict[str, Any] | None:
            for index, event in enumerate(self.events):
                if event["name"] == name and all(event["data"].get(key) == value for key, value in data.items()):
                    del self.events[index]
                    return {**event["data"], "arrived": event["arrived"]}
            return None

        seen = ", ".join(event["name"] for event in self.events)
        return await until(look, f"{name} {data or ''} (there were: {seen})", within)

    def happened(self, call_id: int) -> list[str]:
        """The names of the events of a call that were not taken yet."""
        return [event["name"] for event in self.events if event["data"].get("callId") == call_id]

    async def register(self, domain: str, number: str, password: str, **more: object) -> int:
        """Register an account; return its connection id once the registrar said yes."""
        data = await self.command("sipregister", domain=domain, number=number, password=password, **more)
        connection = int(data["connectionId"])
        await self.event("OnSIPRegister", connectionId=connection)
        return connection

    async def call(self, number: str, **more: object) -> int:
        """Place a call; return its id."""
        return int((await self.command("startcall", number=number, **more))["callId"])

    async def incoming(self, within: float = PATIENCE) -> int:
        """Wait for an incoming call; return its id."""
        return int((await self.event("OnNewCall", within, type="incoming"))["callId"])


class Daemon:
    """A running daemon that is ready for clients."""

    def __init__(
        self,
        program: Program,
        state_dir: Path,
        sip_port: int,
        access: dict[str, Any],
        namespace: Namespace | None = None,
    ) -> None:
        self.program = program
        self.state_dir = state_dir
        self.sip_port = sip_port
        self.sip_address = f"127.0.0.1:{sip_port}"
        self.access = access
        self.namespace = namespace

    async def connect(self, *, authenticate: bool = True) -> Client:
        """Open a WebSocket; authenticate as access.json says."""
        client = Client()
        with self.namespace or nullcontext():
            websockets.connect(client, self.access["websocket"])
        await until(lambda: client.opened, "the WebSocket")
        if authenticate:
            data = await client.command("authenticate", user=self.access["user"], password=self.access["password"])
            client.token = data["token"]
        return client

    async def census(self) -> dict[str, int]:
        """How many objects of each class of NEON and sippy live in it."""
        path = self.state_dir / "census"
        path.unlink(missing_ok=True)
        os.kill(self.program.pid, signal.SIGUSR2)
        await until(path.exists, "the census")
        counted: dict[str, int] = json.loads(path.read_text())
        return counted

    async def memory(self) -> Memory:
        """How much memory is in use, after a full collection."""
        await self.census()
        return Memory(**json.loads((self.state_dir / "census.memory").read_text()))

    async def crash(self) -> None:
        """Kill it as the kernel would: it gets no chance to do anything."""
        await self.program.stop(with_signal=signal.SIGKILL)

    def complaints(self) -> list[str]:
        """The lines of its log that speak of a bug: tracebacks and failures."""
        words = ("Traceback", "Unhandled", "unexpected", "Error:")
        return [line for line in self.program.output.splitlines() if any(word in line for word in words)]


async def start_daemon(
    test: IntegrationCase,
    *,
    capture: str = "null",
    playback: str = "null",
    testbed: bool = False,
    websocket: bool = True,
    max_calls: int = 4,
    sip_more: str = "",
    more: str = "",
    limits: str = NO_LIMITS,
    name: str = "neon",
    bind: str = "127.0.0.1",
    media_bind: str | None = None,
    media_more: str = "",
    namespace: Namespace | None = None,
    env: Mapping[str, str] | None = None,
) -> Daemon:
    """Start a daemon with free ports, in a namespace if one is given; it is ready when this returns."""
    state_dir = test.folder / name
    state_dir.mkdir(mode=0o700)
    rtp_ports = 4 * max_calls + 40
    sip_port, rtp = free_port(), free_port(rtp_ports)
    configuration = state_dir / "test.conf"
    configuration.write_text(
        CONFIGURATION.format(
            bind=bind,
            media_bind=f"{media_bind or bind}\n{media_more}",
            sip=sip_port,
            max_calls=max_calls,
            rtp=rtp,
            rtp_end=rtp + rtp_ports - 1,
            capture=capture,
            playback=playback,
            testbed="yes" if testbed else "no",
            websocket="yes" if websocket else "no",
            sip_more=sip_more,
            more=more,
            limits=limits,
        )
    )
    configuration.chmod(0o600)
    return await _launch(test, name, configuration, sip_port, namespace, env)


async def start_again(test: IntegrationCase, daemon: Daemon, env: Mapping[str, str] | None = None) -> Daemon:
    """Start a daemon that has ended once more, with the state and the configuration that it had."""
    (daemon.state_dir / "access.json").unlink(missing_ok=True)
    name = f"{daemon.state_dir.name}-{time.time():.3f}"
    return await _launch(test, name, daemon.state_dir / "test.conf", daemon.sip_port, daemon.namespace, env)


async def _launch(
    test: IntegrationCase,
    name: str,
    configuration: Path,
    sip_port: int,
    namespace: Namespace | None,
    env: Mapping[str, str] | None = None,
) -> Daemon:
    state_dir = configuration.parent
    arguments = ["--config", str(configuration), "--state-dir", str(state_dir), "--log-level", "debug"]
    twistd = [sys.executable, "-m", "tests.integration.census", str(state_dir / "census"), "-n", "--pidfile="]
    argv: tuple[str, ...] = (*twistd, "neon", *arguments)
    argv = argv if namespace is None else namespace.argv(*argv)
    # Whoever runs the tests has a desktop, on which no test shall open anything.
    hidden = {"DISPLAY": "", "WAYLAND_DISPLAY": "", "DBUS_SESSION_BUS_ADDRESS": "disabled:"}
    environment = {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **hidden, **(env or {})}
    # How it ends well is for the tests that look. Elsewhere its registrar is gone by now, and it would wait for it.
    program = test.start(name, *argv, env=environment, last_signal=signal.SIGKILL)
    access = state_dir / "access.json"

    def ready() -> bool:
        if not program.running:
            raise AssertionError(f"the daemon did not start:\n{program.output[-3000:]}")
        return access.exists()

    await until(ready, "access.json", 30)
    return Daemon(program, state_dir, sip_port, json.loads(access.read_text()), namespace)
