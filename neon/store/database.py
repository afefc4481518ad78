"""The state database: SQLite with a write-ahead log, touched by one thread only and never by the reactor's.

Schema changes are a list; C{PRAGMA user_version} counts how many of them a database has seen.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from twisted.internet.defer import Deferred

T = TypeVar("T")

MIGRATIONS: Final = (
    """
    CREATE TABLE counters (name TEXT PRIMARY KEY, next INTEGER NOT NULL CHECK (next > 0)) STRICT, WITHOUT ROWID;
    CREATE TABLE applications (
        name TEXT PRIMARY KEY,
        password_hash TEXT NOT NULL,
        created TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
    ) STRICT, WITHOUT ROWID;
    """,
    # Words with spaces between; NULL is every scope there is, also those of a later NEON.
    "ALTER TABLE applications ADD COLUMN scopes TEXT;",
    """
    CREATE TABLE origins (
        origin TEXT PRIMARY KEY,
        allowed INTEGER NOT NULL CHECK (allowed IN (0, 1)),
        decided TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
    ) STRICT, WITHOUT ROWID;
    """,
    # The calls that live (neon.store.journal): what is needed to end them after a crash, as JSON.
    "CREATE TABLE journal (call_id INTEGER PRIMARY KEY, cseq INTEGER NOT NULL, record TEXT NOT NULL) STRICT;",
    """
    CREATE TABLE members (
        supervises INTEGER NOT NULL CHECK (supervises IN (0, 1)),
        name TEXT NOT NULL,
        extension TEXT CHECK (supervises = (extension IS NULL)),
        acts INTEGER NOT NULL CHECK (acts IN (0, 1)),
        password_hash TEXT NOT NULL,
        created TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
        PRIMARY KEY (supervises, name)
    ) STRICT, WITHOUT ROWID;
    """,
    # What operators gave us (neon.store.operators), without the passwords.
    """
    CREATE TABLE operator_accounts (
        operator TEXT NOT NULL, login TEXT NOT NULL, settings TEXT NOT NULL, PRIMARY KEY (operator, login)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE operator_licences (
        operator TEXT PRIMARY KEY, active INTEGER NOT NULL CHECK (active IN (0, 1)),
        checked TEXT NOT NULL, reason TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    """,
    # The call log (neon.store.history); times are milliseconds since 1970, quality is JSON.
    """
    CREATE TABLE history (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        call_id INTEGER NOT NULL,
        connection_id INTEGER NOT NULL,
        account TEXT NOT NULL,
        direction TEXT NOT NULL,
        caller TEXT NOT NULL,
        callee TEXT NOT NULL,
        display_name TEXT,
        started INTEGER NOT NULL,
        answered INTEGER,
        ended INTEGER NOT NULL,
        duration_ms INTEGER NOT NULL,
        result TEXT NOT NULL,
        status INTEGER NOT NULL,
        reason TEXT NOT NULL,
        cause INTEGER NOT NULL,
        application TEXT NOT NULL,
        custom1 TEXT NOT NULL,
        custom2 TEXT NOT NULL,
        recording TEXT NOT NULL,
        quality TEXT
    ) STRICT;
    CREATE INDEX history_started ON history (started);
    """,
    # What users said about calls to come (neon.store.rules), by address of record; the empty one is every account.
    "CREATE TABLE incoming_rules (account TEXT PRIMARY KEY, rules TEXT NOT NULL) STRICT, WITHOUT ROWID;",
    # What a person switched in the panel (neon.store.settings).
    "CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;",
)

BUSY_SECONDS: Final = 2.0


class StoreError(Exception):
    """The state cannot be kept; C{str(error)} says where and why."""


class Reactor(Protocol):
    """The one thing needed of the reactor."""

    def callFromThread(self, callable: Callable[..., object], *args: object) -> None:
        """Run something on the reactor's thread."""


def private_directory(path: Path) -> None:
    """Make sure that a directory exists and is only ours to read.

    @raise StoreError: it cannot be.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.stat().st_mode & 0o077:
            path.chmod(0o700)
    except OSError as error:
        raise StoreError(f"the state directory {path} cannot be used: {error.strerror}") from None


class Database:
    """One connection; everything else hands it functions to run with it.

    Work is done at once, in the caller's thread, until L{start_thread}: while the daemon starts, and in tests.
    C{migrations} make its schema, one after the other; each is done once in the life of a database.
    """

    def __init__(self, path: Path, migrations: Sequence[str] = MIGRATIONS) -> None:
        self._path = path
        self._migrations = tuple(migrations)
        self._reactor: Reactor | None = None
        self._executor: Executor | None = None
        self._connection: sqlite3.Connection | None = None

    def open(self) -> None:
        """Open or create the database and bring its schema up to date. Blocks: for start-up only.

        @raise StoreError: it is not ours to write, locked by another NEON, corrupt, or from a newer version.
        """
        private_directory(self._path.parent)
        try:
            # Created by us before SQLite does it, so that not even its first moment is readable by others;
            # SQLite gives the -wal and -shm files the same mode.
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._path.chmod(0o600)
        except OSError as error:
            raise StoreError(f"the database {self._path} cannot be written: {error.strerror}") from None
        try:
            self._connection = self._connect()
            self._migrate(self._connection)
        except sqlite3.DatabaseError as error:
            self._abandon()
            raise StoreError(self._explain(error)) from None
        except BaseException:
            self._abandon()
            raise

    def start_thread(self, reactor: Reactor) -> None:
        """From now on work is done in a thread of its own, and its results come back on the reactor's."""
        self._reactor = reactor
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="store")

    def run(self, work: Callable[[sqlite3.Connection], T]) -> Deferred[T]:
        """Do some work in one transaction; fires with its result on the reactor's thread.

        Work runs in the order given. An SQLite error becomes a L{StoreError}.
        """
        result: Deferred[T] = Deferred()
        if self._executor is None or self._reactor is None:
            self._work(work, result.callback, result.errback)
            return result
        reactor = self._reactor

        def callback(value: T) -> None:
            reactor.callFromThread(result.callback, value)

        def errback(error: Exception) -> None:
            reactor.callFromThread(result.errback, error)

        self._executor.submit(self._work, work, callback, errback)
        return result

    def close(self) -> Deferred[None]:
        """Finish what was handed over, fold the log into the database and close it."""
        if self._connection is None:
            result: Deferred[None] = Deferred()
            result.callback(None)
            return result
        executor = self._executor

        def stopped(_: object) -> None:
            if executor is not None:
                executor.shutdown(wait=False)
            self._executor = None

        def closing(connection: sqlite3.Connection) -> None:
            connection.commit()
            self._abandon()

        return self.run(closing).addBoth(stopped)

    def _connect(self) -> sqlite3.Connection:
        # One thread at a time uses it: this one while opening, the store's afterwards.
        connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        self._connection = connection
        # Two daemons on one state would give out the same numbers: whoever opens it keeps it.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        # Writes are rare, and a counter must not go back after a power cut either.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("COMMIT")
        return connection

    def _migrate(self, connection: sqlite3.Connection) -> None:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > len(self._migrations):
            raise StoreError(f"the database {self._path} was written by a newer NEON (schema {version})")
        for number, script in enumerate(self._migrations[version:], version + 1):
            connection.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {number}; COMMIT;")

    def _work(
        self,
        work: Callable[[sqlite3.Connection], T],
        callback: Callable[[T], object],
        errback: Callable[[Exception], object],
    ) -> None:
        connection = self._connection
        try:
            if connection is None:
                raise StoreError(f"the database {self._path} is closed")
            connection.execute("BEGIN IMMEDIATE")
            try:
                value = work(connection)
            except BaseException:
                connection.rollback()
                raise
            if self._connection is not None:
                connection.commit()
        except sqlite3.DatabaseError as error:
            errback(StoreError(self._explain(error)))
        except Exception as error:
            errback(error)
        else:
            callback(value)

    def _abandon(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _explain(self, error: sqlite3.DatabaseError) -> str:
        words: dict[int, str] = {
            sqlite3.SQLITE_BUSY: "is in use by another process; is NEON running already?",
            sqlite3.SQLITE_LOCKED: "is in use by another process; is NEON running already?",
            sqlite3.SQLITE_NOTADB: "is not a database; move it away and NEON makes a new one",
            sqlite3.SQLITE_CORRUPT: "is damaged; move it away and NEON makes a new one",
            sqlite3.SQLITE_READONLY: "cannot be written",
            sqlite3.SQLITE_CANTOPEN: "cannot be opened",
            sqlite3.SQLITE_FULL: "cannot grow: the disk is full",
        }
        code: Any = getattr(error, "sqlite_errorcode", None)
        sentence = words.get(code & 0xFF) if isinstance(code, int) else None
        return f"the database {self._path} {sentence or f'failed: {error}'}"
