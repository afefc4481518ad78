"""The desk: implements L{neon.ports.Operators} over the operators that files describe.

Which operator an account belongs to: the one that gave it to us, else the one whose C{domains} have its domain, else
the only one there is, if that names no domains.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.defer import Deferred, fail

from neon.bus import Published
from neon.errors import InvalidArgument, NeonError, NotAuthorised, OperatorFailed
from neon.events import Event, Registered, RegistrationRefused
from neon.operators import money
from neon.operators.words import Kind, Trouble, explain, sentence
from neon.operatorvalues import (
    Balance,
    Licence,
    LicenceRecord,
    Provisioned,
    Service,
    SignupForm,
    Standing,
    StoredAccount,
)
from neon.ports import Clock
from neon.values import AccountSettings, AccountSnapshot

if TYPE_CHECKING:
    from neon.operators import accounts, licence
    from neon.operators.accounts import Accounts
    from neon.operators.balance import Balances, Owner
    from neon.operators.licence import LicenceKeeper
    from neon.operators.service import Services

    class Memory(accounts.Memory, licence.Memory, Protocol):
        """Where all of it is kept."""


class Phone(Protocol):
    """What is needed of the phone."""

    def register(self, settings: AccountSettings) -> int: ...

    def accounts(self) -> tuple[AccountSnapshot, ...]: ...

    def account(self, connection_id: int) -> AccountSnapshot | None: ...


@dataclass(frozen=True, slots=True)
class House:
    """One operator, with what we keep about it."""

    services: Services
    accounts: Accounts
    balances: Balances
    licence: LicenceKeeper | None
    language: str

    @property
    def name(self) -> str:
        return self.services.name


class Desk:
    """All operators. C{language} is for those whose file says C{auto}."""

    def __init__(
        self,
        services: Sequence[Services],
        phone: Phone,
        publish: Callable[[Event], object],
        memory: Memory,
        clock: Clock,
        language: str,
    ) -> None:
        self._phone = phone
        self._publish = publish
        self._memory = memory
        self._clock = clock
        self._language = language
        self._houses: dict[str, House] = {}
        for one in services:
            self.add(one)

    def add(self, services: Services) -> bool:
        """One more, before L{start}; whether its name was free."""
        if services.name in self._houses:
            return False
        self._houses[services.name] = self._house(services)
        return True

    def _house(self, services: Services) -> House:
        # Here, since most have no operator.
        from neon.operators.accounts import Accounts
        from neon.operators.balance import Balances
        from neon.operators.licence import LicenceKeeper

        publish, memory, clock = self._publish, self._memory, self._clock
        language = services.settings.general.language
        language = self._language if language == "auto" else language
        kept = Accounts(services, self._phone.register, memory, clock)

        def owner_of(connection_id: int) -> Owner | None:
            snapshot = self._phone.account(connection_id)
            if snapshot is None or self._house_of(snapshot) is not house:
                return None
            return owner(snapshot, kept.login_of(connection_id))

        def about_us() -> Mapping[str, str]:
            for snapshot in self._phone.accounts():
                if (known := owner_of(snapshot.connection_id)) is not None:
                    return {"number": known.number, "domain": known.domain, "login": known.login}
            for stored in kept.stored():
                return {"number": stored.account.number, "domain": stored.account.domain, "login": stored.login}
            return {}

        keeper = None
        if services.offers(Service.LICENCE):
            keeper = LicenceKeeper(services, about_us, publish, memory, clock, language=language)
        balances = Balances(services, owner_of, publish, clock)
        house = House(services, kept, balances, keeper, language)
        return house

    # The life of the desk

    def start(
        self, stored: Sequence[StoredAccount], licences: Mapping[str, tuple[LicenceRecord | None, str]]
    ) -> None:
        """Go on from what was kept: accounts are registered, licences checked when they are due."""
        for house in self._houses.values():
            house.accounts.start([one for one in stored if one.operator == house.name])
            if house.licence is not None:
                house.licence.start(*licences.get(house.name, (None, "")))

    def stop(self) -> None:
        """Ask nobody anything any more."""
        for house in self._houses.values():
            house.balances.stop()
            if house.licence is not None:
                house.licence.stop()

    def happened(self, published: Published) -> None:
        """An event of the bus."""
        for house in self._houses.values():
            if house.services.offers(Service.BALANCE):
                house.balances.happened(published)
            if house.licence is not None and isinstance(published.event, Registered):
                house.licence.somebody_registered()
            if isinstance(published.event, RegistrationRefused):
                house.accounts.refused(published.event.connection_id)

    # neon.ports.Operators

    def signup(self, operator: str | None, form: SignupForm, language: str | None) -> Deferred[Provisioned]:
        try:
            house = self._find(operator, Service.SIGNUP, language)
        except NeonError as error:
            return fail(error)
        words = language or house.language
        return house.accounts.signup(form, words).addErrback(_in_words, words)

    def provision(
        self, operator: str | None, login: str, password: str, language: str | None
    ) -> Deferred[Provisioned]:
        try:
            house = self._find(operator, Service.PROVISIONING, language)
        except NeonError as error:
            return fail(error)
        words = language or house.language
        return house.accounts.provision(login, password, words).addErrback(_in_words, words)

    def balance(self, operator: str | None, connection_id: int | None, language: str | None) -> Deferred[Balance]:
        try:
            house, chosen = self._whose(operator, connection_id, language)
        except NeonError as error:
            return fail(error)
        return house.balances.ask(chosen).addErrback(_in_words, language or house.language)

    def activate(self, operator: str | None, key: str | None, language: str | None) -> Deferred[Licence]:
        try:
            house = self._find(operator, Service.LICENCE, language)
        except NeonError as error:
            return fail(error)
        words = language or house.language
        assert house.licence is not None
        return house.licence.check(key, words).addErrback(_in_words, words)

    def admit(self, account: AccountSnapshot, target: str | None) -> tuple[str, ...]:
        house = self._house_of(account)
        if house is None:
            return ()
        warnings: list[str] = []
        keeper = house.licence
        if keeper is not None and not keeper.is_emergency(target):
            standing = keeper.licence()
            if not standing.standing.allows_calls:
                raise NotAuthorised(standing.reason)
            if standing.standing is Standing.GRACE:
                warnings.append(standing.reason)
        balance = house.balances.current(account.connection_id)
        if target is not None and balance is not None and balance.low:
            house.balances.warn(balance)
            warnings.append(low(balance, house.language))
        return tuple(warnings)

    # For neonctl

    def listing(self) -> list[dict[str, Any]]:
        """Every operator with what it offers, its accounts by login, and its licence."""
        return [
            {
                "operator": house.name,
                "title": house.services.settings.general.title or house.name,
                "services": [service.value for service in Service if house.services.offers(service)],
                "logins": [stored.login for stored in house.accounts.stored()],
                "licence": "" if house.licence is None else house.licence.licence().standing.value,
            }
            for house in self._houses.values()
        ]

    def forget(self, operator: str | None, login: str) -> Deferred[bool]:
        """Keep an account no longer; fires with whether it was kept.

        @raise InvalidArgument: there is no such operator.
        """
        return self._find(operator, None, None).accounts.forget(login)

    # Finding

    def _find(self, name: str | None, service: Service | None, language: str | None) -> House:
        """The operator of that name, or the only one that offers the service.

        @raise InvalidArgument: there is none, or more than one.
        """
        words = language or self._language
        if name is not None:
            house = next((one for one in self._houses.values() if one.name.lower() == name.strip().lower()), None)
            if house is None:
                raise InvalidArgument(sentence("unknown operator", words, name=name))
            candidates = [house]
        else:
            candidates = list(self._houses.values())
        offering = [one for one in candidates if service is None or one.services.offers(service)]
        if not offering:
            raise InvalidArgument(sentence("no operator", words))
        if len(offering) > 1:
            names = ", ".join(one.name for one in offering)
            raise InvalidArgument(sentence("which operator", words, names=names))
        return offering[0]

    def _whose(self, operator: str | None, connection_id: int | None, language: str | None) -> tuple[House, int]:
        """The operator and the account whose balance is meant.

        @raise InvalidArgument: there is none, or more than one.
        """
        snapshots = self._phone.accounts()
        if connection_id is not None:
            if not (chosen := [one for one in snapshots if one.connection_id == connection_id]):
                raise InvalidArgument(f"there is no account with connectionId {connection_id}")
            house = self._house_of(chosen[0])
            named = house if operator is None else self._find(operator, Service.BALANCE, language)
            if house is None or named is not house or not house.services.offers(Service.BALANCE):
                raise InvalidArgument(sentence("no operator", language or self._language))
            return house, connection_id
        house = self._find(operator, Service.BALANCE, language)
        mine = [one for one in snapshots if self._house_of(one) is house]
        if not mine:
            raise InvalidArgument(sentence("no account", language or house.language))
        if len(mine) > 1:
            raise InvalidArgument("there are several accounts: say connectionId")
        return house, mine[0].connection_id

    def _house_of(self, account: AccountSnapshot) -> House | None:
        if not self._houses:
            return None
        for house in self._houses.values():
            if house.accounts.login_of(account.connection_id) is not None:
                return house
        domain = owner(account, None).domain
        for house in self._houses.values():
            if domain in house.services.settings.general.domains:
                return house
        if len(self._houses) == 1:
            (house,) = self._houses.values()
            if not house.services.settings.general.domains:
                return house
        return None


def owner(account: AccountSnapshot, login: str | None) -> Owner:
    """What an operator knows an account by; its number where there is no login."""
    from neon.operators.balance import Owner

    number, _, place = account.uri.removeprefix("sip:").rpartition("@")
    domain = place[: place.index("]") + 1].strip("[]") if place.startswith("[") else place.partition(":")[0]
    return Owner(number, domain.lower(), number if login is None else login)


def low(balance: Balance, language: str) -> str:
    """The sentence that warns of it."""
    written = f"{money.written(balance.amount)} {balance.currency}".strip()
    if balance.minutes_left is None:
        return sentence("low", language, balance=written)
    return sentence("minutes", language, balance=written, minutes=balance.minutes_left)


def _in_words(failure: Any, language: str) -> Any:
    """What the APIs answer for a L{Trouble}."""
    trouble = failure.value
    if not isinstance(trouble, Trouble):
        return failure
    words = explain(trouble, language)
    code = trouble.code if trouble.kind is Kind.REFUSED else 0
    if trouble.definite:
        raise InvalidArgument(words, system_code=code)
    raise OperatorFailed(words, system_code=code)
