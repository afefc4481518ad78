"""Real programs under test: started with free ports, watched with time limits, and all ended with the test."""

from __future__ import annotations

import fcntl
import functools
import inspect
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from twisted.internet import reactor, task
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.trial.itrial import IReporter
from twisted.trial.reporter import TestResultDecorator
from twisted.trial.unittest import PyUnitResultAdapter, SkipTest, TestCase

from tests.integration.standstill import BEARABLE, Standstill

T = TypeVar("T")

ARTEFACTS = Path(__file__).parent.parent.parent / "test-artefacts"
"""Where the folders of failed tests are kept."""

ATTEMPTS = 3
"""How often a test is done while it fails and the machine stands still."""

DOUBT = "NEON_TESTS_DOUBT"
"""Set in the environment: a first failure is doubted in any case. ./test sets it, and prints L{AGAIN} at its end."""

AGAIN = "again.txt"
"""Which tests were done again and why, in L{ARTEFACTS}."""

POLL = 0.01

PATIENCE = 20.0
"""Seconds for what happens at once, on a machine that has ten other things to do."""


class TimedOut(AssertionError):
    """What a test waited for did not happen in time."""


async def pause(seconds: float) -> None:
    """Let the world go on for a while."""
    await task.deferLater(reactor, seconds, lambda: None)


async def until(look: Callable[[], T | None], what: str, within: float = PATIENCE) -> T:
    """Look again and again until there is something to see; return it."""
    end = time.monotonic() + within
    while True:
        if seen := look():
            return seen
        if time.monotonic() > end:
            raise TimedOut(f"{what}: not within {within:g} s")
        await pause(POLL)


_given: deque[range] = deque(maxlen=40)
"""What may not be bound yet. Were all that was given kept, no long row would be free after a hundred tests."""

_taken: list[range] = []
"""What the test under way has."""

_dice = random.Random()


@functools.cache
def _register() -> int:
    """A file with an octet for each port, locked by the tests that were given it: others may run at the same time."""
    path = Path(tempfile.gettempdir(), f"neon-test-ports-{os.getuid()}")
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)


def _take(ports: range) -> bool:
    """Lock ports, until they are given back or this process ends; False if another process has one of them."""
    try:
        fcntl.lockf(_register(), fcntl.LOCK_EX | fcntl.LOCK_NB, len(ports), ports.start)
    except OSError:
        return False
    return True


def _give_back() -> None:
    """Let others have the ports of the test that has ended."""
    for ports in _taken:
        fcntl.lockf(_register(), fcntl.LOCK_UN, len(ports), ports.start)
    _taken.clear()


def free_port(count: int = 1) -> int:
    """The first, an even one, of so many loopback ports in a row that are free for UDP (and TCP, the first one).

    They lie below the range from which the system gives ports to whoever asks for none in particular, and no other
    test is given them, so that nobody takes them between this look and their use.
    """
    for _ in range(1000):
        first = _dice.randrange(10_000, 32_768 - count, 2)
        ports = range(first, first + count)
        wanted = [(socket.SOCK_STREAM, first), *((socket.SOCK_DGRAM, port) for port in ports)]
        apart = all(ports.stop <= given.start or given.stop <= first for given in _given)
        if apart and all(_is_free(kind, port) for kind, port in wanted) and _take(ports):
            _given.append(ports)
            _taken.append(ports)
            return first
    raise RuntimeError("no free port")


def _is_free(kind: socket.SocketKind, port: int) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def is_bound(port: int) -> bool:
    """Has somebody bound that UDP or TCP port (IPv4)?"""
    tables = (Path(f"/proc/net/{name}").read_text() for name in ("udp", "tcp"))
    lines = [line for table in tables for line in table.splitlines()[1:]]
    return any(int(line.split()[1].rpartition(":")[2], 16) == port for line in lines)


class Program:
    """A running program; what it prints goes to a file, and it has a process group of its own."""

    def __init__(self, name: str, argv: Sequence[str], folder: Path, env: dict[str, str] | None = None) -> None:
        self.name = name
        self.argv = tuple(argv)
        self.folder = folder
        self._output = folder / f"{name}.out"
        # Should the test runner itself be killed, the program goes with it.
        command = ["setpriv", "--pdeathsig", "TERM", *argv] if shutil.which("setpriv") else list(argv)
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def output(self) -> str:
        """Everything it printed so far."""
        return self._output.read_text(errors="replace")

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    async def says(self, pattern: str, within: float = PATIENCE) -> re.Match[str]:
        """Wait until it prints something that matches."""

        def look() -> re.Match[str] | None:
            found = re.search(pattern, self.output)
            if found is None and not self.running:
                raise AssertionError(f"{self.name} ended with {self._process.returncode} before it said {pattern!r}")
            return found

        return await until(look, f"{self.name} saying {pattern!r}", within)

    async def ended(self, within: float = 30.0) -> int:
        """Wait for its end; return the exit status."""
        await until(lambda: not self.running, f"the end of {self.name}", within)
        return int(self._process.returncode)

    async def stop(self, within: float = 5.0, with_signal: signal.Signals = signal.SIGTERM) -> int:
        """End it: politely, then the hard way; return the exit status (negative: the signal that ended it)."""
        if self.running:
            self._process.send_signal(with_signal)
            try:
                await until(lambda: not self.running, self.name, within)
            except TimedOut:
                self.kill()
                await until(lambda: not self.running, f"the death of {self.name}", within)
        self.kill()
        return int(self._process.returncode)

    def kill(self) -> None:
        """End whatever is left of its process group at once."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def descriptors(self) -> int:
        """How many file descriptors it has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def threads(self) -> int:
        """How many threads it has."""
        return len(os.listdir(f"/proc/{self.pid}/task"))


