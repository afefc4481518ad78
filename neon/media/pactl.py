"""Asks the sound server by way of C{pactl}, which PulseAudio and PipeWire both understand, without ever waiting.

The text form is read, not C{-f json}: the pactl of Debian 12 writes C{(null)} there for every name that has a letter
beyond ASCII, which is most names on a Portuguese or Spanish desktop.
"""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ProcessDone, ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from neon.media.soundcard import ProcessReactor, environment
from neon.ports import Timer

PATIENCE: Final = 3.0
"""Seconds that a question may take; a server that hangs is as good as none."""
_MOST_OUTPUT: Final = 1 << 20
_LONGEST_LINE: Final = 4096

_EVENT: Final = re.compile(r"Event '(\w+)' on (\S+)")
_BLOCK: Final = re.compile(r"^\S.* #\d+$")
_ENTRY: Final = re.compile(r"^\t([^\t:]+): ?(.*)$")
_PROPERTY: Final = re.compile(r'^\t\t(\S+) = "(.*)"$')


class PactlFailed(Exception):
    """The sound server was not asked or said no; C{str(error)} is one line of why."""


class Pactl:
    """Runs C{pactl}, one process a question."""

    def __init__(self, reactor: ProcessReactor, program: str | None = None) -> None:
        self._reactor = reactor
        self._program = program if program is not None else shutil.which("pactl")

    @property
    def is_there(self) -> bool:
        """Whether the program is installed at all."""
        return self._program is not None

    def ask(self, *arguments: str, patience: float = PATIENCE) -> Deferred[str]:
        """What it prints; fails with L{PactlFailed}."""
        question = _Question(self._reactor, patience)
        if not self._spawn(question, arguments):
            return fail(PactlFailed("pactl cannot be started"))
        return question.answer

    def follow(self, on_event: Callable[[str, str], None], on_end: Callable[[], None]) -> Callable[[], None] | None:
        """Call C{on_event("new", "sink")} for what happens, and C{on_end} when that is over.

        Returns what ends it without C{on_end}; None if there is no process to be had.
        """
        follower = _Follower(on_event, on_end)
        return follower.stop if self._spawn(follower, ("subscribe",)) else None

    def _spawn(self, protocol: ProcessProtocol, arguments: tuple[str, ...]) -> bool:
        if self._program is None:
            return False
        env = {**environment(), "LC_ALL": "C.UTF-8"}
        try:
            self._reactor.spawnProcess(protocol, self._program, [self._program, *arguments], env=env)
        except OSError:
            return False
        return True


class _Question(ProcessProtocol):
    """One question, its answer, and its end."""

    transport: Any  # Twisted's IProcessTransport

    def __init__(self, reactor: ProcessReactor, patience: float) -> None:
        self.answer: Deferred[str] = Deferred()
        self._out = bytearray()
        self._error = bytearray()
        self._timer: Timer = reactor.callLater(patience, self._kill)

    def outReceived(self, data: bytes) -> None:
        self._out += data
        if len(self._out) > _MOST_OUTPUT:
            self._kill()

    def errReceived(self, data: bytes) -> None:
        self._error += data[: _LONGEST_LINE - len(self._error)]

    def processEnded(self, reason: Failure) -> None:
        if self._timer.active():
            self._timer.cancel()
        if reason.check(ProcessDone):  # type: ignore[no-untyped-call]
            self.answer.callback(self._out.decode("utf-8", "replace"))
        else:
            words = " ".join(self._error.decode("utf-8", "replace").split())
            self.answer.errback(PactlFailed(words or "the sound server does not answer"))

    def _kill(self) -> None:
        with contextlib.suppress(ProcessExitedAlready):
            self.transport.signalProcess("KILL")


class _Follower(ProcessProtocol):
    """C{pactl subscribe}, for as long as the server lives."""

    transport: Any

    def __init__(self, on_event: Callable[[str, str], None], on_end: Callable[[], None]) -> None:
        self._on_event = on_event
        self._on_end = on_end
        self._rest = b""
        self._stopped = False

    def stop(self) -> None:
        self._stopped = True
        if self.transport is not None:
            with contextlib.suppress(ProcessExitedAlready):
                self.transport.signalProcess("TERM")

    def outReceived(self, data: bytes) -> None:
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[-_LONGEST_LINE:]
        for line in lines:
            found = _EVENT.match(line.decode("utf-8", "replace"))
            if found is not None and not self._stopped:
                self._on_event(found[1], found[2])

    def processEnded(self, reason: Failure) -> None:
        if not self._stopped:
            self._on_end()


def entries(text: str) -> Iterator[Mapping[str, str]]:
    """The things of C{pactl list sinks} and its like: a mapping of each, its properties under their own names."""
    current: dict[str, str] | None = None
    for line in text.splitlines():
        if _BLOCK.match(line):
            if current is not None:
                yield current
            current = {}
        elif current is not None:
            found = _ENTRY.match(line) or _PROPERTY.match(line)
            if found is not None:
                current.setdefault(found[1], found[2])
    if current is not None:
        yield current


def facts(text: str) -> Mapping[str, str]:
    """The lines C{Name: value} of C{pactl info}."""
    pairs = (line.partition(": ") for line in text.splitlines())
    return {name: value for name, colon, value in pairs if colon}


def modules(text: str) -> Iterator[tuple[int, str, str]]:
    """Number, name and arguments of what C{pactl list short modules} tells, as far as they fit on a line."""
    for line in text.splitlines():
        number, _, rest = line.partition("\t")
        if number.isdigit():
            name, _, arguments = rest.partition("\t")
            yield int(number), name, arguments.strip()


def person_readable(text: str) -> str:
    """A name that may be shown: Bluetooth devices are called what strangers like."""
    return "".join(c if c.isprintable() else " " for c in text[:200]).strip()

