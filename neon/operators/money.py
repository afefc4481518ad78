"""Amounts of money as operators write them: C{20.15}, C{1.234,56}, C{R$ 1 234,56}; exact, or refused.

What could be read in two ways is refused rather than shown a thousand times too large: C{1,234} is 1.234 to some and
1234 to others, and the operator's file has to say which (C{decimal}).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import Final

LONGEST: Final = 40
DECIMALS: Final = ("auto", "comma", "point")

_SYMBOLS: Final = {"R$": "BRL", "US$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "S/": "PEN", "₲": "PYG"}
_CURRENCY: Final = re.compile(r"R\$|US\$|S/\.?|[€£¥₲$]|[A-Za-z]{3}")
_SPACES: Final = re.compile("[\\s\u00a0\u2007\u2009\u202f'’]")
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)*[.,]?\Z|[+-]?[.,][0-9]+\Z")


@dataclass(frozen=True, slots=True)
class Amount:
    """A number, and the currency if it was written with one (ISO 4217)."""

    value: Decimal
    currency: str = ""


def parse(text: str, decimal: str = "auto") -> Amount:
    """Read an amount; C{decimal} is what stands before the cents: C{comma}, C{point}, or C{auto}.

    @raise ValueError: it is none, or could be two; the end of a sentence that quotes nothing.
    """
    if len(text) > LONGEST:
        raise ValueError(f"is longer than {LONGEST} characters")
    currency = ""
    rest = text.strip().replace("\u2212", "-")
    if symbols := _CURRENCY.findall(rest):
        if len(symbols) > 1:
            raise ValueError("has more than one currency")
        (symbol,) = symbols
        word = symbol.rstrip(".")
        currency = _SYMBOLS.get(word, word.upper() if word.isalpha() else "")
        rest = rest.replace(symbol, "", 1)
    rest = _SPACES.sub("", rest)
    if rest.startswith("(") and rest.endswith(")"):
        rest = "-" + rest[1:-1]  # as accountants write what is owed
    if not rest.isascii() or not _NUMBER.match(rest):
        raise ValueError("is no amount")
    return Amount(Decimal(_plain(rest, decimal)), currency)


def _plain(number: str, decimal: str) -> str:
    """The same with a point before the decimals and nothing between thousands."""
    point, comma = number.count("."), number.count(",")
    mark = _guess(number, point, comma) if decimal == "auto" else {"point": ".", "comma": ","}[decimal]
    groups = "," if mark == "." else "."
    if number.count(mark) > 1:
        raise ValueError("has more than one decimal mark")
    whole, _, fraction = number.partition(mark)
    if groups in fraction or not _grouped(whole, groups):
        raise ValueError("has its thousands in no known way")
    digits = whole.replace(groups, "") if whole.lstrip("+-") else f"{whole}0"
    return f"{digits}.{fraction}" if fraction else digits


def _guess(number: str, point: int, comma: int) -> str:
    """The decimal mark, where only one reading makes sense."""
    if point and comma:
        return "." if number.rindex(".") > number.rindex(",") else ","
    if point > 1:
        return ","
    if comma > 1:
        return "."
    if comma == 1:
        whole, _, fraction = number.lstrip("+-").partition(",")
        if len(fraction) == 3 and 1 <= len(whole) <= 3 and not whole.startswith("0"):
            raise ValueError("could be read in two ways: say in the operator's file what decimal is, comma or point")
        return ","
    return "."  # as XML Schema and JSON write numbers


def _grouped(whole: str, mark: str) -> bool:
    """Whether thousands stand in groups of three, or not in groups at all."""
    first, *others = whole.lstrip("+-").split(mark)
    return not others or (1 <= len(first) <= 3 and all(len(group) == 3 for group in others))


def minutes(amount: Decimal, rate: Decimal | None) -> int | None:
    """Whole minutes that an amount is good for at a rate per minute; None where there is no rate."""
    if rate is None or rate <= 0:
        return None
    return max(0, int((amount / rate).to_integral_value(ROUND_FLOOR)))


def written(amount: Decimal) -> str:
    """For APIs and people: plain digits with a point, as many decimals as the operator gave."""
    return f"{amount:f}"
