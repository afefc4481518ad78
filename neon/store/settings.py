"""What a person switched, and shall stay so: the table C{settings}, a name and a text each."""

from __future__ import annotations

import sqlite3

from twisted.internet.defer import Deferred

from neon.store.database import Database


class SettingTable:
    """Settings by name. What the configuration says holds for those that are not here."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> Deferred[dict[str, str]]:
        """Every setting that was made."""
        return self._database.run(lambda connection: dict(connection.execute("SELECT name, value FROM settings")))

    def save(self, name: str, value: str) -> Deferred[None]:
        """Remember a setting."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO settings (name, value) VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (name, value),
            )

        return self._database.run(work)
