"""What is left to spend on the accounts of one operator: asked when something changes it, never twice at a time.

When an account registers, when a call begins and ends, every few minutes while it is registered, and when the user
wants to know.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from neon.bus import Published
from neon.events import (
    BalanceKnown,
    BalanceLow,
    CallAccepted,
    CallFinalized,
    CallStarted,
    Event,
    Registered,
    RegistrationCancelled,
    RegistrationRefused,
    Unregistered,
)
from neon.operators import money
from neon.operators.answers import Answer
from neon.operators.words import Kind, Trouble
from neon.operatorvalues import Balance, Service
from neon.ports import Clock, Timer
from neon.values import Direction

if TYPE_CHECKING:
    from neon.operators.service import Services

AFTER_CALL: Final = 2.0
"""Seconds after a call in which the operator may have counted it."""

JITTER: Final = 0.1
"""How much the minutes differ, so that an operator's customers do not all come at once."""


@dataclass(frozen=True, slots=True)
class Owner:
    """What an operator knows an account by."""

    number: str
    domain: str
    login: str


class OwnerOf(Protocol):
    """Finds the owner of an account; None if it is not this operator's."""

    def __call__(self, connection_id: int) -> Owner | None: ...


@dataclass(slots=True)
class _Entry:
    balance: Balance | None = None
    asking: bool = False
    again: bool = False
    waiting: list[Deferred[Balance]] = field(default_factory=list)
    timer: Timer | None = None
    soon: Timer | None = None


class Balances:
    """The balances of one operator's accounts; L{happened} wants every event of the bus."""

    _log = Logger()

    def __init__(
        self,
        services: Services,
        owner_of: OwnerOf,
        publish: Callable[[Event], object],
        clock: Clock,
        *,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._services = services
        self._settings = services.settings.balance
        self._owner_of = owner_of
        self._publish = publish
        self._clock = clock
        self._wall = wall
        self._uniform = uniform
        self._entries: dict[int, _Entry] = {}

    def current(self, connection_id: int) -> Balance | None:
        """What the operator said last."""
        entry = self._entries.get(connection_id)
        return None if entry is None else entry.balance

    def ask(self, connection_id: int) -> Deferred[Balance]:
        """What is left now: never what was left before. Whoever asks meanwhile gets the same answer.

        Fails with L{Trouble}.
        """
        answered: Deferred[Balance] = Deferred()
        self._entries.setdefault(connection_id, _Entry()).waiting.append(answered)
        self._refresh(connection_id, joins=True)
        return answered

    def happened(self, published: Published) -> None:
        """An event of the bus."""
        event = published.event
        match event:
            case Registered():
                if self._owner_of(event.connection_id) is not None:
                    self._entries.setdefault(event.connection_id, _Entry())
                    self._refresh(event.connection_id)
                    self._arm(event.connection_id)
            case Unregistered() | RegistrationRefused() | RegistrationCancelled():
                self._drop(event.connection_id)
            case CallStarted() | CallAccepted() if event.direction is Direction.OUTGOING:
                self._refresh(event.connection_id)
            case CallFinalized():
                entry = self._entries.get(event.connection_id)
                if entry is not None and (entry.soon is None or not entry.soon.active()):
                    entry.soon = self._clock.callLater(AFTER_CALL, self._refresh, event.connection_id)

    def stop(self) -> None:
        """Ask nothing any more."""
        for connection_id in list(self._entries):
            self._drop(connection_id)

    def warn(self, balance: Balance) -> None:
        """Somebody dials with too little."""
        self._publish(BalanceLow(balance.operator, balance))

    # Asking

    def _arm(self, connection_id: int) -> None:
        entry = self._entries.get(connection_id)
        minutes = self._settings.every_minutes
        if entry is None or not minutes:
            return
        if entry.timer is not None and entry.timer.active():
            entry.timer.cancel()
        seconds = minutes * 60.0 * self._uniform(1 - JITTER, 1 + JITTER)
        entry.timer = self._clock.callLater(seconds, self._due, connection_id)

    def _due(self, connection_id: int) -> None:
        self._refresh(connection_id)
        self._arm(connection_id)

    def _drop(self, connection_id: int) -> None:
        entry = self._entries.get(connection_id)
        if entry is None:
            return
        for timer in (entry.timer, entry.soon):
            if timer is not None and timer.active():
                timer.cancel()
        if not entry.asking:
            del self._entries[connection_id]

    def _refresh(self, connection_id: int, *, joins: bool = False) -> None:
        """Ask; or, when an answer is awaited, once more after it, since it may be older than what happened now.

        C{joins}: the answer that is awaited will do.
        """
        entry = self._entries.get(connection_id)
        if entry is None:
            return None
        if entry.asking:
            entry.again = entry.again or not joins
            return None
        owner = self._owner_of(connection_id)
        if owner is None:
            return self._answered_with(entry, None, Trouble(Kind.STATUS, "the account is gone"))
        entry.asking = True
        values = {"number": owner.number, "domain": owner.domain, "login": owner.login}
        asked: Deferred[Any] = self._services.ask(Service.BALANCE, values)
        asked.addCallback(self._understood, connection_id)
        asked.addCallbacks(lambda balance: (balance, None), lambda failure: (None, failure.value))
        asked.addCallback(self._answered, connection_id, entry)
        asked.addErrback(lambda failure: self._log.failure("a balance was not told", failure))
        return None

    def _understood(self, answer: Answer, connection_id: int) -> Balance:
        fields = answer.fields
        settings = self._settings
        decimal = self._services.settings.general.decimal
        try:
            amount = money.parse(fields.get("balance", ""), decimal)
        except ValueError as error:
            raise Trouble(Kind.NO_BALANCE, f"its balance {error}") from None
        rate = settings.rate
        if "rate" in fields:
            try:
                rate = money.parse(fields["rate"], decimal).value
            except ValueError as error:
                self._log.warn("operator {name}: its rate {error}", name=self._services.name, error=error)
        currency = fields.get("currency", "").strip().upper()
        if len(currency) != 3 or not currency.isalpha() or not currency.isascii():
            currency = amount.currency or settings.currency
        return Balance(
            self._services.name,
            connection_id,
            amount.value,
            currency,
            settings.low is not None and amount.value < settings.low,
            money.minutes(amount.value, rate),
            self._wall(),
        )

    def _answered(self, outcome: tuple[Balance | None, Exception | None], connection_id: int, entry: _Entry) -> None:
        balance, error = outcome
        entry.asking = False
        if balance is not None:
            before, entry.balance = entry.balance, balance
            self._publish(BalanceKnown(balance.operator, balance))
            if balance.low and (before is None or not before.low):
                self._publish(BalanceLow(balance.operator, balance))
        self._answered_with(entry, balance, error)
        if entry.again:
            entry.again = False
            self._refresh(connection_id)

    def _answered_with(self, entry: _Entry, balance: Balance | None, error: Exception | None) -> None:
        waiting, entry.waiting = entry.waiting, []
        for one in waiting:
            if balance is not None:
                one.callback(balance)
            else:
                one.errback(error or Trouble(Kind.NO_BALANCE))
