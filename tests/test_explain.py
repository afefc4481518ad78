"""Every status and every cause has words, the same ones in every language."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

import neon
from neon.explain import CONNECTIONS, LANGUAGES, REASONS, STATUSES, diagnose, explain, language_of, of_status
from neon.ports import ADDRESS_GONE
from neon.sip import connection, tls
from neon.sip.messages import REASONS as SIP_REASONS

ROOT = Path(neon.__file__).parent


def call(
    status: int = 0,
    reason: str = "",
    *,
    outgoing: bool = True,
    answered: bool = False,
    ended: bool = True,
    messages: tuple[str, ...] = ("100 Trying",),
) -> dict[str, Any]:
    heard = [{"sent": False, "message": message} for message in messages]
    return {
        "kind": "call",
        "type": "outgoing" if outgoing else "incoming",
        "answered": "then" if answered else None,
        "ended": "then" if ended else None,
        "SIPError": status,
        "reason": reason,
        "ladder": [{"sent": True, "message": "INVITE"}, *heard],
    }


def registration(outcome: str, status: int = 0, reason: str = "", heard: bool = True) -> dict[str, Any]:
    steps = [{"sent": True, "message": "REGISTER"}, *([{"sent": False, "message": "401"}] if heard else [])]
    return {"kind": "registration", "outcome": outcome, "SIPError": status, "reason": reason, "ladder": steps}


def causes() -> Iterator[tuple[int, str]]:
    """Every Cause that the source makes of a status and a sentence that are written there."""
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Cause":
                match [arg.value for arg in node.args if isinstance(arg, ast.Constant)]:
                    case [int(status), str(reason)]:
                        yield status, reason


class TableTests(SynchronousTestCase):
    def test_connections(self) -> None:
        """Every reason why a connection was not made, or went, has words, for calls and for registrations."""
        reasons = {
            value
            for module in (connection, tls)
            for name, value in vars(module).items()
            if name.isupper() and isinstance(value, str)
        }
        self.assertEqual(reasons, set(CONNECTIONS))
        for reason, key in CONNECTIONS.items():
            self.assertEqual(diagnose(registration("failed", 503, reason, heard=False)), key)
            self.assertEqual(diagnose(call(503, reason, messages=())), key)

    def test_address_of_audio(self) -> None:
        """A call without the address that audio is bound to is told apart from one without a port."""
        self.assertEqual(diagnose(call(503, f"{ADDRESS_GONE}: 192.0.2.1", messages=())), "no-audio-address")

    def test_same_keys(self) -> None:
        """No language lacks a case that another has."""
        keys = {language: set(words) for language, words in LANGUAGES.items()}
        self.assertEqual(set(keys), {"pt", "es", "en"})
        self.assertEqual(keys["pt"], keys["en"])
        self.assertEqual(keys["es"], keys["en"])

    def test_sentences(self) -> None:
        """Every case says what happened; what to do is a sentence or nothing; no two languages say the same."""
        for key in LANGUAGES["en"]:
            for language, words in LANGUAGES.items():
                what, todo = words[key]
                self.assertTrue(what.endswith("."), (language, key))
                self.assertTrue(todo == "" or todo.endswith("."), (language, key))
                self.assertTrue((what + todo).isprintable(), (language, key))
            self.assertEqual(len({words[key][0] for words in LANGUAGES.values()}), 3, key)

    def test_every_status(self) -> None:
        """Every final status that SIP has room for is explained, both ways, in every language."""
        for status in (0, *range(300, 700)):
            for outgoing in (True, False):
                for messages in ((), ("100 Trying",), ("100 Trying", "180 Ringing")):
                    for language in LANGUAGES:
                        self.assertTrue(explain(call(status, outgoing=outgoing, messages=messages), language)[0])

    def test_known_statuses(self) -> None:
        """The statuses that NEON knows by name have words of their own, not those of their class."""
        for status in SIP_REASONS:
            if status >= 400:
                self.assertIn(status, STATUSES)

    def test_every_registration(self) -> None:
        """Every outcome of a registration with every status."""
        outcomes = ("registering", "registered", "unregistered", "refused", "failed", "expired", "cancelled")
        for outcome in outcomes:
            for status in (0, *range(300, 700)):
                for heard in (True, False):
                    for language in LANGUAGES:
                        self.assertTrue(explain(registration(outcome, status, heard=heard), language)[0])

    def test_our_own_reasons(self) -> None:
        """What NEON itself says a call ended for is no status of the provider's."""
        found = dict(enumerate(causes()))
        self.assertGreater(len(found), 5, "no causes were found in the source")
        theirs = {"the binding ran out", "no answer to the un-REGISTER", "the registrar's name has no address"}
        for status, reason in found.values():
            if reason and reason not in theirs and reason != SIP_REASONS.get(status):
                self.assertNotIn(diagnose(call(status, reason)), ("unknown", "refused"), (status, reason))

    def test_keys_exist(self) -> None:
        """No key leads nowhere."""
        for key in (*STATUSES.values(), *REASONS.values(), *map(of_status, range(700))):
            self.assertIn(key, LANGUAGES["en"])


