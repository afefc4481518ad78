"""neonctl brand: what belongs into a package and what does not, without making one."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from neon.ctl import brands, debian
from neon.ctl.exits import Failed, Usage
from tests.test_logos import PNG

CONF = "[brand]\nname = Acme Voz & Cia\nsupport = mailto:ajuda@acme.example\n"


class BrandTests(SynchronousTestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.write("brand.conf", CONF)

    def write(self, name: str, data: str | bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)

    def refused(self) -> str:
        return str(self.assertRaises(Failed, brands.read, self.folder))

    def test_contents(self) -> None:
        """brand.conf, the logo made harmless, the operators' files; everything else is left out, and that is said."""
        self.write("brand.conf", f"{CONF}logo = logo.png\n")
        self.write("logo.png", PNG + b"more")
        self.write("operators.d/acme.conf", "[operator]\nurl = https://a.b/\nauth = basic\npassword = x\n")
        self.write("operators.d/ca.pem", "-")
        self.write("notes.txt", "secret plans")
        found = brands.read(self.folder)
        self.assertEqual(
            sorted(found.files), ["brand/brand.conf", "brand/logo.png", "operators.d/acme.conf", "operators.d/ca.pem"]
        )
        self.assertEqual(found.files["brand/logo.png"], PNG)
        said = "\n".join(found.warnings)
        for word in ("behind its end", "acme.conf: everybody", "notes.txt: not part"):
            self.assertIn(word, said)

    def test_secrets(self) -> None:
        """Accounts and applications have passwords, which do not go into a package."""
        for section in ("[account a]\ndomain = a.b\nnumber = 1\npassword = x\n", "[application a]\npassword = x\n"):
            self.write("brand.conf", CONF + section)
            self.assertIn("brand.conf:4: ", self.refused())

    def test_wrong(self) -> None:
        """No brand.conf, a bad one, a logo elsewhere, something strange among the operators."""
        self.write("brand.conf", "[brand]\nnam = x\n")
        self.assertIn("did you mean 'name'", self.refused())
        self.write("../outside.png", PNG)
        self.addCleanup((self.folder / "../outside.png").unlink)
        self.write("brand.conf", f"{CONF}logo = ../outside.png\n")
        self.assertIn("beside it", self.refused())
        self.write("brand.conf", CONF)
        self.write("operators.d/a b.conf", "")
        self.assertIn("plain name", self.refused())
        (self.folder / "brand.conf").unlink()
        self.assertIn("cannot be read", self.refused())

    def package(self, **options: str | None) -> debian.Package:
        given = {"version": "1.0", "maintainer": None, **options}
        return brands._package(argparse.Namespace(**given), brands.read(self.folder).brand)

    def test_names(self) -> None:
        """The package is called after the brand; who makes it is the brand's support, unless said otherwise."""
        made = self.package()
        self.assertEqual(made.file_name, "neon-brand-acme-voz-cia_1.0_all.deb")
        self.assertEqual(made.maintainer, "Acme Voz & Cia <ajuda@acme.example>")
        self.assertEqual(self.package(maintainer="A B <a@b.c>").maintainer, "A B <a@b.c>")
        self.write("brand.conf", "[brand]\nname = Ação Telefônica\n")
        self.assertRaises(Usage, self.package)
        self.assertEqual(self.package(maintainer="A <a@b>").name, "neon-brand-acao-telefonica")
        self.assertRaises(Usage, self.package, maintainer="A <a@b>\nDepends: x")
        self.assertRaises(Usage, self.package, maintainer="A <a@b>", version="1-1")
        self.write("brand.conf", "[brand]\nname = 電話\n")
        self.assertRaises(Failed, self.package, maintainer="A <a@b>")
