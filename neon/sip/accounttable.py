"""The accounts of one agent, found by connectionId, by the Contact that they register, and by their number.

Every INVITE is for one of them, however many there are.
"""

from __future__ import annotations

from collections.abc import Iterator

from neon.sip.agentaccount import AgentAccount


class AccountTable:
    """A mapping from connectionId to account. An account's number and the user part of its Contact do not change."""

    def __init__(self) -> None:
        self._by_id: dict[int, AgentAccount] = {}
        self._by_contact: dict[str, AgentAccount] = {}
        self._by_number: dict[str, dict[AgentAccount, None]] = {}

    def __getitem__(self, connection_id: int) -> AgentAccount:
        return self._by_id[connection_id]

    def __iter__(self) -> Iterator[AgentAccount]:
        """The accounts, oldest first."""
        return iter(tuple(self._by_id.values()))

    def get(self, connection_id: int) -> AgentAccount | None:
        return self._by_id.get(connection_id)

    def add(self, account: AgentAccount) -> None:
        """Have this account; it takes the place of one with the same connectionId."""
        before = self._by_id.get(account.connection_id)
        if before is not None:
            self.remove(before)
        self._by_id[account.connection_id] = account
        self._by_contact[account.registration.contact_user] = account
        self._by_number.setdefault(account.settings.number, {})[account] = None

    def remove(self, account: AgentAccount) -> None:
        """Have it no longer; harmless where it is not here."""
        if self._by_id.get(account.connection_id) is not account:
            return
        del self._by_id[account.connection_id]
        self._by_contact.pop(account.registration.contact_user, None)
        number = account.settings.number
        self._by_number[number].pop(account)
        if not self._by_number[number]:
            del self._by_number[number]

    def with_contact(self, user: str) -> AgentAccount | None:
        """The account whose Contact has this user part: it is random, so whoever uses it has it from the registrar."""
        return self._by_contact.get(user)

    def with_number(self, *numbers: str) -> list[AgentAccount]:
        """The accounts that have one of these numbers, each once."""
        return list(dict.fromkeys(account for number in numbers for account in self._by_number.get(number, ())))

    def trust(self, host: str, transport: str | None = None) -> bool:
        """Whether C{host} is a registrar or outbound proxy of at least one account that it reaches by C{transport}."""
        return any(account.registration.is_trusted(host, transport) for account in self._by_id.values())
