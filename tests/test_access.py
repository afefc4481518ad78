"""Application accounts, and access.json."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from neon import access
from neon.passwords import N_FOR_RANDOM, PasswordHash
from neon.sections import Application
from neon.values import Scope


def cheap(password: str) -> PasswordHash:
    """A hash that is quick to check."""
    return PasswordHash.of(password, n=2, r=1)


class ApplicationsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.checks: list[tuple[object, ...]] = []
        self.applications = access.Applications(self.at_once, {"crm": cheap("secret")})

    def at_once(self, function: Callable[..., bool], *args: object) -> Deferred[bool]:
        self.checks.append(args)
        return succeed(function(*args))

    def verify(self, user: str, password: str) -> bool:
        return self.successResultOf(self.applications.verify(user, password))

    def test_nobody(self) -> None:
        """A name that nobody has is checked like any other, as slowly as the hashes of chosen passwords are."""
        self.applications = access.Applications(self.at_once, {})
        self.assertFalse(self.verify("crm", "secret"))
        self.assertEqual(self.checks, [("secret",)])
        decoy, real = PasswordHash.decoy(), PasswordHash.of("secret")
        self.assertEqual((decoy.n, decoy.r, decoy.p), (real.n, real.r, real.p))

    def test_right(self) -> None:
        """The right password of a known application."""
        self.assertTrue(self.verify("crm", "secret"))

    def test_wrong(self) -> None:
        """A wrong name, a wrong password, a name in another case."""
        for user, password in (("crm", "Secret"), ("CRM", "secret"), ("", ""), ("crm", ""), ("crm", "\ud800")):
            self.assertFalse(self.verify(user, password), (user, password))

    def test_tickets(self) -> None:
        """An application with tickets shows one in place of a password, may do everything, and takes nobody's name."""
        good = {"ticket"}
        self.applications.put_tickets("panel", lambda ticket: ticket in good)
        self.assertTrue(self.verify("panel", "ticket"))
        self.assertFalse(self.verify("panel", "another"))
        self.assertFalse(self.verify("crm", "ticket"))
        self.assertEqual(self.applications.scopes("panel"), frozenset(Scope))
        self.assertIn("panel", self.applications)

    def test_same_cost(self) -> None:
        """An unknown application costs a hash, as a known one does."""
        self.verify("nobody", "secret")
        self.assertEqual(self.checks, [("secret",)])

    def test_long(self) -> None:
        """A password longer than any is cut before it is hashed, and wrong."""
        long = "x" * access.MAX_PASSWORD
        self.applications = access.Applications(self.at_once, {"crm": cheap(long)})
        self.assertTrue(self.verify("crm", long))
        self.assertFalse(self.verify("crm", long + "y"))

    def test_configured(self) -> None:
        """Passwords in clear and hashes both become hashes."""
        given = cheap("b")
        hashes = access.configured_hashes({"a": Application(password="a"), "b": Application(password_hash=given)})
        self.assertTrue(hashes["a"].matches("a"))
        self.assertEqual(hashes["b"], given)


class HashTests(SynchronousTestCase):
    def test_round_trip(self) -> None:
        """What str() writes parse() reads, and it still matches."""
        made = cheap("secret")
        again = PasswordHash.parse(str(made))
        self.assertEqual(again, made)
        self.assertTrue(again.matches("secret"))
        self.assertFalse(again.matches("secret "))

    def test_salted(self) -> None:
        """Two hashes of one password differ."""
        self.assertNotEqual(cheap("secret").digest, cheap("secret").digest)

    def test_known_answer(self) -> None:
        """The third vector of RFC 7914, section 12."""
        digest = bytes.fromhex(
            "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
            "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"
        )
        vector = PasswordHash(16384, 8, 1, b"SodiumChloride", digest)
        self.assertTrue(PasswordHash.parse(str(vector)).matches("pleaseletmein"))


class AccessFileTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.directory = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.directory)
        self.path = self.directory / "access.json"

    def test_contents(self) -> None:
        """The keys that programs rely on, in a file for its owner only."""
        access.write_private(self.path, access.access_document("ws://127.0.0.1:15070/", "secret"))
        self.assertEqual(
            json.loads(self.path.read_text()),
            {
                "websocket": "ws://127.0.0.1:15070/",
                "http": None,
                "control": None,
                "feed": None,
                "user": "local",
                "password": "secret",
                "sip": None,
                "operator": None,
            },
        )
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)
        self.assertEqual(os.listdir(self.directory), ["access.json"])

    def test_replaced(self) -> None:
        """A file of others' making is replaced, with its mode; a symbolic link is not followed."""
        elsewhere = self.directory / "elsewhere"
        elsewhere.write_text("precious")
        self.path.symlink_to(elsewhere)
        access.write_private(self.path, {"a": 1})
        self.assertEqual(elsewhere.read_text(), "precious")
        self.assertFalse(self.path.is_symlink())
        self.path.chmod(0o644)
        access.write_private(self.path, {"a": 2})
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)

    def test_first(self) -> None:
        """The first start makes a password that no one can guess."""
        password, made = access.local_password(self.path, None)
        self.assertGreaterEqual(len(password), 24)
        self.assertTrue(made.matches(password))

    def test_again(self) -> None:
        """The next start keeps the password that stands in the file, if it is the right one."""
        known = cheap("secret")
        access.write_private(self.path, access.access_document(None, "secret"))
        self.assertEqual(access.local_password(self.path, known), ("secret", known))

    def test_slow_hash(self) -> None:
        """A slow hash of an earlier version is replaced by a quick one of the same password."""
        access.write_private(self.path, access.access_document(None, "secret"))
        password, made = access.local_password(self.path, PasswordHash.of("secret", n=64, r=1))
        self.assertEqual(password, "secret")
        self.assertTrue(made.matches("secret"))
        self.assertEqual(made.n, N_FOR_RANDOM)

    def test_useless_files(self) -> None:
        """With a file that is missing, of something else, or with a wrong password there is a new one."""
        known = cheap("secret")
        for text in (None, "", "[]", "5", '"x"', '{"user": "local"}', '{"user": "local", "password": 5}',
                     '{"user": "crm", "password": "secret"}', '{"user": "local", "password": "wrong"}', "\xff"):
            self.path.unlink(missing_ok=True)
            if text is not None:
                self.path.write_bytes(text.encode("latin-1"))
            password, made = access.local_password(self.path, known)
            self.assertNotEqual(password, "secret", text)
            self.assertTrue(made.matches(password))
