"""neonctl as a program: its command line, exit statuses, manual, completions, and how long it takes to start."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SkipTest, SynchronousTestCase

import neon.ctl.browser
from neon.ctl import completion, exits, main, manpage, parser
from neon.ctl.connection import Connection, connect
from neon.ctl.exits import NotRunning, Refused, Silent
from neon.ctl.verbs import VERBS

ROOT = Path(parser.__file__).parent.parent.parent


def plain() -> dict[str, str]:
    """For programs that complain of a locale which is not installed."""
    return {**os.environ, "LC_ALL": "C"}


def everything() -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser]]:
    """Every verb, and every word that a verb takes."""
    for name, verb in parser.subcommands(parser.build()).items():
        inner = parser.subcommands(verb)
        yield (name,), verb
        for what, parsed in inner.items():
            yield (name, what), parsed


class ParserTests(SynchronousTestCase):
    def fails(self, *argv: str) -> None:
        with contextlib.redirect_stderr(io.StringIO()):
            error = self.assertRaises(SystemExit, parser.build().parse_args, argv)
        self.assertEqual(error.code, exits.USAGE, argv)

    def test_every_verb_is_there(self) -> None:
        """Every verb of the parser does something, and nothing else is there."""
        without_daemon = {"autostart", "brand", "bug-report", "completion", "doctor"}
        self.assertEqual(set(VERBS) | without_daemon, set(parser.subcommands(parser.build())))

    def test_common_options(self) -> None:
        """They may stand before and behind the verb."""
        for argv in (["--json", "--state-dir", "/st", "calls"], ["calls", "--json", "--state-dir", "/st"],
                     ["--json", "calls", "--state-dir=/st"]):
            options = parser.build().parse_args(argv)
            self.assertEqual((options.json, options.state_dir), (True, Path("/st")))
        self.assertFalse(parser.build().parse_args(["calls"]).json)
        self.assertTrue(parser.build().parse_args(["--json", "app", "list"]).json)

    def test_wrong(self) -> None:
        """What makes no sense is a usage error: status 2, before anything is asked of the daemon."""
        for argv in ([], ["fly"], ["dial"], ["answer", "five"], ["answer", "-5"], ["hangup", "5", "6"], ["app"],
                     ["app", "add"], ["app", "add", "crm", "--scopes", "fly"], ["origin", "allow"],
                     ["completion", "tcsh"], ["events", "--since", "x"], ["--timeout", "0", "calls"],
                     ["explain", "--lang", "de"], ["calls", "--jso"]):
            self.fails(*argv)

    def test_passwords_stay_out(self) -> None:
        """No option takes a password: other users can read command lines."""
        for _, parsed in everything():
            for action in parsed._actions:
                self.assertNotIn(action.dest, ("password", "passwd"))


class ManualTests(SynchronousTestCase):
    def test_up_to_date(self) -> None:
        """docs/neonctl.1 is what the parser says: python -m neon.ctl.manpage > docs/neonctl.1"""
        self.assertEqual((ROOT / "docs" / "neonctl.1").read_text("utf-8"), manpage.page())

    def test_complete(self) -> None:
        """Every verb, every option, every exit status is in it."""
        page = manpage.page().replace("\\-", "-")
        for path, parsed in everything():
            if not parser.subcommands(parsed):
                self.assertRegex(page, rf"(?m)^\.SS {' '.join(path)}\b")
            for action in parsed._actions:
                for flag in action.option_strings:
                    self.assertIn(f"\\fB{flag}\\fR", page)
        for status, meaning in exits.MEANINGS:
            self.assertIn(f".B {status}\n{meaning}", page)

    def test_clean(self) -> None:
        """groff finds nothing to complain about."""
        if shutil.which("groff") is None:
            raise SkipTest("groff is not installed")
        done = subprocess.run(
            ["groff", "-man", "-Tutf8", "-ww", "-z"], input=manpage.page().encode(), capture_output=True, check=False,
            env=plain(),
        )  # fmt: skip
        self.assertEqual((done.returncode, done.stderr), (0, b""))


class CompletionTests(SynchronousTestCase):
    def bash(self, *words: str) -> list[str]:
        """What bash offers behind these words."""
        line = " ".join(f"'{word}'" for word in words)
        program = (
            f"{completion.script('bash')}\nneonctl() {{ echo '5       outgoing'; }}\n"
            f"COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _neonctl; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        )
        done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True, env=plain())
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_verbs(self) -> None:
        """Verbs by their beginning."""
        self.assertEqual(self.bash("neonctl", "ho"), ["hold"])
        self.assertLess({"dial", "app", "origin", "--json"}, set(self.bash("neonctl", "")))

    def test_behind_a_verb(self) -> None:
        """What origin and app do, options and their choices, and callIds of the daemon."""
        self.assertEqual(self.bash("neonctl", "app", "pa"), ["passwd"])
        self.assertEqual(self.bash("neonctl", "--json", "origin", "bl"), ["block"])
        self.assertEqual(self.bash("neonctl", "origin", "allow", "--o"), ["--once"])
        self.assertEqual(self.bash("neonctl", "explain", "--lang", ""), ["pt", "es", "en"])
        self.assertEqual(self.bash("neonctl", "completion", "f"), ["fish"])
        self.assertIn("5", self.bash("neonctl", "hangup", ""))

    def test_every_shell(self) -> None:
        """Each shell finds its script well-formed, and every verb is in it."""
        for shell in parser.SHELLS:
            text = completion.script(shell)
            for path, _ in everything():
                self.assertRegex(text, rf"\b{path[-1]}\b")
            if shutil.which(shell) is not None:
                done = subprocess.run(
                    [shell, "-n"], input=text, text=True, capture_output=True, check=False, env=plain()
                )
                self.assertEqual((done.returncode, done.stderr), (0, ""), shell)


class ConnectionTests(SynchronousTestCase):
    def setUp(self) -> None:
        ours, self.daemon = socket.socketpair(socket.AF_UNIX)
        self.addCleanup(self.daemon.close)
        self.neon = Connection(ours, 5.0)
        self.addCleanup(self.neon.close)

    def say(self, *messages: dict[str, Any]) -> None:
        self.daemon.sendall(b"".join(json.dumps(message).encode() + b"\n" for message in messages))

    def test_answer(self) -> None:
        """Events that come between are kept, in their order."""
        event = {"action": "event", "name": "OnNewCall", "seq": 1, "data": {}}
        self.say(event, {"id": 1, "success": True, "data": {"callId": 55}}, {**event, "seq": 2})
        self.assertEqual(self.neon.command("startcall", number="600", connectionid=None), {"callId": 55})
        self.assertEqual(json.loads(self.daemon.recv(1000)), {"id": 1, "action": "startcall", "number": "600"})
        self.assertEqual([self.neon.event(1)["seq"], self.neon.event(1)["seq"]], [1, 2])  # type: ignore[index]
        self.assertIsNone(self.neon.event(0.01))

    def test_refused(self) -> None:
        """The code and the sentence."""
        self.say({"id": 1, "success": False, "error": {"code": 601, "description": "no account"}, "data": {}})
        error = self.assertRaises(Refused, self.neon.command, "startcall")
        self.assertEqual((error.code, error.description, error.status), (601, "no account", 1))

    def test_warnings(self) -> None:
        """What NEON warns of is for people: standard error."""
        self.say({"id": 1, "success": True, "data": {}, "warnings": ["the balance is low\x1b[2J"]})
        printed = io.StringIO()
        with contextlib.redirect_stderr(printed):
            self.assertEqual(self.neon.command("startcall"), {})
        self.assertEqual(printed.getvalue(), "neonctl: the balance is low?[2J\n")

    def test_silence(self) -> None:
        """A daemon that does not answer, or goes away."""
        quick = Connection(self.daemon.dup(), 0.01)
        self.addCleanup(quick.close)
        self.assertRaises(Silent, quick.command, "listcalls")
        self.daemon.shutdown(socket.SHUT_RDWR)
        self.assertRaises(Silent, self.neon.command, "listcalls")

    def test_nobody(self) -> None:
        """Where nobody listens, every place that was tried is named."""
        error = self.assertRaises(NotRunning, connect, [Path("/nonexistent/ctl.sock"), Path("/dev/null")], 1.0)
        self.assertIn("/nonexistent/ctl.sock", str(error))
        self.assertIn("/dev/null", str(error))
        self.assertEqual(error.status, 3)


class ProgramTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.directory = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.directory)

    def serve(self, answer: bytes) -> None:
        """A daemon that gives one answer."""
        listening = socket.socket(socket.AF_UNIX)
        self.addCleanup(listening.close)
        listening.bind(str(self.directory / "ctl.sock"))
        listening.listen()

        def talk() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(10000)
                connection.sendall(answer)

        thread = threading.Thread(target=talk, daemon=True)
        thread.start()
        self.addCleanup(thread.join, 10)

    def run_main(self, *argv: str) -> tuple[int, str, str]:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main.main([*argv, "--state-dir", str(self.directory)], {})
        return status, out.getvalue(), err.getvalue()

    def test_done(self) -> None:
        """Status 0, and the answer on standard output."""
        self.serve(b'{"id": 1, "success": true, "data": {"calls": []}}\n')
        self.assertEqual(self.run_main("calls"), (0, "No call.\n", ""))

    def test_refused(self) -> None:
        """Status 1, and the refusal on standard error; with --json on standard output as well."""
        self.serve(b'{"id": 1, "success": false, "error": {"code": 601, "description": "no account"}, "data": {}}\n')
        status, out, err = self.run_main("dial", "600", "--json")
        self.assertEqual((status, err), (1, "neonctl: refused (601): no account\n"))
        self.assertEqual(json.loads(out), {"error": {"code": 601, "description": "no account", "status": 1}})

    def test_gone(self) -> None:
        """Status 4 if the daemon hangs up."""
        self.serve(b"")
        self.assertEqual(self.run_main("calls")[0], 4)

    def test_not_running(self) -> None:
        """Status 3."""
        status, out, err = self.run_main("calls")
        self.assertEqual((status, out), (3, ""))
        self.assertIn("not seem to be running", err)

    def test_link_without_terminal(self) -> None:
        """A link that was clicked and goes nowhere is told on the desktop, where it can be."""
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder) / "notify-send"
            program.write_text(f'#!/bin/sh\necho "$@" >>{folder}/told\n')
            program.chmod(0o755)
            neon.ctl.browser.tell("--sentence", {"PATH": f"{folder}:/bin"})
            told = (Path(folder) / "told").read_text()
            self.assertTrue(told.endswith("-- NEON --sentence\n"), told)
        neon.ctl.browser.tell("sentence", {"PATH": folder})

    def test_imports_little(self) -> None:
        """It starts quickly because nothing big is imported: no Twisted, no package metadata."""
        # What came with Python's start is not ours: Debian's has namespace packages in it.
        imports = "import neon.ctl.main, neon.ctl.verbs, neon.places"
        code = f"import sys; before = {{*sys.modules}}; {imports}; print(*({{*sys.modules}} - before))"
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environ)
        big = {"twisted", "zope", "autobahn", "sippy", "asyncio", "email", "dataclasses", "inspect"}
        big.add("importlib.metadata")
        self.assertEqual(big & set(done.stdout.split()), set())

    def test_console_script(self) -> None:
        """setup.cfg installs it."""
        setup = ConfigParser()
        setup.read(ROOT / "setup.cfg")
        scripts = setup["options.entry_points"]["console_scripts"].splitlines()
        self.assertIn("neonctl = neon.ctl.main:run", scripts)
        self.assertTrue(callable(main.run))
