"""What the Debian package carries of others is in debian/copyright."""

from __future__ import annotations

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.copyrights import ROOT, Copyright, Paragraph, missing_crates, missing_files

COMMENT = "With the crates\n serde and phf."

TEXT = """\
Format: x

Files: *
Copyright: 2026 us
License: Expat

Files: vendor/one/* vendor/_one*
Copyright: 2001 them
License: BSD-2-Clause
Comment: With the crates
 serde and phf.

License: Expat
 Do as you like.
"""


class VendoredTests(SynchronousTestCase):
    """Ours, as it is."""

    def setUp(self) -> None:
        self.copyright = Copyright((ROOT / "debian/copyright").read_text())
        vendor = (ROOT / "debian/vendor.txt").read_text()
        self.pinned = {name.lower() for name in re.findall(r"(?m)^([A-Za-z0-9._-]+)==", vendor)}

    def test_all_named(self) -> None:
        """Every pinned distribution has a paragraph of its own, and no paragraph is about one that is gone."""
        named = {
            pattern.split("/")[1].removesuffix("-*").lower()
            for paragraph in self.copyright.paragraphs
            for pattern in paragraph.patterns
            if pattern.startswith("vendor/") and not pattern.startswith("vendor/_")
        }
        self.assertTrue(self.pinned)
        self.assertEqual(named, self.pinned)

    def test_texts(self) -> None:
        """Every licence that a paragraph names is in the file, and no other."""
        self.assertEqual({paragraph.licence for paragraph in self.copyright.paragraphs}, self.copyright.texts)

    def test_holders(self) -> None:
        """Every paragraph says whose it is, and since when."""
        for paragraph in self.copyright.paragraphs:
            self.assertTrue(paragraph.copyright, paragraph.patterns)


class ReadingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.copyright = Copyright(TEXT)

    def test_paragraphs(self) -> None:
        """Patterns, licence, holder, comment over several lines."""
        self.assertEqual(
            self.copyright.paragraphs[1],
            Paragraph(["vendor/one/*", "vendor/_one*"], "BSD-2-Clause", "2001 them", COMMENT),
        )
        self.assertEqual(self.copyright.texts, {"Expat"})

    def test_last_fits(self) -> None:
        """The last paragraph that fits a file is about it."""
        self.assertEqual(self.copyright.of("vendor/one/a/b.py").copyright, "2001 them")
        self.assertEqual(self.copyright.of("neon/log.py").copyright, "2026 us")

    def test_unnamed_file(self) -> None:
        """A carried file without a paragraph is found; the module that is ours is not one."""
        vendor = Path(self.mktemp())
        for name in ("one/a.py", "_one.so", "two/b.py", "Crypto/__init__.py"):
            (vendor / name).parent.mkdir(parents=True, exist_ok=True)
            (vendor / name).touch()
        self.assertEqual(missing_files(self.copyright, vendor), ["two/b.py"])

    def test_unnamed_crate(self) -> None:
        """A crate has to be named under its licence, under both if both hold; an unknown licence is refused."""
        copyright = Copyright(TEXT.replace("BSD-2-Clause", "Expat"))

        def component(name: str, licence: str) -> dict[str, object]:
            return {"name": name, "licenses": [{"expression": licence}]}

        components = [
            component("serde", "Apache-2.0 OR MIT"),
            component("phf_shared", "MIT"),
            component("phf", "MIT AND Unicode-3.0"),
            component("other", "GPL-3.0"),
        ]
        self.assertEqual(
            missing_crates(copyright, components),
            ["phf_shared: MIT", "phf: Unicode-3.0", 'other: unknown licence [{"expression": "GPL-3.0"}]'],
        )
