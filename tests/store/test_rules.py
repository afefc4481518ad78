"""What was said about calls to come outlives the daemon."""

from __future__ import annotations

from neon.store.rules import RuleTable
from tests.store.test_database import StoreCase


class RuleTests(StoreCase):
    def test_survives(self) -> None:
        """The last word about an account counts; nothing to say is no row."""
        database = self.opened()
        table = RuleTable(database)
        for account, rules in (
            ("sip:31@a", {"dnd": True}),
            ("sip:31@a", {"dnd": False, "forward_busy": "33"}),
            ("", {"seconds": 9}),
            ("sip:32@a", {"dnd": True}),
            ("sip:32@a", {}),
            ("sip:33@a", {}),
        ):
            self.successResultOf(table.save(account, rules))
        self.successResultOf(database.close())
        kept = self.successResultOf(RuleTable(self.opened()).all())
        self.assertEqual(kept, {"sip:31@a": {"dnd": False, "forward_busy": "33"}, "": {"seconds": 9}})

    def test_damaged(self) -> None:
        """A row that cannot be read is left out, and the others are there."""
        database = self.opened()
        table = RuleTable(database)
        self.successResultOf(table.save("good", {"dnd": True}))
        statement = "INSERT INTO incoming_rules VALUES ('bad', '{'), ('list', '[]')"
        self.successResultOf(database.run(lambda connection: connection.execute(statement).rowcount))
        self.assertEqual(self.successResultOf(table.all()), {"good": {"dnd": True}})
