"""Accounts are found by what requests call them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from twisted.trial.unittest import SynchronousTestCase

from neon.sip.accounttable import AccountTable
from neon.sip.agentaccount import AgentAccount
from neon.values import AccountSettings


class Account:
    """What the table looks at."""

    def __init__(self, connection_id: int, number: str, contact: str) -> None:
        self.connection_id = connection_id
        self.settings = AccountSettings(domain="sip.test", number=number, password="x")
        self.registration = SimpleNamespace(contact_user=contact, is_trusted=lambda host, transport: host == contact)


class AccountTableTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.table = AccountTable()

    def account(self, connection_id: int, number: str, contact: str) -> AgentAccount:
        account: Any = Account(connection_id, number, contact)
        self.table.add(account)
        return cast("AgentAccount", account)

    def test_found(self) -> None:
        """By connectionId, by the Contact's user, and by number; several may have the same number."""
        first, second = self.account(1, "31", "a"), self.account(2, "31", "b")
        third = self.account(3, "32", "c")
        self.assertEqual((self.table[2], self.table.get(4)), (second, None))
        self.assertEqual((self.table.with_contact("c"), self.table.with_contact("31")), (third, None))
        self.assertEqual(self.table.with_number("31"), [first, second])
        self.assertEqual(self.table.with_number("32", "31", "32", "7"), [third, first, second])
        self.assertEqual(list(self.table), [first, second, third])

    def test_removed(self) -> None:
        """An account that is gone is found by nothing, and may be removed again."""
        first, second = self.account(1, "31", "a"), self.account(2, "31", "b")
        self.table.remove(first)
        self.table.remove(first)
        self.assertEqual((self.table.get(1), self.table.with_contact("a")), (None, None))
        self.assertEqual((self.table.with_number("31"), list(self.table)), ([second], [second]))

    def test_same_connection_id(self) -> None:
        """A new account takes the place of the one that is leaving; the leaving one's end changes nothing."""
        leaving, new = self.account(1, "31", "a"), self.account(1, "31", "b")
        self.table.remove(leaving)
        self.assertEqual((self.table.get(1), self.table.with_contact("a")), (new, None))
        self.assertEqual(self.table.with_number("31"), [new])

    def test_trust(self) -> None:
        """A host is trusted if one of them trusts it."""
        self.account(1, "31", "192.0.2.1")
        self.account(2, "32", "192.0.2.2")
        self.assertTrue(self.table.trust("192.0.2.2"))
        self.assertFalse(self.table.trust("192.0.2.3"))
