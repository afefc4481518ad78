"""The commands about VoIP operators' services; each waits for an answer of the operator, ten seconds at most."""

from __future__ import annotations

from datetime import UTC, datetime

from twisted.internet.defer import Deferred, fail

from neon.commands.context import Context, Data
from neon.errors import InvalidArgument
from neon.operatorvalues import Balance, Licence, Provisioned, SignupForm
from neon.values import AccountSnapshot


class NoOperators:
    """A NEON without operators; implements L{neon.ports.Operators}."""

    _SENTENCE = "no operator is configured: NEON needs a file about it in operators.d"

    def signup(self, operator: str | None, form: SignupForm, language: str | None) -> Deferred[Provisioned]:
        return fail(InvalidArgument(self._SENTENCE))

    def provision(
        self, operator: str | None, login: str, password: str, language: str | None
    ) -> Deferred[Provisioned]:
        return fail(InvalidArgument(self._SENTENCE))

    def balance(self, operator: str | None, connection_id: int | None, language: str | None) -> Deferred[Balance]:
        return fail(InvalidArgument(self._SENTENCE))

    def activate(self, operator: str | None, key: str | None, language: str | None) -> Deferred[Licence]:
        return fail(InvalidArgument(self._SENTENCE))

    def admit(self, account: AccountSnapshot, target: str | None) -> tuple[str, ...]:
        return ()


def signup(
    context: Context,
    login: str,
    password: str,
    name: str | None,
    email: str | None,
    phone: str | None,
    operator: str | None,
    language: str | None,
) -> Deferred[Data]:
    """Become a customer of an operator. The account that it gives is kept, and registered by itself.

    What becomes of the registration arrives as events.
    """
    form = SignupForm(login, password, name or "", email or "", phone or "")
    return context.operators.signup(operator, form, language).addCallback(_account)


def provision(
    context: Context, login: str, password: str, operator: str | None, language: str | None
) -> Deferred[Data]:
    """Fetch a customer's SIP account from an operator. It is kept, and registered by itself.

    What becomes of the registration arrives as events.
    """
    return context.operators.provision(operator, login, password, language).addCallback(_account)


def get_balance(
    context: Context, connection_id: int | None, operator: str | None, language: str | None
) -> Deferred[Data]:
    """Ask an operator what is left to spend on an account. Everybody who asks at the same time gets one answer."""
    return context.operators.balance(operator, connection_id, language).addCallback(balance_data)


def activate_license(
    context: Context, key: str | None, operator: str | None, language: str | None
) -> Deferred[Data]:
    """Have an operator check the licence now. Without one that is good, calls are refused with 602."""
    return context.operators.activate(operator, key, language).addCallback(licence_data)


def _account(given: Provisioned) -> Data:
    optional = {"displayName": given.display_name, "html": given.html, "note": given.note}
    return {
        "connectionId": given.connection_id,
        "uri": given.uri,
        "number": given.number,
        "domain": given.domain,
        "stored": given.stored,
        **{name: value for name, value in optional.items() if value},
    }


def balance_data(balance: Balance) -> Data:
    """A balance, in answers and events; the amount as text, because JSON's numbers are not exact everywhere."""
    return {
        "operator": balance.operator,
        "connectionId": balance.connection_id,
        "balance": f"{balance.amount:f}",
        "currency": balance.currency,
        "low": balance.low,
        **({} if balance.minutes_left is None else {"minutesLeft": balance.minutes_left}),
        "at": _written(balance.at),
    }


def licence_data(licence: Licence) -> Data:
    """A licence, in answers and events."""
    return {
        "operator": licence.operator,
        "active": licence.standing.allows_calls,
        "standing": licence.standing.value,
        **({"reason": licence.reason} if licence.reason else {}),
        **({} if licence.checked is None else {"checked": _written(licence.checked)}),
        **({} if licence.until is None else {"until": _written(licence.until)}),
    }


def _written(at: datetime) -> str:
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
