"""Operators' files: read completely before anything is asked, every mistake with its file and line."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

from neon import config
from neon.inifile import ConfigError
from neon.operators import files, settings
from neon.operators.sections import SECTIONS
from neon.operatorvalues import Service
from tests.operators.operatorcase import GENERAL, OperatorCase

EXAMPLE = Path(__file__).parent.parent.parent / "etc" / "neon" / "operators.d" / "example.conf"

MISTAKES = (
    ("", "needs a section [operator]"),
    ("[operator]\n", "1: an operator needs 'url'"),
    ("[operator]\nurl = ws.example.com\n", "2: 'url' must be an address"),
    ("[operator]\nurl = https://a:b@x/\n", "2: 'url' must not have a user or password"),
    ("[operator]\nurl = http://x/\n", "2: 'url' is http"),
    ("[operator]\nurl = https://x:99999/\n", "2: 'url' is no URL"),
    ("[operator]\nurl = https://x/\nuser = a\nauth = basic\n", "needs 'password' or 'password-file'"),
    (GENERAL + "auth = secret\n", "3: 'auth' must be one of none, basic"),
    (GENERAL + "protocol = json\nauth = wsse\npassword = x\n", "4: 'auth' wsse stands in a SOAP header"),
    (GENERAL + "client-key = x.pem\n", "belong together"),
    (GENERAL + "ca-file = nothing.pem\n", "3: there is no file"),
    (GENERAL + "prot = soap\n", "3: [operator] has no key 'prot'"),
    (GENERAL + "[singup]\n", "3: an operator's file has no section [singup]; did you mean 'signup'?"),
    (GENERAL + "[signup one]\n", "no section [signup one]"),
    (GENERAL + "[signup]\nparameters = Login={logn}\n", "4: 'parameters' has no place {logn}; there are {login}"),
    (GENERAL + "[balance]\nparameters = P={password}\n", "4: 'parameters' has no place {password}"),
    (GENERAL + "[signup]\nparameters = Login\n", "4: 'parameters' must be Name={place} pairs"),
    (GENERAL + "[signup]\nparameters = A=1, A=2\n", "4: 'parameters' has A twice"),
    (GENERAL + "[signup]\nmethod = GET\n", "GET cannot carry soap"),
    (GENERAL + "[signup]\nbody = <a>\n", "4: 'body' is no XML"),
    (GENERAL + "protocol = json\n[signup]\nbody = {\n", "5: 'body' is no JSON"),
    (GENERAL + "[signup]\nbody-file = nothing.xml\n", "4: 'body-file' cannot be read"),
    (GENERAL + "[signup]\nanswer-number = //[\n", "4: 'answer-number' is no XPath"),
    (GENERAL + "protocol = json\n[signup]\nanswer-number = data/x\n", "5: 'answer-number' must be a JSON pointer"),
    (GENERAL + "protocol = form\n[signup]\nanswer-number = x\n", "5: say with 'answer' in [operator]"),
    (GENERAL + "[signup]\npath = http://other/\n", "4: 'url' is http"),
    (GENERAL + "[signup]\npath = https://{login}.example.com/\n", "4: 'path' must not have a place in its host"),
    (GENERAL + "[balance]\nlow = much\n", "4: 'low' is no amount"),
    (GENERAL + "[balance]\nrate = 0\n", "4: 'rate' must be more than nothing"),
    (GENERAL + "[balance]\ncurrency = reais\n", "4: 'currency' must be three letters"),
    (GENERAL + "[balance]\nanswer-number = //a\n", "4: [balance] has no key 'answer-number'"),
    (GENERAL + "[licence]\nrecheck-hours = 0\n", "from 1 to"),
    (GENERAL + "[account]\ntransport = pigeon\n", "'transport' must be"),
    (GENERAL + "[signup]\noperation = Sign up\n", "'operation' must be the name of an XML element"),
)


class MistakeTests(OperatorCase):
    def test_mistakes(self) -> None:
        """File, line, and a sentence."""
        for text, sentence in MISTAKES:
            with self.assertRaises(ConfigError) as caught:
                self.settings(text)
            self.assertIn(sentence, str(caught.exception), text)
            self.assertTrue(str(caught.exception).startswith(str(self.directory / "acme.conf")), text)

    def test_name(self) -> None:
        """The file's name is the operator's."""
        for name in ("a b.conf", "-a.conf", "é.conf", "x" * 70 + ".conf"):
            self.assertRaises(ConfigError, self.settings, GENERAL, name)

    def test_readable_password(self) -> None:
        """A password in a file that everybody can read is said."""
        path = self.write(GENERAL + "auth = bearer\npassword = hidden\n")
        self.assertEqual(settings.read(path).warnings, ())
        path.chmod(0o644)
        (warning,) = settings.read(path).warnings
        self.assertIn("chmod 600", warning)
        self.assertNotIn("hidden", warning)

    def test_password_in_url(self) -> None:
        """A password that would stand in a URL is said."""
        read = self.settings(GENERAL + "protocol = form\n[provisioning]\nmethod = GET\n")
        self.assertIn("the password stands in the URL", read.warnings[0])


class LoadTests(OperatorCase):
    def test_defaults(self) -> None:
        """Nothing but a URL and the names of the services is needed."""
        read = self.settings(GENERAL + "[signup]\n[balance]\n[provisioning]\n[licence]\nenabled = no\n")
        self.assertEqual(set(read.operations), {Service.SIGNUP, Service.BALANCE, Service.PROVISIONING})
        self.assertEqual(read.provisioning.mode, "once")
        self.assertIsNone(read.licence)

    def test_amounts(self) -> None:
        """Amounts are exact, with a point, whatever the operator's answers have."""
        read = self.settings(GENERAL + "decimal = comma\n[balance]\nlow = 5.10\nrate = 0.0125\ncurrency = brl\n")
        self.assertEqual((read.balance.low, read.balance.rate), (Decimal("5.10"), Decimal("0.0125")))
        self.assertEqual(read.balance.currency, "BRL")

    def test_directories(self) -> None:
        """The user's file takes the place of the system's; with --config only the named directory counts."""
        etc, home = self.directory / "etc", self.directory / "home"
        places = files.directories("", {"XDG_CONFIG_HOME": str(home)}, only=False, etc=etc)
        self.assertEqual(places, (etc / "operators.d", home / "neon" / "operators.d"))
        self.assertEqual(settings.load(places), ())
        for place in places:
            place.mkdir(parents=True)
            (place / "acme.conf").write_text(f"[operator]\nurl = https://{place.parent.name}/\n")
        (places[0] / "other.conf").write_text(GENERAL)
        (places[0] / "README").write_text("no operator")
        self.assertEqual([one.name for one in settings.load(places)], ["acme", "other"])
        self.assertEqual(settings.load(places)[0].general.url.text, "https://neon/")
        self.assertEqual(files.directories("", {}, only=True), ())
        self.assertEqual(files.directories("/a", {}, only=True), (Path("/a"),))

    def test_relative_files(self) -> None:
        """Files are found from the one that names them."""
        (self.directory / "signup.xml").write_text("<a>{login}</a>")
        read = self.settings(GENERAL + "[signup]\nbody-file = signup.xml\n")
        body = read.operations[Service.SIGNUP].body
        assert body is not None
        self.assertEqual(body.text, "<a>{login}</a>")


