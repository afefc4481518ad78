"""Tests in real time, on machines that have no time for them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from twisted.trial.unittest import SynchronousTestCase

ATTEMPTS = 6
BEARABLE = 0.005
"""Seconds that the threads of a test may wait for a processor, in all, without its judgement being in doubt.

What is played for the far end is buffered for a few times as much."""

C = TypeVar("C", bound=SynchronousTestCase)


class Starvation:
    """How long this process was ready to run and did not, since this was made (Linux; nothing is noticed elsewhere)."""

    def __init__(self) -> None:
        self._threads = _waited()
        self._latest = dict(self._threads)
        self._stolen = _stolen()

    def seconds(self) -> float:
        """The time of all threads, and that of the processors which the host had given to others.

        A thread that has ended counts as it was when this was asked last.
        """
        for thread, waited in _waited().items():
            self._latest[thread] = max(waited, self._latest.get(thread, 0))
        threads = sum(waited - self._threads.get(thread, 0) for thread, waited in self._latest.items())
        return threads * 1e-9 + _stolen() - self._stolen


def again_if_starved(case: type[C]) -> type[C]:
    """Let the tests of a class be done again, from their C{setUp} on, if they fail while the machine was too busy.

    The promise stays what it is: a failure without starvation is one at once, and so is the sixth failure with it.
    """
    for name, test in list(vars(case).items()):
        if name.startswith("test_"):
            setattr(case, name, _again(test))
    return case


def _again(test: Callable[[Any], None]) -> Callable[[Any], None]:
    @functools.wraps(test)
    def wrapper(self: Any) -> None:
        for _ in range(ATTEMPTS - 1):
            starvation = Starvation()
            try:
                return test(self)
            except (self.failureException, TimeoutError):
                if starvation.seconds() <= BEARABLE or not self.doCleanups():
                    raise
            self.setUp()
        return test(self)

    return wrapper


def _waited() -> dict[str, int]:
    """Nanoseconds in a processor's queue by thread (Linux's Documentation/scheduler/sched-stats)."""
    found = {}
    for path in Path("/proc/self/task").glob("*/schedstat"):
        try:
            found[path.parent.name] = int(path.read_text().split()[1])
        except OSError:  # it ended just now
            continue
    return found


def _stolen() -> float:
    """Seconds that a virtual machine's processors were not there (proc(5)); it counts in hundredths."""
    try:
        fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    except OSError:
        return 0.0
    return int(fields[8]) / 100
