"""The customers of the test operator: who signed up, which SIP account they got, what they have left to spend.

Everybody is held in memory, since there are few and calls cannot wait for a disk; what changes is written behind.
"""

from __future__ import annotations

import dataclasses
import math
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger

from neon import operatorvalues as codes
from neon.passwords import PasswordHash
from neon.store.customers import Customer

FIRST: Final = "1000"
"""The account that there is before anybody has signed up; it stands in access.json."""

GIFT_CENTS: Final = 2015
CENTS_PER_SECOND: Final = 1
CURRENCY: Final = "BRL"
MOST_CUSTOMERS: Final = 500
LONGEST: Final = 64
SHORTEST_PASSWORD: Final = 4

_LOGIN: Final = re.compile(r"[A-Za-z0-9._@+-]+\Z")
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\Z")
_PHONE: Final = re.compile(r"\+?[0-9 ()./-]{3,}\Z")
_NUMBER: Final = re.compile(r"[0-9]{1,16}\Z")
_KEY: Final = re.compile(r"[A-Za-z0-9-]{4,64}\Z")


class Refusal(Exception):
    """A service refuses; C{code} is one of L{neon.operatorvalues.CODES}, C{str(error)} its description."""

    def __init__(self, code: int, description: str) -> None:
        super().__init__(description)
        self.code = code


class Table(Protocol):
    """Where customers are kept (L{neon.store.customers.CustomerTable})."""

    def add(self, customer: Customer) -> Deferred[None]: ...

    def set_cents(self, number: str, cents: int) -> Deferred[None]: ...


class InThread(Protocol):
    """C{deferToThread}, or something that does the work at once."""

    def __call__(self, function: Callable[..., Any], *args: object) -> Deferred[Any]: ...


