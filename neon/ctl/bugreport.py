"""C{neonctl bug-report}: one file with what somebody who is to help has to know, and nothing that is secret.

Passwords, tokens, keys and credentials are left out, and whoever was called or has called is C{caller-1}, C{caller-2},
and so on, the same in all of it. The person looks through it before it is sent anywhere; it is sent nowhere by itself.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import platform
import re
import subprocess
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from neon import redaction
from neon.ctl import doctor
from neon.ctl.connection import Connection, connect
from neon.ctl.exits import Ending, NotRunning, Usage
from neon.ctl.speech import say

CASES: Final = 20
LOG_LINES: Final = 2000
PROGRAM_SECONDS: Final = 10.0
MAX_TEXT: Final = 4 << 20
LIBRARIES: Final = (
    *("twisted", "autobahn", "sippy", "treq", "lxml", "pyaudio", "automat", "pyopenssl", "cryptography", "jeepney"),
    *("paho-mqtt", "zope.interface", "service-identity", "nh3", "elperiodic"),
)

_SIP_USER: Final = re.compile(r"(sips?:|tel:)([^\s@;:<>\"',]+)(?=@|[;>\s\"',]|$)")
_PARTIES: Final = ("from", "to", "uri", "number", "displayName", "name", "peer", "referredBy", "assertedIdentity")

Files = dict[str, str]


class Pseudonyms:
    """Gives everybody who is called or calls another name, the same one wherever they come."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def learn(self, data: object) -> None:
        """Look for parties in an answer of the daemon."""
        if isinstance(data, Mapping):
            for key, value in data.items():
                if key in _PARTIES and isinstance(value, str):
                    self._know(value)
                else:
                    self.learn(value)
        elif isinstance(data, list):
            for value in data:
                self.learn(value)

    def hide(self, text: str) -> str:
        """The text with other names."""
        for _, user in _SIP_USER.findall(text):
            self._know(user)
        if not self._names:
            return text
        longest = sorted(self._names, key=len, reverse=True)
        known = re.compile(rf"(?<![\w@.-])(?:{'|'.join(map(re.escape, longest))})(?![\w.-])")
        return known.sub(lambda match: self._names[match[0]], text)

    def _know(self, party: str) -> None:
        user = re.sub(r"^(sips?|tel):", "", party.strip()).partition("@")[0].partition(";")[0].strip()
        # A word of two letters is everywhere, and nobody's name.
        if len(user) > 2 and user not in self._names:
            self._names[user] = f"caller-{len(self._names) + 1}"


def bug_report(options: argparse.Namespace, environ: Mapping[str, str]) -> None:
    """Write the report; works with and without a daemon.

    @raise Usage: the file cannot be written.
    """
    from neon.config import standard_files
    from neon.places import likely_sockets

    path: Path = options.file or Path(f"neon-report-{time.strftime('%Y%m%d-%H%M%S')}.tar.gz")
    hide = Pseudonyms()
    neon = None
    with contextlib.suppress(NotRunning):
        neon = connect(likely_sockets(environ, options.state_dir), options.timeout)
    try:
        files = _settings(standard_files(environ)) if neon is None else _of_daemon(neon, hide)
        files |= {**_of_machine(environ), **_logs(options.log), "doctor.txt": _doctor(neon, environ)}
    finally:
        if neon is not None:
            neon.close()
    told = {name: _clean(text, hide) for name, text in sorted(files.items())}
    _write(path, told)
    names = "".join(f"  {name}\n" for name in told)
    say(
        options,
        {"file": str(path), "contents": list(told)},
        f"{path} holds:\n{names}Passwords, keys and numbers are left out. Look through it before you send it: "
        f"tar -xzOf {path} | less",
    )


def _of_daemon(neon: Connection, hide: Pseudonyms) -> Files:
    files: Files = {}

    def ask(name: str, action: str, **parameters: object) -> Any:
        try:
            answer = neon.command(action, **parameters)
        except Ending as error:
            files[f"{name}.txt"] = f"{error}\n"
            return {}
        hide.learn(answer)
        files[f"{name}.json"] = json.dumps(answer, indent=1, ensure_ascii=False) + "\n"
        return answer

    facts = ask("diagnosis", "diagnosis")
    accounts = ask("accounts", "listaccounts")
    calls = ask("calls", "listcalls")
    past = ask("history", "callhistory", limit=CASES)
    numbers = [row["callId"] for row in (*calls.get("calls", ()), *past.get("calls", ()))][:CASES]
    for case in (*numbers, *(account["connectionId"] for account in accounts.get("accounts", ()))):
        ask(f"cases/{case}", "explain", case=str(case))
    files |= _settings(map(Path, facts.get("configuration", ())))
    if address := facts.get("listening", {}).get("http"):
        files["metrics.txt"] = _metrics(address)
    return files


