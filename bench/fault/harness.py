"""What the faults have in common: rows of figures, the programs of the integration tests, and looks into /proc."""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration.daemon import Client, Daemon
from tests.integration.processes import IntegrationCase, pause

TICKS = os.sysconf("SC_CLK_TCK")
PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024


@dataclass(frozen=True)
class Row:
    """One figure of one fault. C{reached} is None where there is no aim, or nothing was measured."""

    fault: str
    figure: str
    value: str
    aim: str = ""
    reached: bool | None = None


class Bench(IntegrationCase):
    """The programs around one fault, started and ended as the integration tests do it."""

    def runTest(self) -> None:
        """trial wants one."""


Measure = Callable[[Bench, bool], Awaitable[list[Row]]]
"""Does one fault to the phone; the second argument asks for the quick form."""


async def run(measure: Measure, quick: bool) -> list[Row]:
    """Measure one fault, with its programs around it and ended afterwards.

    @raise unittest.SkipTest: a program that it needs is not here.
    """
    make: Any = Bench  # trial's constructors have no types
    bench: Bench = make()
    bench.setUp()
    try:
        return await measure(bench, quick)
    finally:
        await bench.tearDown()


def percentile(values: list[float], part: float) -> float:
    """The value below which that part of them lies; they need not be sorted."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def cpu_seconds(process_id: int) -> float:
    """The processor time of all threads of a process."""
    fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss_mb(process_id: int) -> float:
    """The memory of a process that is in RAM."""
    return int(Path(f"/proc/{process_id}/statm").read_text().split()[1]) * PAGE_KB / 1024


class Acceptor:
    """A client that accepts whatever rings, and counts."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.rang = self.finalized = self.accepted = 0

    def look(self) -> None:
        """Take the events that have come."""
        events, self._client.events[:] = list(self._client.events), []
        for event in events:
            if event["name"] == "OnNewCall" and event["data"].get("type") == "incoming":
                self.rang += 1
                command = {"token": self._client.token, "action": "acceptcall", "callid": event["data"]["callId"]}
                self._client.send_text(json.dumps(command))
            elif event["name"] == "OnAcceptCall":
                self.accepted += 1
            elif event["name"] == "OnFinalizedCall":
                self.finalized += 1
        self._client.unnamed.clear()

    async def serve(self, going_on: Callable[[], bool]) -> None:
        """Accept while C{going_on} says so."""
        while going_on():
            self.look()
            await pause(0.005)


def vitals(daemon: Daemon) -> tuple[int, int]:
    """Its descriptors and threads."""
    return daemon.program.descriptors(), daemon.program.threads()
