"""Where log lines go: standard output, or systemd's journal, with fields, when that is what listens there."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from typing import Any, Final, TextIO, cast

from twisted.logger import FilteringLogObserver, LogEvent, LogLevel, LogLevelFilterPredicate, eventAsText

from neon.journald import ADDRESS, Journal

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


# What an entry in the journal can be found by, and the name that an event has it by. Nothing else of an event goes
# there but its text.
# SIP's name of a call is text, ours a number.
_FIELDS: Final = {
    ("call_id", int): "NEON_CALL_ID",
    ("call_id", str): "NEON_SIP_CALL_ID",
    ("connection_id", int): "NEON_CONNECTION_ID",
    ("account", str): "NEON_ACCOUNT",
}


class LineObserver:
    """Writes one event as one line, or several where it brings a traceback.

    With a C{journal}, an event becomes one entry there. One that it does not take becomes lines with their priority
    (sd-daemon(3)), which journald reads from our output.
    """

    def __init__(self, stream: TextIO, journal: Journal | None) -> None:
        self._stream = stream
        self._journal = journal

    def __call__(self, event: LogEvent) -> None:
        level = event.get("log_level") or LogLevel.info
        message = eventAsText(event, includeTraceback=False, includeTimestamp=False, includeSystem=False)
        text = _CONTROL.sub(_escaped, message.replace("\n", "\\n"))
        failure = event.get("log_failure")
        if failure is not None:
            text += "\n" + failure.getTraceback().rstrip()
        source = event.get("log_namespace") or event.get("log_system") or "-"
        if self._journal is None:
            written = f"{_timestamp(event.get('log_time', time.time()))} {level.name:<8} {source}: {text}\n"
        else:
            fields = {"MESSAGE": f"{source}: {text}", "PRIORITY": str(_PRIORITIES[level.name])}
            if self._journal.send(fields | _more(event, source)):
                return
            prefix = f"<{_PRIORITIES[level.name]}>"
            written = "".join(f"{prefix}{line}\n" for line in f"{source}: {text}".split("\n"))
        try:
            self._stream.write(written)
            self._stream.flush()
        except (OSError, ValueError):
            # The reader of our output went away: that must not stop calls.
            pass


def _escaped(match: re.Match[str]) -> str:
    return f"\\x{ord(match[0]):02x}"


def _more(event: LogEvent, source: str) -> dict[str, str]:
    """The fields of an entry besides what it says."""
    fields = {"SYSLOG_IDENTIFIER": "neon", "NEON_SOURCE": source}
    for (key, kind), name in _FIELDS.items():
        if isinstance(value := event.get(key), kind):
            fields[name] = _CONTROL.sub(_escaped, str(value).replace("\n", "\\n"))
    failure = event.get("log_failure")
    if failure is not None:
        fields["NEON_FAILURE"] = failure.type.__name__
    return fields


def _timestamp(seconds: float) -> str:
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds * 1000) % 1000:03d}Z"


def observer(
    level: str, stream: TextIO, environ: Mapping[str, str] = os.environ, journal: str = ADDRESS
) -> FilteringLogObserver:
    """The daemon's log observer: everything from C{level} up goes to C{stream}, or to the journal, whose socket is at
    the path C{journal}, if the stream is its."""
    try:
        listens = journald_listens(environ, stream.fileno())
    except OSError:
        listens = False
    predicate = LogLevelFilterPredicate(LogLevel.levelWithName(level))
    # The start and stop of every socket, and autobahn's handshakes, are of interest to nobody who runs a softphone.
    for namespace, least in (("autobahn", "error"), ("log_legacy", "warn")):
        predicate.setLogLevelForNamespace(namespace, LogLevel.levelWithName("debug" if level == "debug" else least))
    lines = LineObserver(stream, Journal(journal) if listens else None)
    # Twisted declares zope interfaces here, which are no types to mypy; both fit them.
    return FilteringLogObserver(cast(Any, lines), [cast(Any, predicate)])
