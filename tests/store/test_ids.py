"""Identifiers grow across stops and kills."""

from __future__ import annotations

from neon.store.database import Database, StoreError
from neon.store.ids import Ids
from tests.store.test_database import StoreCase


class IdsTests(StoreCase):
    def started(self, database: Database, block: int = 10) -> Ids:
        ids = Ids(database, block)
        self.successResultOf(ids.start())
        return ids

    def test_first(self) -> None:
        """Both kinds begin at 1 and do not share numbers."""
        ids = self.started(self.opened())
        self.assertEqual([ids.next_call_id(), ids.next_call_id(), ids.next_connection_id()], [1, 2, 1])

    def test_clean_stop_is_exact(self) -> None:
        """After a clean stop the next run goes on with the very next number."""
        database = self.opened()
        ids = self.started(database)
        for _ in range(3):
            ids.next_call_id()
        self.successResultOf(ids.stop())
        self.successResultOf(database.close())
        self.assertEqual(self.started(self.opened()).next_call_id(), 4)

    def test_kill(self) -> None:
        """After a kill no number comes twice, wherever in a block it happened."""
        highest = 0
        for draws in (1, 4, 5, 6, 9, 10, 11, 25):
            database = Database(self.path)
            database.open()
            ids = self.started(database)
            for _ in range(draws):
                number = ids.next_call_id()
                self.assertGreater(number, highest)
                highest = number
            # Neither ids.stop() nor a write: as a killed process leaves it.
            self.successResultOf(database.close())

    def test_across_blocks(self) -> None:
        """The end of a block leaves no gap."""
        ids = self.started(self.opened())
        self.assertEqual([ids.next_call_id() for _ in range(35)], list(range(1, 36)))

    def test_disk_refuses(self) -> None:
        """When no further block can be reserved, the rest of this one is still given out, and then an error."""
        database = self.opened()
        ids = self.started(database)
        self.successResultOf(database.close())
        self.assertEqual([ids.next_call_id() for _ in range(10)], list(range(1, 11)))
        self.assertRaises(StoreError, ids.next_call_id)
        self.assertTrue(self.flushLoggedErrors(StoreError))
