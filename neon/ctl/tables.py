"""What people see: short aligned tables, events in a line, SIP ladders."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

GAP: Final = "  "


def table(titles: Sequence[str], rows: Iterable[Sequence[object]], nothing: str) -> str:
    """Aligned columns under titles; C{nothing} is said where there are no rows."""
    cells = [[shown(cell) for cell in row] for row in rows]
    if not cells:
        return nothing
    widths = [max(width(row[column]) for row in (list(titles), *cells)) for column in range(len(titles))]
    return "\n".join(
        GAP.join(_padded(cell, wide) for cell, wide in zip(row, widths, strict=True)).rstrip()
        for row in (titles, *cells)
    )


def shown(cell: object) -> str:
    """Text that cannot move the cursor: a display name comes from the network."""
    if cell is None:
        return "-"
    text = str(cell)
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)


def width(text: str) -> int:
    """How many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


def _padded(text: str, columns: int) -> str:
    return text + " " * (columns - width(text))


def event(message: Mapping[str, Any]) -> str:
    """One event in a line: time, number, name, and what it is about."""
    data = message.get("data", {})
    time = str(message.get("ts", ""))[11:23]
    about = " ".join(f"{key}={shown(value)}" for key, value in data.items() if value not in (None, ""))
    return f"{time} {message.get('seq', '-'):>5} {shown(message.get('name'))} {about}".rstrip()


def ladder(steps: Sequence[Mapping[str, Any]], omitted: int, words: tuple[str, str] = ("NEON", "omitted")) -> str:
    """SIP messages as arrows between us and the other side, with the seconds since the first."""
    if not steps:
        return ""
    began = seconds(steps[0]["ts"])
    peers = list(dict.fromkeys(step["peer"] for step in steps))
    arrow = min(52, max(24, *(width(step["message"]) + 4 for step in steps)))
    lines = [f"{'':>9}  {words[0]}{' ' * max(1, arrow - len(words[0]) - len(peers[0]))}{', '.join(peers)}"]
    half = len(steps) - len(steps) // 2
    for index, step in enumerate(steps):
        if omitted and index == half:
            lines.append(f"{'':>9}  ... {omitted} {words[1]} ...")
        label = shown(step["message"])[: arrow - 4]
        dashes = "-" * (arrow - 3 - width(label))
        line = f"{label} {dashes}->" if step["sent"] else f"<-{dashes} {label}"
        notes = [f"x{step['repeats'] + 1}"] if step["repeats"] else []
        notes += [f"via {step['peer']}"] if len(peers) > 1 else []
        extra = "; ".join([step["cseq"], *notes, *step["notes"]])
        lines.append(f"{seconds(step['ts']) - began:+9.3f}  {line}  {extra}")
    return "\n".join(lines)


def seconds(ts: str) -> float:
    """The seconds of an ISO 8601 time in UTC, good for differences."""
    from datetime import datetime

    return datetime.fromisoformat(ts.replace("Z", "+00:00")).timestamp()
