"""How fast the WebSocket API is, beside baresip's ctrl_tcp and a bare autobahn broadcast in the same run.

    python -m bench.api              about two minutes
    python -m bench.api --quick      under 45 seconds
    python -m bench.api --json       the figures for programs

L{bench.latency} and L{bench.fanout} say what is measured. baresip has to be installed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import asdict
from pathlib import Path

from bench import fanout, latency


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer calls and rounds, under 45 seconds in all")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="neon-bench-") as folder:
        latencies = latency.measure(Path(folder), 60 if options.quick else 400)
    costs = fanout.measure(3 if options.quick else 9)
    if options.json:
        rows = {"latency": [asdict(row) for row in latencies], "fanout": [asdict(row) for row in costs]}
        print(json.dumps(rows, indent=2))
        return
    print(f"{'who':10} {'what':20} {'calls':>6} {'p50 ms':>8} {'p99 ms':>8} {'CPU ms':>8}")
    for row in latencies:
        print(f"{row.who:10} {row.what:20} {row.calls:6} {row.p50_ms:8.3f} {row.p99_ms:8.3f} {row.cpu_ms:8.3f}")
    print(f"\n{'clients':>7} {'NEON us':>9} {'bare us':>9} {'ratio':>6}   (CPU for an event and client)")
    for cost in costs:
        print(f"{cost.clients:7} {cost.neon_us:9.1f} {cost.bare_us:9.1f} {cost.ratio:6.2f}")


if __name__ == "__main__":
    main()
