"""C{neonctl doctor} and C{neonctl bug-report}: what is found, in which words, and what is left out."""

from __future__ import annotations

import contextlib
import io
import json
import os
import stat
import string
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from neon import __version__
from neon.ctl import bugreport, doctor, main
from neon.ctl.bugreport import Pseudonyms
from neon.ctl.doctorwords import LANGUAGES
from neon.ctl.exits import FAILED, NotRunning
from tests.ctl.daemon import FakeConnection


def healthy(state_dir: str) -> dict[str, dict[str, Any]]:
    return {
        "diagnosis": {
            "version": __version__, "configuration": [], "warnings": [], "stateDir": state_dir,
            "listening": {"websocket": "127.0.0.1:15070"},
            "sound": {"capture": "portaudio", "playback": "portaudio", "state": "works", "problem": None},
            "mediaPriority": "fifo", "roundsSkipped": 0, "eventsLost": 0, "turnedAway": {},
        },
        "listaccounts": {"accounts": [{"connectionId": 1, "uri": "sip:5551234@h", "state": "registered"}]},
        "listcalls": {"calls": []},
        "callhistory": {"calls": []},
        "originpending": {"origins": []},
    }  # fmt: skip


class Connection(FakeConnection):
    def close(self) -> None: ...


class LookCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.state = Path(self.mktemp())
        self.state.mkdir()
        self.neon: Connection | None = Connection(healthy(str(self.state)))
        for module in (doctor, bugreport):
            self.patch(module, "connect", self._connect)

    def _connect(self, paths: object, timeout: float) -> Connection:
        if self.neon is None:
            raise NotRunning("nobody")
        return self.neon

    def look(self, *argv: str, environ: Mapping[str, str] | None = None) -> tuple[int, str]:
        """Run neonctl; returns its status and what it printed."""
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
            status = main.main(argv, {"HOME": "/nowhere"} if environ is None else environ)
        return status, printed.getvalue()

    def found(self) -> dict[str, str]:
        """The findings of a doctor's visit, with their levels."""
        return {row["finding"]: row["level"] for row in json.loads(self.look("--json", "doctor")[1])["findings"]}


class DoctorTests(LookCase):
    def test_healthy(self) -> None:
        """Everything in order: said so, with status 0."""
        status, printed = self.look("doctor", "--lang", "en")
        self.assertEqual(status, 0, printed)
        self.assertIn("+ sip:5551234@h is registered.", printed)
        self.assertTrue(printed.endswith("Everything is in order.\n"))

    def test_no_daemon(self) -> None:
        """Without a daemon it says how to start one."""
        self.neon = None
        status, printed = self.look("doctor", "--lang", "es")
        self.assertEqual(status, FAILED)
        self.assertIn("! NEON no está en marcha", printed)
        self.assertIn("systemctl --user start neon", printed)

    def test_wrong(self) -> None:
        """Each thing that is wrong is found."""
        assert self.neon is not None
        self.neon.answers["diagnosis"] |= {
            "version": "0.0.1", "warnings": ["x"], "listening": {}, "mediaPriority": "plain",
            "roundsSkipped": 3,
            "sound": {"capture": "portaudio", "playback": "portaudio", "state": "fails", "problem": "no device"},
        }  # fmt: skip
        self.neon.answers["listaccounts"] = {
            "accounts": [
                {"connectionId": 1, "uri": "sip:1@h", "state": "failed"},
                {"connectionId": 2, "uri": "sip:2@h", "state": "registering"},
            ]
        }
        self.neon.answers["originpending"] = {"origins": [{"origin": "https://a"}]}
        self.neon.refusals["explain"] = (102, "not remembered")
        secret = self.state / "access.json"
        secret.write_text("{}")
        secret.chmod(0o644)
        self.assertEqual(
            self.found(),
            {
                "other-version": "bad", "warning": "bad", "no-api": "note", "account": "bad", "registering": "note",
                "pending": "bad", "sound-fails": "bad", "priority-other": "note", "rounds": "note", "space": "good",
                "readable": "bad", "no-sound-server": "note",
            },
        )  # fmt: skip

    def test_little_space(self) -> None:
        """A full disk is told before the call log fails."""
        self.patch(doctor, "LEAST_MEGABYTES", 1 << 60)
        self.assertEqual(self.found()["no-space"], "bad")

    def test_sound_server(self) -> None:
        """A sound server is found by its socket."""
        (self.state / "pulse").mkdir()
        (self.state / "pulse/native").touch()
        printed = self.look("doctor", "--lang", "en", environ={"XDG_RUNTIME_DIR": str(self.state), "HOME": "/"})[1]
        self.assertIn("PulseAudio", printed)

    def test_languages(self) -> None:
        """Every finding has words in every language, with the same values in them."""

        def values(text: str) -> set[str]:
            return {name for _, name, _, _ in string.Formatter().parse(text) if name}

        english = LANGUAGES["en"]
        for language, words in LANGUAGES.items():
            self.assertEqual(words.keys(), english.keys(), language)
            for key, sentences in words.items():
                self.assertEqual(
                    [values(sentence) for sentence in sentences], [values(one) for one in english[key]], (language, key)
                )


