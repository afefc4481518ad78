"""The call log as a file: C{GET /CallLog.csv} and C{/CallLog.json}, with a token and the filters of C{callhistory}.

    GET /CallLog.csv?token=...&since=2024-05-01

It is read from the database in pages, each when the one before has been sent, so a log of any length takes the memory
of one page. CSV is RFC 4180 in UTF-8; a cell that a spreadsheet would take for a formula begins with an apostrophe.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from twisted.logger import Logger
from twisted.python.failure import Failure

from neon import arguments, csvlog
from neon.api.form import Pair
from neon.api.http import Exchange
from neon.commands.history import FILTERS, fields, log_of
from neon.history import Entry, History, Wanted

PAGE: Final = 200
"""So many calls are formatted at once: a few milliseconds on the thread that also serves SIP."""

_log = Logger()


class Csv:
    """Lines of CSV."""

    content_type = "text/csv; charset=utf-8; header=present"
    suffix = "csv"

    def begin(self) -> bytes:
        return csvlog.header().encode()

    def rows(self, entries: Sequence[Entry]) -> bytes:
        return csvlog.lines(map(fields, entries)).encode("utf-8", "replace")

    def end(self) -> bytes:
        return b""


class Json:
    """One array, a call a line."""

    content_type = "application/json"
    suffix = "json"

    def __init__(self) -> None:
        self._first = True

    def begin(self) -> bytes:
        return b"["

    def rows(self, entries: Sequence[Entry]) -> bytes:
        lines = []
        for entry in entries:
            lines.append(("\n" if self._first else ",\n") + json.dumps(fields(entry), ensure_ascii=False))
            self._first = False
        return "".join(lines).encode("utf-8", "replace")

    def end(self) -> bytes:
        return b"\n]\n"


Format = Csv | Json


class Download:
    """One download: a push producer for the request it is written to."""

    def __init__(self, request: Any, history: History, wanted: Wanted, form: Format) -> None:
        self._request = request
        self._history = history
        self._wanted = wanted
        self._form = form
        self._paused = False
        self._reading = False
        self._looping = False
        self._over = False

    def start(self) -> None:
        """Send everything, at the pace of the reader."""
        self._request.notifyFinish().addBoth(self._ended)
        self._request.registerProducer(self, True)
        self._request.write(self._form.begin())
        self._read()

    def pauseProducing(self) -> None:
        self._paused = True

    def resumeProducing(self) -> None:
        self._paused = False
        if not self._looping:
            self._read()

    def stopProducing(self) -> None:
        self._over = True

    def _ended(self, _: object) -> None:
        self._over = True

    def _read(self) -> None:
        """Page after page; one that takes its time calls this again when it is there."""
        self._looping = True
        while not (self._paused or self._reading or self._over):
            self._reading = True
            page = self._history.page(self._wanted)
            page.addCallback(self._write).addErrback(self._broken)
        self._looping = False

    def _write(self, entries: list[Entry]) -> None:
        self._reading = False
        if self._over:
            return
        if entries:
            self._wanted = replace(self._wanted, before=entries[-1].number)
            self._request.write(self._form.rows(entries))
        if len(entries) == self._wanted.limit:
            if not self._looping:
                self._read()
            return
        self._over = True
        self._request.unregisterProducer()
        self._request.write(self._form.end())
        self._request.finish()

    def _broken(self, failure: Failure) -> None:
        """What was sent cannot be taken back: a connection that is cut tells that this is not all."""
        _log.failure("a download of the call log failed", failure)
        if not self._over:
            self._over = True
            self._request.channel.cut("the call log could not be read")


def serve(form: Callable[[], Format], history: History | None) -> Callable[[Exchange, list[Pair], Any], None]:
    """What answers at the path of a file."""

    def answer(exchange: Exchange, pairs: list[Pair], request: Any) -> None:
        log = log_of(history)
        values = arguments.read(FILTERS, arguments.fold(pairs))
        made = form()
        name = f'attachment; filename="calls.{made.suffix}"'
        exchange.begin([("Content-Type", made.content_type), ("Content-Disposition", name)])
        Download(request, log, Wanted(limit=PAGE, **values), made).start()

    return answer
