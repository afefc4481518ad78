"""What NEON does when things go wrong, in figures: the table of docs/reliability.rst.

    python -m bench.faults                    everything, about 75 minutes
    python -m bench.faults --quick            shorter and smaller, under a minute
    python -m bench.faults flood loss         these only
    python -m bench.faults --json             the figures for programs

The programs of the integration tests are needed: sipp, kamailio; and root for network namespaces. A fault whose needs
are not met is named as not measured.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import unittest
from dataclasses import asdict
from typing import Any

from twisted.internet import task
from twisted.internet.defer import ensureDeferred

from bench.fault import address, corpus, flood, kill, loss, recovery, restart, soak, stalled
from bench.fault.harness import Measure, Row, run

FAULTS: dict[str, Measure] = {
    "recovery": recovery.measure,
    "address": address.measure,
    "loss": loss.measure,
    "kill": kill.measure,
    "restart": restart.measure,
    "flood": flood.measure,
    "corpus": corpus.measure,
    "stalled": stalled.measure,
    "soak": soak.measure,
}


async def measure(names: list[str], quick: bool) -> list[Row]:
    """The rows of these faults, one after the other."""
    rows: list[Row] = []
    for name in names:
        began = time.monotonic()
        try:
            rows += await run(FAULTS[name], quick)
        except unittest.SkipTest as reason:
            rows.append(Row(name, "not measured", str(reason)))
        except Exception as error:
            rows.append(Row(name, "the measurement broke", f"{type(error).__name__}: {error}"[:300], "", False))
        sys.stderr.write(f"{name}: {time.monotonic() - began:.0f} s\n")
    return rows


def show(rows: list[Row]) -> None:
    """A table for people."""
    words = {True: "yes", False: "NO", None: ""}
    cells = [(row.fault, row.figure, row.value, row.aim, words[row.reached]) for row in rows]
    cells.insert(0, ("fault", "figure", "value", "aim", "reached"))
    widths = [max(len(line[column]) for line in cells) for column in range(5)]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("fault", nargs="*", choices=[*FAULTS, []], help="only these")
    parser.add_argument("--quick", action="store_true", help="shorter and smaller, under a minute in all")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    found: list[Row] = []

    async def main_coroutine() -> None:
        found.extend(await measure(options.fault or list(FAULTS), options.quick))

    def start(reactor: Any) -> Any:
        return ensureDeferred(main_coroutine())

    os.environ["PATH"] += os.pathsep + "/usr/sbin" + os.pathsep + "/sbin"  # kamailio lives there
    try:
        task.react(start)
    except SystemExit as end:
        if end.code:
            raise
    if options.json:
        print(json.dumps([asdict(row) for row in found], indent=2))
    else:
        show(found)


if __name__ == "__main__":
    main()
