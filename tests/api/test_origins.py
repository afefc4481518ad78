"""Which origins are approved, by whom, and what is remembered."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from neon import parsing
from neon.api.approvals import Answer
from neon.api.origins import NULL, Origins, Policy, Standing

CRM = "https://crm.example.com"

NORMAL = (
    ("https://crm.example.com", "https://crm.example.com"),
    ("HTTPS://CRM.Example.COM", "https://crm.example.com"),
    ("https://crm.example.com:443", "https://crm.example.com"),
    ("http://crm.example.com:80", "http://crm.example.com"),
    ("http://crm.example.com:443", "http://crm.example.com:443"),
    ("http://localhost:3000", "http://localhost:3000"),
    ("http://192.168.1.1:8080", "http://192.168.1.1:8080"),
    ("http://[::1]:3000", "http://[::1]:3000"),
    ("http://[0:0:0:0:0:0:0:1]", "http://[::1]"),
    ("https://crm.example.com.", "https://crm.example.com."),
    ("https://café.example", "https://xn--caf-dma.example"),
    ("chrome-extension://abcdefghijklmnopabcdefghijklmnop", "chrome-extension://abcdefghijklmnopabcdefghijklmnop"),
    ("capacitor://localhost", "capacitor://localhost"),
)

WRONG = (
    "",
    "null",
    "crm.example.com",
    "https:",
    "https://",
    "https:///",
    "https://crm.example.com/",
    "https://crm.example.com/path",
    "https://crm.example.com?x",
    "https://crm.example.com#x",
    "https://user@crm.example.com",
    "https://crm.example.com:0",
    "https://crm.example.com:65536",
    "https://crm.example.com:",
    "https://crm.example.com:443:443",
    "https://crm.example.com https://evil.example",
    "https://crm.example.com, https://evil.example",
    "https://crm..example.com",
    "https://300.1.1.1",
    "https://[::1",
    "https://[::g]",
    "https://*.example.com",
    "*",
    "file://",
    "file:///home/user/page.html",
    "file://server",
    "1http://x",
    "https://crm.example.com\r\nX: y",
    "https://" + "a" * 300,
)


class Memory:
    """Keeps decisions, and how often it was asked to."""

    def __init__(self) -> None:
        self.kept: dict[str, bool] = {}

    def save(self, origin: str, allowed: bool) -> Deferred[None]:
        self.kept[origin] = allowed
        return succeed(None)

    def remove(self, origin: str) -> Deferred[None]:
        del self.kept[origin]
        return succeed(None)


class ParsingTests(SynchronousTestCase):
    def test_normal(self) -> None:
        """One origin has one spelling, the browsers'."""
        for text, normal in NORMAL:
            self.assertEqual(parsing.origin(text), normal)
            self.assertEqual(parsing.origin(normal), normal)

    def test_wrong(self) -> None:
        """Whatever is no origin is refused."""
        for text in WRONG:
            with self.assertRaises(ValueError, msg=text):
                parsing.origin(text)

    @given(st.text(max_size=40) | st.text(alphabet="htps:/.[]a1@*%,", max_size=40))
    def test_any(self, text: str) -> None:
        """Whatever is read, is read again as the same, and is ASCII without spaces."""
        try:
            origin = parsing.origin(text)
        except ValueError:
            return
        self.assertEqual(parsing.origin(origin), origin)
        self.assertTrue(origin.isascii() and origin.isprintable() and " " not in origin)

    def test_list(self) -> None:
        """Lists take commas and spaces, and forgive the slash of an address bar."""
        self.assertEqual(parsing.origins(f"{CRM}/, http://a  http://a"), (CRM, "http://a"))
        self.assertEqual(parsing.origins(" "), ())


