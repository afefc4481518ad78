"""The call log as a file."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from neon import csvlog
from neon.api import download
from neon.history import Entry, History, Note, Wanted
from tests.api.web import HttpCase
from tests.store.test_history import CALL


class LongStore:
    """A log of so many calls; pages may be made to wait."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.pages = 0
        self.broken_at: int | None = None

    def write(self, entries: Sequence[Entry]) -> Deferred[None]:
        return succeed(None)

    def page(self, wanted: Wanted) -> Deferred[list[Entry]]:
        self.pages += 1
        if self.pages == self.broken_at:
            return fail(OSError("gone"))
        top = self.length if wanted.before is None else wanted.before - 1
        numbers = range(top, max(0, top - wanted.limit), -1)
        return succeed([replace(CALL, call_id=number, number=number) for number in numbers])

    def forget(self, before: object) -> Deferred[int]:
        return succeed(0)


class DownloadCase(HttpCase):
    def serve(self, length: int) -> LongStore:
        store = LongStore(length)
        history = History(self.world.bus, self.clock, store, lambda number: "")
        self.root.add_file("/calllog.csv", download.serve(download.Csv, history))
        self.root.add_file("/calllog.json", download.serve(download.Json, history))
        return store


class DownloadTests(DownloadCase):
    def test_csv(self) -> None:
        """Every call is a line, under the names of the columns; a browser saves it as a file."""
        self.serve(450)
        reply = self.get("/CallLog.csv", {"token": self.authenticate()})
        self.assertEqual(reply.header("Content-Type"), "text/csv; charset=utf-8; header=present")
        self.assertEqual(reply.header("Content-Disposition"), 'attachment; filename="calls.csv"')
        rows = list(csv.DictReader(reply.body.decode().splitlines()))
        self.assertEqual([row["callId"] for row in rows], [str(number) for number in range(450, 0, -1)])
        self.assertEqual((rows[0]["customField1"], rows[0]["displayName"]), ("order 17", "José"))

    def test_json(self) -> None:
        """One array, however many pages it took, and an empty one for an empty log."""
        token = self.authenticate()
        for length in (0, 1, 200, 401):
            self.serve(length)
            calls = json.loads(self.get("/calllog.json/", {"token": token}).body)
            self.assertEqual([call["number"] for call in calls], list(range(length, 0, -1)))

    def test_token(self) -> None:
        """Nobody reads it without a token."""
        self.serve(1)
        self.assertEqual(self.get("/CallLog.csv").code, 600)
        self.assertEqual(self.get("/CallLog.csv", {"token": "0" * 32}).code, 600)

    def test_bad_filter(self) -> None:
        """A filter that makes no sense is refused, not ignored."""
        self.serve(1)
        self.assertEqual(self.get("/CallLog.csv", {"token": self.authenticate(), "since": "soon"}).code, 102)

    def test_broken(self) -> None:
        """A log that cannot be read to its end does not look like a whole one."""
        store = self.serve(1000)
        store.broken_at = 2
        token = self.authenticate()
        server, transport = self.raw()
        server.dataReceived(f"GET /CallLog.json?token={token} HTTP/1.1\r\nHost: localhost:15060\r\n\r\n".encode())
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        self.assertFalse(transport.connected)
        self.assertFalse(transport.value().endswith(b"0\r\n\r\n"))

    def test_pace(self) -> None:
        """No page is read before the reader has taken the one before."""
        store = self.serve(100_000)
        token = self.authenticate()
        server, transport = self.raw()
        written = transport.writeSequence

        def write(data: Any) -> None:
            written(data)
            if transport.producer is not None:
                transport.producer.pauseProducing()

        self.patch(transport, "writeSequence", write)
        server.dataReceived(f"GET /CallLog.csv?token={token} HTTP/1.1\r\nHost: localhost:15060\r\n\r\n".encode())
        for turn in range(1, 5):
            self.assertLessEqual(store.pages, turn)
            producer: Any = transport.producer
            producer.resumeProducing()
        server.connectionLost(Failure(ConnectionDone()))
        pages = store.pages
        self.clock.advance(10)
        self.assertEqual(store.pages, pages)


class CellTests(DownloadCase):
    def test_formulas(self) -> None:
        """What a spreadsheet would carry out is text; numbers stay numbers."""
        rows = (("=1+1", "'=1+1"), ("+55 11", "'+55 11"), ("-2", "'-2"), ("@SUM(A1)", "'@SUM(A1)"), ("\t=1", "'\t=1"))
        for given, written in rows:
            self.assertEqual(csvlog.cell(given), written)
        self.assertEqual([csvlog.cell(cell) for cell in (-5, 0, None, "a=b")], ["-5", "0", "", "a=b"])

    def test_quotes(self) -> None:
        """Commas, quotes and line breaks stay within their cell."""
        note = Note(custom1='a,"b"', custom2="=cmd|' /C calc'!A0")
        lines = download.Csv().rows([replace(CALL, note=note, reason="one\ntwo")])
        (row,) = csv.reader(lines.decode().splitlines(keepends=True))
        values = dict(zip(csvlog.COLUMNS, row, strict=True))
        self.assertEqual((values["customField1"], values["reason"]), ('a,"b"', "one\ntwo"))
        self.assertEqual(values["customField2"], "'=cmd|' /C calc'!A0")
