"""The client's end of the control socket: blocking, one command after the other, with the events that come between."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from neon.ctl.exits import NotRunning, Refused, Silent
from neon.ctl.tables import shown
from neon.places import short_name

RECEIVE = 65536


class Connection:
    """One conversation with the daemon. C{timeout} is how many seconds an answer may take."""

    def __init__(self, connected: socket.socket, timeout: float) -> None:
        self._socket = connected
        self.timeout = timeout
        self._buffer = bytearray()
        self._events: deque[dict[str, Any]] = deque()
        self._last = 0

    def close(self) -> None:
        """Hang up; the daemon forgets us."""
        self._socket.close()

    def command(self, action: str, **parameters: object) -> dict[str, Any]:
        """Carry out a command; returns the answer's data, its warnings go to standard error.

        Parameters that are None are not sent.

        @raise Refused: NEON said no.
        @raise Silent: there was no answer.
        """
        answer = self.answer(action, **parameters)
        for warning in answer.get("warnings", ()):
            # A terminal is no place for what a stranger may have put into a sentence.
            sys.stderr.write(f"neonctl: {shown(warning)}\n")
        return answer["data"]  # type: ignore[no-any-return]

    def answer(self, action: str, **parameters: object) -> dict[str, Any]:
        """The whole answer, with its warnings."""
        self._last += 1
        given = {name: value for name, value in parameters.items() if value is not None}
        line = json.dumps({"id": self._last, "action": action, **given}).encode() + b"\n"
        deadline = time.monotonic() + self.timeout
        try:
            self._socket.settimeout(self.timeout)
            self._socket.sendall(line)
        except OSError as error:
            raise Silent(f"NEON closed the connection ({error.strerror or error})") from None
        while True:
            message = self._message(deadline)
            if message is None:
                raise Silent(f"NEON did not answer {action} within {self.timeout:g} seconds")
            if message.get("action") == "event":
                self._events.append(message)
            elif message.get("id") == self._last:
                if not message["success"]:
                    raise Refused(message["error"]["code"], message["error"]["description"])
                return message
            elif "id" not in message and message.get("success") is False:
                raise Refused(message["error"]["code"], message["error"]["description"])

    def event(self, within: float | None = None) -> dict[str, Any] | None:
        """The next event; None if none comes in time.

        @raise Silent: the daemon has gone.
        """
        deadline = None if within is None else time.monotonic() + within
        while not self._events:
            message = self._message(deadline)
            if message is None:
                return None
            if message.get("action") == "event":
                self._events.append(message)
        return self._events.popleft()

    def _message(self, deadline: float | None) -> dict[str, Any] | None:
        while (end := self._buffer.find(b"\n")) < 0:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return None
            self._socket.settimeout(left)
            try:
                data = self._socket.recv(RECEIVE)
            except TimeoutError:
                return None
            except OSError as error:
                raise Silent(f"NEON closed the connection ({error.strerror or error})") from None
            if not data:
                raise Silent("NEON closed the connection")
            self._buffer += data
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        message: dict[str, Any] = json.loads(line)
        return message


def connect(paths: Iterable[Path], timeout: float) -> Connection:
    """Connect to the first of C{paths} at which somebody listens.

    @raise NotRunning: there is nobody.
    """
    tried: dict[Path, str] = {}
    for path in paths:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.settimeout(timeout)
        directory = None
        try:
            name, directory = short_name(path)
            made.connect(name)
        except OSError as error:
            made.close()
            tried[path] = error.strerror or str(error)
            continue
        finally:
            if directory is not None:
                os.close(directory)
        return Connection(made, timeout)
    raise NotRunning(_nobody(tried))


def _nobody(tried: Mapping[Path, str]) -> str:
    """Say where was looked. A socket that exists but refuses is more interesting than one that does not."""
    places = "; ".join(f"{path}: {why}" for path, why in tried.items())
    return f"NEON does not seem to be running ({places}). Is it another user's, or has it another --state-dir?"
