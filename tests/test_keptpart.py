"""Accounts that were added in the panel outlive the daemon, until they are given up."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from neon.errors import InvalidArgument
from neon.keptpart import NAME, KeptAccounts
from neon.store.accounts import MOST
from neon.values import AccountSettings
from tests.fakes import FakeWorld
from tests.store.test_database import StoreCase

CONTEXT: Any = SimpleNamespace()
ANA = AccountSettings("acme.example", "31", "se cret", auth_user="ana", proxy="proxy.example", transport="tls")
BEA = AccountSettings("acme.example", "32", "other")


class KeptTests(StoreCase):
    def life(self) -> KeptAccounts:
        """One life of the daemon, started."""
        self.world = FakeWorld()
        self.database = self.opened()
        kept = KeptAccounts(self.path.parent, self.database, self.world.bus, self.world.phone)
        kept.load()
        kept.start()
        return kept

    def end(self, kept: KeptAccounts) -> None:
        kept.stop()
        for account in self.world.phone.accounts():
            self.world.phone.unregister(account.connection_id)
            self.world.signalling.end_registration(account.connection_id)
        self.world.turn()
        self.successResultOf(self.database.close())

    def uris(self) -> list[str]:
        return [account.uri for account in self.world.phone.accounts()]

    def test_restart(self) -> None:
        """With everything that it was registered with; the end of the daemon does not give it up."""
        kept = self.life()
        connection_id = self.world.registered(ANA)
        self.world.registered(BEA)
        self.assertEqual(self.successResultOf(kept.keep(CONTEXT, connection_id)), {})
        self.assertEqual((self.path.parent / NAME).stat().st_mode & 0o777, 0o600)
        self.end(kept)
        kept = self.life()
        (account,) = self.world.phone.accounts()
        self.assertEqual(self.world.phone.settings_of(account.connection_id), ANA)
        self.assertNotIn("se cret", repr(ANA))

    def test_given_up(self) -> None:
        """Whoever gives it up, it is not there again."""
        kept = self.life()
        connection_id = self.world.registered(ANA)
        self.successResultOf(kept.keep(CONTEXT, connection_id))
        self.world.phone.unregister(connection_id)
        self.world.signalling.end_registration(connection_id)
        self.world.turn()
        self.end(kept)
        self.life()
        self.assertEqual(self.uris(), [])

    def test_configured(self) -> None:
        """An account of the configuration is kept there, and wins over one of the same address."""
        kept = self.life()
        named = self.world.phone.register(AccountSettings("acme.example", "33", "x", name="desk"))
        with self.assertRaisesRegex(InvalidArgument, "configuration"):
            kept.keep(CONTEXT, named)
        with self.assertRaises(InvalidArgument):
            kept.keep(CONTEXT, 999)
        with self.assertRaisesRegex(InvalidArgument, "missing"):
            kept.keep(CONTEXT, None)
        self.successResultOf(kept.keep(CONTEXT, self.world.phone.register(ANA)))
        self.world.phone.register(AccountSettings("acme.example", "31", "changed", name="ana"))
        kept.start()
        passwords = [self.world.phone.settings_of(one.connection_id).password for one in self.world.phone.accounts()]
        self.assertEqual(passwords, ["x", "changed"])

    def test_damaged(self) -> None:
        """A file that somebody else has written does no harm."""
        self.path.parent.mkdir(mode=0o700)
        for text in (
            "",
            "[]",
            '{"accounts": 7}',
            '{"accounts": [{"number": "1"}, 8]}',
            "\ud800".encode("utf-8", "replace").decode(),
        ):
            (self.path.parent / NAME).write_text(text)
            kept = self.life()
            self.assertEqual(self.uris(), [])
            self.end(kept)
        self.flushLoggedErrors()

    def test_bounded(self) -> None:
        """No more than a hundred are kept."""
        kept = self.life()
        for number in range(MOST):
            self.successResultOf(
                kept.keep(CONTEXT, self.world.phone.register(AccountSettings("a.example", f"{number}", "")))
            )
        with self.assertRaisesRegex(InvalidArgument, "100 accounts"):
            kept.keep(CONTEXT, self.world.phone.register(ANA))
