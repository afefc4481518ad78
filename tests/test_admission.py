"""The rules of access as configuration and state make them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon import config, inifile
from neon.access import Applications, configured_hashes
from neon.admission import Admission
from neon.api.approvals import Answer
from neon.api.cors import Visitor
from neon.api.origins import Standing
from neon.api.sessions import Sessions
from neon.bus import Bus
from neon.parts import CannotStart
from neon.store.database import Database
from neon.values import Scope

CRM = "https://crm.example.com"

CONFIGURATION = b"""
[api]
max-connections = 2
[origins]
policy = list
allow = https://crm.example.com/
directory =
[application dialer]
password = x
scopes = call, dtmf
[application crm]
password = x
"""


def at_once(function: Callable[..., bool], *arguments: object) -> Deferred[bool]:
    return succeed(function(*arguments))


class Page:
    """What a page's client is to the keeper."""

    origin = CRM


class AdmissionTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.directory = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.directory)
        self.clock = Clock()

    def admission(self, text: bytes = CONFIGURATION) -> Admission:
        database = Database(self.directory / "neon.sqlite")
        database.open()
        self.addCleanup(database.close)
        loaded = config.build(inifile.parse(text, "neon.conf"))
        self.applications = Applications(at_once, configured_hashes(loaded.applications))
        self.sessions = Sessions(self.clock, 60)
        self.addCleanup(self.sessions.stop)
        bus = Bus(self.clock)
        made = Admission(
            self.clock, loaded, self.directory, database, self.sessions, self.applications, bus
        )
        self.addCleanup(made.stop)
        return made

    def test_configured(self) -> None:
        """The configuration's origins, policy, limits and scopes are the ones that hold."""
        made = self.admission()
        standings = [made.origins.standing(origin) for origin in (CRM, "http://other")]
        self.assertEqual(standings, [Standing.APPROVED, Standing.BLOCKED])
        self.assertEqual(made.guard.limits.connections, 2)
        self.assertEqual(self.applications.scopes("dialer"), {Scope.CALL, Scope.DTMF})
        self.assertEqual(self.applications.scopes("crm"), frozenset(Scope))
        self.assertEqual(self.applications.scopes("nobody"), frozenset())

    def test_defaults(self) -> None:
        """Without a word in the configuration pages are asked about, and programs are let in."""
        made = self.admission(b"[origins]\ndirectory =\n")
        self.assertIs(made.origins.standing(CRM), Standing.UNKNOWN)
        host = "localhost:15070"
        program = Visitor(("127.0.0.1", 1), ("127.0.0.1", 15070), host, None, None)
        self.assertTrue(made.guard.decide(program).admitted)

    def test_withdrawn(self) -> None:
        """When a page may not any more, its sessions end, and those of others do not."""
        made = self.admission()
        _, program = self.sessions.open("crm")
        _, page = self.sessions.open("crm")
        made.keeper.opened(page, Page())
        made.approvals.decide(CRM, Answer.BLOCK)
        self.assertEqual((program.alive, page.alive), (True, False))

    def test_audit(self) -> None:
        """The audit log is a file of the state, for nobody else to read; or there is none."""
        self.admission()
        self.assertEqual((self.directory / "audit.log").stat().st_mode & 0o777, 0o600)
        (self.directory / "audit.log").unlink()

    def test_audit_in_the_way(self) -> None:
        """A daemon that could not write down what it does says so, and does not start."""
        (self.directory / "audit.log").mkdir()
        error = self.assertRaises(CannotStart, self.admission)
        self.assertIn("audit.log cannot be written: Is a directory", str(error))

    def test_no_audit(self) -> None:
        """It can be switched off."""
        self.admission(b"[api]\naudit-log = no\n")
        self.assertFalse((self.directory / "audit.log").exists())
