"""Identifiers that only ever grow: C{callId} and C{connectionId} (spec section 2).

A block is reserved on disk before its first number is used, so the numbers keep growing after a kill; a clean
stop writes back where the block really ended. Drawing a number never waits: the next block is fetched while half
of the current one is still there.
"""

from __future__ import annotations

import sqlite3
from functools import partial

from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger

from neon.store.database import Database, StoreError

BLOCK = 1000

_log = Logger()


class Counter:
    """One row of the table C{counters}."""

    def __init__(self, name: str, database: Database, block: int = BLOCK) -> None:
        self._name = name
        self._database = database
        self._block = block
        self._next = 0
        self._end = 0
        self._reserving = False

    def start(self) -> Deferred[None]:
        """Reserve the first block."""
        return self._reserve()

    def take(self) -> int:
        """The next number.

        @raise StoreError: the disk did not keep up for a whole block, or refuses to be written.
        """
        if self._next >= self._end:
            raise StoreError(f"no further {self._name} could be reserved on disk")
        number = self._next
        self._next += 1
        if not self._reserving and self._end - self._next <= self._block // 2:
            reserved = self._reserve()
            reserved.addErrback(lambda f: _log.failure("no {name} reserved", f, name=self._name))
        return number

    def stop(self) -> Deferred[None]:
        """Give back what was reserved and not used."""
        if self._end == 0:
            return self._database.run(lambda connection: None)
        return self._database.run(partial(self._write, self._next))

    def _reserve(self) -> Deferred[None]:
        self._reserving = True

        def reserved(first: int) -> None:
            if self._end == 0:
                self._next = first
            self._end = first + self._block

        def settled(result: object) -> object:
            self._reserving = False
            return result

        done: Deferred[None] = self._database.run(self._advance).addCallback(reserved)
        return done.addBoth(settled)

    def _advance(self, connection: sqlite3.Connection) -> int:
        row = connection.execute("SELECT next FROM counters WHERE name = ?", (self._name,)).fetchone()
        first: int = row[0] if row else 1
        self._write(first + self._block, connection)
        return first

    def _write(self, value: int, connection: sqlite3.Connection) -> None:
        connection.execute(
            "INSERT INTO counters (name, next) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET next = excluded.next",
            (self._name, value),
        )


class Ids:
    """Hands out call and connection ids."""

    def __init__(self, database: Database, block: int = BLOCK) -> None:
        self._calls = Counter("call_id", database, block)
        self._connections = Counter("connection_id", database, block)

    def start(self) -> Deferred[None]:
        """Reserve the first blocks; numbers may be drawn once this fired."""
        return gatherResults([self._calls.start(), self._connections.start()], consumeErrors=True).addCallback(_nothing)

    def stop(self) -> Deferred[None]:
        """Write the exact counters; draw no numbers afterwards."""
        return gatherResults([self._calls.stop(), self._connections.stop()], consumeErrors=True).addCallback(_nothing)

    def next_call_id(self) -> int:
        """A positive integer greater than every one before."""
        return self._calls.take()

    def next_connection_id(self) -> int:
        """A positive integer greater than every one before."""
        return self._connections.take()


def _nothing(_: object) -> None:
    """Drop a result."""
