"""The dialog journal: a row for each call that lives, written in batches, off the reactor's thread."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from neon.records import CallRecord, DialogRecord, Party
from neon.store.database import Database
from neon.values import Cause, Destination, Direction

CSEQ_MARGIN: Final = 1000
"""So many requests a dialog may have sent since it was written down, and more than a life after a crash sends.

The numbers of a dialog are only written when something else about it changes; RFC 3261, section 12.2.1.1, wants
them to grow and allows holes.
"""

_log = Logger()


class JournalTable:
    """The table C{journal}; implements L{neon.journal.Store}."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take_over(self) -> Deferred[list[CallRecord]]:
        """The calls of an earlier life, their CSeq beyond every number that it has used.

        What was reserved is written before it is returned: another crash reserves the next numbers.
        """
        return self._database.run(_take_over)

    def write(self, changes: Mapping[int, CallRecord | None]) -> Deferred[None]:
        """Write what changed, by callId; None is a call that is over. In one transaction."""
        return self._database.run(partial(_write, dict(changes)))


def _take_over(connection: sqlite3.Connection) -> list[CallRecord]:
    connection.execute("UPDATE journal SET cseq = cseq + ?", (CSEQ_MARGIN,))
    records = []
    rows = connection.execute("SELECT call_id, cseq, record FROM journal ORDER BY call_id").fetchall()
    for call_id, cseq, text in rows:
        try:
            records.append(_read(call_id, cseq, text))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            # Of another version, or damaged: nothing can be ended by it, and it must not stop the start.
            _log.error("call {call_id} in the journal cannot be read: {error!r}", call_id=call_id, error=error)
            connection.execute("DELETE FROM journal WHERE call_id = ?", (call_id,))
    return records


def _write(changes: Mapping[int, CallRecord | None], connection: sqlite3.Connection) -> None:
    connection.executemany(
        "DELETE FROM journal WHERE call_id = ?", [(call_id,) for call_id, record in changes.items() if record is None]
    )
    connection.executemany(
        "INSERT INTO journal (call_id, cseq, record) VALUES (?, ?, ?)"
        " ON CONFLICT (call_id) DO UPDATE SET cseq = max(cseq, excluded.cseq), record = excluded.record",
        [(call_id, _cseq(record), _text(record)) for call_id, record in changes.items() if record is not None],
    )


def _cseq(record: CallRecord) -> int:
    return 0 if record.dialog is None else record.dialog.local_cseq


def _text(record: CallRecord) -> str:
    document: dict[str, Any] = {
        "connection": record.connection_id,
        "account": record.account,
        "direction": record.direction.value,
        "caller": record.caller,
        "callee": record.callee,
        "name": record.display_name,
        "answered": record.answered,
        "ended": record.ended,
        "cause": [record.cause.status, record.cause.reason],
    }
    dialog = record.dialog
    if dialog is not None:
        document["dialog"] = {
            "id": dialog.sip_call_id,
            "local": [dialog.local.name, dialog.local.uri, dialog.local_tag],
            "remote": [dialog.remote.name, dialog.remote.uri, dialog.remote_tag],
            "target": dialog.remote_target,
            "routes": dialog.route_set,
            "contact": dialog.contact,
            "home": dialog.home,
            "branch": dialog.branch,
            "cseq": dialog.local_cseq,
        }
    # What undecodable octets from the network became (surrogates) is escaped, and comes back.
    return json.dumps(document)


def _read(call_id: int, cseq: int, text: str) -> CallRecord:
    document = json.loads(text)
    dialog: DialogRecord | None = None
    if (kept := document.get("dialog")) is not None:
        local, remote, home = kept["local"], kept["remote"], kept["home"]
        dialog = DialogRecord(
            sip_call_id=kept["id"],
            local=Party(local[0], local[1]),
            local_tag=local[2],
            remote=Party(remote[0], remote[1]),
            remote_tag=remote[2],
            # A CANCEL has the number of its INVITE, exactly (RFC 3261, section 9.1).
            local_cseq=kept["cseq"] if kept["branch"] else cseq,
            remote_target=kept["target"],
            route_set=tuple(kept["routes"]),
            contact=kept["contact"],
            home=Destination(*home),
            branch=kept["branch"],
        )
    return CallRecord(
        call_id=call_id,
        connection_id=document["connection"],
        account=document["account"],
        direction=Direction(document["direction"]),
        caller=document["caller"],
        callee=document["callee"],
        display_name=document["name"],
        answered=document["answered"],
        dialog=dialog,
        ended=document["ended"],
        cause=Cause(*document["cause"]),
    )