def _awaited(method: Any) -> Callable[[], Deferred[Any]]:
    def awaited() -> Deferred[Any]:
        return Deferred.fromCoroutine(method())

    # Where a test is named on the command line, trial looks whether it found what it looked for.
    vars(awaited)["__func__"] = method.__func__
    return awaited


class IntegrationCase(TestCase):
    """A test with real programs around it, in a folder of its own."""

    timeout = 60
    programs_needed: tuple[str, ...] = ()
    """Without these on the machine the test is skipped."""

    def __init__(self, methodName: str = "runTest") -> None:
        super().__init__(methodName)
        # trial awaits coroutines since Twisted 22.8 only; before, a test that is one passes without having run.
        for name in {methodName, "setUp", "tearDown"}:
            method = getattr(self, name, None)
            if inspect.iscoroutinefunction(method):
                setattr(self, name, _awaited(method))

    def setUp(self) -> None:
        for program in self.programs_needed:
            if shutil.which(program) is None:
                raise SkipTest(f"{program} is not installed (./test installs it)")
        self.folder = Path(tempfile.mkdtemp(prefix="neon-test-"))
        self._programs: dict[Program, signal.Signals] = {}
        self._closing: list[Callable[[], object]] = []

    def start(
        self,
        name: str,
        *argv: str,
        folder: Path | None = None,
        env: dict[str, str] | None = None,
        last_signal: signal.Signals = signal.SIGTERM,
    ) -> Program:
        """Start a program that ends with this test at the latest, by C{last_signal}."""
        program = Program(name, argv, folder or self.folder, env)
        self._programs[program] = last_signal
        return program

    def at_end(self, close: Callable[[], object]) -> None:
        """Have C{close} called before the programs are ended; it may return a Deferred or coroutine."""
        self._closing.append(close)

    async def tearDown(self) -> None:  # type: ignore[override]  # trial waits for it
        try:
            for close in reversed(self._closing):
                waiting = close()
                if hasattr(waiting, "__await__"):
                    await waiting
            for program, last_signal in reversed(self._programs.items()):
                await program.stop(with_signal=last_signal)
        finally:
            for program in self._programs:
                program.kill()

    def run(self, result: Any) -> None:  # type: ignore[override]  # as trial's own
        """Run the test; if it went wrong, keep what its programs wrote.

        If the machine stood still meanwhile, a failure proves nothing, and the test is done again. Two dozen foreign
        programs fail by themselves now and then, too: whoever wants to know whether NEON is right has a first
        failure doubted (L{DOUBT}); whoever works on a test has not.
        """
        for attempt in range(1, ATTEMPTS + 1):
            standstill = Standstill()
            held = _Held(result, attempt)
            super().run(held)
            _give_back()
            lost = standstill.stop()
            self._keep(held.complaints, attempt)
            if not held.complaints or attempt == ATTEMPTS:
                break
            if lost > BEARABLE:
                self._note(f"nothing ran for {lost:.2f} s")
            elif attempt == 1 and DOUBT in os.environ:
                self._note(held.complaints[0].getErrorMessage().partition("\n")[0])
            else:
                break
        held.report()

    def _note(self, reason: str) -> None:
        ARTEFACTS.mkdir(exist_ok=True)
        with (ARTEFACTS / AGAIN).open("a") as file:
            file.write(f"{self.id()}: {reason}\n")

    def _keep(self, wrong: Sequence[object], attempt: int) -> None:
        folder = getattr(self, "folder", None)
        if folder is None:
            return
        if wrong:
            ARTEFACTS.mkdir(exist_ok=True)
            name = self.id().removeprefix("tests.integration.")
            kept = ARTEFACTS / (name if attempt == 1 else f"{name}.{attempt}")
            shutil.rmtree(kept, ignore_errors=True)
            complaints = [*map(_words, wrong)]
            try:
                shutil.move(folder, kept)
            except OSError as error:  # a socket does not go to another file system; the rest has gone there
                complaints.append(f"not everything is here: {error}")
            kept.mkdir(exist_ok=True)
            (kept / "complaints").write_text("\n".join(complaints))
        shutil.rmtree(folder, ignore_errors=True)


def _words(complaint: object) -> str:
    """What went wrong, with its traceback where there is one."""
    return complaint.getTraceback() if isinstance(complaint, Failure) else str(complaint)


class _Held(TestResultDecorator):
    """What a test does to its reporter, kept back until it is known whether this run counts."""

    def __init__(self, reporter: Any, attempt: int) -> None:
        super().__init__(reporter if IReporter.providedBy(reporter) else PyUnitResultAdapter(reporter))
        self.complaints: list[Failure] = []
        self._first = attempt == 1
        self._calls: list[Callable[[], object]] = []

    def report(self) -> None:
        """Tell the reporter."""
        for call in self._calls:
            call()

    def startTest(self, test: Any) -> None:
        if self._first:
            self._originalReporter.startTest(test)

    def stopTest(self, test: Any) -> None:
        self._calls.append(lambda: self._originalReporter.stopTest(test))

    def addSuccess(self, test: Any) -> None:
        self._calls.append(lambda: self._originalReporter.addSuccess(test))

    def addError(self, test: Any, error: Any) -> None:
        self.complaints.append(error)
        self._calls.append(lambda: self._originalReporter.addError(test, error))

    def addFailure(self, test: Any, failure: Any) -> None:
        self.complaints.append(failure)
        self._calls.append(lambda: self._originalReporter.addFailure(test, failure))

    def addSkip(self, test: Any, reason: Any) -> None:
        self._calls.append(lambda: self._originalReporter.addSkip(test, reason))
