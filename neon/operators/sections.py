"""The sections of an operator's file, as frozen dataclasses: the schema that L{neon.operators.settings} fills.

C{etc/neon/operators.d/example.conf} explains every key to people; a test keeps the two together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from neon import parsing
from neon.inifile import Setting
from neon.operators import money
from neon.sections import BUILT_IN, key

UNSET: Final = Setting("", BUILT_IN)
"""A key that stays a L{Setting} for L{neon.operators.settings}, and is not there."""

LANGUAGES: Final = ("auto", "pt", "es", "en")
PROTOCOLS: Final = ("soap", "soap12", "form", "json", "xml")
ANSWERS: Final = ("auto", "xml", "json", "form", "text")
METHODS: Final = ("GET", "POST", "PUT", "PATCH")
AUTHENTICATIONS: Final = ("none", "basic", "digest", "bearer", "wsse", "wsse-digest", "soap-header")


def _amount(text: str) -> Decimal:
    return money.parse(text, "point").value


def _rate(text: str) -> Decimal | None:
    amount = _amount(text)
    if amount <= 0:
        raise ValueError("must be more than nothing")
    return amount


def _currency(text: str) -> str:
    word = text.strip().upper()
    if word and (len(word) != 3 or not word.isascii() or not word.isalpha()):
        raise ValueError(f"must be three letters such as BRL, not {parsing.quoted(text)}")
    return word


def _words(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text.replace(",", " ").split()))


def _domains(text: str) -> tuple[str, ...]:
    return tuple(parsing.host_port(word)[0].lower() for word in _words(text))


@dataclass(frozen=True, slots=True)
class General:
    """C{[operator]}: who the operator is, and how its services are spoken to."""

    title: str = key("", parsing.line)
    url: Setting = key(UNSET, None)  # noqa: RUF009 - it is dataclasses.field()
    allow_http: bool = key(False, parsing.boolean)
    domains: tuple[str, ...] = key((), _domains)
    language: str = key("auto", parsing.choice(*LANGUAGES))
    timeout_seconds: int = key(10, parsing.whole_number(1, 10))
    protocol: str = key("soap", parsing.choice(*PROTOCOLS))
    namespace: str = key("", parsing.line)
    qualified: bool = key(False, parsing.boolean)
    arguments: str = key("elements", parsing.choice("elements", "string"))
    string_parameter: str = key("xml", parsing.line)
    answer: str = key("auto", parsing.choice(*ANSWERS))
    decimal: str = key("auto", parsing.choice(*money.DECIMALS))
    auth: str = key("none", parsing.choice(*AUTHENTICATIONS))
    user: str = key("", parsing.line)
    password: str | None = key(None, parsing.secret, secret=True)
    password_file: Setting = key(UNSET, None)  # noqa: RUF009
    soap_header: str = key("AuthHeader", parsing.line)
    soap_header_names: tuple[str, ...] = key(("UserName", "Password"), _words)
    ca_file: Setting = key(UNSET, None)  # noqa: RUF009
    client_certificate: Setting = key(UNSET, None)  # noqa: RUF009
    client_key: Setting = key(UNSET, None)  # noqa: RUF009


@dataclass(frozen=True, slots=True)
class Account:
    """C{[account]}: what the operator's answers need not say about a SIP account."""

    domain: str = key("", parsing.line)
    proxy: str | None = key(None, parsing.proxy)
    transport: str = key("udp", parsing.transport)
    expires: int = key(600, parsing.whole_number(10, 86400))
    display_name: str = key("", parsing.line)


@dataclass(frozen=True, slots=True)
class Common:
    """What the sections of all services have: where it is, what it is sent, and where its answer has what."""

    enabled: bool = key(True, parsing.boolean)
    path: Setting = key(UNSET, None)  # noqa: RUF009
    operation: str = key("", parsing.line)
    method: str = key("POST", parsing.choice(*METHODS))
    soap_action: str | None = key(None, parsing.line)
    content_type: str = key("", parsing.line)
    parameters: Setting = key(UNSET, None)  # noqa: RUF009
    body: Setting = key(UNSET, None)  # noqa: RUF009
    body_file: Setting = key(UNSET, None)  # noqa: RUF009
    answer_success: Setting = key(UNSET, None)  # noqa: RUF009
    answer_code: Setting = key(UNSET, None)  # noqa: RUF009
    answer_description: Setting = key(UNSET, None)  # noqa: RUF009


@dataclass(frozen=True, slots=True)
class AccountAnswer(Common):
    """What the answers with an account have beside."""

    answer_number: Setting = key(UNSET, None)  # noqa: RUF009
    answer_password: Setting = key(UNSET, None)  # noqa: RUF009
    answer_domain: Setting = key(UNSET, None)  # noqa: RUF009
    answer_display_name: Setting = key(UNSET, None)  # noqa: RUF009
    answer_auth_user: Setting = key(UNSET, None)  # noqa: RUF009
    answer_proxy: Setting = key(UNSET, None)  # noqa: RUF009
    answer_transport: Setting = key(UNSET, None)  # noqa: RUF009
    answer_port: Setting = key(UNSET, None)  # noqa: RUF009
    answer_expires: Setting = key(UNSET, None)  # noqa: RUF009
    answer_html: Setting = key(UNSET, None)  # noqa: RUF009


@dataclass(frozen=True, slots=True)
class Signup(AccountAnswer):
    """C{[signup]}"""


@dataclass(frozen=True, slots=True)
class Provisioning(AccountAnswer):
    """C{[provisioning]}"""

    mode: str = key("once", parsing.choice("once", "always"))


@dataclass(frozen=True, slots=True)
class Balance(Common):
    """C{[balance]}; C{low} and C{rate} are in the operator's currency, C{rate} a minute."""

    every_minutes: int = key(15, parsing.whole_number(0, 1440))
    low: Decimal | None = key(None, _amount)  # noqa: RUF009
    rate: Decimal | None = key(None, _rate)  # noqa: RUF009
    currency: str = key("", _currency)
    answer_balance: Setting = key(UNSET, None)  # noqa: RUF009
    answer_currency: Setting = key(UNSET, None)  # noqa: RUF009
    answer_rate: Setting = key(UNSET, None)  # noqa: RUF009


@dataclass(frozen=True, slots=True)
class Licence(Common):
    """C{[licence]}; C{emergency} are the numbers that can always be called."""

    recheck_hours: int = key(24, parsing.whole_number(1, 24 * 30))
    grace_hours: int = key(72, parsing.whole_number(0, 24 * 90))
    emergency: tuple[str, ...] = key(("112", "911", "190", "192", "193"), parsing.dial_prefixes)
    answer_active: Setting = key(UNSET, None)  # noqa: RUF009


SECTIONS: Final[Mapping[str, type[Any]]] = {
    "operator": General,
    "account": Account,
    "signup": Signup,
    "provisioning": Provisioning,
    "balance": Balance,
    "licence": Licence,
}

Parse = Callable[[str], object]
