"""What was decided about web pages outlives the daemon."""

from __future__ import annotations

import sqlite3

from neon.store.database import MIGRATIONS
from neon.store.origins import OriginTable
from tests.store.test_database import StoreCase

CRM = "https://crm.example.com"


class OriginTests(StoreCase):
    def test_survives(self) -> None:
        """Decisions are there after closing and opening again; the last one about a page counts."""
        database = self.opened()
        table = OriginTable(database)
        for origin, allowed in ((CRM, False), (CRM, True), ("http://evil", False), ("http://gone", True)):
            self.successResultOf(table.save(origin, allowed))
        self.successResultOf(table.remove("http://gone"))
        self.successResultOf(table.remove("http://never"))
        self.successResultOf(database.close())
        kept = self.successResultOf(OriginTable(self.opened()).all())
        self.assertEqual(kept, {CRM: True, "http://evil": False})

    def test_upgrade(self) -> None:
        """A state of the first release gets the table, and keeps what it has."""
        self.path.parent.mkdir(mode=0o700)
        connection = sqlite3.connect(self.path)
        connection.executescript(f"{MIGRATIONS[0]} PRAGMA user_version = 1;")
        connection.execute("INSERT INTO counters VALUES ('call_id', 7)")
        connection.commit()
        connection.close()
        database = self.opened()
        self.assertEqual(self.successResultOf(OriginTable(database).all()), {})
        rows = self.successResultOf(database.run(lambda c: c.execute("SELECT next FROM counters").fetchall()))
        self.assertEqual(rows, [(7,)])
