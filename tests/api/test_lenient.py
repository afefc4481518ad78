"""JSON5 rewritten as JSON, judged by an independent JSON5 parser."""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Callable
from typing import Any

import json5
from hypothesis import assume, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from neon.api import frames, lenient
from neon.errors import DataFormatError

PASTED: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        '{\n  id: 1,\n  token: "24b806ff",\n  action: "startcall",\n  number: "7155555555"\n}',
        {"id": 1, "token": "24b806ff", "action": "startcall", "number": "7155555555"},
    ),
    (
        '{ action:"sipregister", domain: “xxxx”, number:"xxxx", password:"xxxx",\nautodisconnect:true, token:"xxxx" }',
        {
            "action": "sipregister",
            "domain": "xxxx",
            "number": "xxxx",
            "password": "xxxx",
            "autodisconnect": True,
            "token": "xxxx",
        },
    ),
    ("{ action:'showui', show:true, token:'xxxx' }", {"action": "showui", "show": True, "token": "xxxx"}),
    ("// Ex:\n{id: 1, /* data */ action: 'x',}", {"id": 1, "action": "x"}),
)

SAME = (
    "{a: .5, b: 5., c: +1, d: 0x1F, e: 5.e3, f: 0, g: -.5e-3}",
    "['\\x41\\u0042\\'\\\"\\\n\\\r\n\\v\\0\\q', \"'\", '\"']",
    "{$a_1: [1, 2, [3,],], 'b': {c: null, d: false,},}",
    "\ufeff{\u00a0a\u2003:\u20281/**/}//",
    "{true: true, null: null, \u00e9t\u00e9: 1}",
    "{a: 1, a: 2}",
)

REFUSED = (
    "[,]", "[1,,]", "{,}", "{a}", "{a:}", "{a:,}", "{a: b}", "{a: 1 b: 2}", "[a: 1]", "{1: 2}", "{'a': 'b}", "'a\nb'",
    "01", "1.2.3", "1a", "0x", "0xg", "--1", "+-1", "1e", ".", "/* ", "*/", "{a: Infinity}", "[NaN]", "undefined",
    "'\\x4'", "'\\u00g0'", "'\\1'", "'\\01'", "{a-b: 1}", "{} {}", "\x1c{}", "#", "", " ", "//", "“a",
)  # fmt: skip


def rewritten(text: str) -> Any:
    """What the rewriter and then the strict parser make of a text."""
    return json.loads(lenient.to_json(text))


def json5_texts(value: Any, draw: Callable[[st.SearchStrategy[Any]], Any]) -> str:
    """One of the many ways to write a value in JSON5."""
    gap: str = draw(st.sampled_from(["", " ", "\n", "/* ' */", "// \"\n"]))
    if isinstance(value, dict):
        items = []
        for key, item in value.items():
            bare = key.isidentifier() and key.isascii() and draw(st.booleans())
            items.append(f"{key if bare else json5_texts(key, draw)}{gap}:{json5_texts(item, draw)}")
        comma = gap + "," if items and draw(st.booleans()) else ""
        return "{" + ",".join(items) + comma + gap + "}"
    if isinstance(value, list):
        comma = "," + gap if value and draw(st.booleans()) else ""
        return "[" + ",".join(json5_texts(item, draw) for item in value) + comma + "]"
    if isinstance(value, str) and draw(st.booleans()):
        inner = json.dumps(value, ensure_ascii=draw(st.booleans()))[1:-1].replace('\\"', '"').replace("'", "\\'")
        return f"{gap}'{inner}'"
    return gap + json.dumps(value)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


class LenientTests(SynchronousTestCase):
    def test_pasted(self) -> None:
        """The documents' own examples are read, with a warning."""
        for text, meaning in PASTED:
            request = frames.decode(text.encode())
            self.assertEqual(dict(request.pairs), {key: value for key, value in meaning.items() if key != "id"})
            self.assertEqual(request.reply, {"id": meaning["id"]} if "id" in meaning else {})
            self.assertEqual(request.warnings, (lenient.WARNING,))

    def test_strict_first(self) -> None:
        """What is strict JSON is read as that, without a warning."""
        self.assertEqual(frames.decode(b'{"action": "x"}').warnings, ())

    def test_same_as_json5(self) -> None:
        """Each feature of JSON5 means what a JSON5 parser says it means."""
        for text in SAME:
            self.assertEqual(rewritten(text), json5.loads(text), text)

    def test_signed_hexadecimal(self) -> None:
        """Hexadecimal numbers have a sign; older versions of the judge do not know it."""
        self.assertEqual(rewritten("[-0x1F, +0X1f, -0]"), [-31, 31, 0])

    def test_refused(self) -> None:
        """What is no JSON5, or has no word in JSON, is refused."""
        for text in REFUSED:
            self.assertRaises((lenient.NotJson5, ValueError), rewritten, text)

    def test_original_error(self) -> None:
        """A text that is neither is told where strict JSON ended."""
        error = self.assertRaises(DataFormatError, frames.decode, b'{"action": "x",\n, }')
        self.assertIn("in line 2, column 1", str(error))

    def test_bound(self) -> None:
        """Longer texts than 4 KiB are not tried."""
        fits = "{a:'" + "x" * (lenient.MAX_BYTES - 6) + "'}"
        self.assertEqual(len(fits), lenient.MAX_BYTES)
        rewritten(fits)
        self.assertRaises(lenient.NotJson5, lenient.to_json, fits + " ")
        self.assertRaises(lenient.NotJson5, lenient.to_json, "{a:'" + "é" * (lenient.MAX_BYTES // 2) + "'}")

    def test_depth(self) -> None:
        """Nesting is counted in what was rewritten, whatever comments and quotation marks hide it."""
        for text in ("[" * 4000, "/* \" */" + "[" * 2000, "['\"', " + "[" * 2000, "{a:" * 1300):
            self.assertRaises(DataFormatError, frames.decode, text.encode())

    def test_cost(self) -> None:
        """The worst texts found are judged in a fraction of what a call's audio frame lasts."""
        for text in (
            "[" + "1," * 2040 + "]", "[" + "1." * 2040 + "]", "{" + "a:b," * 1000 + "}", "{a:'" + "x" * 4080,
            "{" + ("a" + " " * 3) * 1000 + "}", "{a:/*" + "*" * 4080, "'\\" * 2000, "{a:" + "/**/" * 1000 + "1}",
            "/*" * 2000, "//" * 2000, "\\" * 4000, "{a:" + "9" * 4080, "['" + "\\x41" * 1000 + "']",
        ):  # fmt: skip
            began = time.process_time()
            with contextlib.suppress(lenient.NotJson5, ValueError):
                rewritten(text)
            self.assertLess(time.process_time() - began, 0.1, text[:20])

    @given(st.data())
    def test_round_trip(self, data: st.DataObject) -> None:
        """A value written in JSON5, in any of its ways, is read again."""
        value = data.draw(VALUES)
        text = json5_texts(value, data.draw)
        if len(text.encode("utf-8", "surrogatepass")) <= lenient.MAX_BYTES:
            self.assertEqual(rewritten(text), value, text)

    @given(st.text(alphabet="{}[]:,'\"\\/*+-.0123xXeEabnutl \n$", max_size=30))
    def test_agrees(self, text: str) -> None:
        """Whatever is accepted means the same to a JSON5 parser."""
        assume(not re.search("[+-]0[xX]", text))
        try:
            meaning = rewritten(text)
        except (lenient.NotJson5, ValueError):
            return
        self.assertEqual(meaning, json5.loads(text), text)
