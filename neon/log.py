"""Where log lines go: standard output, with the priorities that journald reads when it is listening there."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from typing import Any, Final, TextIO, cast

from twisted.logger import FilteringLogObserver, LogEvent, LogLevel, LogLevelFilterPredicate, eventAsText

LEVELS: Final = ("debug", "info", "warn", "error", "critical")

# sd-daemon(3): SD_DEBUG ... SD_CRIT.
_PRIORITIES: Final = {"debug": 7, "info": 6, "warn": 4, "error": 3, "critical": 2}

# What a peer sends may be quoted in a line, but cannot write lines of its own or steer a terminal.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


def journald_listens(environ: Mapping[str, str], descriptor: int) -> bool:
    """Whether a descriptor is the journal's stream (systemd.exec(5), C{JOURNAL_STREAM})."""
    try:
        device, inode = environ.get("JOURNAL_STREAM", "").split(":")
        status = os.fstat(descriptor)
        return (status.st_dev, status.st_ino) == (int(device), int(inode))
    except (ValueError, OSError):
        return False


class LineObserver:
    """Writes one event as one line, or several where it brings a traceback."""

    def __init__(self, stream: TextIO, journal: bool) -> None:
        self._stream = stream
        self._journal = journal

    def __call__(self, event: LogEvent) -> None:
        level = event.get("log_level") or LogLevel.info
        message = eventAsText(event, includeTraceback=False, includeTimestamp=False, includeSystem=False)
        text = _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", message.replace("\n", "\\n"))
        failure = event.get("log_failure")
        if failure is not None:
            text += "\n" + failure.getTraceback().rstrip()
        source = event.get("log_namespace") or event.get("log_system") or "-"
        if self._journal:
            prefix = f"<{_PRIORITIES[level.name]}>"
            written = "".join(f"{prefix}{line}\n" for line in f"{source}: {text}".split("\n"))
        else:
            written = f"{_timestamp(event.get('log_time', time.time()))} {level.name:<8} {source}: {text}\n"
        try:
            self._stream.write(written)
            self._stream.flush()
        except (OSError, ValueError):
            # The reader of our output went away: that must not stop calls.
            pass


def _timestamp(seconds: float) -> str:
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds * 1000) % 1000:03d}Z"


def observer(level: str, stream: TextIO, environ: Mapping[str, str] = os.environ) -> FilteringLogObserver:
    """The daemon's log observer: everything from C{level} up goes to C{stream}."""
    try:
        journal = journald_listens(environ, stream.fileno())
    except OSError:
        journal = False
    predicate = LogLevelFilterPredicate(LogLevel.levelWithName(level))
    # The start and stop of every socket, and autobahn's handshakes, are of interest to nobody who runs a softphone.
    for namespace, least in (("autobahn", "error"), ("log_legacy", "warn")):
        predicate.setLogLevelForNamespace(namespace, LogLevel.levelWithName("debug" if level == "debug" else least))
    # Twisted declares zope interfaces here, which are no types to mypy; both fit them.
    return FilteringLogObserver(cast(Any, LineObserver(stream, journal)), [cast(Any, predicate)])
