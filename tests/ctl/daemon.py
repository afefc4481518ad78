"""A daemon that says what the test tells it to: the far end of the control socket, in this process."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections import deque
from typing import Any

from neon.ctl import parser
from neon.ctl.exits import Refused
from neon.ctl.verbs import VERBS


class FakeConnection:
    """In the place of L{neon.ctl.connection.Connection}: C{asked} is what came, C{answers} what to say, by action."""

    def __init__(self, answers: dict[str, dict[str, Any]] | None = None) -> None:
        self.asked: list[tuple[str, dict[str, object]]] = []
        self.answers = answers or {}
        self.refusals: dict[str, tuple[int, str]] = {}
        self.coming: deque[dict[str, Any]] = deque()
        self.timeout = 15.0

    def command(self, action: str, **parameters: object) -> dict[str, Any]:
        self.asked.append((action, {name: value for name, value in parameters.items() if value is not None}))
        if action in self.refusals:
            raise Refused(*self.refusals[action])
        return self.answers.get(action, {})

    def event(self, within: float | None = None) -> dict[str, Any] | None:
        return self.coming.popleft() if self.coming else None

    def happens(self, name: str, **data: object) -> None:
        self.coming.append({"action": "event", "name": name, "seq": 7, "ts": "2024-05-01T12:00:00.250Z", "data": data})


def drive(neon: FakeConnection, *argv: str, typed: str = "") -> str:
    """Run a verb; returns what it printed."""
    options = parser.build().parse_args(argv)
    printed = io.StringIO()
    connection: Any = neon
    stdin = sys.stdin
    sys.stdin = io.StringIO(typed)
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
            VERBS[options.verb](options, connection)
    finally:
        sys.stdin = stdin
    return printed.getvalue()


def drive_json(neon: FakeConnection, *argv: str) -> Any:
    """Run a verb with C{--json}; returns what it printed."""
    return json.loads(drive(neon, *argv, "--json"))
