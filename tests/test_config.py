"""The configuration is read once and completely; every mistake is shown by file and line."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from neon import config, inifile, sections
from neon.details import IncomingRules, ReferPolicy
from neon.inifile import ConfigError
from neon.passwords import PasswordHash
from neon.sections import Config
from neon.values import AccountOptions, Codec, DigitsBy, ReliablePolicy

HASH = "scrypt$2$1$1$MDEyMzQ1Njc=$MDEyMzQ1Njc4OWFiY2RlZg=="

MISTAKES = (
    ("bind = 0.0.0.0", 1, "'bind' stands before the first [section]"),
    ("[sip", 1, "neither [section]"),
    ("[sip]\nbind", 2, "neither [section]"),
    ("[sip]\n = 5", 2, "neither [section]"),
    ("[sip]\nprot = 5060", 2, "no key 'prot'; did you mean 'port'?"),
    ("[sip]\nxyzzy = 5060", 2, "no key 'xyzzy'"),
    ("[spi]\n", 1, "there is no section [spi]; did you mean 'sip'?"),
    ("[sip trunk]\n", 1, "section [sip] takes no name"),
    ("[account]\n", 1, "section [account] needs a name"),
    ("[account " + "x" * 65 + "]\n", 1, "longer than 64 characters"),
    ("[sip]\nport = 5060\nport = 5060\n", 3, "'port' was given already in line 2"),
    ("[sip]\n[media]\n[sip]\n", 3, "[sip] was begun already in line 1"),
    ("[sip]\nport = \n", 2, "'port' must be a whole number from 0 to 65535, not ''"),
    ("[sip]\nport = 65536\n", 2, "'port' must be a whole number from 0 to 65535, not '65536'"),
    ("[sip]\nport = -1\n", 2, "'port' must be"),
    ("[sip]\nport = ٥٠٦٠\n", 2, "'port' must be"),
    ("[sip]\nport = 99999999999999999999999999\n", 2, "'port' must be"),
    ("[sip]\nbind = localhost\n", 2, "'bind' must be an IP address, not 'localhost'"),
    ("[sip]\nbind = 300.1.1.1\n", 2, "'bind' must be an IP address"),
    ("[sip]\ndirect-calls = perhaps\n", 2, "'direct-calls' must be yes or no, not 'perhaps'"),
    ("[sip]\nmax-calls = 0\n", 2, "from 1 to 1000"),
    ("[sip]\nreject-status = 200\n", 2, "must be one of 403, 404, 480, 486, 600, 603, 607"),
    ("[sip]\ndtmf = morse\n", 2, "'dtmf' must be one of auto, rfc4733, info, inband, not 'morse'"),
    ("[media]\nports = 16384\n", 2, "'ports' must be a range of ports"),
    ("[media]\nports = 16584-16384\n", 2, "the lower port first"),
    ("[media]\nports = 80-16384\n", 2, "within 1024-65535"),
    ("[media]\nports = 16385-16400\n", 2, "must begin with an even port"),
    ("[media]\nptime = 25\n", 2, "'ptime' must be one of 10, 20, 30, 40, 50, 60"),
    ("[media]\nplayout-delay = 10-200\n", 2, "'playout-delay' must be a range of milliseconds within 20-200"),
    ("[media]\nplayout-delay = 100-60\n", 2, "within 20-200"),
    ("[media]\nplayout-delay = 40\n", 2, "within 20-200"),
    ("[media]\ncodecs = G729\n", 2, "'codecs' must be one of PCMU, PCMA, G722, opus, not 'G729'"),
    ("[media]\ncodecs = PCMA pcma\n", 2, "names a codec twice"),
    ("[media]\ncodecs = ,\n", 2, "must name at least one codec"),
    ("[websocket]\nhost = 0.0.0.0\n", 2, "'host' must be a loopback address"),
    ("[websocket]\nhost = 192.0.2.1\n", 2, "'host' must be a loopback address"),
    ("[websocket]\nhost =\n", 2, "must name at least one address"),
    ("[http]\nhost = 0.0.0.0\n", 2, "'host' must be a loopback address"),
    ("[http]\nport = 65536\n", 2, "'port' must be a whole number from 0 to 65535"),
    ("[http]\npoll-seconds = 0\n", 2, "from 1 to 300"),
    ("[api]\ntoken-idle-seconds = 1\n", 2, "from 60 to"),
    ("[account a]\nblf = 201, 20 2@\n", 2, "'blf' must be host or host:port"),
    ("[account a]\nmax-calls = 0\n", 2, "from 1 to 1000"),
    ("[application crm]\n", 1, "needs one of 'password' and 'password-hash'"),
    (f"[application crm]\npassword = x\npassword-hash = {HASH}\n", 1, "needs one of"),
    ("[application crm]\npassword =\n", 2, "'password' must not be empty"),
    ("[application crm]\npassword-hash = md5$x\n", 2, "'password-hash' must be written scrypt$"),
    ("[application crm]\npassword-hash = scrypt$3$1$1$MDEyMzQ1Njc=$MDEyMzQ1Njc4OWFiY2RlZg==\n", 2, "must be written"),
    ("[application crm]\npassword-hash = scrypt$1073741824$8$1$MDEyMzQ1Njc=$MDEyMzQ1Njc4OWFiY2RlZg==\n", 2, "memory"),
    ("[application local]\npassword = x\n", 1, "'local' is NEON's own"),
    ("[application neonctl]\npassword = x\n", 1, "'neonctl' is NEON's own"),
    ("[account a]\nnumber = 1\npassword = x\n", 1, "an account needs 'domain'"),
    ("[account a]\ndomain = sip.example\npassword = x\n", 1, "an account needs 'number'"),
    ("[account a]\ndomain = sip.example\nnumber = 1\n", 1, "needs one of 'password' and 'password-file'"),
    ("[account a]\ndomain = a b\nnumber = 1\npassword = x\n", 2, "'domain' must be host or host:port"),
    ("[account a]\ndomain = a:99999\nnumber = 1\npassword = x\n", 2, "'domain' must have a port from 1 to 65535"),
    ("[account a]\ndomain = a\nnumber = 1@b\npassword = x\n", 3, "'number' must be a number or name"),
    ("[account a]\ndomain = a\nnumber = 1\npassword = x\nproxy = :5060\n", 5, "'proxy' must be host"),
    ("[account a]\ndomain = a\nnumber = 1\npassword = x\ntransport = pigeon\n", 5, "must be one of udp, tcp, tls"),
    ("[account a]\ndomain = a\nnumber = 1\npassword = x\nexpires = 5\n", 5, "from 10 to 86400"),
    ("[account a]\ndomain = a\nnumber = 1\npassword-file = /nonexistent\n", 4, "cannot be read: No such file"),
    ("[account a]\ndomain = a\nnumber = 1\npassword = x\n[account b]\ndomain = a\nnumber = 1\npassword = y\n", 5,
     "sip:1@a is [account a] already"),
    ("[sip]\nport = 50\x0060\n", 2, "control character"),
)


class ConfigCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.directory = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.directory)
        self.path = self.write("neon.conf", "")

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(0o600)
        return path

    def loaded(self, text: str) -> Config:
        self.write("neon.conf", text)
        return config.load(self.path)

    def refused(self, text: str | bytes) -> str:
        self.write("neon.conf", text)
        return str(self.assertRaises(ConfigError, config.load, self.path))


class RuleTests(ConfigCase):
    def test_rules(self) -> None:
        """What becomes of calls to an account, and the names of header fields."""
        loaded = self.loaded(
            "[sip]\nheaders-out = X-CRM-Id, X-A-*\nrefer = ask\ndnd-status = 486\ncall-waiting = no\n"
            "[account a]\ndomain = a.example.org\nnumber = 1\npassword = x\ndnd = yes\nforward-busy = 33\n"
            "forward-no-answer = sip:34@b.example.org\nforward-seconds = 9\nauto-answer = 40, sip:41@b.example.org\n"
        )
        self.assertEqual((loaded.sip.headers_out, loaded.sip.refer), (("X-CRM-Id", "X-A-*"), ReferPolicy.ASK))
        self.assertEqual((loaded.sip.dnd_status, loaded.sip.call_waiting), (486, False))
        expected = IncomingRules(True, None, "33", "sip:34@b.example.org", 9, ("40", "41@b.example.org"))
        self.assertEqual(loaded.accounts["a"].rules, expected)

    def test_rule_mistakes(self) -> None:
        """A rule that cannot be meant is refused."""
        for section, line in (
            ("sip", "headers-out = Via"),
            ("sip", "headers-in = X*"),
            ("sip", "refer = perhaps"),
            ("sip", "dnd-status = 200"),
            ("account a", "forward-busy = bob"),
            ("account a", "auto-answer = a b@"),
            ("account a", "forward-seconds = 0"),
        ):
            self.refused(f"[{section}]\n{line}\n")


class MistakeTests(ConfigCase):
    def test_mistakes(self) -> None:
        """Every mistake is answered with file, line and a sentence that names it."""
        for text, line, sentence in MISTAKES:
            message = self.refused(text)
            self.assertTrue(message.startswith(f"{self.path}:{line}: "), (text, message))
            self.assertIn(sentence, message)

    def test_not_utf8(self) -> None:
        """A line in another encoding is shown by its number."""
        self.assertEqual(self.refused(b"# a\n# \xe9\n"), f"{self.path}:2: this line is not UTF-8 text")

    def test_missing_file(self) -> None:
        """A file that was named and is not there is an error."""
        error = self.assertRaises(ConfigError, config.load, self.directory / "other.conf")
        self.assertIn("other.conf: cannot be read: No such file", str(error))

    def test_no_secret_in_messages(self) -> None:
        """A bad password is not repeated in the message about it."""
        self.assertNotIn("hunter2", self.refused("[application crm]\npassword = hunter2\u2028\n"))
        self.assertNotIn("hunter2", self.refused("[application crm]\npassword-hash = hunter2\n"))

    @given(st.binary(max_size=400) | st.text(alphabet="[]=#;\nabsipaccount 059.:-", max_size=200).map(str.encode))
    def test_any_bytes(self, data: bytes) -> None:
        """Whatever a file holds, it is a configuration or a ConfigError, nothing else."""
        try:
            config.build(inifile.parse(data, "x"))
        except ConfigError as error:
            self.assertRegex(str(error), r"\Ax:\d+: ")


class ValueTests(ConfigCase):
    def test_empty(self) -> None:
        """An empty file is the default configuration."""
        self.assertEqual(self.loaded(""), Config(files=(self.path,)))

    def test_everything(self) -> None:
        """Every kind of value comes back as its type."""
        loaded = self.loaded(
            """
            ; comments and blank lines, in any place
            [SIP]
            Bind = ::1
            port = 0
            direct-calls = Sim
            [media]
            ports = 20000 - 20009
            playout-delay = 40 - 120
            ptime = 30
            comfort-noise = no
            codecs = pcmu, PCMA
            capture = file:/tmp/#1.wav
            [websocket]
            enabled = off
            host = ::1
            [http]
            port = 0
            poll-seconds = 25
            [application crm 2]
            password = a # b = c
            [application dialler]
            password-hash = """ + HASH + """
            [account office]
            domain = SIP.Example.com:5070
            number = 1000
            password = p;w
            display-name = Zé
            """
        )
        self.assertEqual((loaded.sip.bind, loaded.sip.port, loaded.sip.direct_calls), (("::1",), 0, True))
        self.assertEqual(loaded.media.ports, range(20000, 20010))
        delay = loaded.media.playout_delay
        self.assertEqual((delay[0], delay[-1], loaded.media.ptime, loaded.media.comfort_noise), (40, 120, 30, False))
        self.assertEqual(loaded.media.codecs, (Codec.PCMU, Codec.PCMA))
        self.assertEqual(loaded.media.capture.text, "file:/tmp/#1.wav")
        self.assertEqual(str(loaded.media.capture.place), f"{self.path}:13")
        self.assertEqual((loaded.websocket.enabled, loaded.websocket.host), (False, ("::1",)))
        self.assertEqual((loaded.http.port, loaded.http.poll_seconds), (0, 25))
        self.assertEqual(loaded.applications["crm 2"].password, "a # b = c")
        self.assertEqual(loaded.applications["dialler"].password_hash, PasswordHash.parse(HASH))
        account = loaded.accounts["office"]
        self.assertEqual((account.domain, account.port, account.number), ("sip.example.com", 5070, "1000"))
        self.assertEqual((account.password, account.display_name, account.expires), ("p;w", "Zé", 600))

    def test_account_options(self) -> None:
        """An account may differ from the daemon's settings; what it does not mention holds as they say."""
        text = "[account a]\ndomain = d.test\nnumber = 31\npassword = x\n"
        plain = self.loaded(text).accounts["a"]
        self.assertEqual((plain.name, plain.options), ("a", AccountOptions()))
        calls = "reliable-responses = required\nsession-expires = 0\nmin-se = 120\n"
        self.assertEqual(
            self.loaded(text + calls).accounts["a"].options,
            AccountOptions(reliable_responses=ReliablePolicy.REQUIRED, session_expires=0, min_se=120),
        )
        more = "codecs = pcmu\ndtmf = info\nreject-status = 603\nmax-calls = 2\nmwi = yes\nblf = 201, sip:202@e.test\n"
        self.assertEqual(
            self.loaded(text + more).accounts["a"].options,
            AccountOptions((Codec.PCMU,), DigitsBy.INFO, 603, 2, mwi=True, blf=("201", "202@e.test")),
        )

    def test_secrets_stay_out_of_repr(self) -> None:
        """The whole configuration can be printed without a password in it."""
        loaded = self.loaded(
            f"[application a]\npassword = hunter2\n[application b]\npassword-hash = {HASH}\n"
            "[account c]\ndomain = d\nnumber = 1\npassword = hunter2\n"
        )
        shown = repr(loaded)
        self.assertNotIn("hunter2", shown)
        self.assertNotIn("0123456789abcdef", shown)

    def test_password_file(self) -> None:
        """The first line of a private file, found beside the configuration."""
        self.write("secret", "hunter2\nignored\n")
        loaded = self.loaded("[account a]\ndomain = d\nnumber = 1\npassword-file = secret\n")
        self.assertEqual(loaded.accounts["a"].password, "hunter2")

    def test_public_password_file(self) -> None:
        """A password file that every user can read is refused."""
        self.write("secret", "hunter2\n").chmod(0o644)
        message = self.refused("[account a]\ndomain = d\nnumber = 1\npassword-file = secret\n")
        self.assertIn("can be read by every user", message)

    def test_public_passwords(self) -> None:
        """Passwords in a configuration that every user can read: a warning, one a file."""
        self.loaded("[application a]\npassword = x\n[application b]\npassword = x\n")
        self.assertEqual(config.load(self.path).warnings, ())
        self.path.chmod(0o644)
        (warning,) = config.load(self.path).warnings
        self.assertIn("chmod 600", warning)


