"""The phones that are called: each with a client that answers every call that its API announces."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from bench.latency import CONFIGURATION, BaresipPhone, NeonPhone, cpu_seconds
from tests.integration import baresip

MORE_CALLS = CONFIGURATION.replace(
    "[media]", "max-calls = 1000\n\n[media]\nports = 16384-32000\nsilence-seconds = 0"
)
LOOK_SECONDS = 4.0


class Callee:
    """A phone with C{accounts} registered, which sipp calls at C{address} by its C{number}.

    C{answered} counts the calls that its client has heard to be up.
    """

    who = ""

    def __init__(self, phone: NeonPhone | BaresipPhone) -> None:
        self._phone = phone
        self.accounts = 1
        self.number = "2001"
        self.answered = 0
        self._client = threading.Thread(target=self._serve, daemon=True)
        self._client.start()

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens for SIP: where its REGISTER came from."""
        return self._phone.proxy.address

    def cpu_seconds(self) -> tuple[float, float]:
        """What the process has used, with all its threads that are and were, and its main thread alone."""
        number = self._phone.process_id
        return time.clock_gettime((~number << 3) | 2), cpu_seconds(number)

    def rss_kb(self) -> int:
        """Its resident memory."""
        return int(self._status("VmRSS"))

    def wakeups_per_second(self) -> float:
        """How often one of its threads wakes up, when nothing happens."""
        before = self._switches()
        time.sleep(LOOK_SECONDS)
        return round((self._switches() - before) / LOOK_SECONDS, 2)

    def _switches(self) -> int:
        tasks = Path(f"/proc/{self._phone.process_id}/task").glob("*/status")
        return sum(int(_field(task.read_text(), "voluntary_ctxt_switches")) for task in tasks)

    def _status(self, name: str) -> str:
        return _field(Path(f"/proc/{self._phone.process_id}/status").read_text(), name)

    def _serve(self) -> None:
        with suppress(OSError):  # it was closed
            while True:
                self._look()

    def _look(self) -> None:
        """Wait for an event, and answer the call that it announces."""

    def __enter__(self) -> Any:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._phone.close()
        self._client.join(5)


def _field(text: str, name: str) -> str:
    return next(line.split()[1] for line in text.splitlines() if line.startswith(f"{name}:"))


class NeonCallee(Callee):
    """The daemon and one WebSocket."""

    who = "NEON"

    def __init__(self, folder: Path) -> None:
        self._phone: NeonPhone = NeonPhone(folder, MORE_CALLS)
        super().__init__(self._phone)

    def register(self, count: int) -> None:
        """Have so many accounts in all; the one that is called is the last."""
        for number in range(2001 + self.accounts, 2001 + count):
            self._phone.register(str(number))
        self.accounts = count
        self.number = str(2000 + count)

    def _look(self) -> None:
        message = self._phone.receive()
        name = message.get("name")
        if name == "OnNewCall":
            self._phone.send("acceptcall", callid=message["data"]["callId"])
        elif name == "OnAcceptCall":
            self.answered += 1


class BaresipCallee(Callee):
    """baresip and one ctrl_tcp connection."""

    who = "baresip"

    def __init__(self, folder: Path) -> None:
        # Audio to and from nobody: NEON has no sound card here either.
        lines = [line for line in baresip.CONFIGURATION.splitlines(True) if "sndfile" not in line]
        quiet = "".join(lines).replace("aufile,{speech}", "aubridge,nobody").replace("module aufile.so\n", "")
        self._phone: BaresipPhone = BaresipPhone(folder, quiet, 400)
        super().__init__(self._phone)

    def _look(self) -> None:
        message = self._phone.receive()
        kind = message.get("type")
        if kind == "CALL_INCOMING":
            self._phone.send("accept", message["id"])
        elif kind == "CALL_ESTABLISHED":
            self.answered += 1