class BugReportTests(LookCase):
    def report(self) -> tuple[Path, dict[str, str]]:
        """What a report holds."""
        path = self.state / "report.tar.gz"
        status, printed = self.look("bug-report", str(path))
        self.assertEqual(status, 0, printed)
        with tarfile.open(path) as archive:
            files = {member.name.removeprefix("neon-report/"): archive.extractfile(member) for member in archive}
            return path, {name: file.read().decode() for name, file in files.items() if file is not None}

    def test_left_out(self) -> None:
        """Passwords and numbers are nowhere in it; the same person has the same name everywhere."""
        assert self.neon is not None
        settings = self.state / "neon.conf"
        settings.write_text("[account home]\nnumber = 5551234\ndomain = h\npassword = hidden1\n")
        self.neon.answers["diagnosis"]["configuration"] = [str(settings)]
        call = {"callId": 7, "from": "sip:5551234@h", "to": "sip:5559999@h", "displayName": "Ana Lima"}
        self.neon.answers["callhistory"] = {"calls": [call]}
        step = {"message": "INVITE sip:5559999@h", "notes": ["by Ana Lima"]}
        self.neon.answers["explain"] = {**call, "ladder": [step]}
        path, files = self.report()
        everything = "".join(files.values())
        for word in ("hidden1", "5551234", "5559999", "Ana Lima"):
            self.assertNotIn(word, everything)
        self.assertIn("INVITE sip:caller-2@h", files["cases/7.json"])
        self.assertIn("number = caller-1", files["configuration/0-neon.conf"])
        self.assertIn("+ sip:caller-1@h is registered.", files["doctor.txt"])
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)

    def test_no_daemon(self) -> None:
        """Without a daemon the machine is still described."""
        self.neon = None
        _, files = self.report()
        self.assertIn("Python", files["system.txt"])
        self.assertIn("not running", files["doctor.txt"])

    def test_refused(self) -> None:
        """What the daemon refuses to tell is noted in its place."""
        assert self.neon is not None
        self.neon.refusals["callhistory"] = (102, "there is no call log")
        _, files = self.report()
        self.assertIn("there is no call log", files["history.txt"])

    def test_bad_place(self) -> None:
        """A place that cannot be written to is told."""
        self.assertEqual(self.look("bug-report", "/proc/no/such")[0], 2)


class PseudonymTests(SynchronousTestCase):
    def test_words(self) -> None:
        """A number within another word or number stays; in an address, a quote or a sentence it goes."""
        hide = Pseudonyms()
        hide.learn({"calls": [{"from": "sip:600@h", "to": "tel:+551199"}]})
        text = '1600 600x "600" sip:600@h <sip:+551199@g;x> +551199, sip:new.one@h'
        self.assertEqual(
            hide.hide(text),
            '1600 600x "caller-1" sip:caller-1@h <sip:caller-2@g;x> caller-2, sip:caller-3@h',
        )

    def test_nobody(self) -> None:
        """Nothing known, nothing changed."""
        self.assertEqual(Pseudonyms().hide("600"), "600")
