"""A brand as a Debian package: built twice with the same bytes, unpacked, and a daemon that obeys it."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.web.client import Agent, readBody

from neon.ctl import brands, debian
from tests.integration.daemon import ROOT
from tests.integration.processes import IntegrationCase, Program, free_port, until

BRAND = """\
[brand]
name = Acme Voz
logo = logo.svg
colour = #0A64A0
support = mailto:ajuda@acme.example

[websocket]
enabled = no

[http]
port = {http}

[sip]
bind = 127.0.0.1
port = {sip}

[media]
capture = null
playback = null
"""
LOGO = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9" onload="alert(1)">
<script>alert(1)</script><circle r="4"/></svg>
"""
OPERATOR = "[operator]\nurl = https://ws.acme.example/\n[balance]\n"
ENVIRONMENT = {"PYTHONPATH": str(ROOT), "LC_ALL": "C", "PYTHONUNBUFFERED": "1"}


class BrandTests(IntegrationCase):
    timeout = 90

    def setUp(self) -> None:
        super().setUp()
        if shutil.which("dpkg-deb") is None:
            self.skipTest("dpkg-deb is not installed")
        self.http = free_port()
        self.brand = self.folder / "acme"
        (self.brand / "operators.d").mkdir(parents=True)
        (self.brand / "brand.conf").write_text(BRAND.format(http=self.http, sip=free_port()))
        (self.brand / "logo.svg").write_text(LOGO)
        (self.brand / "operators.d" / "acme.conf").write_text(OPERATOR)

    async def run_program(self, *argv: str, status: int = 0) -> str:
        program = self.start(f"{Path(argv[0]).name}-{len(list(self.folder.iterdir()))}", *argv, env=ENVIRONMENT)
        self.assertEqual(await program.ended(60), status, program.output)
        return program.output

    async def neonctl(self, *argv: str, status: int = 0) -> str:
        return await self.run_program(sys.executable, "-m", "neon.ctl.main", *argv, status=status)

    async def get(self, path: str) -> tuple[str, bytes]:
        answer = await Agent(reactor).request(b"GET", f"http://127.0.0.1:{self.http}{path}".encode())
        self.assertEqual(answer.code, 200)
        kind: Any = answer.headers.getRawHeaders("content-type")
        return kind[0], await readBody(answer)

    async def test_package(self) -> None:
        """Built, looked into, unpacked, obeyed by a daemon; and what the administrator says wins."""
        package = self.folder / "acme.deb"
        said = await self.neonctl("brand", "build", str(self.brand), "--output", str(package))
        self.assertIn("its <script> was left out", said)
        self.assertNotIn("lintian says", said)
        again = await deferToThread(self.build_again)
        self.assertEqual(package.read_bytes(), again.read_bytes())
        listed = await self.run_program("dpkg-deb", "--contents", str(package))
        names = [line.split()[-1] for line in listed.splitlines() if not line.endswith("/")]
        self.assertEqual(
            [name for name in names if name.startswith("./etc/")],
            [f"./etc/neon/{name}" for name in ("brand/brand.conf", "brand/logo.svg", "operators.d/acme.conf")],
        )
        self.assertTrue(all("root/root" in line for line in listed.splitlines()), listed)
        control = await self.run_program("dpkg-deb", "--info", str(package), "conffiles")
        self.assertEqual(len(control.splitlines()), 3)
        await self.run_program("dpkg-deb", "--extract", str(package), str(self.folder / "installed"))
        etc = self.folder / "installed" / "etc" / "neon"
        (etc / "neon.conf").write_text("[brand]\ncolour = #123456\n")
        await self.look(etc)

    def build_again(self) -> Path:
        """The same, from a copy of another age, and without asking lintian, which takes its time."""
        copy = self.folder / "copy"
        shutil.copytree(self.brand, copy, copy_function=shutil.copyfile)
        brands.put(brands.read(copy).files, self.folder / "stage")
        words = ("neon-brand-acme-voz", "1.0", "Acme Voz <ajuda@acme.example>", "Acme Voz", "")
        return debian.build(debian.Package(*words), self.folder / "stage", self.folder / "again.deb")

    async def look(self, etc: Path) -> None:
        state = self.folder / "state"
        argv = ("-n", "--pidfile=", "neon", "--config", str(etc), "--state-dir", str(state))
        twistd = (sys.executable, "-c", "from twisted.scripts.twistd import run; run()")
        daemon: Program = self.start("branded", *twistd, *argv, env=ENVIRONMENT)
        await until(lambda: not daemon.running or (state / "access.json").exists(), "access.json", 30)
        self.assertTrue(daemon.running, daemon.output)
        access = json.loads((state / "access.json").read_text())
        self.assertEqual((access["websocket"], access["http"]), (None, f"http://127.0.0.1:{self.http}/"))
        shown = json.loads((await self.get("/brand.json"))[1])
        self.assertEqual((shown["name"], shown["colour"], shown["websocketPort"]), ("Acme Voz", "#123456", None))
        kind, logo = await self.get(shown["logo"])
        self.assertEqual(kind, "image/svg+xml")
        self.assertIn(b"<circle", logo)
        self.assertNotIn(b"alert", logo)
        self.assertIn(b"<title>Acme Voz doctor</title>", (await self.get("/doctor"))[1])
        listed = json.loads(await self.neonctl("--state-dir", str(state), "--json", "operator", "list"))
        self.assertEqual([row["operator"] for row in listed["operators"]], ["acme"])
        await daemon.stop(within=8)

    async def test_refused(self) -> None:
        """What the daemon would not take is no package, and the complaint names the brand's own file and line."""
        (self.brand / "operators.d" / "acme.conf").write_text("[operator]\nurl = http://ws.acme.example/\n")
        said = await self.neonctl("brand", "check", str(self.brand), status=5)
        self.assertIn(f"{self.brand}/operators.d/acme.conf:2: ", said)
