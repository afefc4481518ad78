"""The applications whose password NEON itself keeps: the generated C{local} one, and those that neonctl added."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from twisted.internet.defer import Deferred

from neon.passwords import PasswordHash
from neon.store.database import Database
from neon.values import Scope


@dataclass(frozen=True, slots=True)
class StoredApplication:
    """One row; C{created} is UTC, ISO 8601."""

    name: str
    password_hash: PasswordHash
    scopes: frozenset[Scope]
    created: str


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

    def all(self) -> Deferred[list[StoredApplication]]:
        """Every application, by name."""

        def work(connection: sqlite3.Connection) -> list[StoredApplication]:
            rows = connection.execute("SELECT name, password_hash, scopes, created FROM applications ORDER BY name")
            return [
                StoredApplication(name, PasswordHash.parse(written), _scopes(words), created)
                for name, written, words, created in rows
            ]

        return self._database.run(work)

    def save(
        self, name: str, password_hash: PasswordHash, scopes: frozenset[Scope] = frozenset(Scope)
    ) -> Deferred[None]:
        """Add an application, or give it another password and other scopes."""
        words = None if scopes == frozenset(Scope) else " ".join(sorted(scope.value for scope in scopes))

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO applications (name, password_hash, scopes) VALUES (?, ?, ?) ON CONFLICT (name)"
                " DO UPDATE SET password_hash = excluded.password_hash, scopes = excluded.scopes",
                (name, str(password_hash), words),
            )

        return self._database.run(work)

    def remove(self, name: str) -> Deferred[bool]:
        """Take an application out; whether it was there."""

        def work(connection: sqlite3.Connection) -> bool:
            return connection.execute("DELETE FROM applications WHERE name = ?", (name,)).rowcount > 0

        return self._database.run(work)


def _scopes(words: str | None) -> frozenset[Scope]:
    if words is None:
        return frozenset(Scope)
    known = {scope.value: scope for scope in Scope}
    return frozenset(known[word] for word in words.split() if word in known)
