"""The daemon's side of the sound card worker: start it, tell it when, start another when it ends.

A new worker is started as soon as the last one ended, and waits, with Python and PortAudio loaded, for the word
that a call needs it. So the device itself opens in some 5 ms when a call is set up, far within the 200 ms that an
answered call may stay silent, but the microphone is open, and music is paused (the stream's role is "phone"),
only while there are calls. Starting the process at the call instead would take 150-500 ms of it.

The engine's end of the socketpair stays open, so a worker can come and go without the calls noticing: they
send and hear silence meanwhile.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from neon.ports import Clock, Timer

_log = Logger()

FIRST_DELAY = 0.5
LONGEST_DELAY = 30.0
LINGER = 3.0
"""Seconds that the device stays open after the last call: the next one often follows at once."""
STABLE_AFTER = 10.0
"""A device that worked this long was fine: its end starts a new series of attempts."""
_GRACE = 1.0
_LONGEST_LINE = 500
_MOST_LINES = 20
"""Lines logged from one worker; a Python traceback fits."""
_LINK_FD = 3

# They belong to the daemon alone: a child that had them could speak to systemd in its name.
_NOT_INHERITED = ("NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES")


class ProcessReactor(Clock, Protocol):
    """What a L{SoundCard} needs of the reactor: Twisted's IReactorTime and IReactorProcess."""

    def spawnProcess(
        self,
        processProtocol: Any,
        executable: Any,
        args: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        *,
        childFDs: Mapping[int, int | str] | None = None,
    ) -> Any:
        """As Twisted's."""


class SoundCard:
    """Keeps one worker at hand, for as many calls at a time as there are."""

    def __init__(self, reactor: ProcessReactor, link: int, capture: str | None, playback: str | None) -> None:
        """C{link} is the worker's end of the socketpair, lent by the caller until L{stop} is done.

        C{capture} and C{playback} are device names, "" for the default device and None for not wanted.
        """
        self._reactor = reactor
        self._link = link
        self._sides = (capture, playback)
        self._calls = 0
        self._worker: _Worker | None = None
        self._delay = FIRST_DELAY
        self._timer: Timer | None = None
        self._last_problem: str | None = None
        self._half: str | None = None
        self._stopped: Deferred[None] | None = None
        self.has_worked = False

    @property
    def process_id(self) -> int | None:
        """The worker's, or None while there is none."""
        return self._worker.process_id if self._worker is not None else None

    @property
    def problem(self) -> str | None:
        """Why the device does not work, in words; None if it does, or was not tried yet (L{has_worked})."""
        return self._last_problem or self._half

    def start(self) -> None:
        """Have a worker wait for the first call."""
        self._spawn()

    def use(self, capture: str | None, playback: str | None) -> None:
        """Have these devices from now on, as L{__init__} takes them; calls go on, silent for a few tenths of a second.

        What does not work is tried again at once, also if it is the same.
        """
        if (capture, playback) == self._sides and self.problem is None:
            return
        self._sides = (capture, playback)
        if self._worker is None:
            if self._timer is not None:  # the back-off was for what failed before
                self._cancel_timer()
                self._delay = FIRST_DELAY
                self._spawn()
        elif self._worker.asked:
            self._cancel_timer()
            self._retire()

    def acquire(self) -> None:
        """One more call needs the device."""
        self._calls += 1
        # Without a worker the timer is the back-off, and goes on: a call must not hurry a failing device.
        if self._calls == 1 and self._worker is not None:
            self._cancel_timer()  # the worker may linger, open
            self._worker.open(self._sides)

    def release(self) -> None:
        """One call less does."""
        self._calls -= 1
        if self._calls == 0 and self._worker is not None:
            self._timer = self._reactor.callLater(LINGER, self._retire)

    def stop(self) -> Deferred[None]:
        """End the worker; fires when it is gone."""
        self._cancel_timer()
        if self._worker is None:
            return succeed(None)
        self._stopped = Deferred()
        self._retire()
        return self._stopped

    def _spawn(self) -> None:
        self._timer = None
        arguments = [sys.executable, "-P", "-m", "neon.media.portaudio", f"--fd={_LINK_FD}", f"--parent={os.getpid()}"]
        worker = _Worker(self)
        try:
            self._reactor.spawnProcess(
                worker,
                sys.executable,
                arguments,
                env=environment(),
                childFDs={0: "w", 1: "r", 2: "r", _LINK_FD: self._link},
            )
        except OSError as error:
            self._problem(f"no process for the sound card: {error}")
            self._try_later()
            return
        self._worker = worker
        if self._calls:
            worker.open(self._sides)

    def _retire(self) -> None:
        self._timer = None
        if self._worker is not None:
            self._worker.leave()

    def _try_later(self) -> None:
        self._timer = self._reactor.callLater(self._delay, self._spawn)
        self._delay = min(self._delay * 2, LONGEST_DELAY)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _problem(self, words: str) -> None:
        """Say what is wrong once, not once an attempt."""
        if words != self._last_problem:
            self._last_problem = words
            _log.warn("{words}; calls go on without it", words=words)

    def opened(self) -> None:
        """The worker's device works."""
        self.has_worked = True
        self._half = None
        if self._last_problem is not None:
            self._last_problem = None
            _log.info("the sound device works again")

    def half_opened(self, words: str) -> None:
        """One of the worker's two sides does not work."""
        self._half = words
        _log.warn("{words}; calls go on without it", words=words)

    def exited(self, words: str | None, open_seconds: float) -> None:
        """The worker is gone: C{words} say why, None if we asked; C{open_seconds} is how long its device worked."""
        self._cancel_timer()
        self._worker = None
        self._half = None
        if self._stopped is not None:
            self._stopped.callback(None)
            return
        if words is None:
            self._delay = FIRST_DELAY
            self._spawn()
            return
        if open_seconds >= STABLE_AFTER:
            self._delay = FIRST_DELAY
        self._problem(words)
        self._try_later()


