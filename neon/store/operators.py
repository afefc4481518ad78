"""What VoIP operators gave us: accounts and licences in SQLite, their passwords and keys in a file of mode 0600.

The file, C{operators.json} beside the database, is written whole by the database's thread. It is the floor: a keyring
can take its place behind the same four methods.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from neon.operatorvalues import LicenceRecord, StoredAccount
from neon.privatefile import replace_private
from neon.store.database import Database
from neon.values import AccountSettings

KEPT: Final = ("domain", "number", "port", "transport", "auth_user", "display_name", "proxy", "expires")
"""The fields of an account that are not secret, and that an operator may set."""

MAX_FILE: Final = 1 << 20


class OperatorTable:
    """The tables C{operator_accounts} and C{operator_licences}, and the file with what is secret of them."""

    _log = Logger()

    def __init__(self, database: Database, secrets: Path) -> None:
        self._database = database
        self._path = secrets
        # Touched by the database's thread only.
        self._secrets: dict[str, dict[str, str]] = {}

    def accounts(self) -> Deferred[list[StoredAccount]]:
        """Every account, by operator and login; first of all, since this reads the file."""

        def work(connection: sqlite3.Connection) -> list[StoredAccount]:
            self._read()
            rows = connection.execute("SELECT operator, login, settings FROM operator_accounts ORDER BY 1, 2")
            return [
                account for operator, login, written in rows if (account := self._account(operator, login, written))
            ]

        return self._database.run(work)

    def save_account(self, stored: StoredAccount) -> Deferred[None]:
        """Keep an account, in place of what was there for the same login."""
        settings = json.dumps({name: getattr(stored.account, name) for name in KEPT})

        def work(connection: sqlite3.Connection) -> None:
            self._secrets[_key(stored.operator, stored.login)] = {
                "login": stored.login_password,
                "sip": stored.account.password,
            }
            self._write()
            connection.execute(
                "INSERT INTO operator_accounts VALUES (?, ?, ?)"
                " ON CONFLICT DO UPDATE SET settings = excluded.settings",
                (stored.operator, stored.login, settings),
            )

        return self._database.run(work)

    def remove_account(self, operator: str, login: str) -> Deferred[bool]:
        """Forget an account; whether it was there."""

        def work(connection: sqlite3.Connection) -> bool:
            self._secrets.pop(_key(operator, login), None)
            self._write()
            gone = connection.execute(
                "DELETE FROM operator_accounts WHERE operator = ? AND login = ?", (operator, login)
            )
            return gone.rowcount > 0

        return self._database.run(work)

    def licences(self) -> Deferred[dict[str, tuple[LicenceRecord | None, str]]]:
        """By operator: the last check and the key, empty where there is none; after L{accounts}."""

        def work(connection: sqlite3.Connection) -> dict[str, tuple[LicenceRecord | None, str]]:
            found: dict[str, tuple[LicenceRecord | None, str]] = {}
            for operator, active, checked, reason in connection.execute("SELECT * FROM operator_licences"):
                record = LicenceRecord(operator, bool(active), datetime.fromisoformat(checked), reason)
                found[operator] = (record, "")
            for name, secrets in self._secrets.items():
                operator, _, login = name.partition("/")
                if not login and "key" in secrets:
                    found[operator] = (found.get(operator, (None, ""))[0], secrets["key"])
            return found

        return self._database.run(work)

    def save_licence(self, record: LicenceRecord) -> Deferred[None]:
        """Keep how a check went."""
        row = (record.operator, int(record.active), record.checked.isoformat(), record.reason)

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT OR REPLACE INTO operator_licences VALUES (?, ?, ?, ?)", row)

        return self._database.run(work)

    def save_key(self, operator: str, key: str) -> Deferred[None]:
        """Keep the key of a licence."""

        def work(connection: sqlite3.Connection) -> None:
            self._secrets[_key(operator, "")] = {"key": key}
            self._write()

        return self._database.run(work)

    def _account(self, operator: str, login: str, written: str) -> StoredAccount | None:
        secrets = self._secrets.get(_key(operator, login), {})
        settings: Mapping[str, Any] = json.loads(written)
        if "sip" not in secrets:
            self._log.warn(
                "the password of {login} at operator {operator} is not in {path}; provision it again",
                login=login,
                operator=operator,
                path=str(self._path),
            )
            return None
        account = AccountSettings(password=secrets["sip"], **{name: settings[name] for name in KEPT})
        return StoredAccount(operator, login, secrets.get("login", ""), account)

    def _read(self) -> None:
        try:
            with self._path.open("rb") as file:
                document = json.loads(file.read(MAX_FILE))
            self._secrets = {str(name): {str(k): str(v) for k, v in item.items()} for name, item in document.items()}
        except FileNotFoundError:
            self._secrets = {}
        except (OSError, ValueError, AttributeError) as error:
            self._log.warn("{path} cannot be read: {error}", path=str(self._path), error=type(error).__name__)
            self._secrets = {}

    def _write(self) -> None:
        replace_private(self._path, f"{json.dumps(self._secrets, indent=2)}\n".encode())


def _key(operator: str, login: str) -> str:
    # The name of an operator's file has no slash in it.
    return f"{operator}/{login}"