class StandingTests(SynchronousTestCase):
    def test_policies(self) -> None:
        """What becomes of an origin that nobody decided about is the policy's choice; null is not."""
        for policy, standing in (
            (Policy.ASK, Standing.UNKNOWN),
            (Policy.LIST, Standing.BLOCKED),
            (Policy.ANY, Standing.APPROVED),
        ):
            self.assertIs(Origins(policy).standing(CRM), standing)
            self.assertIs(Origins(policy).standing(NULL), Standing.BLOCKED)
            self.assertIs(Origins(policy, allow_null=True).standing(NULL), Standing.APPROVED)
            self.assertIs(Origins(policy, configured=[CRM]).standing(CRM), Standing.APPROVED)

    def test_own(self) -> None:
        """NEON's own pages need no approval."""
        origins = Origins(Policy.LIST)
        origins.own.add("http://localhost:15060")
        self.assertIs(origins.standing("http://localhost:15060"), Standing.APPROVED)
        self.assertIs(origins.standing("http://localhost:3000"), Standing.BLOCKED)

    def test_exact(self) -> None:
        """Scheme, host and port all count."""
        origins = Origins(configured=[CRM])
        for other in ("http://crm.example.com", CRM + ":8443", "https://example.com", "https://a.crm.example.com"):
            self.assertIs(origins.standing(other), Standing.UNKNOWN, other)

    def test_remembered(self) -> None:
        """Allowing and blocking are kept for good, once is not, a denial is nothing."""
        memory = Memory()
        origins = Origins(memory=memory)
        self.successResultOf(origins.decide(CRM, Answer.ALLOW))
        self.successResultOf(origins.decide("https://evil.example", Answer.BLOCK))
        self.successResultOf(origins.decide("http://once", Answer.ALLOW_ONCE))
        self.successResultOf(origins.decide("http://no", Answer.DENY))
        self.assertEqual(memory.kept, {CRM: True, "https://evil.example": False})
        self.assertIs(origins.standing("http://once"), Standing.APPROVED)
        again = Origins(memory=memory, remembered=memory.kept)
        standings = [again.standing(o) for o in (CRM, "https://evil.example", "http://once", "http://no")]
        self.assertEqual(standings, [Standing.APPROVED, Standing.BLOCKED, Standing.UNKNOWN, Standing.UNKNOWN])
        self.successResultOf(again.forget(CRM))
        self.assertIs(again.standing(CRM), Standing.UNKNOWN)
        self.assertNotIn(CRM, memory.kept)

    def test_blocked_then_once(self) -> None:
        """Allowing once what was blocked takes the block away; when the daemon ends the page is unknown again."""
        memory = Memory()
        origins = Origins(memory=memory)
        origins.decide(CRM, Answer.BLOCK)
        origins.decide(CRM, Answer.ALLOW_ONCE)
        self.assertIs(origins.standing(CRM), Standing.APPROVED)
        self.assertEqual(memory.kept, {})

    def test_users_no(self) -> None:
        """A page that the user blocked stays blocked, whoever approved it."""
        for origins in (Origins(Policy.ANY), Origins(configured=[CRM])):
            origins.decide(CRM, Answer.BLOCK)
            self.assertIs(origins.standing(CRM), Standing.BLOCKED)

    def test_withdrawn(self) -> None:
        """Whoever has to know is told when an approval ends, and only then."""
        origins = Origins()
        told: list[str] = []
        origins.on_withdrawn.append(told.append)
        origins.decide(CRM, Answer.BLOCK)
        origins.decide(CRM, Answer.ALLOW)
        origins.decide(CRM, Answer.DENY)
        self.assertEqual(told, [])
        origins.decide(CRM, Answer.BLOCK)
        origins.decide("http://once", Answer.ALLOW_ONCE)
        origins.forget("http://once")
        self.assertEqual(told, [CRM, "http://once"])

    def test_listing(self) -> None:
        """Everything that was decided, with who decided it."""
        origins = Origins(configured=["http://c"])
        origins.decide(CRM, Answer.ALLOW)
        origins.decide("http://a", Answer.ALLOW_ONCE)
        origins.decide("http://b", Answer.BLOCK)
        self.assertEqual(
            origins.listing(),
            [("http://a", "allowed once"), ("http://b", "blocked"), ("http://c", "configuration"), (CRM, "allowed")],
        )


class DirectoryTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.directory = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.directory)

    def standing(self, origins: Origins, origin: str = CRM) -> bool:
        return origins.standing(origin) is Standing.APPROVED

    def test_files(self) -> None:
        """An origin a line, comments, several files; other names are not read."""
        (self.directory / "10-crm.conf").write_text(f"# our CRM\n\n{CRM}  # the new one\nhttp://intranet/\n")
        (self.directory / "20.conf").write_text("http://a, http://b\n")
        (self.directory / "README").write_text("http://readme\n")
        origins = Origins(Policy.LIST, directory=self.directory)
        found = [self.standing(origins, o) for o in (CRM, "http://intranet", "http://a", "http://b", "http://readme")]
        self.assertEqual(found, [True, True, True, True, False])

    def test_bad_line(self) -> None:
        """A line that is no origin approves nobody, and takes nothing from the others."""
        (self.directory / "a.conf").write_bytes(b"* \nhttps://*.example.com\n\xff\n" + CRM.encode())
        origins = Origins(Policy.LIST, directory=self.directory)
        self.assertTrue(self.standing(origins))
        self.assertEqual([origin for origin, _ in origins.listing()], [CRM])

    def test_changes(self) -> None:
        """A change counts at once: a new file, another content, a file gone."""
        origins = Origins(Policy.LIST, directory=self.directory)
        self.assertFalse(self.standing(origins))
        path = self.directory / "a.conf"
        path.write_text(CRM)
        self.assertTrue(self.standing(origins))
        path.write_text("http://x")
        os.utime(path, ns=(1, 1))
        self.assertFalse(self.standing(origins))
        path.write_text(CRM)
        self.assertTrue(self.standing(origins))
        path.unlink()
        self.assertFalse(self.standing(origins))

    def test_no_directory(self) -> None:
        """No directory, no approval, no error; nor by something that is no file."""
        self.assertFalse(self.standing(Origins(Policy.LIST, directory=self.directory / "missing")))
        (self.directory / "a.conf").mkdir()
        self.assertFalse(self.standing(Origins(Policy.LIST, directory=self.directory)))
