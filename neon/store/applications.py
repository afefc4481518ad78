"""The applications whose password NEON itself keeps: today only the generated C{local} one."""

from __future__ import annotations

import sqlite3

from twisted.internet.defer import Deferred

from neon.passwords import PasswordHash
from neon.store.database import Database


class ApplicationTable:
    """The table C{applications}."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, name: str) -> Deferred[PasswordHash | None]:
        """The password hash of an application, or None."""

        def work(connection: sqlite3.Connection) -> PasswordHash | None:
            row = connection.execute("SELECT password_hash FROM applications WHERE name = ?", (name,)).fetchone()
            return PasswordHash.parse(row[0]) if row else None

        return self._database.run(work)

    def save(self, name: str, password_hash: PasswordHash) -> Deferred[None]:
        """Add an application, or give it another password."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO applications (name, password_hash) VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET password_hash = excluded.password_hash",
                (name, str(password_hash)),
            )

        return self._database.run(work)
