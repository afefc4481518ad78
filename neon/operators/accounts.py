"""The SIP accounts that one operator gave us: built from its answers, kept, and registered by themselves.

C{once}: what the operator answered when the user gave login and password is kept and used from then on. C{always}: it
is asked again before every SIP connection, and what was kept serves where its service does not work.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from neon import parsing
from neon.operators import html
from neon.operators.answers import Answer
from neon.operators.words import Kind, Trouble, sentence
from neon.operatorvalues import Provisioned, Service, SignupForm, StoredAccount
from neon.ports import Clock
from neon.values import AccountSettings

if TYPE_CHECKING:
    from neon.operators.service import Services

ASK_AGAIN: Final = 300.0
"""Seconds that must lie between two questions because a registrar refused the account."""

MAX_KEPT: Final = 100


class Memory(Protocol):
    """Where accounts are kept (L{neon.store.operators.OperatorTable})."""

    def save_account(self, stored: StoredAccount) -> Deferred[None]: ...

    def remove_account(self, operator: str, login: str) -> Deferred[bool]: ...


class Accounts:
    """The accounts of one operator. C{register} is the phone's: it returns the connectionId."""

    _log = Logger()

    def __init__(
        self, services: Services, register: Callable[[AccountSettings], int], memory: Memory, clock: Clock
    ) -> None:
        self._services = services
        self._settings = services.settings
        self._register = register
        self._memory = memory
        self._clock = clock
        self._stored: dict[str, StoredAccount] = {}
        self._connections: dict[int, str] = {}
        self._asked_at: dict[str, float] = {}

    # What others ask

    @property
    def always(self) -> bool:
        """Whether the operator is asked before every SIP connection."""
        return self._services.offers(Service.PROVISIONING) and self._settings.provisioning.mode == "always"

    def login_of(self, connection_id: int) -> str | None:
        """The login at the operator that an account belongs to; None for an account that is not from here."""
        return self._connections.get(connection_id)

    def stored(self) -> tuple[StoredAccount, ...]:
        """What is kept."""
        return tuple(self._stored.values())

    # What happens

    def start(self, stored: list[StoredAccount]) -> None:
        """Register what was kept, after asking the operator where it wants to be asked."""
        for account in stored:
            self._stored[account.login] = account
            if self.always:
                self._ask_again(account)
            else:
                self._connect(account)

    def refused(self, connection_id: int) -> None:
        """A registrar refused an account: the operator may have changed its password."""
        login = self._connections.get(connection_id)
        stored = self._stored.get(login or "")
        if stored is None or not self.always:
            return
        now = self._clock.seconds()
        if now - self._asked_at.get(stored.login, -ASK_AGAIN) >= ASK_AGAIN:
            self._ask_again(stored)

    def signup(self, form: SignupForm, language: str) -> Deferred[Provisioned]:
        """Become a customer, and be registered. Fails with L{Trouble}."""
        values = {
            "login": form.login,
            "password": form.password,
            "name": form.name,
            "email": form.email,
            "phone": form.phone,
        }
        asked = self._services.ask(Service.SIGNUP, values, language)
        return asked.addCallback(self._given, form.login, form.password)

    def provision(self, login: str, password: str, language: str) -> Deferred[Provisioned]:
        """Fetch an account, and be registered. Fails with L{Trouble}."""
        self._asked_at[login] = self._clock.seconds()
        asked = self._services.ask(Service.PROVISIONING, {"login": login, "password": password}, language)
        given: Deferred[Provisioned] = asked.addCallback(self._given, login, password)
        return given.addErrback(self._from_memory, login, password, language)

    def forget(self, login: str) -> Deferred[bool]:
        """Keep an account no longer; whether it was kept. Its registration is not touched."""
        self._stored.pop(login, None)
        return self._memory.remove_account(self._services.name, login)

    def _given(self, answer: Answer, login: str, password: str) -> Provisioned:
        account = account_of(answer.fields, self._services)
        stored = StoredAccount(self._services.name, login, password, account)
        if login not in self._stored and len(self._stored) >= MAX_KEPT:
            raise Trouble(Kind.STATUS, f"more than {MAX_KEPT} accounts are kept")
        self._stored[login] = stored
        kept = self._memory.save_account(stored)
        kept.addErrback(lambda failure: self._log.failure("an operator's account was not kept", failure))
        shown = html.sanitised(answer.fields["html"]) if "html" in answer.fields else ""
        return self._provisioned(stored, shown or None)

    def _from_memory(self, failure: Any, login: str, password: str, language: str) -> Any:
        """What was kept, where the operator's service does not work and the password is the one that was right."""
        stored = self._stored.get(login)
        trouble = failure.value
        if not isinstance(trouble, Trouble) or trouble.definite or stored is None:
            return failure
        if not hmac.compare_digest(stored.login_password.encode(), password.encode()):
            return failure
        return self._provisioned(stored, None, sentence("stored", language))

    def _provisioned(self, stored: StoredAccount, shown: str | None, note: str = "") -> Provisioned:
        account = stored.account
        connection_id = self._connect(stored)
        return Provisioned(
            connection_id,
            account.uri,
            account.number,
            account.domain,
            account.display_name,
            shown,
            stored=bool(note),
            note=note,
        )

    def _connect(self, stored: StoredAccount) -> int:
        connection_id = self._register(stored.account)
        self._connections[connection_id] = stored.login
        return connection_id

    def _ask_again(self, stored: StoredAccount) -> None:
        self._asked_at[stored.login] = self._clock.seconds()
        values = {"login": stored.login, "password": stored.login_password}
        asked: Deferred[Any] = self._services.ask(Service.PROVISIONING, values)
        asked.addCallback(self._given, stored.login, stored.login_password)
        asked.addErrback(self._not_given, stored)
        asked.addErrback(lambda failure: self._log.failure("an operator's account was not registered", failure))

    def _not_given(self, failure: Any, stored: StoredAccount) -> None:
        trouble = failure.value
        if not isinstance(trouble, Trouble):
            failure.raiseException()
        if trouble.definite:
            self._log.warn(
                "operator {operator} refuses {login}: {trouble}; it is not registered",
                operator=stored.operator,
                login=stored.login,
                trouble=trouble,
            )
            return
        self._log.warn(
            "operator {operator} cannot be asked about {login}; it is registered as it was kept",
            operator=stored.operator,
            login=stored.login,
        )
        if stored.login not in self._connections.values():
            self._connect(stored)


