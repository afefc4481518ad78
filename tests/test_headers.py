"""Which header fields users may choose: the names of the configuration, and what an application sends."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from neon import headers


class NameTests(SynchronousTestCase):
    def test_list(self) -> None:
        """Names, and beginnings of names; each once."""
        self.assertEqual(headers.names("X-CRM-Id, X-A-*  X-CRM-Id"), ("X-CRM-Id", "X-A-*"))
        self.assertEqual(headers.names(""), ())

    def test_reserved(self) -> None:
        """Nothing of the protocol's own, by no spelling, and nothing that would include it."""
        for wrong in ("From", "via", "P-Asserted-Identity", "Re*", "P-*", "*", "X*", "f", "X:Y", "X-\r\nVia", "To*"):
            self.assertRaises(ValueError, headers.names, wrong)

    def test_allowed(self) -> None:
        """In any case; a beginning allows all that begin so."""
        allowed = headers.names("X-CRM-Id X-A-*")
        for name, expected in (
            ("x-crm-id", True), ("X-CRM-Idx", False), ("X-a-b", True), ("X-A-", True), ("X-A", False), ("From", False),
        ):  # fmt: skip
            self.assertEqual(headers.is_allowed(name, allowed), expected, name)

    def test_values(self) -> None:
        """One line of text, of a length that a datagram bears."""
        headers.check("X-CRM-Id", "Zürich 7")
        for name, value in (("X-A", "1\r\n"), ("X-A", "\x00"), ("X-A", "\u2028"), ("X-A", " "), ("X-A", "1" * 257),
                            ("X-A\r", "1"), ("", "1"), ("X", "1"), ("Route", "1"), ("To", "1")):  # fmt: skip
            self.assertRaises(ValueError, headers.check, name, value)

    def test_names_are_well_written(self) -> None:
        """Every reserved name is one."""
        for name in headers.RESERVED:
            self.assertRegex(name, r"\A[a-z]+(-[a-z]+)*\Z")