class _Worker(ProcessProtocol):
    """One worker process."""

    transport: Any  # Twisted's IProcessTransport

    def __init__(self, card: SoundCard) -> None:
        self._card = card
        self._rest = b""
        self._lines = 0
        self._last_line = ""
        self._opened_at: float | None = None
        self.asked = False
        self._killer: Timer | None = None

    @property
    def process_id(self) -> int | None:
        """As the kernel knows it, None when it has ended."""
        pid: int | None = self.transport.pid
        return pid

    def open(self, sides: tuple[str | None, str | None]) -> None:
        """The word it waits for; said once."""
        if not self.asked and self._killer is None:
            self.asked = True
            named = {side: name for side, name in zip(("capture", "playback"), sides, strict=True) if name is not None}
            self.transport.writeToChild(0, json.dumps(named).encode() + b"\n")

    def leave(self) -> None:
        """End of file on its stdin, and a signal if that does not help."""
        if self._killer is None:
            self.transport.closeStdin()
            self._killer = self._card._reactor.callLater(_GRACE, self._kill)

    def _kill(self) -> None:
        with contextlib.suppress(ProcessExitedAlready):
            self.transport.signalProcess("KILL")

    def outReceived(self, data: bytes) -> None:
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[-_LONGEST_LINE:]
        for line in lines:
            if line == b"open" and self._opened_at is None:
                self._opened_at = self._card._reactor.seconds()
                self._card.opened()
            elif line.startswith(b"half: "):
                self._card.half_opened(line[6:_LONGEST_LINE].decode("utf-8", "replace"))
            else:
                self._last_line = line[:_LONGEST_LINE].decode("utf-8", "replace")

    def errReceived(self, data: bytes) -> None:
        # Python's own complaints: a bug of ours, or an installation that lacks pyaudio.
        for line in data.splitlines():
            self._lines += 1
            if self._lines <= _MOST_LINES:
                _log.error("sound card worker: {line}", line=line[:_LONGEST_LINE].decode("utf-8", "replace"))

    def processEnded(self, reason: Failure) -> None:
        if self._killer is not None and self._killer.active():
            self._killer.cancel()
        open_seconds = 0.0 if self._opened_at is None else self._card._reactor.seconds() - self._opened_at
        if self._killer is not None:
            self._card.exited(None, open_seconds)
        else:
            words = self._last_line or f"the sound card worker ended: {reason.getErrorMessage()}"
            self._card.exited(words, open_seconds)


def environment() -> dict[str, str]:
    """The daemon's own, with the places it imported from, and without what is not for children."""
    environment = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    return environment
