"""Accounts that a person added and wants to have again after a restart: C{accounts.json}, of mode 0600."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from neon.privatefile import replace_private
from neon.store.database import Database
from neon.store.operators import KEPT
from neon.values import AccountSettings

MAX_FILE: Final = 1 << 20
MOST: Final = 100

_log = Logger()


class AccountFile:
    """The file, passwords in it. It is written whole, by the database's thread, one after the other."""

    def __init__(self, path: Path, database: Database) -> None:
        self._path = path
        self._database = database

    def read(self) -> list[AccountSettings]:
        """Every account; for start-up only. One that cannot be read is left out, and the log says so."""
        try:
            with self._path.open("rb") as file:
                rows = json.loads(file.read(MAX_FILE))["accounts"]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, LookupError, TypeError) as error:
            _log.error("{path} cannot be read, its accounts are missing: {error}", path=str(self._path), error=error)
            return []
        found = []
        for row in rows[:MOST] if isinstance(rows, list) else ():
            try:
                found.append(AccountSettings(**{name: row[name] for name in (*KEPT, "password")}))
            except (LookupError, TypeError):
                _log.error("{path} has an account that cannot be read", path=str(self._path))
        return found

    def write(self, accounts: Collection[AccountSettings]) -> Deferred[None]:
        """Replace what is in it."""
        rows: list[dict[str, Any]] = [
            {name: getattr(account, name) for name in (*KEPT, "password")} for account in accounts
        ]
        data = json.dumps({"accounts": rows}, indent=1).encode()
        return self._database.run(lambda _: replace_private(self._path, data))
