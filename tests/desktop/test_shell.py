"""The parts of neon-panel that need no GTK: where it goes, what it remembers, in which language it speaks."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from neonpanel import memory, policy, words
from neonpanel.memory import Shape
from neonpanel.policy import Verdict
from twisted.trial.unittest import SynchronousTestCase

OURS = "http://localhost:15060"


class PolicyTests(SynchronousTestCase):
    def test_panel(self) -> None:
        """Only the page itself at this machine can be what the window begins with."""
        for url in (f"{OURS}/#ticket=abc", f"{OURS}/", "http://127.0.0.1:1/panel#x", "http://[::1]:15060/"):
            self.assertTrue(policy.is_panel(url), url)
        for url in ("https://localhost:15060/", "http://example.com/", "http://localhost.example.com/",
                    "http://localhost@example.com/", "http://a@localhost:15060/", f"{OURS}/Command?action=startcall",
                    f"{OURS}/panel/x", "file:///etc/passwd", "javascript:alert(1)", "", "http://localhost:99999/",
                    "http://localhost:15060/ #", f"{OURS}/#" + "x" * 3000, "http://[::1"):  # fmt: skip
            self.assertFalse(policy.is_panel(url), url)

    def test_judge(self) -> None:
        """Our own origin and the operator's frame are shown, a link goes to the browser, all else nowhere."""
        for url, by_hand, verdict in (
            (f"{OURS}/#ticket=1", False, Verdict.SHOW),
            ("about:srcdoc", False, Verdict.SHOW),
            ("https://example.com/help", True, Verdict.OUTSIDE),
            ("mailto:a@example.com", True, Verdict.OUTSIDE),
            ("https://example.com/help", False, Verdict.REFUSE),
            ("http://localhost:15061/", False, Verdict.REFUSE),
            ("file:///etc/passwd", True, Verdict.REFUSE),
            ("javascript:alert(1)", True, Verdict.REFUSE),
            ("data:text/html,x", True, Verdict.REFUSE),
            ("tel:190", True, Verdict.REFUSE),
        ):
            self.assertEqual(policy.judge(url, OURS, by_hand=by_hand), verdict, url)
        self.assertEqual(policy.judge(f"{OURS}/", None, by_hand=False), Verdict.REFUSE)


class MemoryTests(SynchronousTestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "state" / "window.json"

    def test_kept(self) -> None:
        """What was written is read again."""
        shape = Shape(600, 800, True, 1.21)
        memory.write(self.path, shape)
        self.assertEqual(memory.read(self.path), shape)
        self.assertEqual([entry.name for entry in self.path.parent.iterdir()], ["window.json"])

    def test_nonsense(self) -> None:
        """A file that is missing, damaged, or speaks of windows that nobody could use, is as if it were not there."""
        self.assertEqual(memory.read(self.path), Shape())
        self.path.parent.mkdir()
        strange = json.dumps({"width": -5, "height": "x", "maximized": 1, "zoom": 99})
        for said in ("", "{", "[]", "7", "[" * 4000, strange, '{"width": 1e400, "height": true, "zoom": NaN}'):
            self.path.write_text(said)
            self.assertEqual(memory.read(self.path), Shape(), said)

    def test_unwritable(self) -> None:
        """Where nothing can be kept nothing fails."""
        memory.write(Path("/proc/nowhere/window.json"), Shape())

    def test_place(self) -> None:
        """It stands where programs keep their state."""
        self.assertEqual(str(memory.place({"HOME": "/h"})), "/h/.local/state/neon-panel/window.json")
        self.assertEqual(str(memory.place({"HOME": "/h", "XDG_STATE_HOME": "/s"})), "/s/neon-panel/window.json")


class WordTests(SynchronousTestCase):
    def test_languages(self) -> None:
        """The first language of the desktop's that there are words for, English where there is none."""
        for languages, first in ((["pt_BR.UTF-8", "C"], "pt"), (["de", "es_AR"], "es"), (["C"], "en"), ([], "en")):
            self.assertIs(words.words(languages), words.WORDS[first])
        self.assertEqual({frozenset(each) for each in words.WORDS.values()}, {frozenset(words.WORDS["en"])})
