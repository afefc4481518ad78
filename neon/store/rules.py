"""What was said about calls to come, by address of record: a row an account, JSON inside."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import Deferred

from neon.store.database import Database


class RuleTable:
    """The table C{incoming_rules}."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> Deferred[dict[str, dict[str, Any]]]:
        """Every row; one that cannot be read is as if it were not there."""
        return self._database.run(_all)

    def save(self, account: str, rules: Mapping[str, Any]) -> Deferred[None]:
        """Write a row, or remove it if there is nothing in it."""
        return self._database.run(lambda connection: _save(connection, account, rules))


def _all(connection: sqlite3.Connection) -> dict[str, dict[str, Any]]:
    rules: dict[str, dict[str, Any]] = {}
    for account, text in connection.execute("SELECT account, rules FROM incoming_rules"):
        try:
            row = json.loads(text)
        except ValueError:
            continue
        if isinstance(row, dict):
            rules[account] = row
    return rules


def _save(connection: sqlite3.Connection, account: str, rules: Mapping[str, Any]) -> None:
    if not rules:
        connection.execute("DELETE FROM incoming_rules WHERE account = ?", (account,))
        return
    connection.execute(
        "INSERT INTO incoming_rules (account, rules) VALUES (?, ?)"
        " ON CONFLICT (account) DO UPDATE SET rules = excluded.rules",
        (account, json.dumps(dict(rules))),
    )