class ExampleTests(OperatorCase):
    def test_mentions_every_key(self) -> None:
        """The example has every section and key, and none that does not exist."""
        documented: dict[str, set[str]] = {}
        for line in EXAMPLE.read_text("utf-8").splitlines():
            if header := re.fullmatch(r"#?\[(\w+)\]", line):
                keys = documented.setdefault(header[1], set())
            elif entry := re.fullmatch(r"#?([a-z-]+) =.*", line):
                keys.add(entry[1])
        known = {kind: set(config.keys(cls)) for kind, cls in SECTIONS.items()}
        common = set(config.keys(SECTIONS["signup"])) & set(config.keys(SECTIONS["balance"]))
        account = set(config.keys(SECTIONS["signup"]))
        # What all services have is explained once, with the first of them; what an account's answer has, too.
        self.assertEqual(documented["signup"], known["signup"])
        for kind in ("operator", "account"):
            self.assertEqual(documented[kind], known[kind])
        self.assertEqual(documented["provisioning"] | account, known["provisioning"])
        for kind in ("balance", "licence"):
            self.assertEqual(documented[kind] | common, known[kind])

    def test_is_read(self) -> None:
        """As it is delivered it is nobody; with its sections it is a good file with those defaults."""
        self.assertEqual(settings.load((EXAMPLE.parent,)), ())
        text = EXAMPLE.read_text("utf-8")
        bare = self.settings(re.sub(r"(?m)^#(?=\[|url =)", "", text))
        self.assertEqual(set(bare.operations), set(Service))
        text = re.sub(r"(?m)^#(?=\[|[a-z-]+ = *[^ \n])", "", text)
        kept = [line for line in text.splitlines() if not re.match(r"(body|answer-|client-|ca-file|password)", line)]
        said = self.settings("\n".join(kept) + "\n")
        for service in (Service.PROVISIONING, Service.LICENCE):
            self.assertEqual(said.operations[service].policy, bare.operations[service].policy)
        self.assertEqual(said.balance.every_minutes, bare.balance.every_minutes)
        self.assertEqual(said.operations[Service.SIGNUP].parameters, bare.operations[Service.SIGNUP].parameters)
        self.assertEqual(said.general.timeout_seconds, bare.general.timeout_seconds)
