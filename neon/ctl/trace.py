"""C{neonctl trace}: the SIP messages that come and go, on the terminal or into a file for Wireshark."""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Final

from neon.ctl.connection import Connection
from neon.ctl.exits import Usage
from neon.ctl.pcapng import Writer
from neon.ctl.speech import Data
from neon.ctl.tables import seconds, shown

PAUSE: Final = 0.2
"""Seconds between two looks; the daemon keeps four megabytes meanwhile."""

GRACE: Final = 2.0
"""Seconds for what is still there when the time is over."""

Take = Callable[[Data], None]


def trace(options: argparse.Namespace, neon: Connection) -> None:
    with contextlib.ExitStack() as stack:
        take: Take
        if options.file is None:
            take = _print_json if options.json else _print
        else:
            take = Capture(stack.enter_context(_created(options.file)))
        count = _follow(neon, take, options.seconds)
        if isinstance(take, Capture):
            sys.stderr.write(f"neonctl: {count} messages are in {options.file}\n")


class Capture:
    """Writes messages to a pcapng file."""

    def __init__(self, file: BinaryIO) -> None:
        self._writer = Writer(file)

    def __call__(self, message: Data) -> None:
        here, there = _end(message["local"]), _end(message["peer"])
        source, destination = (here, there) if message["sent"] else (there, here)
        self._writer.sip(seconds(message["at"]), source, destination, message["transport"], message["text"])


def _end(place: list[Any] | None) -> tuple[str, int] | None:
    return None if place is None else (str(place[0]), int(place[1]))


def _follow(neon: Connection, take: Take, within: float | None) -> int:
    """Fetch until C{within} seconds are over or somebody interrupts; returns how many messages there were."""
    deadline = math.inf if within is None else time.monotonic() + within
    count = 0
    after = int(neon.command("siptrace")["last"])
    try:
        while True:
            over = time.monotonic() >= deadline
            answer: dict[str, Any] = neon.command("siptrace", after=after)
            if answer["lost"]:
                sys.stderr.write(f"neonctl: {answer['lost']} messages are missing: they came too fast\n")
            for message in answer["messages"]:
                after = message["number"]
                count += 1
                take(message)
            if over and (not answer["messages"] or time.monotonic() > deadline + GRACE):
                return count
            if not answer["messages"]:
                time.sleep(min(PAUSE, max(0.0, deadline - time.monotonic())))
    except KeyboardInterrupt:
        # That is how a trace without --seconds ends; the file is whole.
        return count


def _created(path: Path) -> BinaryIO:
    """Numbers of callers are nobody else's business: the file is its owner's."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        return os.fdopen(descriptor, "wb")
    except OSError as error:
        raise Usage(f"{path} cannot be written: {error.strerror}") from None


def _print_json(message: Data) -> None:
    sys.stdout.write(json.dumps(message, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _print(message: Data) -> None:
    host, port = message["peer"]
    arrow = "->" if message["sent"] else "<-"
    lines = [shown(line) for line in str(message["text"]).rstrip().splitlines()]
    sys.stdout.write(f"{message['at'][11:23]} {arrow} {message['transport']} {host}:{port}\n")
    sys.stdout.write("".join(f"    {line}\n" for line in lines) + "\n")
    sys.stdout.flush()
