"""Runs twistd with a way to ask it what lives inside: C{python -m tests.integration.census FILE TWISTD-ARGUMENTS}.

At SIGUSR2 it writes into FILE, as JSON, how many objects of each class of NEON and sippy there are, and into
FILE.memory how much memory is in use. That is how the tests see dialogs and transactions that outlive their calls,
without a door into the daemon for it.
"""

from __future__ import annotations

import gc
import json
import signal
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from tests.integration.memory import in_use

PACKAGES = ("neon.", "sippy.")


def count() -> dict[str, int]:
    """The number of live objects by class, of those that came after the daemon's start (it freezes the others)."""
    gc.collect()
    kinds = (type(thing) for thing in gc.get_objects())
    return dict(
        Counter(f"{kind.__module__}.{kind.__qualname__}" for kind in kinds if kind.__module__.startswith(PACKAGES))
    )


def main() -> None:
    """Answer SIGUSR2, and be twistd otherwise."""
    path = Path(sys.argv.pop(1))

    def answer(number: int, frame: object) -> None:
        half = path.with_suffix(".half")
        half.write_text(json.dumps(count()))
        Path(f"{path}.memory").write_text(json.dumps(asdict(in_use())))
        half.rename(path)

    signal.signal(signal.SIGUSR2, answer)
    from twisted.scripts.twistd import run

    run()


if __name__ == "__main__":
    main()
