"""JSON5 made into JSON, for examples pasted from the documents into a WebSocket console (spec section 3).

The documents print JavaScript object literals: names without quotation marks, single quotation marks, comments,
commas at the end, and once typographic quotation marks (no JSON5, but printed). This module rewrites such a text
word by word into strict JSON with the same structure, and the strict parser then judges it. One pass, no recursion,
and a bound on the length: a full 4 KiB costs less than 10 ms, where a parser written in Python takes up to 250 ms,
during which the phone would hear nothing.

What JSON has no word for (C{Infinity}, C{NaN}) and what JSON5 does not allow is refused.
"""

from __future__ import annotations

import json
import re
from typing import Final

MAX_BYTES: Final = 4096

WARNING: Final = "the message was read as JSON5: strict JSON has its names and texts in double quotation marks"

_WORDS: Final = re.compile(
    r"""
    (?P<space>    (?:[\t-\r\x20\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]
                  |//[^\n\r\u2028\u2029]*|/\*(?:[^*]|\*(?!/))*\*/)+ )
  | (?P<mark>     [\[\]{}:,] )
  | (?P<text>     "(?:[^"\\\n\r]|\\(?:\r\n|.))*" | '(?:[^'\\\n\r]|\\(?:\r\n|.))*'
                  | “(?:[^”\\\n\r]|\\(?:\r\n|.))*” )
  | (?P<number>   [+-]?(?:0[xX][0-9a-fA-F]{1,32}|(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
                  (?![\w$]) )
  | (?P<name>     (?:[^\W\d]|\$)(?:\w|\$)* )
    """,
    re.VERBOSE | re.DOTALL,
)

_ESCAPES: Final = re.compile(r"\\(?:(\r\n|[\n\r\u2028\u2029])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_SIMPLE: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "0": "\0"}
_CONSTANTS: Final = frozenset({"true", "false", "null"})


class NotJson5(Exception):
    """The text is not JSON5 either; C{str(error)} is for people."""


def to_json(text: str) -> str:
    """The same in strict JSON, if it was JSON5; else something that is no JSON either.

    @raise NotJson5: it is too long, or has a word that JSON5 does not know.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise NotJson5(f"it is longer than {MAX_BYTES} bytes")
    written: list[str] = []
    position = 0
    while position < len(text):
        match = _WORDS.match(text, position)
        if match is None:
            raise NotJson5(f"unexpected {text[position]!r} in column {position - text.rfind(chr(10), 0, position)}")
        position = match.end()
        word = match[0]
        if match.lastgroup == "space":
            continue
        if word in ("}", "]") and len(written) > 1 and written[-1] == "," and written[-2] not in _OPENING:
            written.pop()
        if match.lastgroup == "text":
            word = _text(word)
        elif match.lastgroup == "number":
            word = _number(word)
        elif match.lastgroup == "name":
            word = _name(word, text, position)
        written.append(word)
    return " ".join(written)


_OPENING: Final = frozenset({",", "[", "{", ":"})


def _text(word: str) -> str:
    return json.dumps(_ESCAPES.sub(_unescaped, word[1:-1]))


def _unescaped(match: re.Match[str]) -> str:
    line_end, short, long, other = match.groups()
    if line_end is not None:
        return ""
    if code := short or long:
        return chr(int(code, 16))
    if other in "xu123456789" or (other == "0" and match.string[match.end() : match.end() + 1].isdigit()):
        raise NotJson5(f"\\{other} is no escape")
    return _SIMPLE.get(other, other)


def _number(word: str) -> str:
    sign = "-" if word[0] == "-" else ""
    digits = word.lstrip("+-")
    if digits[:2] in ("0x", "0X"):
        return sign + str(int(digits[2:], 16))
    if digits[0] == ".":
        digits = "0" + digits
    # JSON wants digits on both sides of a point: 5. and 5.e3 are JSON5 only.
    return sign + re.sub(r"\.(?![0-9])", ".0", digits)


def _name(word: str, text: str, end: int) -> str:
    """A name is a text where a colon follows; elsewhere only the three constants are words."""
    after = _WORDS.match(text, end)
    if after is not None and after.lastgroup == "space":
        after = _WORDS.match(text, after.end())
    if after is not None and after[0] == ":":
        return json.dumps(word)
    if word in _CONSTANTS:
        return word
    raise NotJson5(f"{word[:40]!r} is no value")
