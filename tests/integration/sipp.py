"""sipp: one end of one or many calls, played from a scenario file in C{scenarios/}, loopback only.

A scenario may have words of ours in brackets beside sipp's own: C{[rtp_port]}, where somebody of ours listens for
audio, whatever the test gives as C{keys} (sipp's own C{-key} cannot stand for a status), and C{[part:NAME]} for what
C{scenarios/parts/NAME.xml} has, which is common to many.
"""

from __future__ import annotations

import csv
import datetime
import re
from pathlib import Path

from tests.integration.processes import IntegrationCase, Program, free_port, is_bound, until

SCENARIOS = Path(__file__).parent / "scenarios"


class Sipp:
    """A running scenario."""

    def __init__(self, program: Program, folder: Path, port: int) -> None:
        self.program = program
        self.port = port
        self.address = f"127.0.0.1:{port}"
        self._folder = folder

    async def finished(self, within: float = 30.0) -> None:
        """Wait for its end; an AssertionError says what the scenario missed."""
        status = await self.program.ended(within)
        if status:
            raise AssertionError(f"sipp ended with {status}\n{self._trouble()}")

    def statistics(self) -> dict[str, str]:
        """The last line of its statistics, by column."""
        with next(self._folder.glob("*_.csv")).open() as file:
            rows = list(csv.DictReader(file, delimiter=";"))
        return {key: value for key, value in rows[-1].items() if key and value is not None}

    def messages(self) -> str:
        """The messages it sent and received so far (where tracing was asked for)."""
        return "".join(path.read_text(errors="replace") for path in self._folder.glob("*_messages.log"))

    def sent_at(self, first_line: str) -> float:
        """When it sent the first message that begins so (seconds of C{time.time()})."""
        found = re.search(
            rf"-+ ([-0-9]+)[ T\t]+([0-9:.]+).*\n(?:TCP|UDP) message sent.*\n\n{re.escape(first_line)}", self.messages()
        )
        if found is None:
            raise AssertionError(f"sipp sent nothing that begins with {first_line!r}")
        return datetime.datetime.fromisoformat(f"{found[1]} {found[2]}").timestamp()

    def _trouble(self) -> str:
        errors = "".join(path.read_text(errors="replace")[:4000] for path in self._folder.glob("*_errors.log"))
        return errors or self.program.output[-2000:]


async def start_sipp(
    test: IntegrationCase,
    scenario: str,
    *options: str,
    target: str | None = None,
    calls: int = 1,
    rtp_port: int | None = None,
    keys: dict[str, str] | None = None,
    trace: bool = True,
) -> Sipp:
    """Play C{scenarios/<scenario>.xml}; it listens when this returns.

    C{target} (host:port) is whom it calls, None if it waits to be called.
    """
    port = free_port()
    folder = test.folder / f"sipp-{scenario}-{port}"
    folder.mkdir()
    script = (SCENARIOS / f"{scenario}.xml").read_text()
    script = re.sub(r"\[part:([a-z]+)\]", lambda part: _part(part[1]), script)
    for name, value in {"rtp_port": str(rtp_port or free_port(2)), **(keys or {})}.items():
        script = script.replace(f"[{name}]", value)
    (folder / f"{scenario}.xml").write_text(script)
    argv = [
        "sipp", "-sf", f"{scenario}.xml", "-i", "127.0.0.1", "-p", str(port),
        "-m", str(calls), "-nostdin", "-trace_err", "-trace_stat", "-fd", "1", "-timeout", "50", "-timeout_error",
        "-mi", "127.0.0.1", "-mp", str(free_port(4)), "-cid_str", f"%u-{port}-%p@%s",
    ]  # fmt: skip
    if trace:
        argv.append("-trace_msg")
    argv += options
    if target is not None:
        argv.append(target)
    sipp = Sipp(test.start(f"sipp-{scenario}-{port}", *argv, folder=folder), folder, port)
    await until(lambda: is_bound(port) or not sipp.program.running, f"sipp {scenario} listening")
    return sipp


def _part(name: str) -> str:
    return (SCENARIOS / "parts" / f"{name}.xml").read_text().removesuffix("\n")
