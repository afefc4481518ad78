"""What the verbs have in common: how they print, and how they wait for an event."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from typing import Any, TypeAlias

from neon.ctl.connection import Connection

Data: TypeAlias = dict[str, Any]
Verb: TypeAlias = Callable[[argparse.Namespace, Connection], None]


def say(options: argparse.Namespace, data: object, text: str | None = None) -> None:
    """Print for programs, or for people; nothing where there is nothing to say to them."""
    if options.json:
        sys.stdout.write(json.dumps(data, ensure_ascii=False) + "\n")
    elif text:
        sys.stdout.write(text + "\n")
    sys.stdout.flush()


def wait(
    neon: Connection, within: float | None, key: str, number: int, names: tuple[str, ...]
) -> dict[str, Any] | None:
    """The next event of one of these names about call or account C{number}; None if none comes in time."""
    deadline = None if within is None else time.monotonic() + within
    while True:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        event = neon.event(left)
        if event is None or (event["name"] in names and event["data"].get(key) == number):
            return event


def outcome(data: Data) -> str:
    """How an event says that something ended: its SIP status and reason."""
    return f"{data.get('SIPError', 0)} {data.get('reason', '')}".strip()
