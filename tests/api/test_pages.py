"""The files that are served beside the APIs: their headers, and what the doctor page is told."""

from __future__ import annotations

import json
import re
from typing import Any

from neon.api.origins import Standing
from neon.api.pages import Doctor, Facts, Sound
from tests.api.web import CRM, PORT, HttpCase

OWN = f"http://localhost:{PORT}"
SOUND = Sound("portaudio", "null", "fails", "no device")


class PagesCase(HttpCase):
    def setUp(self) -> None:
        super().setUp()
        self.facts = Facts(15070, SOUND, accounts=2, registered=1)
        doctor = Doctor(lambda: self.facts, self.standing)
        self.root.pages.update(doctor.pages())

    def standing(self, origin: str) -> str:
        return {Standing.APPROVED: "approved", Standing.BLOCKED: "blocked", Standing.UNKNOWN: "unknown"}[
            self.origins.standing(origin)
        ]

    def facts_told(self, query: str = "", **arguments: Any) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.request("GET", f"/doctor.json{query}", **arguments).body)
        return told


class ClientTests(PagesCase):
    def test_module(self) -> None:
        """neon-client.js comes as a module must, and may be kept for a while."""
        reply = self.get("/neon-client.js")
        self.assertEqual(reply.status, 200)
        self.assertEqual(reply.header("Content-Type"), "text/javascript; charset=utf-8")
        self.assertEqual(reply.header("X-Content-Type-Options"), "nosniff")
        self.assertEqual(reply.header("Cache-Control"), "max-age=300")
        self.assertIn(b"export class NeonClient extends EventTarget", reply.body)

    def test_approved_page(self) -> None:
        """A page of an approved origin may import it."""
        reply = self.get("/neon-client.js", headers={"Origin": CRM})
        self.assertEqual((reply.status, reply.header("Access-Control-Allow-Origin")), (200, CRM))

    def test_unknown_page(self) -> None:
        """A page that nobody approved gets a refusal instead."""
        reply = self.get("/neon-client.js", headers={"Origin": "https://evil.example"})
        self.assertEqual((reply.status, reply.code), (403, 602))
        self.assertNotIn(b"NeonClient", reply.body)

    def test_head(self) -> None:
        """HEAD has the headers, and no body."""
        reply = self.request("HEAD", "/neon-client.js")
        self.assertEqual((reply.status, reply.body), (200, b""))


class DoctorTests(PagesCase):
    def test_strict(self) -> None:
        """The page runs our scripts and talks to us, and to nobody else; nothing is inline."""
        reply = self.get("/doctor")
        policy = reply.header("Content-Security-Policy") or ""
        directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
        self.assertEqual(directives["default-src"], "'none'")
        self.assertEqual(directives["script-src"], "'self'")
        self.assertEqual(
            directives["connect-src"],
            f"'self' http://localhost:{PORT} http://127.0.0.1:{PORT} ws://localhost:15070 ws://127.0.0.1:15070",
        )
        self.assertEqual(directives["frame-ancestors"], "'none'")
        html = reply.body.decode()
        self.assertEqual(re.findall(r"<script(?![^>]*\ssrc=)|<style|\son\w+=|\sstyle=", html), [])
        self.assertEqual(reply.header("Cache-Control"), "no-store")

    def test_whole(self) -> None:
        """Every file that the page names is served, with a type that nosniff lets through; also to C{/doctor/}."""
        html = self.get("/doctor").body.decode()
        script = self.get("/doctor.js").body.decode()
        names = re.findall(r'(?:src|href)="([^":]+)"', html) + re.findall(r'from "\./([^"]+)"', script)
        self.assertEqual(sorted(names), ["/doctor.css", "/doctor.js", "doctor-words.js", "neon-client.js"])
        for name in names:
            kind = "text/css" if name.endswith(".css") else "text/javascript"
            self.assertEqual(self.get(f"/{name.removeprefix('/')}").header("Content-Type"), f"{kind}; charset=utf-8")

    def test_languages(self) -> None:
        """Portuguese, Spanish and English say the same things, with the same values."""
        source = self.get("/doctor-words.js").body.decode()
        spoken = {}
        for language, block in re.findall(r"^  (\w\w): \{\n(.*?)^  \},", source, re.DOTALL | re.MULTILINE):
            entries = re.findall(r"^    (\w+): (.*?),\n(?=    \w+: |\Z)", block, re.DOTALL | re.MULTILINE)
            spoken[language] = {name: frozenset(re.findall(r"\{(\w+)\}", text)) for name, text in entries}
        self.assertEqual(set(spoken), {"en", "es", "pt"})
        self.assertGreater(len(spoken["en"]), 40)
        self.assertEqual(spoken["es"], spoken["en"])
        self.assertEqual(spoken["pt"], spoken["en"])
        script = self.get("/doctor.js").body.decode()
        used = set(re.findall(r'words: (?:[^"\n]*\? )?"(\w+)"', script)) | set(re.findall(r'check: "(\w+)"', script))
        self.assertLessEqual(used, set(spoken["en"]))

    def test_facts(self) -> None:
        """What the page cannot know: the sound device, the WebSocket's port, how many accounts."""
        told = self.facts_told()
        self.assertEqual(told["websocketPort"], 15070)
        self.assertEqual(
            told["sound"], {"capture": "portaudio", "playback": "null", "state": "fails", "problem": "no device"}
        )
        self.assertEqual(told["sip"], {"accounts": 2, "registered": 1})
        self.assertNotIn("asked", told)

    def test_no_websocket(self) -> None:
        """With the WebSocket server off the page may talk to us by HTTP only."""
        self.facts = Facts(None, SOUND, 0, 0)
        self.assertNotIn("ws:", self.get("/doctor").header("Content-Security-Policy") or "")
        self.assertIsNone(self.facts_told()["websocketPort"])

    def test_standing(self) -> None:
        """How an origin stands, normalised; asking raises no question."""
        for asked, origin, standing in (
            ("https://crm.example.com/", CRM, "approved"),
            ("HTTPS://CRM.example.com:443", CRM, "approved"),
            ("https://evil.example", "https://evil.example", "unknown"),
            ("null", "null", "invalid"),
            ("crm.example.com", "crm.example.com", "invalid"),
        ):
            told = self.facts_told(f"?origin={asked}")
            self.assertEqual(told["asked"], {"origin": origin, "standing": standing})
        self.assertEqual(self.approvals.pending, ())

    def test_no_gossip(self) -> None:
        """An approved page does not learn how others stand."""
        told = self.facts_told("?origin=https://bank.example.com", headers={"Origin": CRM})
        self.assertNotIn("asked", told)
