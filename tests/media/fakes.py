"""Stand-ins for the parts of the reactor that the media side uses, which tests drive by hand."""

from __future__ import annotations

import queue
import select
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.task import Clock
from twisted.python.failure import Failure


class FakeProcess:
    """A process that does nothing but remember what was said to it, until the test ends it."""

    def __init__(self, protocol: Any, arguments: Sequence[str], env: Mapping[str, str], child_fds: Any) -> None:
        self.arguments = arguments
        self.env = env
        self.child_fds = child_fds
        self.pid: int | None = 4711
        self.stdin: list[bytes] = []
        self.stdin_open = True
        self.signals: list[str] = []
        self._protocol = protocol
        protocol.makeConnection(self)

    def writeToChild(self, descriptor: int, data: bytes) -> None:
        assert descriptor == 0
        self.stdin.append(data)

    def closeStdin(self) -> None:
        self.stdin_open = False

    def signalProcess(self, signal: str) -> None:
        self.signals.append(signal)

    def says(self, out: bytes = b"", err: bytes = b"") -> None:
        """Write to its stdout or stderr."""
        if out:
            self._protocol.outReceived(out)
        if err:
            self._protocol.errReceived(err)

    def exit(self, code: int) -> None:
        """End with that exit code."""
        self.pid = None
        reason = Failure(ProcessDone(0) if code == 0 else ProcessTerminated(exitCode=code, status=code << 8))
        self._protocol.processExited(reason)
        self._protocol.processEnded(reason)


class FakeProcessReactor(Clock):
    """Time and processes."""

    def __init__(self) -> None:
        super().__init__()
        self.processes: list[FakeProcess] = []
        self.spawn_error: OSError | None = None

    def spawnProcess(
        self,
        processProtocol: Any,
        executable: Any,
        args: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        *,
        childFDs: Mapping[int, int | str] | None = None,
    ) -> FakeProcess:
        if self.spawn_error is not None:
            raise self.spawn_error
        process = FakeProcess(processProtocol, args, env or {}, childFDs)
        self.processes.append(process)
        return process


class FakeThreadReactor:
    """What threads hand over, kept until the test takes it."""

    def __init__(self) -> None:
        self._calls: queue.Queue[Callable[[], object]] = queue.Queue()

    def callFromThread(self, callable: Callable[..., Any], *args: object, **kwargs: object) -> None:
        self._calls.put(lambda: callable(*args, **kwargs))

    def run_one(self, within: float = 10.0) -> None:
        """Wait for the next thing that a thread hands over, and do it; C{queue.Empty} if there is none in time."""
        self._calls.get(timeout=within)()


class FakeThreadPool:
    """A pool that does the work at once."""

    def callInThreadWithCallback(
        self, onResult: Callable[[bool, object], object], func: Callable[..., object], *args: object, **kw: object
    ) -> None:
        try:
            result: object = func(*args, **kw)
        except Exception:
            onResult(False, Failure())
        else:
            onResult(True, result)


class FakeMediaReactor(FakeProcessReactor):
    """Time, processes, threads and descriptors."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: list[Any] = []
        self.threads = FakeThreadReactor()
        self.pool = FakeThreadPool()

    def addReader(self, reader: Any) -> None:
        self.readers.append(reader)

    def removeReader(self, reader: Any) -> None:
        self.readers.remove(reader)

    def getThreadPool(self) -> FakeThreadPool:
        return self.pool

    def callFromThread(self, callable: Callable[..., Any], *args: object, **kwargs: object) -> None:
        self.threads.callFromThread(callable, *args, **kwargs)

    def read_once(self, within: float = 10.0) -> bool:
        """Wait until a descriptor is readable, and let its reader read."""
        ready, _, _ = select.select(self.readers, [], [], within)
        for reader in ready:
            reader.doRead()
        return bool(ready)
