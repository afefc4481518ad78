"""A sound server that a test writes down: what C{pactl} prints of it, and who asks."""

from __future__ import annotations

from collections.abc import Sequence

from tests.media.fakes import FakeProcess, FakeProcessReactor

INFO = """\
Server String: unix:/run/user/1000/pulse/native
Server Name: {server}
Default Sink: {sink}
Default Source: {source}
"""

DEVICE = """\
{kind} #{number}
\tState: RUNNING
\tName: {name}
\tDescription: {description}
\tMute: no
\tProperties:
\t\tdevice.description = "{description}"
\t\tdevice.class = "{device_class}"
\tFormats:
\t\tpcm
"""

SINKS = (("spk", "Alto-falante"), ("headset", "Fone é bom"))
SOURCES = (("mic", "Microfone"), ("spk.monitor", "Monitor of Alto-falante"))


def listed(kind: str, devices: Sequence[tuple[str, str]]) -> str:
    """As C{pactl list sinks}; monitors are told by their names."""
    return "\n".join(
        DEVICE.format(
            kind=kind, number=number, name=name, description=description,
            device_class="monitor" if name.endswith(".monitor") else "sound",
        )
        for number, (name, description) in enumerate(devices)
    )  # fmt: skip


class Desktop:
    """Answers whatever C{pactl} is asked, when L{answer} is called; C{asked} remembers it."""

    def __init__(self, reactor: FakeProcessReactor) -> None:
        self._reactor = reactor
        self._answered = 0
        self.asked: list[list[str]] = []
        self.is_there = True
        self.server = "pulseaudio"
        self.sinks: list[tuple[str, str]] = [*SINKS]
        self.sources: list[tuple[str, str]] = [*SOURCES]
        self.sink, self.source = "spk", "mic"
        self.modules = ""
        self.refuses_modules = False
        self.followers: list[FakeProcess] = []
        self._loaded = 10

    def answer(self) -> None:
        """Answer all that was asked, and what is asked after that."""
        while self._answered < len(self._reactor.processes):
            process = self._reactor.processes[self._answered]
            self._answered += 1
            if process.arguments[0] == "pactl":
                self._answer(process, list(process.arguments[1:]))

    def happens(self, line: str) -> None:
        """Something happens at the server; read and answered when it has been quiet."""
        self.followers[-1].says(f"{line}\n".encode())
        self._reactor.advance(0.3)
        self.answer()

    def dies(self) -> None:
        """As a crash."""
        self.is_there = False
        self.followers[-1].exit(1)

    def _answer(self, process: FakeProcess, words: list[str]) -> None:
        self.asked.append(words)
        if not self.is_there:
            process.says(err=b"Connection failure: Connection refused\n")
            process.exit(1)
        elif words == ["subscribe"]:
            self.followers.append(process)
        elif words[0] == "load-module" and self.refuses_modules:
            process.says(err=b"Failure: Module initialization failed\n")
            process.exit(1)
        else:
            process.says(self._words(words).encode())
            process.exit(0)

    def _words(self, words: list[str]) -> str:
        match words:
            case ["info"]:
                return INFO.format(server=self.server, sink=self.sink, source=self.source)
            case ["list", "sinks"]:
                return listed("Sink", self.sinks)
            case ["list", "sources"]:
                return listed("Source", self.sources)
            case ["list", "short", "sinks"]:
                return "".join(f"1\t{name}\tdriver\tRUNNING\n" for name, _ in self.sinks)
            case ["list", "short", "sources"]:
                return "".join(f"1\t{name}\tdriver\tRUNNING\n" for name, _ in self.sources)
            case ["list", "short", "modules"]:
                return self.modules
            case ["load-module", *_]:
                self._loaded += 1
                return f"{self._loaded}\n"
            case _:
                return ""
