"""neonctl against a running daemon and its testbed, as a user runs it."""

from __future__ import annotations

import itertools
import json
import re
import stat
import sys
from typing import Any

from tests.integration.daemon import ROOT, start_daemon
from tests.integration.processes import IntegrationCase, Program


class NeonctlTests(IntegrationCase):
    async def _daemon(self) -> None:
        self.daemon = await start_daemon(self, testbed=True)
        self.numbers = itertools.count(1)
        sip = self.daemon.access["sip"]
        self.uri = f"{sip['number']}@{sip['domain']}"
        self.secret = self.folder / "secret"
        self.secret.write_text(sip["password"] + "\n")

    def _start(self, *argv: str, lang: str = "C") -> Program:
        program = (sys.executable, "-m", "neon.ctl.main", "--state-dir", str(self.daemon.state_dir))
        return self.start(
            f"neonctl-{next(self.numbers)}", *program, *argv, env={"PYTHONPATH": str(ROOT), "LC_ALL": lang}
        )

    async def _neonctl(self, *argv: str, status: int = 0, lang: str = "C") -> str:
        """What it printed; it ended with C{status}."""
        program = self._start(*argv, lang=lang)
        self.assertEqual(await program.ended(), status, program.output)
        return program.output

    async def _json(self, *argv: str) -> Any:
        return json.loads(await self._neonctl(*argv, "--json"))

    async def _register(self) -> None:
        printed = await self._neonctl("register", self.uri, "--password-file", str(self.secret))
        self.assertRegex(printed, r"^Account \d+ is registered\.\n$")

    async def test_socket(self) -> None:
        """The socket is private, and access.json says where it is; it goes when the daemon goes."""
        await self._daemon()
        path = self.daemon.state_dir / "ctl.sock"
        self.assertEqual(self.daemon.access["control"], str(path))
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(path.parent.stat().st_mode), 0o700)
        self.assertIn("is running", await self._neonctl("status"))
        await self.daemon.program.stop(within=8)
        self.assertFalse(path.exists())
        self.assertIn("not seem to be running", await self._neonctl("status", status=3))
        self.assertEqual(self.daemon.complaints(), [])

    async def test_a_call(self) -> None:
        """Register, dial, look, hang up; the account outlives the program that registered it."""
        await self._daemon()
        self.assertIn("No account.", await self._neonctl("status"))
        self.assertIn("refused (601)", await self._neonctl("dial", "600", status=1))
        await self._register()
        (account,) = (await self._json("accounts"))["accounts"]
        self.assertEqual(account["state"], "registered")
        follower = self._start("events", "--follow", "--json", "--since", "0")
        await follower.says("OnSIPRegisterFinalized")
        call_id = (await self._json("dial", "600", "--wait"))["callId"]
        self.assertRegex(await self._neonctl("calls"), rf"(?m)^{call_id} +outgoing +confirmed ")
        await self._neonctl("hold")
        await self._neonctl("resume")
        await self._neonctl("dtmf", "12#")
        await self._neonctl("hangup")
        self.assertEqual(await self._neonctl("calls"), "No call.\n")
        await follower.says("OnFinalizedCall")
        events = [json.loads(line) for line in follower.output.splitlines()]
        names = [event["name"] for event in events if event["data"].get("callId") == call_id]
        self.assertEqual(names, ["OnNewCall", "OnAcceptCall", "OnFinalizedCall"])
        seqs = [event["seq"] for event in events]
        self.assertEqual((seqs[0], seqs), (1, sorted(set(seqs))))
        await self._neonctl("hangup", status=2)
        await self._neonctl("unregister")
        self.assertEqual(self.daemon.complaints(), [])

    async def test_incoming(self) -> None:
        """The call that the testbed makes is answered by its only candidate, and ended."""
        await self._daemon()
        await self._register()
        follower = self._start("events", "--follow")
        await self._neonctl("dial", "602")
        await follower.says(r"OnNewCall callId=\d+ type=incoming", within=20)
        await self._neonctl("answer")
        await follower.says("OnAcceptCall .*type=incoming")
        await self._neonctl("hangup", "--all")
        await follower.says("OnFinalizedCall .*type=incoming")

    async def test_explain(self) -> None:
        """Why a call to a busy number failed, in three languages, with its messages and without secrets."""
        await self._daemon()
        await self._register()
        self.assertIn("486", await self._neonctl("dial", "603", "--wait", status=5))
        for lang, words in (
            ("pt_BR.UTF-8", "O outro lado está ocupado."),
            ("es_ES.UTF-8", "El otro lado está ocupado."),
            ("C", "The other side is busy."),
        ):
            printed = await self._neonctl("explain", lang=lang)
            self.assertIn(words, printed)
            ladder = [line.split("  ")[2:] for line in printed.splitlines() if re.match(r" +\+\d", line)]
            shown = "\n".join(" ".join(words) for words in ladder)
            for message in ("INVITE sip:603@", "401 Unauthorized", "with credentials", "486 Busy Here", "ACK sip:603@"):
                self.assertIn(message, shown)
        told = await self._json("explain")
        self.assertEqual((told["diagnosis"], told["SIPError"]), ("busy", 486))
        for secret in ("response=", "nonce", "Digest", self.daemon.access["sip"]["password"]):
            self.assertNotIn(secret, json.dumps(told))

    async def test_explain_registration(self) -> None:
        """Why an account was not registered: its password is wrong."""
        await self._daemon()
        self.secret.write_text("wrong\n")
        printed = await self._neonctl("register", self.uri, "--password-file", str(self.secret), status=5)
        self.assertRegex(printed, "40[13]")
        printed = await self._neonctl("explain", self.uri, "--lang", "pt")
        self.assertIn("não aceitou", printed)
        self.assertIn("REGISTER sip:", printed)

    async def test_application(self) -> None:
        """The password that is shown lets a program in, until the application is removed."""
        await self._daemon()
        made = await self._json("app", "add", "crm", "--scopes", "events")
        client = await self.daemon.connect(authenticate=False)
        client.token = (await client.command("authenticate", user="crm", password=made["password"]))["token"]
        self.assertEqual((await client.command("listcalls"))["calls"], [])
        with self.assertRaises(Exception) as caught:
            await client.command("startcall", number="600")
        self.assertEqual(getattr(caught.exception, "code", None), 602, "the scope was not asked for")
        self.assertNotIn(made["password"], await self._neonctl("app", "list"))
        await self._neonctl("app", "remove", "crm")
        with self.assertRaises(Exception) as caught:
            await client.command("listcalls")
        self.assertEqual(getattr(caught.exception, "code", None), 602)
        self.assertNotIn(made["password"], self.daemon.program.output)
        self.assertEqual(self.daemon.complaints(), [])

    async def test_application_outlives_a_restart(self) -> None:
        """Application accounts are kept."""
        await self._daemon()
        made = await self._json("app", "add", "crm")
        state_dir = self.daemon.state_dir
        await self.daemon.program.stop(within=8)
        twistd = (sys.executable, "-c", "from twisted.scripts.twistd import run; run()", "-n", "--pidfile=")
        options = ("--config", str(state_dir / "test.conf"), "--state-dir", str(state_dir))
        again = self.start("neon-again", *twistd, "neon", *options, env={"PYTHONPATH": str(ROOT)})
        await again.says("neonctl finds this daemon")
        listed = await self._json("app", "list")
        self.assertIn("crm", [row["name"] for row in listed["applications"]])
        await self._neonctl("app", "passwd", "crm")
        self.assertNotIn(made["password"], again.output)

    async def test_origins(self) -> None:
        """A decision about a web page is kept and listed."""
        await self._daemon()
        await self._neonctl("origin", "allow", "https://crm.example.com")
        self.assertIn("https://crm.example.com", await self._neonctl("origin", "list"))
        await self._neonctl("origin", "forget", "https://crm.example.com")
        self.assertNotIn("https://crm.example.com", await self._neonctl("origin", "list"))
        self.assertIn("refused (102)", await self._neonctl("origin", "allow", "crm", status=1))