class PlacesTests(ConfigCase):
    def test_order(self) -> None:
        """System-wide, then conf.d by name, then the user's: the later file overrides key by key."""
        etc, home = self.directory / "etc", self.directory / "home"
        self.write("etc/neon.conf", "[sip]\nport = 1\nmax-calls = 1\nbind = 127.0.0.1\n")
        self.write("etc/conf.d/20.conf", "[sip]\nmax-calls = 20\n")
        self.write("etc/conf.d/10.conf", "[sip]\nmax-calls = 10\n[account a]\ndomain = d\nnumber = 1\npassword = x\n")
        self.write("etc/conf.d/10.conf.bak", "rubbish")
        self.write("home/.config/neon/neon.conf", "[sip]\nport = 2\n[account a]\nnumber = 2\n")
        files = config.standard_files({"HOME": str(home)}, etc)
        self.assertEqual([file.name for file in files], ["neon.conf", "10.conf", "20.conf", "neon.conf"])
        merged = config.build([section for file in files for section in inifile.read(file)])
        self.assertEqual((merged.sip.port, merged.sip.max_calls, merged.sip.bind), (2, 20, ("127.0.0.1",)))
        self.assertEqual(merged.accounts["a"].number, "2")

    def test_xdg(self) -> None:
        """XDG_CONFIG_HOME moves the user's file; nothing there is fine."""
        self.assertEqual(config.standard_files({"XDG_CONFIG_HOME": str(self.directory)}, self.directory), (self.path,))
        self.assertEqual(config.standard_files({"HOME": "/nonexistent"}, Path("/nonexistent")), ())

    def test_credentials(self) -> None:
        """What systemd hands over as the credential neon.conf is read before the user's own."""
        environ = {"CREDENTIALS_DIRECTORY": str(self.directory), "HOME": "/nonexistent"}
        self.assertEqual(config.standard_files(environ, Path("/nonexistent")), (self.path,))