def account_of(fields: Mapping[str, str], services: Services) -> AccountSettings:
    """The account that an answer describes: the listed settings and no others, each as it would be taken from a user.

    @raise Trouble: number, password or domain is missing or cannot be.
    """
    defaults = services.settings.account
    domains = services.settings.general.domains
    domain = fields.get("domain") or defaults.domain or (domains[0] if len(domains) == 1 else "")
    missing = [name for name, value in (("number", fields.get("number")), ("password", fields.get("password")),
                                        ("domain", domain)) if not value]
    if missing:
        raise Trouble(Kind.INCOMPLETE, f"it lacks {', '.join(missing)}", said=", ".join(missing))
    wrong = "domain"
    try:
        host, port = parsing.host_port(domain.removeprefix("sip:"))
        wrong = "number"
        number = parsing.sip_user(fields["number"].strip())
        wrong = "password"
        password = parsing.secret(fields["password"])
    except ValueError:
        raise Trouble(Kind.INCOMPLETE, f"its {wrong} is malformed", said=wrong) from None

    def optional(name: str, parse: Callable[[str], Any], otherwise: Any) -> Any:
        """A setting that the account can do without: what makes no sense is left out, and said."""
        if not fields.get(name):
            return otherwise
        try:
            return parse(fields[name])
        except ValueError:
            Accounts._log.warn("operator {name}: its {field} makes no sense", name=services.name, field=name)
            return otherwise

    return AccountSettings(
        domain=host,
        number=number,
        password=password,
        port=optional("port", parsing.whole_number(1, 65535), port),
        transport=optional("transport", parsing.transport, defaults.transport),
        auth_user=optional("auth_user", parsing.line, None),
        display_name=optional("display_name", parsing.line, defaults.display_name or None),
        proxy=optional("proxy", parsing.proxy, defaults.proxy),
        expires=optional("expires", parsing.whole_number(10, 86400), defaults.expires),
    )