def _settings(paths: Iterable[Path]) -> Files:
    found = {f"configuration/{index}-{path.name}": (path, _read(path)) for index, path in enumerate(paths)}
    return {name: f"# {path}\n{redaction.settings(text)}" for name, (path, text) in found.items()}


def _doctor(neon: Connection | None, environ: Mapping[str, str]) -> str:
    found: list[doctor.Finding] = [] if neon is not None else [doctor.Finding("bad", "not-running")]
    try:
        if neon is not None:
            found += doctor.daemon(neon, "en")
    except (Ending, KeyError) as error:
        found_text = f"The daemon's answers could not be judged: {error}\n"
    else:
        found_text = ""
    found += doctor.machine(environ)
    return found_text + "".join(f"{line}\n" for finding in found for line in doctor.lines(finding, "en"))


def _of_machine(environ: Mapping[str, str]) -> Files:
    known = {name: _version(name) for name in LIBRARIES}
    system = [
        platform.platform(),
        f"Python {platform.python_version()}",
        *(f"{name} {version}" for name, version in known.items()),
        "",
        _read(Path("/etc/os-release")),
    ]
    names = ("XDG_SESSION_TYPE", "XDG_CURRENT_DESKTOP", "LANG", "PULSE_SERVER", "DISPLAY", "WAYLAND_DISPLAY")
    system += [f"{name}={environ[name]}" for name in names if name in environ]
    files = {"system.txt": "\n".join(system) + "\n"}
    for name, command in (
        ("sound.txt", ("pactl", "info")),
        ("sources.txt", ("pactl", "list", "short", "sources")),
        ("sinks.txt", ("pactl", "list", "short", "sinks")),
    ):
        if (text := _output(*command)) is not None:
            files[name] = text
    return files


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _logs(path: Path | None) -> Files:
    if path is not None:
        return {"log.txt": _tail(_read(path))}
    for scope in (("--user",), ()):
        text = _output("journalctl", *scope, "--unit=neon", f"--lines={LOG_LINES}", "--no-pager", "--output=short-iso")
        if text and "No entries" not in text:
            return {"log.txt": text}
    return {}


def _tail(text: str) -> str:
    return "\n".join(text.splitlines()[-LOG_LINES:]) + "\n"


def _output(*command: str) -> str | None:
    """What a program prints; None if it is not there or says nothing in time."""
    environ = {**os.environ, "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(command, capture_output=True, timeout=PROGRAM_SECONDS, env=environ, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout[-MAX_TEXT:].decode("utf-8", "replace") or None


def _metrics(address: str) -> str:
    try:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=PROGRAM_SECONDS) as answer:
            return str(answer.read(MAX_TEXT).decode("utf-8", "replace"))
    except (OSError, urllib.error.URLError) as error:
        return f"{error}\n"


def _read(path: Path) -> str:
    """The end of a file, or why it cannot be read."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - MAX_TEXT))
            return file.read(MAX_TEXT).decode("utf-8", "replace")
    except OSError as error:
        return f"{path}: {error.strerror}\n"


def _clean(text: str, hide: Pseudonyms) -> str:
    return hide.hide(redaction.message(text))


def _write(path: Path, files: Mapping[str, str]) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Usage(f"{path} cannot be written: {error.strerror}") from None
    now = int(time.time())
    with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, data in _encoded(files.items()):
            entry = tarfile.TarInfo(f"neon-report/{name}")
            entry.size, entry.mode, entry.mtime = len(data), 0o600, now
            archive.addfile(entry, io.BytesIO(data))


def _encoded(files: Iterable[tuple[str, str]]) -> Iterator[tuple[str, bytes]]:
    for name, text in files:
        yield name, text.encode("utf-8", "backslashreplace")
