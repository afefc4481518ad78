"""A WebSocket client that asks and does not read, beside sixteen that do: until it is cut, and a little longer."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import urlsplit

from bench.fanout import RawWebSocket
from bench.fault.harness import Bench, Row, percentile, rss_mb
from tests.integration.daemon import Daemon, start_daemon
from tests.integration.processes import pause

OTHERS = 16
MOST = 40
"""Answers of 90 kB that the stalled one asks for at most; it is cut long before."""


class Reader:
    """One of the others."""

    def __init__(self, daemon: Daemon) -> None:
        self._socket = RawWebSocket(urlsplit(daemon.access["websocket"]).port or 0)
        self.ask(action="authenticate", user=daemon.access["user"], password=daemon.access["password"])

    def ask(self, **message: object) -> Any:
        """Give a command, and wait for its answer, past the events."""
        self._socket.send({"id": 1, **message})
        while "id" not in (answer := self._socket.receive()):
            pass
        return answer["data"]

    def round_trip(self) -> float:
        """Milliseconds that an answer takes."""
        began = time.perf_counter()
        self.ask(action="getversion")
        return (time.perf_counter() - began) * 1e3


async def measure(bench: Bench, quick: bool) -> list[Row]:
    """Everything has happened once before it is counted: a call, and a large answer that was read."""
    daemon = await start_daemon(bench, testbed=True)
    sip = daemon.access["sip"]
    caller, stalled = await daemon.connect(), await daemon.connect()
    await caller.register(sip["domain"], sip["number"], sip["password"])
    others = [Reader(daemon) for _ in range(OTHERS)]
    for _ in range(2 if quick else 10):
        await stalled.command("help")
        await caller.call("603")
        await caller.event("OnFinalizedCall")
    # Within the first minute the daemon still has what so many password checks took.
    for _ in range(1 if quick else 65):
        await pause(1.0)
        for other in others:
            other.round_trip()  # and its pings are answered
    alone = [other.round_trip() for _ in range(5 if quick else 50) for other in others]
    before = most = rss_mb(daemon.program.pid)
    assert stalled.transport is not None
    stalled.transport.pauseProducing()
    beside: list[float] = []
    asked = 0
    for asked in range(1, MOST + 1):
        stalled.send_text(json.dumps({"token": stalled.token, "action": "help"}))
        if asked % 5 == 0:
            await caller.call("603")
        await pause(0.01)
        beside += [other.round_trip() for _ in range(5) for other in others]
        most = max(most, rss_mb(daemon.program.pid))
        if cut := "does not read its events and is closed" in daemon.program.output:
            break
    grown, middle = most - before, percentile(alone, 0.99)
    p99 = percentile(beside, 0.99)
    name = f"a reader stalls beside {OTHERS}"
    return [
        Row(name, "cut, after so many answers of 90 kB", f"{cut}, {asked}", "True", cut),
        Row(name, "answers to the others p99, before it stalls", f"{middle:.1f} ms"),
        Row(name, "answers to the others p99, meanwhile", f"{p99:.1f} ms", "<= 20 ms", p99 <= 20),
        Row(name, "RSS grown at most", f"{grown:.1f} MB", "<= 2 MB", grown <= 2),
    ]
