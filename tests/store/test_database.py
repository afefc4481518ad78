"""The state database opens, migrates, refuses what it must, and says why."""

from __future__ import annotations

import queue
import shutil
import sqlite3
import tempfile
import threading
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import neon.store.database as store
from neon.passwords import PasswordHash
from neon.store.applications import ApplicationTable
from neon.store.database import MIGRATIONS, Database, StoreError

CHEAP_HASH = PasswordHash.parse("scrypt$2$1$1$MDEyMzQ1Njc=$MDEyMzQ1Njc4OWFiY2RlZg==")


class StoreCase(SynchronousTestCase):
    """A temporary state directory."""

    def setUp(self) -> None:
        self.directory = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.path = self.directory / "state" / "neon.sqlite"

    def opened(self) -> Database:
        database = Database(self.path)
        database.open()
        self.addCleanup(database.close)
        return database

    def refusal(self) -> str:
        return str(self.assertRaises(StoreError, Database(self.path).open))


class DatabaseTests(StoreCase):
    def test_private(self) -> None:
        """The directory, the database and its log can be read by their owner only."""
        database = self.opened()
        self.successResultOf(ApplicationTable(database).save("local", CHEAP_HASH))
        self.assertEqual(self.path.parent.stat().st_mode & 0o777, 0o700)
        for file in self.path.parent.iterdir():
            self.assertEqual(file.stat().st_mode & 0o777, 0o600, file.name)

    def test_directory_made_private(self) -> None:
        """A state directory that others could read is closed to them."""
        self.path.parent.mkdir(mode=0o755)
        self.opened()
        self.assertEqual(self.path.parent.stat().st_mode & 0o777, 0o700)

    def test_survives(self) -> None:
        """What was saved is there after closing and opening again."""
        database = self.opened()
        self.successResultOf(ApplicationTable(database).save("local", CHEAP_HASH))
        self.successResultOf(database.close())
        found = self.successResultOf(ApplicationTable(self.opened()).find("local"))
        self.assertEqual(found, CHEAP_HASH)

    def test_schema_version(self) -> None:
        """A new database has seen every migration; opening it again runs none twice."""
        self.successResultOf(self.opened().close())
        self.successResultOf(self.opened().close())
        connection = sqlite3.connect(self.path)
        self.addCleanup(connection.close)
        self.assertEqual(connection.execute("PRAGMA user_version").fetchone(), (len(MIGRATIONS),))

    def test_newer_schema(self) -> None:
        """A database of a newer NEON is left alone."""
        self.path.parent.mkdir()
        connection = sqlite3.connect(self.path)
        connection.execute("PRAGMA user_version = 999")
        connection.close()
        self.assertIn("newer NEON (schema 999)", self.refusal())

    def test_not_a_database(self) -> None:
        """A file of something else is refused in words, and not touched."""
        self.path.parent.mkdir()
        self.path.write_bytes(b"this is a letter to my aunt. " * 100)
        self.assertIn("is not a database; move it away", self.refusal())
        self.assertTrue(self.path.read_bytes().startswith(b"this is a letter"))

    def test_damaged(self) -> None:
        """A damaged database is refused in words."""
        database = self.opened()
        self.successResultOf(ApplicationTable(database).save("local", CHEAP_HASH))
        self.successResultOf(database.close())
        data = bytearray(self.path.read_bytes())
        data[100:4096] = b"\xff" * 3996
        self.path.write_bytes(data)
        self.assertIn("is damaged; move it away", self.refusal())

    def test_locked(self) -> None:
        """A second NEON on the same state is told so."""
        self.patch(store, "BUSY_SECONDS", 0.0)
        self.opened()
        self.assertIn("is NEON running already?", self.refusal())

    def test_path_is_a_directory(self) -> None:
        """A directory where the database should be is a sentence, not a traceback."""
        self.path.mkdir(parents=True)
        self.assertIn("cannot be written: Is a directory", self.refusal())

    def test_directory_is_a_file(self) -> None:
        """A file where the state directory should be is a sentence, not a traceback."""
        self.path.parent.write_text("")
        self.assertIn("the state directory", self.refusal())

    def test_failed_work_leaves_nothing(self) -> None:
        """Work that raises is rolled back, reported, and the next work goes on."""
        database = self.opened()

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT INTO counters VALUES ('half', 1)")
            raise RuntimeError("half way")

        self.failureResultOf(database.run(work), RuntimeError)
        rows = self.successResultOf(database.run(lambda c: c.execute("SELECT name FROM counters").fetchall()))
        self.assertEqual(rows, [])

    def test_sqlite_error(self) -> None:
        """An error of SQLite comes back as a StoreError that names the database."""
        failure = self.failureResultOf(self.opened().run(lambda c: c.execute("SELECT nothing")), StoreError)
        self.assertIn(str(self.path), str(failure.value))

    def test_closed(self) -> None:
        """Work after closing is refused, not lost in silence."""
        database = self.opened()
        self.successResultOf(database.close())
        self.failureResultOf(database.run(lambda c: None), StoreError)


class ThreadTests(StoreCase):
    def test_reactor_never_waits(self) -> None:
        """Work runs in one thread of its own, in order, and its results come through callFromThread."""
        crossings: queue.SimpleQueue[tuple[object, tuple[object, ...]]] = queue.SimpleQueue()

        class Reactor:
            def callFromThread(self, function: object, *args: object) -> None:
                crossings.put((function, args))

        def deliver() -> None:
            function, args = crossings.get(timeout=10)
            assert callable(function)
            function(*args)

        database = Database(self.path)
        database.open()
        database.start_thread(Reactor())
        names: list[str] = []

        def work(connection: sqlite3.Connection) -> int:
            names.append(threading.current_thread().name)
            return len(names)

        results = [database.run(work) for _ in range(3)]
        self.assertNoResult(results[0])
        for _ in results:
            deliver()
        self.assertEqual([self.successResultOf(result) for result in results], [1, 2, 3])
        self.assertEqual(len(set(names)), 1)
        self.assertNotIn(threading.current_thread().name, names)
        closed = database.close()
        deliver()
        self.successResultOf(closed)
