"""The panel has words, in Portuguese and Spanish, for every sentence that the daemon may refuse it something with."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib import resources
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from neon import arguments
from neon.commands import TABLE
from neon.errors import InvalidArgument
from tests.api.sentences import matches, templates

FOLDER: Final = resources.files("neon.api") / "static" / "panel"

TYPED: Final = {
    "sipregister": ("number", "domain", "password", "displayname", "authuser", "proxy"),
    "setforward": ("to", "seconds", "when"),
    "startcall": ("number",),
    "transfercall": ("to",),
    "senddtmf": ("dtmf",),
    "setvolume": ("percent",),
    "setdevice": ("device", "kind"),
    "callhistory": ("party", "type", "result"),
    "watchextension": ("extension",),
    "signup": ("login", "password", "name", "email", "phone"),
}
"""What people type, or choose, in the panel."""

ODD: Final = (
    "", " ", "\x01", "x" * 10_000, "1" * 100, "-1", "99999999999", "a b", "a@", "@b", "sip:", "sip:@x", "sip:%zz@b",
    'sip:a@b;c="', "sip:a@b c", "host:0", "host:99999", "[::", "300.1.1.1", "a;transport=sctp", "ü", "<img src=x>",
)  # fmt: skip


def table(language: str) -> dict[str, str]:
    """The words of a language, by the daemon's sentences."""
    text = (FOLDER / f"refusals-{language}.js").read_text("utf-8")
    found = re.findall(r'^  ("(?:[^"\\]|\\.)*"):\s+("(?:[^"\\]|\\.)*"),$', text, re.MULTILINE)
    return {json.loads(key): json.loads(words) for key, words in found}


def complaints() -> Iterator[str]:
    """What the daemon says of odd things that were typed."""
    for row in TABLE:
        for parameter in row.parameters:
            if parameter.name in TYPED.get(row.name, ()):
                for given in (*ODD, None):
                    try:
                        arguments.read((parameter,), {} if given is None else {parameter.name: [given]})
                    except InvalidArgument as error:
                        yield str(error)


class RefusalTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.tables = {language: table(language) for language in ("pt", "es")}

    def known(self, sentence: str) -> bool:
        return all(any(matches(key, sentence) for key in words) for words in self.tables.values())

    def test_source(self) -> None:
        """Each sentence of the source has words in both languages, but for those that only join others."""
        found = templates()
        self.assertGreater(len(found), 60)
        joined = {"{} {}", "{}: {}", "call {} {}"}
        missing = [f"{place}: {text}" for text, place in found.items() if text not in joined and not self.known(text)]
        self.assertEqual(missing, [])

    def test_typed(self) -> None:
        """So have the complaints about whatever people type into a field."""
        told = set(complaints())
        self.assertGreater(len(told), 60)
        self.assertEqual([sentence for sentence in sorted(told) if not self.known(sentence)], [])

    def test_alive(self) -> None:
        """Nothing in the tables is a sentence that the daemon does not say any more."""
        said = {*templates(), *complaints(), "internal error, reference 0a0b0c0d"}
        dead = [key for key in self.tables["pt"] if not any(matches(key, sentence) for sentence in said)]
        self.assertEqual(dead, [])

    def test_values(self) -> None:
        """Both languages have the same sentences, and name no value that the sentence has not."""
        portuguese, spanish = self.tables.values()
        self.assertEqual(list(portuguese), list(spanish))
        for words in self.tables.values():
            for key, text in words.items():
                self.assertLess(max(map(int, re.findall(r"{(\d)}", text)), default=-1), key.count("{}"), key)
        same = [key for key, text in portuguese.items() if spanish[key] == text]
        self.assertEqual(same, [])
