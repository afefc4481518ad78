"""The customers of the test operator (L{neon.testbed}), in a database of their own that can be thrown away."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from typing import Final

from twisted.internet.defer import Deferred

from neon.passwords import PasswordHash
from neon.store.database import Database

MIGRATIONS: Final = (
    """
    CREATE TABLE customers (
        number TEXT PRIMARY KEY,
        sip_password TEXT NOT NULL,
        login TEXT UNIQUE,
        password_hash TEXT CHECK ((login IS NULL) = (password_hash IS NULL)),
        name TEXT NOT NULL,
        email TEXT NOT NULL,
        phone TEXT NOT NULL,
        cents INTEGER NOT NULL CHECK (cents >= 0)
    ) STRICT, WITHOUT ROWID;
    """,
)


@dataclass(frozen=True, slots=True)
class Customer:
    """One SIP account, C{cents} of which are left; without C{login} nobody has signed up for it."""

    number: str
    sip_password: str = field(repr=False)
    cents: int
    login: str | None = None
    password_hash: PasswordHash | None = field(default=None, repr=False)
    name: str = ""
    email: str = ""
    phone: str = ""


class CustomerTable:
    """The table C{customers}."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> Deferred[list[Customer]]:
        """Everybody, by number."""

        def work(connection: sqlite3.Connection) -> list[Customer]:
            rows = connection.execute(
                "SELECT number, sip_password, cents, login, password_hash, name, email, phone FROM customers ORDER BY 1"
            )
            return [
                Customer(
                    number, password, cents, login, None if written is None else PasswordHash.parse(written), *rest
                )
                for number, password, cents, login, written, *rest in rows
            ]

        return self._database.run(work)

    def add(self, customer: Customer) -> Deferred[None]:
        """Somebody new."""
        written = None if customer.password_hash is None else str(customer.password_hash)
        row = (customer.number, customer.sip_password, customer.login, written,
               customer.name, customer.email, customer.phone, customer.cents)  # fmt: skip

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT INTO customers VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

        return self._database.run(work)

    def set_cents(self, number: str, cents: int) -> Deferred[None]:
        """What is left on an account."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("UPDATE customers SET cents = ? WHERE number = ?", (cents, number))

        return self._database.run(work)
