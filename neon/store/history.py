"""The call log in SQLite (L{neon.history})."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from twisted.internet.defer import Deferred

from neon.history import Entry, Note, Result, Wanted
from neon.store.database import Database
from neon.values import Direction

FORGET_AT_ONCE: Final = 2000

_COLUMNS: Final = (
    "call_id, connection_id, account, direction, caller, callee, display_name, started, answered, ended, duration_ms,"
    " result, status, reason, cause, application, custom1, custom2, recording, quality"
)
_PLACES: Final = ", ".join("?" * (_COLUMNS.count(",") + 1))


class HistoryTable:
    """The table C{history}; times in it are whole milliseconds since 1970. Implements L{neon.history.Store}."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(self, entries: Sequence[Entry]) -> Deferred[None]:
        rows = [_row(entry) for entry in entries]

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany(f"INSERT INTO history ({_COLUMNS}) VALUES ({_PLACES})", rows)

        return self._database.run(work)

    def page(self, wanted: Wanted) -> Deferred[list[Entry]]:
        return self._database.run(partial(_page, wanted))

    def forget(self, before: datetime) -> Deferred[int]:
        def work(connection: sqlite3.Connection) -> int:
            found = connection.execute(
                "DELETE FROM history WHERE number IN (SELECT number FROM history WHERE started < ? LIMIT ?)",
                (_ms(before), FORGET_AT_ONCE),
            )
            return found.rowcount

        return self._database.run(work)


def _page(wanted: Wanted, connection: sqlite3.Connection) -> list[Entry]:
    conditions: list[str] = []
    values: list[Any] = []

    def where(condition: str, *given: Any) -> None:
        conditions.append(condition)
        values.extend(given)

    if wanted.before is not None:
        where("number > ?" if wanted.upwards else "number < ?", wanted.before)
    if wanted.since is not None:
        where("started >= ?", _ms(wanted.since))
    if wanted.until is not None:
        where("started < ?", _ms(wanted.until))
    if wanted.party is not None:
        # instr, unlike LIKE, has no wildcards that a name could contain.
        found = " OR ".join(f"instr(lower({column}), lower(?))" for column in ("caller", "callee", "display_name"))
        where(f"({found})", *[wanted.party] * 3)
    if wanted.account is not None:
        where("account = ?", wanted.account)
    if wanted.direction is not None:
        where("direction = ?", wanted.direction.value)
    if wanted.result is not None:
        where("result = ?", wanted.result.value)
    chosen = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    order = "ASC" if wanted.upwards else "DESC"
    rows = connection.execute(
        f"SELECT number, {_COLUMNS} FROM history{chosen} ORDER BY number {order} LIMIT ?", (*values, wanted.limit)
    )
    return [_entry(*row) for row in rows]


def _row(entry: Entry) -> tuple[Any, ...]:
    note = entry.note
    return (
        entry.call_id,
        entry.connection_id,
        entry.account,
        entry.direction.value,
        _text(entry.caller),
        _text(entry.callee),
        None if entry.display_name is None else _text(entry.display_name),
        _ms(entry.started),
        None if entry.answered is None else _ms(entry.answered),
        _ms(entry.ended),
        entry.duration_ms,
        entry.result.value,
        entry.status,
        _text(entry.reason),
        entry.cause,
        note.application,
        _text(note.custom1),
        _text(note.custom2),
        _text(note.recording),
        json.dumps(dict(note.quality)) if note.quality else None,
    )


def _entry(number: int, *row: Any) -> Entry:
    (call_id, connection_id, account, direction, caller, callee, display_name, started, answered, ended, duration_ms,
     result, status, reason, cause, application, custom1, custom2, recording, quality) = row
    return Entry(
        call_id,
        connection_id,
        account,
        Direction(direction),
        caller,
        callee,
        display_name,
        _moment(started),
        None if answered is None else _moment(answered),
        _moment(ended),
        duration_ms,
        Result(result),
        status,
        reason,
        cause,
        Note(application, custom1, custom2, recording, {} if quality is None else json.loads(quality)),
        number,
    )


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def _text(text: str) -> str:
    """SQLite takes no lone surrogates, which is what undecodable octets from the network have become."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
