"""What operators gave us outlives the daemon, and its secrets are nobody else's to read."""

from __future__ import annotations

import dataclasses
import stat

from neon.operatorvalues import LicenceRecord, StoredAccount
from neon.store.operators import KEPT, OperatorTable
from neon.values import AccountSettings
from tests.fakes import EPOCH
from tests.store.test_database import StoreCase

ACCOUNT = AccountSettings(
    "sip.example.com", "31", "sip-secret", 5070, auth_user="ana", display_name="Ana Ñ", proxy="p", expires=120
)


class OperatorTableTests(StoreCase):
    def table(self) -> OperatorTable:
        self.database = self.opened()
        return OperatorTable(self.database, self.path.parent / "operators.json")

    def again(self) -> OperatorTable:
        self.successResultOf(self.database.close())
        return self.table()

    def test_accounts(self) -> None:
        """Accounts come back as they were, the last of a login counts, and what is forgotten is gone."""
        table = self.table()
        self.assertEqual(self.successResultOf(table.accounts()), [])
        for login in ("ana", "zé/x", "gone"):
            self.successResultOf(table.save_account(StoredAccount("acme", login, "old", ACCOUNT)))
            self.successResultOf(table.save_account(StoredAccount("acme", login, "hidden-1", ACCOUNT)))
        self.assertTrue(self.successResultOf(table.remove_account("acme", "gone")))
        self.assertFalse(self.successResultOf(table.remove_account("acme", "never")))
        kept = self.successResultOf(self.again().accounts())
        self.assertEqual(kept, [StoredAccount("acme", login, "hidden-1", ACCOUNT) for login in ("ana", "zé/x")])

    def test_secrets(self) -> None:
        """Passwords and keys are in one file of mode 0600, and in none of the database's."""
        table = self.table()
        self.successResultOf(table.accounts())
        self.successResultOf(table.save_account(StoredAccount("acme", "ana", "hidden-1", ACCOUNT)))
        self.successResultOf(table.save_key("acme", "hidden-2"))
        self.successResultOf(self.database.close())
        secrets = self.path.parent / "operators.json"
        self.assertEqual(stat.S_IMODE(secrets.stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(secrets.parent.stat().st_mode), 0o700)
        for path in self.path.parent.iterdir():
            found = [word for word in (b"hidden-1", b"hidden-2", b"sip-secret") if word in path.read_bytes()]
            self.assertEqual(len(found), 3 if path == secrets else 0, path)

    def test_licences(self) -> None:
        """Checks and keys come back, also one without the other."""
        table = self.table()
        self.successResultOf(table.accounts())
        good = LicenceRecord("acme", True, EPOCH)
        bad = LicenceRecord("other", False, EPOCH, "não")
        for record in (LicenceRecord("acme", False, EPOCH), good, bad):
            self.successResultOf(table.save_licence(record))
        self.successResultOf(table.save_key("acme", "K-1"))
        self.successResultOf(table.save_key("third", "K-3"))
        table = self.again()
        self.successResultOf(table.accounts())
        self.assertEqual(
            self.successResultOf(table.licences()), {"acme": (good, "K-1"), "other": (bad, ""), "third": (None, "K-3")}
        )

    def test_damaged_secrets(self) -> None:
        """Without the file of secrets an account is not there; it can be provisioned again."""
        table = self.table()
        self.successResultOf(table.accounts())
        self.successResultOf(table.save_account(StoredAccount("acme", "ana", "x", ACCOUNT)))
        for damage in ("[]", "{", '{"acme/ana": 5}', '{"acme/ana": {}}'):
            (self.path.parent / "operators.json").write_text(damage)
            table = self.again()
            self.assertEqual(self.successResultOf(table.accounts()), [])
        self.successResultOf(table.save_account(StoredAccount("acme", "ana", "x", ACCOUNT)))
        self.assertEqual(len(self.successResultOf(self.again().accounts())), 1)

    def test_fields(self) -> None:
        """Every field that is kept is one that accounts have, and none of them is the password."""
        names = {field.name for field in dataclasses.fields(AccountSettings)}
        self.assertTrue(set(KEPT) <= names - {"password"})