class DiagnosisTests(SynchronousTestCase):
    def assert_call(self, key: str, *arguments: Any, **named: Any) -> None:
        self.assertEqual(diagnose(call(*arguments, **named)), key)

    def test_calls_that_go_on(self) -> None:
        """What has not ended is told as it is."""
        self.assert_call("calling", ended=False)
        self.assert_call("ringing", ended=False, outgoing=False)
        self.assert_call("up", ended=False, answered=True)

    def test_ordinary_ends(self) -> None:
        """Who hung up."""
        self.assert_call("by-us", 0, "ended by the user", answered=True)
        self.assert_call("by-them", 0, "", answered=True)
        self.assert_call("cancelled", 487, "ended by the user")
        self.assert_call("caller-gave-up", 487, "Request Terminated", outgoing=False)
        self.assert_call("refused-by-us", 486, "ended by the user", outgoing=False)

    def test_transfers(self) -> None:
        """A call that was passed on, one that was passed on before it was answered, one that could not be."""
        self.assert_call("transferred", 0, "transferred", answered=True)
        self.assert_call("deflected", 302, "Moved Temporarily", outgoing=False)
        going_on = call(ended=False, answered=True)
        for outcome, key in (("done", "transferred"), ("failed", "transfer-failed")):
            self.assertEqual(diagnose({**going_on, "transfer": {"outcome": outcome}}), key)
        self.assertEqual(diagnose({**going_on, "transfer": None}), "up")

    def test_silence_and_patience(self) -> None:
        """A 408 means something else with a dead server, a server that fell silent, and a telephone that rang."""
        self.assert_call("no-server", 408, "Request Timeout", messages=())
        self.assert_call("timeout", 408, "Request Timeout", messages=("100 Trying",))
        self.assert_call("unanswered", 408, "Request Timeout", messages=("100 Trying", "180 Ringing"))

    def test_other_side(self) -> None:
        """What the provider or the other telephone says."""
        for status, key in ((486, "busy"), (603, "declined"), (404, "no-such-number"), (403, "forbidden"),
                            (488, "no-codec"), (401, "password"), (480, "unavailable"), (302, "moved")):
            self.assert_call(key, status)
        self.assert_call("refused", 499)
        self.assert_call("server-broken", 599)

    def test_registrations(self) -> None:
        """A wrong password, a blocked account, an unknown number, a dead server and a name that does not exist."""
        for key, outcome, status, heard in (
            ("account-registered", "registered", 0, True),
            ("account-password", "refused", 401, True),
            ("account-403", "refused", 403, True),
            ("account-404", "refused", 404, True),
            ("account-silent", "expired", 408, False),
            ("account-expired", "expired", 408, True),
            ("account-silent", "registering", 0, False),
            ("account-name", "failed", 0, False),
            ("account-broken", "failed", 503, True),
        ):
            self.assertEqual(diagnose(registration(outcome, status, heard=heard)), key)

    def test_language(self) -> None:
        """The locale's variables in their order; English for what is none of the three."""
        for environ, language in (
            ({"LANG": "pt_BR.UTF-8"}, "pt"),
            ({"LANG": "pt_BR.UTF-8", "LC_ALL": "es_AR.UTF-8"}, "es"),
            ({"LANG": "C.UTF-8"}, "en"),
            ({"LC_MESSAGES": "de_DE"}, "en"),
            ({}, "en"),
        ):
            given: Mapping[str, str] = environ
            self.assertEqual(language_of(given), language)
