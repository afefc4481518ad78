"""The verb C{history}: the calls that are over."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from typing import Final

from neon import csvlog
from neon.ctl import tables
from neon.ctl.connection import Connection
from neon.ctl.speech import Data, say

PAGE: Final = 500


def history(options: argparse.Namespace, neon: Connection) -> None:
    calls = _calls(options, neon)
    if options.csv:
        sys.stdout.write(csvlog.header())
        for call in calls:
            sys.stdout.write(csvlog.lines([call]))
        return
    if options.json:
        # An object a line: a log of any length, without keeping it.
        for call in calls:
            sys.stdout.write(f"{json.dumps(call, ensure_ascii=False)}\n")
        return
    rows = [
        (
            call["callId"],
            call["started"][:19].replace("T", " "),
            "out" if call["type"] == "outgoing" else "in",
            call["to"] if call["type"] == "outgoing" else call["from"],
            f"{call['duration'] / 1000:.0f} s" if call["result"] == "answered" else None,
            call["result"],
        )
        for call in calls
    ]
    say(options, {}, tables.table(("CALLID", "STARTED (UTC)", "", "WITH", "TALKED", "RESULT"), rows, "No call."))


def _calls(options: argparse.Namespace, neon: Connection) -> Iterator[Data]:
    left = options.limit if options.limit is not None else (None if options.csv else 20)
    before = None
    while left is None or left > 0:
        limit = PAGE if left is None else min(PAGE, left)
        filters = {name: getattr(options, name) for name in ("since", "until", "party", "account", "result")}
        answer = neon.command("callhistory", limit=limit, before=before, type=options.direction, **filters)
        yield from answer["calls"]
        before = answer.get("next")
        if before is None:
            return
        left = None if left is None else left - limit
