"""C{neonctl doctor}: looks at everything that commonly keeps a phone from working, and says what to do."""

from __future__ import annotations

import argparse
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from neon.ctl.connection import Connection, connect
from neon.ctl.doctorwords import LANGUAGES
from neon.ctl.exits import NotRunning, Refused
from neon.ctl.speech import Data, say
from neon.ctl.tables import shown

LEAST_MEGABYTES: Final = 100
_MARKS: Final = {"good": "+", "note": "-", "bad": "!"}
_NAMES: Final = {"websocket": "WebSocket", "http": "HTTP", "feed-ws": "feed (ws)", "feed-wss": "feed (wss)"}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was looked at: C{level} is C{good}, C{note} (nothing to worry about) or C{bad}."""

    level: str
    key: str
    values: Mapping[str, object] = field(default_factory=dict)

    def words(self, language: str) -> tuple[str, str]:
        """What is so, and what to do about it."""
        what, todo = LANGUAGES[language][self.key]
        values = {name: shown(value) for name, value in self.values.items()}
        return what.format(**values), todo.format(**values)


def doctor(options: argparse.Namespace, environ: Mapping[str, str]) -> bool:
    """Print what was found, with and without a daemon; returns whether everything is in order."""
    from neon.explain import language_of
    from neon.places import likely_sockets

    language = options.lang or language_of(environ)
    neon = None
    try:
        neon = connect(likely_sockets(environ, options.state_dir), options.timeout)
    except NotRunning:
        found = [Finding("bad", "not-running"), *machine(environ)]
    else:
        try:
            found = [*daemon(neon, language), *machine(environ)]
        finally:
            neon.close()
    wrong = sum(finding.level == "bad" for finding in found)
    summary = Finding("bad", "trouble", {"count": wrong}) if wrong else Finding("good", "fine")
    data = {"healthy": not wrong, "findings": [_row(finding, language) for finding in found]}
    text = [line for finding in found for line in lines(finding, language)]
    say(options, data, "\n".join([*text, "", summary.words(language)[0]]))
    return not wrong


def daemon(neon: Connection, language: str) -> Iterator[Finding]:
    """What a running daemon can be asked."""
    from neon import __version__

    facts = neon.command("diagnosis")
    version = {"version": facts["version"], "own": __version__}
    same = facts["version"] == __version__
    yield Finding("good", "running", version) if same else Finding("bad", "other-version", version)
    for warning in facts["warnings"]:
        yield Finding("bad", "warning", {"warning": warning})
    yield from _listening(facts["listening"])
    yield from _accounts(neon, language)
    pending = len(neon.command("originpending")["origins"])
    if pending:
        yield Finding("bad", "pending", {"count": pending})
    sound = facts["sound"]
    level = {"works": "good", "fails": "bad"}.get(sound["state"], "note")
    yield Finding(level, f"sound-{sound['state']}", sound)
    if facts["mediaPriority"] == "fifo":
        yield Finding("good", "priority-fifo")
    else:
        yield Finding("note", "priority-other", {"priority": facts["mediaPriority"]})
    if facts["roundsSkipped"]:
        yield Finding("note", "rounds", {"rounds": facts["roundsSkipped"]})
    yield from _state(Path(facts["stateDir"]))


def machine(environ: Mapping[str, str]) -> Iterator[Finding]:
    """What needs no daemon to be seen."""
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    found = [name for name, at in (("PipeWire", "pipewire-0"), ("PulseAudio", "pulse/native")) if _there(runtime, at)]
    if environ.get("PULSE_SERVER"):
        found.append(environ["PULSE_SERVER"])
    # A machine without a desktop does without.
    yield Finding("good", "sound-server", {"server": ", ".join(found)}) if found else Finding("note", "no-sound-server")


def _listening(listening: Mapping[str, str]) -> Iterator[Finding]:
    if not listening:
        yield Finding("note", "no-api")
    for key, address in listening.items():
        yield Finding("good", "api", {"name": _NAMES.get(key, key), "address": address})


def _accounts(neon: Connection, language: str) -> Iterator[Finding]:
    from neon.explain import explain

    accounts = neon.command("listaccounts")["accounts"]
    if not accounts:
        yield Finding("note", "no-account")
    for account in accounts:
        uri = {"uri": account["uri"]}
        if account["state"] == "registered":
            yield Finding("good", "registered", uri)
            continue
        if account["state"] == "registering":
            yield Finding("note", "registering", uri)
            continue
        try:
            what, todo = explain(neon.command("explain", case=str(account["connectionId"])), language)
        except Refused:  # nothing happened to it yet
            what, todo = str(account["state"]), ""
        yield Finding("bad", "account", {**uri, "what": what, "todo": todo})


def _state(directory: Path) -> Iterator[Finding]:
    try:
        left = shutil.disk_usage(directory).free // 1_000_000
    except OSError:  # another user's
        return
    space = {"directory": directory, "megabytes": left}
    yield Finding("bad", "no-space", space) if left < LEAST_MEGABYTES else Finding("good", "space", space)
    secret = directory / "access.json"
    try:
        mode = stat.S_IMODE(os.stat(secret).st_mode)
    except OSError:
        return
    if mode & 0o077:
        yield Finding("bad", "readable", {"path": secret})


def _there(runtime: str, name: str) -> bool:
    return bool(runtime) and os.path.exists(os.path.join(runtime, name))


def _row(finding: Finding, language: str) -> Data:
    what, todo = finding.words(language)
    row: dict[str, Any] = {"level": finding.level, "finding": finding.key, "what": what}
    return {**row, "todo": todo} if todo else row


def lines(finding: Finding, language: str) -> Iterator[str]:
    """A finding for a person: what is so, and under it what to do, if anything is to be done."""
    what, todo = finding.words(language)
    yield f"{_MARKS[finding.level]} {what}"
    if todo and finding.level != "good":
        yield f"    {todo}"
