"""A phone that knows Replaces, as baresip 1.0 does not: pjsua, from PyPI's C{pjsua2-python}, as Debian has none."""

from __future__ import annotations

import importlib.util
import json
import socket
import sys
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SkipTest

from tests.integration.processes import IntegrationCase, Program, free_port, until

PORTS = 22
"""So many in a row are the phone's: SIP, and audio."""

PROGRAM = Path(__file__).with_name("pjsua_phone.py")


class Pjsua:
    """A running phone. Its events are those of L{tests.integration.pjsua_phone}, in their order."""

    def __init__(self, program: Program, control: Path) -> None:
        self.program = program
        self._control = control
        self._seen = 0

    def command(self, do: str, **more: object) -> None:
        """Give it a command."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(json.dumps({"do": do, **more}).encode(), str(self._control))

    async def event(self, kind: str, within: float = 15.0, **expected: object) -> dict[str, Any]:
        """Wait for an event with these values; those up to it are forgotten."""

        def look() -> dict[str, Any] | None:
            lines = self.program.output.splitlines(keepends=True)
            for number, line in enumerate(lines[self._seen :], self._seen + 1):
                if line.startswith('{"event": ') and line.endswith("\n"):
                    event: dict[str, Any] = json.loads(line)
                    if {"event": kind, **expected}.items() <= event.items():
                        self._seen = number
                        return event
            return None

        return await until(look, f"{self.program.name}: {kind} {expected}", within)

    async def call(self, uri: str) -> int:
        """Call somebody who answers; the number of the call."""
        self.command("call", to=uri)
        number = int((await self.event("calling"))["id"])
        await self.event("state", id=number, state="CONFIRMED")
        return number


async def start_pjsua(test: IntegrationCase, number: str, domain: str, password: str, *, tone_hz: int) -> Pjsua:
    """Start a phone that is registered as C{number}, answers every call and says a tone."""
    if importlib.util.find_spec("pjsua2") is None:
        raise SkipTest("there is no pjsua2-python for this Python")
    name = f"pjsua-{number}"
    control = test.folder / f"{name}.control"
    argv = (str(PROGRAM), number, domain, password, str(free_port(PORTS)), str(tone_hz), str(control))
    phone = Pjsua(test.start(name, sys.executable, *argv), control)
    await phone.event("registered", status=200)
    return phone
