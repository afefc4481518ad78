"""Who may log in to the supervisor and agent feed (L{neon.api.feed}): names, password hashes, extensions."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from twisted.internet.defer import Deferred

from neon.passwords import PasswordHash
from neon.store.database import Database


@dataclass(frozen=True, slots=True)
class StoredMember:
    """One row; C{extension} is None for a supervisor, C{created} is UTC, ISO 8601."""

    name: str
    extension: str | None
    acts: bool
    password_hash: PasswordHash
    created: str

    @property
    def supervises(self) -> bool:
        return self.extension is None


class MemberTable:
    """The table C{members}."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> Deferred[list[StoredMember]]:
        """Everybody, by name."""

        def work(connection: sqlite3.Connection) -> list[StoredMember]:
            rows = connection.execute(
                "SELECT name, extension, acts, password_hash, created FROM members ORDER BY name"
            )
            return [
                StoredMember(name, extension, bool(acts), PasswordHash.parse(written), created)
                for name, extension, acts, written, created in rows
            ]

        return self._database.run(work)

    def save(self, name: str, extension: str | None, acts: bool, password_hash: PasswordHash) -> Deferred[None]:
        """Add somebody, or give them another password, extension or right."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO members (supervises, name, extension, acts, password_hash) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (supervises, name) DO UPDATE SET extension = excluded.extension, acts = excluded.acts,"
                " password_hash = excluded.password_hash",
                (extension is None, name, extension, acts, str(password_hash)),
            )

        return self._database.run(work)

    def remove(self, supervises: bool, name: str) -> Deferred[bool]:
        """Take somebody out; whether they were there."""

        def work(connection: sqlite3.Connection) -> bool:
            found = connection.execute("DELETE FROM members WHERE supervises = ? AND name = ?", (supervises, name))
            return found.rowcount > 0

        return self._database.run(work)
