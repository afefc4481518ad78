"""Amounts of money are exact, in every way of writing them, or they are none."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from neon.operators import money

AMOUNTS = (
    ("20.15", "20.15", ""), ("1.234,56", "1234.56", ""), ("1,234.56", "1234.56", ""), ("R$ 1.234,56", "1234.56", "BRL"),
    ("US$1,234.56", "1234.56", "USD"), ("20,15 €", "20.15", "EUR"), ("BRL 20.15", "20.15", "BRL"), ("$5", "5", ""),
    ("1.234.567", "1234567", ""), ("1,234,567", "1234567", ""), ("1.234.567,8", "1234567.8", ""),
    ("-3,50", "-3.50", ""), ("\u22123,50", "-3.50", ""), ("(3.50)", "-3.50", ""), ("1 234,56", "1234.56", ""),
    ("1\u00a0234,56", "1234.56", ""),
    ("1'234.56", "1234.56", ""), ("0", "0", ""), ("0,5", "0.5", ""), (".5", "0.5", ""), ("-,5", "-0.5", ""),
    ("0,125", "0.125", ""), ("12.3456", "12.3456", ""), ("1.234", "1.234", ""), ("0.1000000000000000000001",
    "0.1000000000000000000001", ""),
)
NONE = (
    "", " ", "abc", "R$", "1,234", "1.2.3", "1,23,456", "1.234,56,7", "1e5", "NaN", "Infinity", "inf", "٢٠", "--5",
    "+-5", "12 EUR USD", "1/2", "0x10", "1" * 41, "1..2", "1.23,45.6",
)


class AmountTests(SynchronousTestCase):
    def test_amounts(self) -> None:
        """Both marks, thousands, currencies, minus signs; exact to the last digit."""
        for text, value, currency in AMOUNTS:
            amount = money.parse(text)
            self.assertEqual((amount.value, amount.currency), (Decimal(value), currency), text)
            self.assertEqual(Decimal(money.written(amount.value)), Decimal(value))

    def test_none(self) -> None:
        """What is no amount, or could be two."""
        for text in NONE:
            self.assertRaises(ValueError, money.parse, text)

    def test_said(self) -> None:
        """The operator's file can say what the mark is; then the other one only separates thousands."""
        self.assertEqual(money.parse("1,234", "comma").value, Decimal("1.234"))
        self.assertEqual(money.parse("1,234", "point").value, Decimal("1234"))
        self.assertEqual(money.parse("1.234", "comma").value, Decimal("1234"))
        self.assertRaises(ValueError, money.parse, "20.15", "comma")
        self.assertRaises(ValueError, money.parse, "20,15", "point")

    @given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=4))
    def test_round_trip(self, value: Decimal) -> None:
        """What is written in either locale is read as it was."""
        english = f"{value:,.4f}"
        brazilian = english.replace(",", "x").replace(".", ",").replace("x", ".")
        self.assertEqual(money.parse(english, "point").value, value)
        self.assertEqual(money.parse(brazilian, "comma").value, value)
        self.assertEqual(money.parse(f"{value:.4f}").value, value)

    @given(st.text(max_size=50))
    def test_anything(self, text: str) -> None:
        """An amount or a ValueError, for any text."""
        for decimal in money.DECIMALS:
            try:
                self.assertTrue(money.parse(text, decimal).value.is_finite())
            except ValueError as error:
                self.assertTrue(str(error))

    def test_minutes(self) -> None:
        """Whole minutes, never less than none."""
        self.assertEqual(money.minutes(Decimal("1"), Decimal("0.3")), 3)
        self.assertEqual(money.minutes(Decimal("-1"), Decimal("0.3")), 0)
        self.assertIsNone(money.minutes(Decimal("1"), None))
