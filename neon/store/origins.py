"""What users have decided about web pages: the table C{origins}."""

from __future__ import annotations

import sqlite3

from twisted.internet.defer import Deferred

from neon.store.database import Database


class OriginTable:
    """Origins that are allowed, and origins that are blocked."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> Deferred[dict[str, bool]]:
        """Every origin with whether it is allowed."""

        def work(connection: sqlite3.Connection) -> dict[str, bool]:
            rows = connection.execute("SELECT origin, allowed FROM origins")
            return {origin: bool(allowed) for origin, allowed in rows}

        return self._database.run(work)

    def save(self, origin: str, allowed: bool) -> Deferred[None]:
        """Remember a decision."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO origins (origin, allowed) VALUES (?, ?)"
                " ON CONFLICT (origin) DO UPDATE SET allowed = excluded.allowed",
                (origin, int(allowed)),
            )

        return self._database.run(work)

    def remove(self, origin: str) -> Deferred[None]:
        """Forget a decision."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM origins WHERE origin = ?", (origin,))

        return self._database.run(work)
