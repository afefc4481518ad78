"""What the verbs about operators ask of the daemon, and what they print."""

from __future__ import annotations

import contextlib
import io
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from neon.ctl import main
from neon.ctl.exits import FAILED, USAGE, Failed
from tests.ctl.daemon import FakeConnection, drive, drive_json

GIVEN = {"connectionId": 3, "uri": "sip:31@sip.acme.com", "number": "31", "domain": "sip.acme.com", "stored": False}


class OperatorVerbTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.neon = FakeConnection()

    def test_signup(self) -> None:
        """The password comes from standard input, never from the command line; the registration is waited for."""
        self.neon.answers["signup"] = GIVEN
        self.neon.happens("OnSIPRegister", connectionId=3, SIPError=0)
        printed = drive(self.neon, "signup", "ana", "--name", "Ana Maria", "--phone", "+55", typed="hidden\n")
        self.assertEqual(printed, "Account 3, sip:31@sip.acme.com, is registered.\n")
        wanted = {"login": "ana", "password": "hidden", "name": "Ana Maria", "phone": "+55"}
        self.assertEqual(self.neon.asked, [("signup", wanted)])

    def test_provision(self) -> None:
        """An account that is refused by its registrar is no success."""
        self.neon.answers["provision"] = GIVEN
        self.neon.happens("OnSIPRegisterRefused", connectionId=3, SIPError=403)
        self.assertRaises(Failed, drive, self.neon, "provision", "ana", "--operator", "acme", typed="hidden\n")
        self.assertEqual(self.neon.asked[0][1]["operator"], "acme")
        printed = drive(self.neon, "provision", "ana", "--no-wait", typed="hidden\n")
        self.assertIn("is being registered", printed)

    def test_balance(self) -> None:
        """The amount as the operator gave it."""
        answer = {"operator": "acme", "connectionId": 3, "balance": "20.10", "currency": "BRL", "low": False}
        self.neon.answers["getbalance"] = answer
        self.assertEqual(drive(self.neon, "balance"), "20.10 BRL\n")
        self.assertEqual(drive_json(self.neon, "balance"), answer)
        self.neon.answers["getbalance"] = {**answer, "low": True, "minutesLeft": 9}
        self.assertEqual(drive(self.neon, "balance"), "20.10 BRL (about 9 minutes) - low\n")

    def test_activate(self) -> None:
        """The key comes from a file; a licence that is not active is a failure."""
        path = Path(self.mktemp())
        path.write_text("K-1\nother\n")
        self.neon.answers["activatelicense"] = {"operator": "acme", "active": True, "standing": "active"}
        self.assertEqual(drive(self.neon, "activate", "--key-file", str(path)), "The licence is active.\n")
        self.assertEqual(self.neon.asked, [("activatelicense", {"key": "K-1"})])
        self.neon.answers["activatelicense"] = {"operator": "acme", "active": False, "standing": "refused"}
        self.assertRaises(Failed, drive, self.neon, "activate")

    def test_operators(self) -> None:
        """The list, and forgetting."""
        row = {"operator": "acme", "title": "Acme", "services": ["signup", "balance"], "logins": ["ana"], "licence": ""}
        self.neon.answers["operatorlist"] = {"operators": [row]}
        self.assertEqual(
            drive(self.neon, "operator", "list"),
            "OPERATOR  TITLE  SERVICES        LOGINS  LICENCE\nacme      Acme   signup,balance  ana     -\n",
        )
        drive(self.neon, "operator", "forget", "ana")
        self.assertEqual(self.neon.asked[-1], ("operatorforget", {"login": "ana"}))


class WsdlTests(SynchronousTestCase):
    def run_it(self, *argv: str) -> tuple[int, str]:
        """The status, and everything printed."""
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            status = main.main(["operator", "wsdl", *argv], {})
        return status, printed.getvalue()

    def test_failures(self) -> None:
        """No file, no WSDL, http: a sentence and a status, and no daemon is needed to say so."""
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "a b.wsdl"
            self.assertEqual(self.run_it(str(path))[0], USAGE)
            path.write_text("<a/>")
            status, printed = self.run_it(str(path))
            self.assertEqual((status, printed), (FAILED, "neonctl: this is no WSDL 1.1\n"))
            path.write_text("<!DOCTYPE a><a/>")
            self.assertIn("DOCTYPE", self.run_it(str(path))[1])
        self.assertEqual(self.run_it("http://127.0.0.1:9/x")[0], USAGE)
        self.assertEqual(self.run_it("https://127.0.0.1:9/x")[0], FAILED)
