"""Who may log in to the feed, on a disk."""

from __future__ import annotations

import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from neon.passwords import PasswordHash
from neon.store.database import Database
from neon.store.members import MemberTable

ONE, OTHER = PasswordHash.of("one", n=2), PasswordHash.of("other", n=2)


class MemberTableTests(SynchronousTestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        database = Database(Path(directory.name) / "neon.sqlite")
        database.open()
        self.addCleanup(lambda: self.successResultOf(database.close()))
        self.table = MemberTable(database)

    def names(self) -> list[tuple[str, str | None, bool, PasswordHash]]:
        rows = self.successResultOf(self.table.all())
        return [(row.name, row.extension, row.acts, row.password_hash) for row in rows]

    def test_agents_and_supervisors(self) -> None:
        """An agent and a supervisor may be called the same; each has a password of their own."""
        self.successResultOf(self.table.save("ana", "101", True, ONE))
        self.successResultOf(self.table.save("ana", None, False, OTHER))
        self.assertEqual(sorted(self.names(), key=str), [("ana", "101", True, ONE), ("ana", None, False, OTHER)])

    def test_changed(self) -> None:
        """The same name again has a new password, extension and right."""
        self.successResultOf(self.table.save("ana", "101", True, ONE))
        self.successResultOf(self.table.save("ana", "102", True, OTHER))
        self.assertEqual(self.names(), [("ana", "102", True, OTHER)])

    def test_removed(self) -> None:
        """Only who was meant is gone."""
        self.successResultOf(self.table.save("ana", "101", True, ONE))
        self.assertFalse(self.successResultOf(self.table.remove(True, "ana")))
        self.assertTrue(self.successResultOf(self.table.remove(False, "ana")))
        self.assertEqual(self.names(), [])
