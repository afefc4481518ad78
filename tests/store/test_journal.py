"""The journal comes back from the disk as it was written, with sequence numbers that nobody has used."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from neon.records import CallRecord, DialogRecord, Party
from neon.store.database import Database
from neon.store.journal import CSEQ_MARGIN, JournalTable
from neon.values import Cause, Destination, Direction

DIALOG = DialogRecord(
    sip_call_id="abc@192.0.2.1",
    local=Party('Jo\\"e', "sip:31@acme.test"),
    local_tag="ours",
    remote=Party(None, "sip:32@acme.test"),
    remote_tag="theirs",
    local_cseq=5,
    remote_target="sip:32@192.0.2.9:5070;transport=tcp",
    route_set=("sip:192.0.2.1;lr", "sip:192.0.2.2;lr"),
    contact="sip:x@192.0.2.10",
    home=Destination("192.0.2.1", 5061, "tls", "acme.test"),
)
CALL = CallRecord(
    call_id=55,
    connection_id=2,
    account="sip:31@acme.test",
    direction=Direction.OUTGOING,
    caller="sip:31@acme.test",
    callee="sip:32@acme.test",
    display_name=None,
    answered=1_800_000_000.25,
    dialog=DIALOG,
)


def insert(call_id: int, text: str, connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO journal (call_id, cseq, record) VALUES (?, 1, ?)", (call_id, text))


class JournalTableTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.table = self.opened()

    def opened(self) -> JournalTable:
        self.database = Database(self.folder / "neon.sqlite")
        self.database.open()
        self.addCleanup(self.database.close)
        return JournalTable(self.database)

    def again(self) -> list[CallRecord]:
        """As the next life finds it."""
        self.database.close()
        self.table = self.opened()
        return self.successResultOf(self.table.take_over())

    def write(self, *records: CallRecord) -> None:
        self.successResultOf(self.table.write({record.call_id: record for record in records}))

    def test_comes_back(self) -> None:
        """Everything is as it was, but for the sequence number."""
        self.write(CALL)
        self.assertEqual(self.again(), [replace(CALL, dialog=replace(DIALOG, local_cseq=5 + CSEQ_MARGIN))])

    def test_every_life_has_its_numbers(self) -> None:
        """A life that ends at once leaves numbers to the next that it may not have used itself."""
        self.write(CALL)
        found = [self.again()[0].dialog for _ in range(3)]
        self.assertEqual([dialog.local_cseq for dialog in found if dialog], [5 + CSEQ_MARGIN * n for n in (1, 2, 3)])

    def test_numbers_never_go_back(self) -> None:
        """What is written later with a smaller number does not lower it."""
        self.write(CALL)
        self.again()
        self.write(replace(CALL, answered=None))
        [record] = self.again()
        self.assertEqual(record.dialog and record.dialog.local_cseq, 5 + 2 * CSEQ_MARGIN)

    def test_invite(self) -> None:
        """An INVITE that rings keeps its number and its branch: its CANCEL needs them."""
        ringing = replace(CALL, answered=None, dialog=replace(DIALOG, remote_tag="", branch="z9hG4bK1"))
        self.write(ringing)
        self.assertEqual(self.again(), [ringing])

    def test_ended(self) -> None:
        """A call whose event is owed, and one without a dialog."""
        over = replace(CALL, dialog=None, ended=1_800_000_061.0, cause=Cause(408, "gone"))
        other = replace(CALL, call_id=56, dialog=None, answered=None, display_name="\udcff x")
        self.write(over, other)
        self.assertEqual(self.again(), [over, other])
        self.assertEqual(over.duration_ms, 60_750)

    def test_removed(self) -> None:
        """A call that is over leaves nothing."""
        self.write(CALL, replace(CALL, call_id=56))
        self.successResultOf(self.table.write({55: None, 57: None}))
        self.assertEqual([record.call_id for record in self.again()], [56])

    def test_damaged(self) -> None:
        """A row that cannot be read is logged and dropped; the others are there."""
        self.write(CALL)
        for number, text in enumerate(("", "{}", "[]", '{"connection": 1}', "null"), 60):
            self.successResultOf(self.database.run(partial(insert, number, text)))
        self.assertEqual([record.call_id for record in self.again()], [55])
        self.assertEqual([record.call_id for record in self.again()], [55])

    def test_the_clock_went_back(self) -> None:
        """A wall clock that was set back makes no negative duration."""
        self.assertEqual(replace(CALL, ended=1_700_000_000.0).duration_ms, 0)
