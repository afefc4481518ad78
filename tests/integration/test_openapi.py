"""The running HTTP API against its own description, by a program that knows nothing else of it (schemathesis)."""

from __future__ import annotations

import json
import sys
import urllib.request
from pathlib import Path

from twisted.internet.threads import deferToThread

from tests.integration.daemon import Daemon, start_daemon
from tests.integration.processes import IntegrationCase

SCHEMATHESIS = Path(sys.executable).parent / "schemathesis"

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
"""Not that bad data is rejected by status: here every command that was answered is a 200."""

LISTENER = """\
[application listener]
password = listening
scopes = events, ui, dtmf
"""
"""May not call or register, so that no generated domain is ever looked up."""


class OpenApiTests(IntegrationCase):
    timeout = 400

    async def checked(self, daemon: Daemon, configuration: str, phases: str, *arguments: str) -> None:
        """Run it; every check it makes has to hold, and the daemon has to be as before."""
        self.assertTrue(SCHEMATHESIS.is_file(), "schemathesis is not installed (pip install -e .[dev])")
        folder = self.folder / "schemathesis"
        folder.mkdir()
        (folder / "schemathesis.toml").write_text(configuration)
        program = self.start(
            "schemathesis",
            *(str(SCHEMATHESIS), "--config-file", str(folder / "schemathesis.toml"), "run"),
            f"{daemon.access['http']}openapi.json",
            *("--checks", ",".join(CHECKS), "--phases", phases, "--max-examples", "12"),
            *("--request-timeout", "5", "--seed", "1", "--warnings", "off", *arguments),
            folder=folder,
            # It has libraries of its own; trial of Twisted 22.4 sets this for those whom it starts.
            env={"PYTHONPATH": ""},
        )
        status = await program.ended(within=360)
        self.assertEqual(status, 0, program.output[-4000:])
        self.assertRegex(program.output, r"[1-9][0-9]+ generated")
        self.assertEqual(daemon.complaints(), [])
        client = await daemon.connect()
        self.assertEqual((await client.command("listcalls"))["calls"], [])

    async def test_stranger(self) -> None:
        """Without a token, on every path. Every value on the border of what is allowed is the next test's."""
        await self.checked(await start_daemon(self), "", "fuzzing")

    async def test_listener(self) -> None:
        """With the token of an application that may listen: what it may do is done."""
        daemon = await start_daemon(self, more=LISTENER)
        token = await deferToThread(authenticate, daemon.access["http"])
        known = f'[parameters]\n"query.token" = "{token}"\n'
        await self.checked(daemon, known, "coverage,fuzzing", "--include-path", "/Command")
        outcomes: dict[str, set[int]] = {}
        for line in (daemon.state_dir / "audit.log").read_text().splitlines():
            record = json.loads(line)
            if record["application"] == "listener" and record["action"] is not None:
                outcomes.setdefault(record["action"], set()).add(record["outcome"])
        self.assertGreaterEqual(len([action for action, codes in outcomes.items() if 0 in codes]), 3, outcomes)
        for action in ("startcall", "sipregister"):
            self.assertLessEqual(outcomes.get(action, set()), {102, 600, 602})

    async def test_documents(self) -> None:
        """Both documents are served, with the addresses of this daemon."""
        daemon = await start_daemon(self)
        for name, expected in (("openapi", daemon.access["http"]), ("asyncapi", daemon.access["websocket"])):
            document = await deferToThread(fetch, f"{daemon.access['http']}{name}.json")
            self.assertIn(expected.partition("//")[2].rstrip("/"), json.dumps(document["servers"]))


def fetch(url: str) -> dict[str, object]:
    with urllib.request.urlopen(url, timeout=10) as response:
        document: dict[str, object] = json.load(response)
    return document


def authenticate(http: str) -> str:
    """The token of the listener."""
    url = f"{http}Command?action=authenticate&user=listener&password=listening"
    with urllib.request.urlopen(url, timeout=10) as response:
        text: str = response.read().decode()
    return text.partition("<Token>")[2].partition("</Token>")[0]
