"""The audit log: one line a command, so that it can be said afterwards who made the telephone do what.

A line (broken in two here) is a JSON object::

    {"ts":"2018-04-17T12:30:00.250Z","application":"crm","origin":"https://crm.example.com","action":"startcall",
     "outcome":0,"callId":55}

C{application} is null where nobody was authenticated, C{origin} where it was a program and no page; C{outcome} is
the code of the answer. Tokens, passwords, numbers and anything else that clients wrote never come in here: actions are
spelled as in the table of commands, applications as in the configuration.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from twisted.logger import Logger

from neon.api import wire
from neon.api.frames import ENCODE
from neon.bus import utc_now


class Sink(Protocol):
    """Where lines go: Twisted's LogFile, or a text file in tests."""

    def write(self, data: str) -> object: ...


class Audit:
    """Writes lines; a disk that is full stops no call."""

    _log = Logger()

    def __init__(self, sink: Sink | None, wall: Callable[[], datetime] = utc_now) -> None:
        self._sink = sink
        self._wall = wall
        self._broken = False

    def command(
        self, application: str | None, origin: str | None, action: str | None, outcome: int, call_id: int | None
    ) -> None:
        """A command was answered; C{action} is None for one that there is not."""
        if self._sink is None:
            return
        line = {
            "ts": wire.timestamp(self._wall()),
            "application": application,
            "origin": origin,
            "action": action,
            "outcome": outcome,
            **({} if call_id is None else {"callId": call_id}),
        }
        try:
            self._sink.write(ENCODE(line) + "\n")
        except OSError as error:
            if not self._broken:
                self._log.error("the audit log cannot be written: {reason}", reason=error.strerror)
            self._broken = True
        else:
            self._broken = False
