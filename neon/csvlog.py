"""The call log as CSV (RFC 4180): which columns, and cells that no spreadsheet carries out."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any, Final

COLUMNS: Final = (
    "number", "callId", "started", "answered", "ended", "duration", "type", "from", "to", "displayName", "account",
    "result", "SIPError", "cause", "reason", "application", "customField1", "customField2", "recording",
)  # fmt: skip
"""What the columns are called: the fields of C{callhistory}'s answer."""

FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")


def header() -> str:
    """The first line."""
    return _lines([COLUMNS])


def lines(calls: Iterable[Mapping[str, Any]]) -> str:
    """A line for each of these, which are spelled as C{callhistory} answers them."""
    return _lines([cell(call.get(column)) for column in COLUMNS] for call in calls)


def cell(value: object) -> str:
    """What stands in a cell: text that would be a formula begins with an apostrophe (OWASP, "CSV Injection")."""
    text = "" if value is None else str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(FORMULAS) else text


def _lines(rows: Iterable[Iterable[str]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()
