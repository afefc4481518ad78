"""A brand: its words and colours, its logo, and that its settings are defaults that others win over."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from neon import brand, config, sections
from neon.api import brandpages
from neon.api.http import Page
from neon.brandvalues import Brand, Logo
from neon.inifile import ConfigError
from tests.test_logos import PNG


class BrandCase(SynchronousTestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.etc = Path(folder.name)

    def write(self, name: str, data: str | bytes) -> None:
        path = self.etc / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)

    def load(self) -> sections.Config:
        return config.load(self.etc)


class ReadingTests(BrandCase):
    def test_whole(self) -> None:
        """Everything that a brand may say."""
        self.write("brand/logo.png", PNG)
        self.write(
            "brand/brand.conf",
            "[brand]\nname = Acme Voz\nlogo = logo.png\ncolour = #0A64A0\naccent-colour = #f0a000\n"
            "website = https://acme.example/\nsupport = tel:+557133411525\n",
        )
        self.assertEqual(
            brand.read(self.load().brand),
            Brand("Acme Voz", "#0a64a0", "#f0a000", "https://acme.example/", "tel:+557133411525",
                  Logo("image/png", PNG)),
        )  # fmt: skip

    def test_none(self) -> None:
        """Without a brand it is NEON."""
        self.assertEqual(brand.read(sections.Brand()), Brand("NEON"))

    def test_order(self) -> None:
        """brand.conf comes first: what the machine's administrator says wins, key by key."""
        self.write("brand/brand.conf", "[websocket]\nenabled = no\n[sip]\nmax-calls = 2\nport = 5070\n")
        self.write("neon.conf", "[sip]\nmax-calls = 3\n")
        self.write("conf.d/50.conf", "[sip]\nport = 5080\n")
        loaded = self.load()
        self.assertEqual((loaded.websocket.enabled, loaded.sip.max_calls, loaded.sip.port), (False, 3, 5080))
        self.assertEqual(config.standard_files({"HOME": "/nowhere"}, self.etc), loaded.files)

    def test_empty_directory(self) -> None:
        """A directory without configuration is a mistake."""
        self.assertIn("neither", str(self.assertRaises(ConfigError, self.load)))

    def test_wrong_words(self) -> None:
        """What cannot be shown, or leads somewhere else, is refused with the line that says it."""
        for line in ("name =", f"name = {'x' * 41}", "colour = red", "colour = #12345", "website = http://a.b",
                     "website = https:///x", "support = javascript:alert(1)", "website = https://a.b/<script>",
                     "support = mailto:", "website = https://[", f"website = https://{'a' * 500}"):  # fmt: skip
            self.write("brand/brand.conf", f"[brand]\n{line}\n")
            self.assertIn("brand.conf:2: ", str(self.assertRaises(ConfigError, self.load)), line)

    def test_bad_logo(self) -> None:
        """A logo that is not there, or none, is refused with the line that names it."""
        for data, said in ((None, "cannot be read"), (b"GIF89a", "neither PNG nor SVG"), (PNG[:-1], "damaged")):
            self.write("brand/brand.conf", "[brand]\n\nlogo = logo.png\n")
            if data is not None:
                self.write("brand/logo.png", data)
            complaint = str(self.assertRaises(ConfigError, brand.read, self.load().brand))
            self.assertIn("brand.conf:3: 'logo' ", complaint)
            self.assertIn(said, complaint)


class PageTests(SynchronousTestCase):
    def document(self, shown: Brand, websocket: str | None) -> dict[str, Any]:
        page: Any = brandpages.pages(shown, lambda: websocket)["/brand.json"]
        made: dict[str, Any] = json.loads(page(None).body)
        return made

    def test_plain(self) -> None:
        """Without a brand the page says NEON, and there is no logo."""
        nothing = dict.fromkeys(("colour", "accentColour", "website", "support", "logo", "websocketPort"))
        self.assertEqual(self.document(Brand(), None), {"name": "NEON", **nothing})
        self.assertEqual(list(brandpages.pages(Brand(), lambda: None)), ["/brand.json"])

    def test_branded(self) -> None:
        """Name, colours, where the logo is, and where the WebSocket server is."""
        acme = Brand("Acmé", "#0a64a0", logo=Logo("image/svg+xml", b"<svg/>"))
        found = self.document(acme, "127.0.0.1:15070")
        self.assertEqual((found["name"], found["colour"], found["websocketPort"]), ("Acmé", "#0a64a0", 15070))
        logo = brandpages.pages(acme, lambda: None)[found["logo"]]
        assert isinstance(logo, Page)
        self.assertEqual((logo.content_type, logo.body), ("image/svg+xml", b"<svg/>"))
        self.assertIn("default-src 'none'", logo.headers["Content-Security-Policy"])

    def test_title(self) -> None:
        """The name stands in the title of our page, harmless."""
        page = brandpages.titled(b"<title>NEON doctor</title><h1>NEON doctor</h1>", Brand("A</title><script>"))
        self.assertEqual(page, b"<title>A&lt;/title&gt;&lt;script&gt; doctor</title><h1>NEON doctor</h1>")
