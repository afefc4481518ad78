"""The call log on a disk."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from neon.history import Entry, Note, Result, Wanted
from neon.store.database import Database
from neon.store.history import HistoryTable
from neon.values import Direction

NOON = datetime(2024, 5, 1, 12, 0, 0, 250_000, tzinfo=UTC)

CALL = Entry(
    7,
    1,
    "sip:31@acme.com",
    Direction.OUTGOING,
    "sip:31@acme.com",
    "sip:600@acme.com",
    "José",
    NOON,
    NOON + timedelta(seconds=2),
    NOON + timedelta(seconds=9),
    7000,
    Result.ANSWERED,
    0,
    "",
    16,
    Note("crm", "order 17", "", "/r/7.wav", {"mos": 4.1}),
)


class HistoryTableTests(SynchronousTestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.database = Database(Path(directory.name) / "neon.sqlite")
        self.database.open()
        self.addCleanup(lambda: self.successResultOf(self.database.close()))
        self.table = HistoryTable(self.database)

    def write(self, *entries: Entry) -> None:
        self.successResultOf(self.table.write(entries))

    def page(self, wanted: Wanted | None = None) -> list[Entry]:
        return self.successResultOf(self.table.page(wanted or Wanted()))

    def test_round_trip(self) -> None:
        """What was written is read again, with a number of its own."""
        refused = replace(CALL, call_id=8, answered=None, display_name=None, result=Result.BUSY, note=Note())
        self.write(CALL, refused)
        self.assertEqual(self.page(), [replace(refused, number=2), replace(CALL, number=1)])

    def test_text_of_the_network(self) -> None:
        """What is no text is still written."""
        self.write(replace(CALL, display_name="\udcff", reason="a\udc80b"))
        self.assertEqual((self.page()[0].display_name, self.page()[0].reason), ("?", "a?b"))

    def test_paging(self) -> None:
        """Pages do not overlap and miss nothing, downwards and upwards, while calls are added."""
        self.write(*[replace(CALL, call_id=number) for number in range(1, 26)])
        seen: list[int] = []
        before = None
        while page := self.page(Wanted(limit=10, before=before)):
            seen += [entry.call_id for entry in page]
            before = page[-1].number
            self.write(CALL)
        self.assertEqual(seen, list(range(25, 0, -1)))
        upwards = self.page(Wanted(limit=10, before=20, upwards=True))
        self.assertEqual([entry.number for entry in upwards], list(range(21, 29)))

    def test_filters(self) -> None:
        """Each filter takes what fits it, all of them together what fits all."""
        later = replace(CALL, call_id=8, started=NOON + timedelta(days=1), direction=Direction.INCOMING,
                        caller="sip:100%@x", result=Result.MISSED, account="sip:32@acme.com")
        self.write(CALL, later)
        for wanted, found in (
            (Wanted(since=NOON + timedelta(hours=1)), [8]),
            (Wanted(until=NOON + timedelta(hours=1)), [7]),
            (Wanted(since=NOON, until=NOON), []),
            (Wanted(direction=Direction.INCOMING), [8]),
            (Wanted(result=Result.ANSWERED), [7]),
            (Wanted(account="sip:32@acme.com"), [8]),
            (Wanted(party="100%"), [8]),
            (Wanted(party="JOS"), [8, 7]),
            (Wanted(party="600", result=Result.MISSED), [8]),
            (Wanted(party="' OR 1=1 --"), []),
        ):
            self.assertEqual([entry.call_id for entry in self.page(wanted)], found, wanted)

    def test_forget(self) -> None:
        """The old ones go, a bounded number at a time, and numbers are not given again."""
        self.write(*[CALL] * 2500, replace(CALL, started=NOON + timedelta(days=2)))
        counts = [self.successResultOf(self.table.forget(NOON + timedelta(days=1))) for _ in range(3)]
        self.assertEqual(counts, [2000, 500, 0])
        self.write(CALL)
        self.assertEqual([entry.number for entry in self.page()], [2502, 2501])
