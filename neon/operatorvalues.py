"""What VoIP operators' web services give and take, as frozen values (spec section 6).

Amounts are L{decimal.Decimal}, exactly as the operator wrote them; nothing here is a float.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from neon.values import AccountSettings


class Service(enum.Enum):
    """The four services; the value is the name of the section in the operator's file."""

    SIGNUP = "signup"
    PROVISIONING = "provisioning"
    BALANCE = "balance"
    LICENCE = "licence"


NO_ERROR: Final = 0
INVALID_ARGUMENT: Final = 100
INVALID_FORMAT: Final = 101
NOT_FOUND: Final = 102
USER_EXISTS: Final = 103
INVALID_PASSWORD: Final = 104
INTERNAL: Final = 500
UNKNOWN: Final = 501
"""The error codes that an operator's service may answer."""

CODES: Final = (
    NO_ERROR, INVALID_ARGUMENT, INVALID_FORMAT, NOT_FOUND, USER_EXISTS, INVALID_PASSWORD, INTERNAL, UNKNOWN
)


@dataclass(frozen=True, slots=True)
class SignupForm:
    """What a person fills in to become a customer."""

    login: str
    password: str = field(repr=False)
    name: str = ""
    email: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class StoredAccount:
    """An account that an operator gave us, as it is kept; C{login} and C{login_password} are those of its services."""

    operator: str
    login: str
    login_password: str = field(repr=False)
    account: AccountSettings


@dataclass(frozen=True, slots=True)
class LicenceRecord:
    """How the last check of a licence that the operator decided went, and when."""

    operator: str
    active: bool
    checked: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Provisioned:
    """An account that the operator gave us and that is being registered.

    C{html} is safe to show: it was sanitised. C{stored} is True where the service did not work and what was kept of an
    earlier answer is used; C{note} says so in words.
    """

    connection_id: int
    uri: str
    number: str
    domain: str
    display_name: str | None = None
    html: str | None = None
    stored: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Balance:
    """What is left to spend. C{minutes_left} is None where no rate is known; C{at} is when the operator said so."""

    operator: str
    connection_id: int
    amount: Decimal
    currency: str
    low: bool
    minutes_left: int | None
    at: datetime


class Standing(enum.Enum):
    """How a licence stands; the value is the APIs' word.

    C{GRACE}: it was good when it was last checked, and the operator cannot be asked now.
    """

    UNCHECKED = "unchecked"
    ACTIVE = "active"
    GRACE = "grace"
    REFUSED = "refused"
    EXPIRED = "expired"

    @property
    def allows_calls(self) -> bool:
        return self in (Standing.ACTIVE, Standing.GRACE)


@dataclass(frozen=True, slots=True)
class Licence:
    """The licence of one operator. C{reason} is a sentence where it is not simply good; C{until} the end of the grace.

    C{checked} is when the operator last said that it is good, or not; None if it never did.
    """

    operator: str
    standing: Standing
    reason: str = ""
    checked: datetime | None = None
    until: datetime | None = None