class ExampleTests(SynchronousTestCase):
    path = Path(__file__).parent.parent / "etc" / "neon.conf"

    def test_mentions_every_key(self) -> None:
        """The documented file has every section and key, and none that does not exist."""
        documented: dict[str, set[str]] = {}
        for line in self.path.read_text("utf-8").splitlines():
            if header := re.fullmatch(r"#?\[(\w+)(?: \w+)?\]", line):
                keys = documented.setdefault(header[1], set())
            elif entry := re.fullmatch(r"#([a-z-]+) =.*", line):
                keys.add(entry[1])
        known = {kind: set(config.keys(cls)) for kind, cls in sections.SECTIONS.items()}
        self.assertEqual(documented, known)

    def test_is_the_default(self) -> None:
        """As it is delivered it changes nothing; with its single sections uncommented it still says the defaults."""
        self.assertEqual(config.load(self.path), Config(files=(self.path,)))
        text = re.sub(r"(?m)^#(?=\[(?!application|account)|[a-z-]+ =)", "", self.path.read_text("utf-8"))
        single = text[: text.index("#[application")]
        built = config.build(inifile.parse(single.encode(), "x"))
        default = Config()
        for kind in sections.SINGLE:
            if kind not in ("media", "broker", "brand"):  # whose settings know where they stand
                self.assertEqual(getattr(built, kind), getattr(default, kind))
        self.assertEqual(built.media.capture.text, default.media.capture.text)
        self.assertEqual(built.media.playback.text, default.media.playback.text)
        self.assertEqual((built.brand.name, built.brand.logo.text), (default.brand.name, ""))
        self.assertEqual((built.media.ports, built.media.codecs), (default.media.ports, default.media.codecs))