class Customers:
    """All of them. C{stored} is what L{Table} has; passwords are hashed C{in_thread}.

    C{passwords} is the table of SIP accounts, by number; it changes when somebody signs up.
    """

    _log = Logger()

    def __init__(self, table: Table, stored: Iterable[Customer], in_thread: InThread) -> None:
        self._table = table
        self._in_thread = in_thread
        self._customers = {customer.number: customer for customer in stored}
        self._logins = {one.login: one.number for one in self._customers.values() if one.login is not None}
        self._pending: set[str] = set()
        self.passwords = {number: customer.sip_password for number, customer in self._customers.items()}
        if FIRST not in self._customers:
            first = Customer(FIRST, secrets.token_urlsafe(12), GIFT_CENTS)
            self._put(first)
            self._written(table.add(first))

    # What the services do

    def signup(self, login: str, password: str, name: str, email: str, phone: str) -> Deferred[Customer]:
        """A new customer with a new SIP account. Fails with L{Refusal}."""
        try:
            self._check_form(login, password, name, email, phone)
        except Refusal as refusal:
            return fail(refusal)
        self._pending.add(login)
        made: Deferred[Any] = self._in_thread(PasswordHash.of, password)
        made.addCallback(self._signed_up, login, name, email, phone)

        def over(result: Any) -> Any:
            self._pending.discard(login)
            return result

        return made.addBoth(over)

    def _check_form(self, login: str, password: str, name: str, email: str, phone: str) -> None:
        if not login or not password:
            raise Refusal(codes.INVALID_ARGUMENT, "Login and Password are needed")
        if not _LOGIN.match(login) or len(login) > LONGEST:
            raise Refusal(codes.INVALID_FORMAT, "a Login is up to 64 letters, digits and . _ @ + -")
        if any(len(text) > LONGEST or not text.isprintable() for text in (name, email, phone)):
            raise Refusal(codes.INVALID_FORMAT, "Name, EMail and Phone are up to 64 characters in one line")
        if email and not _EMAIL.match(email):
            raise Refusal(codes.INVALID_FORMAT, "this is no address for mail")
        if phone and not _PHONE.match(phone):
            raise Refusal(codes.INVALID_FORMAT, "this is no phone number")
        if not SHORTEST_PASSWORD <= len(password) <= LONGEST:
            raise Refusal(codes.INVALID_PASSWORD, "a Password has 4 to 64 characters")
        if login in self._logins or login in self._pending:
            raise Refusal(codes.USER_EXISTS, "somebody has this Login already")
        if len(self._customers) + len(self._pending) >= MOST_CUSTOMERS:
            raise Refusal(codes.INTERNAL, "this operator takes no more customers")

    def _signed_up(self, hashed: PasswordHash, login: str, name: str, email: str, phone: str) -> Deferred[Customer]:
        number = str(max(int(number) for number in self._customers) + 1)
        customer = Customer(number, secrets.token_urlsafe(12), GIFT_CENTS, login, hashed, name, email, phone)
        # It is a customer from now on, so that the number is taken; if it cannot be written it was none.
        self._put(customer)

        def forget(failure: Any) -> Any:
            del self._customers[number], self._logins[login], self.passwords[number]
            return failure

        return self._table.add(customer).addCallbacks(lambda _: customer, forget)

    def provisioning(self, login: str, password: str) -> Deferred[Customer]:
        """The SIP account of a customer. Fails with L{Refusal}."""
        if not login or not password:
            return fail(Refusal(codes.INVALID_ARGUMENT, "Login and Password are needed"))
        customer = self._customers.get(self._logins.get(login, ""))
        if customer is None or customer.password_hash is None:
            return fail(Refusal(codes.NOT_FOUND, "nobody has this Login"))

        def decide(right: bool) -> Customer:
            if not right:
                raise Refusal(codes.INVALID_PASSWORD, "this is not the Password")
            return customer

        return self._in_thread(customer.password_hash.matches, password[: LONGEST + 1]).addCallback(decide)

    def customer(self, number: str) -> Customer:
        """Whose account it is.

        @raise Refusal: it is none.
        """
        if not number:
            raise Refusal(codes.INVALID_ARGUMENT, "Number is needed")
        if not _NUMBER.match(number):
            raise Refusal(codes.INVALID_FORMAT, "a Number is 1 to 16 digits")
        if number not in self._customers:
            raise Refusal(codes.NOT_FOUND, "there is no such Number")
        return self._customers[number]

    def licensed(self, number: str, key: str) -> bool:
        """Whether calls are allowed: to whoever has credit, as operators want it most.

        @raise Refusal: there is no such number, or the key cannot be one.
        """
        if key and not _KEY.match(key):
            raise Refusal(codes.INVALID_FORMAT, "a Key is 4 to 64 letters, digits and -")
        return self.customer(number).cents > 0

    # What calls cost

    def seconds_left(self, number: str) -> float:
        """How long an account can call."""
        customer = self._customers.get(number)
        return 0.0 if customer is None else customer.cents / CENTS_PER_SECOND

    def spent(self, number: str, seconds: float) -> None:
        """A call of so many seconds is over; each second begun costs."""
        customer = self._customers.get(number)
        if customer is None:
            return
        cents = max(0, customer.cents - math.ceil(seconds) * CENTS_PER_SECOND)
        self._put(dataclasses.replace(customer, cents=cents))
        self._written(self._table.set_cents(number, cents))

    def _put(self, customer: Customer) -> None:
        self._customers[customer.number] = customer
        self.passwords[customer.number] = customer.sip_password
        if customer.login is not None:
            self._logins[customer.login] = customer.number

    def _written(self, written: Deferred[None]) -> None:
        written.addErrback(lambda failure: self._log.failure("the test operator's books were not written", failure))


def account(customer: Customer, domain: str) -> Mapping[str, str]:
    """The data of an account, as sign-up and provisioning answer it."""
    data = {"Number": customer.number, "Password": customer.sip_password, "Domain": domain}
    return {**data, "DisplayName": customer.name} if customer.name else data


def amount(cents: int) -> str:
    """Cents as they are written: 20.15."""
    return f"{cents // 100}.{cents % 100:02d}"
