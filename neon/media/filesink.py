"""What calls play, into a WAV file: a thread that reads frames from a socket and writes them down.

A thread, because a disk may take its time and the reactor may not; one for each file, because a full disk
or a dead network mount of one must not hold up the others. The thread touches nothing of the daemon: what it has
to say crosses to the reactor as one value when it ends.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from neon.media.wavewriter import WaveWriter

_log = Logger()
_LONGEST_FRAME = 4096


class ThreadReactor(Protocol):
    """What a L{FileSink} needs of the reactor: Twisted's IReactorFromThreads."""

    def callFromThread(self, callable: Callable[..., Any], *args: object, **kwargs: object) -> object:
        """As Twisted's."""


class FileSink:
    """A WAV file that grows as frames arrive on C{link}, until end of file there."""

    def __init__(self, reactor: ThreadReactor, path: str, link: socket.socket) -> None:
        """Takes C{link} over, and begins."""
        self.path = path
        self.finished: Deferred[None] = Deferred()
        """Fires, on the reactor's thread, when the file is complete and everything is closed."""
        self._reactor = reactor
        # A daemon thread: a disk that never answers must not keep the process from ending.
        thread = threading.Thread(target=self._run, args=(path, link), name="neon-file", daemon=True)
        thread.start()

    def _run(self, path: str, link: socket.socket) -> None:
        problem: str | None = None
        writer: WaveWriter | None = None
        link.setblocking(True)
        with link:
            try:
                with WaveWriter(path) as writer:
                    while frame := link.recv(_LONGEST_FRAME):
                        writer.write(frame)
            except OSError as error:
                problem = str(error)
                # The engine would take a closed socket for a lost device: go on reading, to no purpose.
                while link.recv(_LONGEST_FRAME):
                    pass
        seconds = 0.0 if writer is None else writer.length / 16000
        self._reactor.callFromThread(self._finish, problem, seconds)

    def _finish(self, problem: str | None, seconds: float) -> None:
        if problem is not None:
            _log.error("{path} holds only {seconds} s: {problem}", path=self.path, seconds=seconds, problem=problem)
        else:
            _log.info("{path} holds {seconds} s of audio", path=self.path, seconds=seconds)
        self.finished.callback(None)
