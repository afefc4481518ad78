"""Dial strings, as spec section 2 has them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from neon.dialling import parse
from neon.errors import InvalidArgument


class DiallingTests(SynchronousTestCase):
    def assert_refused(self, *texts: str) -> None:
        for text in texts:
            error = self.assertRaises(InvalidArgument, parse, text)
            self.assertEqual(error.code, 102, text)

    def test_numbers(self) -> None:
        """Digits, plus, star and hash are a number as they are."""
        for number in ("32", "600", "+5521987654321", "*31#", "*31#+4930123", "#", "0"):
            self.assertEqual(parse(number), number)

    def test_punctuation(self) -> None:
        """Spaces, hyphens, brackets and dots are dropped, also the spaces that web pages are made of."""
        self.assertEqual(parse("+55 (21) 98765-43.21"), "+5521987654321")
        self.assertEqual(parse(" 600 "), "600")
        self.assertEqual(parse("600\u00a0100"), "600100")

    def test_sip_uri(self) -> None:
        """A SIP URI stays what it is; its scheme is recognised in any case, its host written in lower case."""
        self.assertEqual(parse("sip:32@sip.acme.com"), "sip:32@sip.acme.com")
        self.assertEqual(parse("SIP:Bob.Dot-Dash@SIP.acme.com:5070"), "sip:Bob.Dot-Dash@sip.acme.com:5070")
        self.assertEqual(parse("sip:32@10.0.0.1;user=phone;transport=udp"), "sip:32@10.0.0.1;user=phone;transport=udp")
        self.assertEqual(parse("sip:32@[::1]:5070"), "sip:32@[::1]:5070")

    def test_user_at_host(self) -> None:
        """C{user@host} is a SIP URI without its scheme."""
        self.assertEqual(parse("32@sip.acme.com"), "sip:32@sip.acme.com")

    def test_hash_in_a_uri(self) -> None:
        """A hash has to be escaped in the user part of a URI (RFC 3261, section 25.1)."""
        self.assertEqual(parse("*31#32@sip.acme.com"), "sip:*31%2332@sip.acme.com")

    def test_sip_scheme_before_a_number(self) -> None:
        """C{sip:600} names no host: it is the number."""
        self.assertEqual(parse("sip:600"), "600")

    def test_tel_uri(self) -> None:
        """A tel: URI is its number, completed by its context (RFC 3966, section 5.1.5)."""
        self.assertEqual(parse("tel:+55-21-98765"), "+552198765")
        self.assertEqual(parse("TEL:98765;phone-context=+5521"), "+552198765")
        self.assertEqual(parse("tel:+5598765;phone-context=+351"), "+5598765")
        self.assertEqual(parse("tel:98765;phone-context=acme.com"), "98765")

    def test_control_characters(self) -> None:
        """Nothing that could end a header line gets through, escaped or not, wherever it stands."""
        self.assert_refused(
            "32\r\nEvil: yes", "\n32", "32\n", "32\t", "32\0", "32\x7f", "32\x85", "32\u2028", "sip:32@acme.com\r\n",
            "sip:32%0d%0aEvil@acme.com", "sip:32@acme.com;a=%0D", "tel:+32\r",
        )  # fmt: skip

    def test_secure(self) -> None:
        """A sips: URI stays one."""
        self.assertEqual(parse("SIPS: 32@acme.com"), "sips:32@acme.com")

    def test_headers_in_a_uri(self) -> None:
        """A URI that brings headers of its own is refused."""
        self.assert_refused("sip:32@acme.com?Replaces=1", "sip:32@acme.com;user=phone?Subject=x")

    def test_not_a_number(self) -> None:
        """What is neither a number nor a URI is refused."""
        self.assert_refused(
            "", " ", "-", "+", "()", "bob", "32a", "sip:", "sip:acme.com", "sip:10.0.0.1", "sip:@acme.com", "@acme.com",
            "32@", "32@@acme.com", "32@acme.com@", "http://acme.com", "tel:", "tel:bob",
            "<sip:32@acme.com>", "32@acme.com:0", "32@acme.com:65536", "32@acme com:x", "32@300.1.1.1", "a:b@acme.com",
            "32@acme.com;=", "٣٤", "32@acme.com>;x", '"x"<32@acme.com', "sip:ü@acme.com",
        )  # fmt: skip

    def test_too_long(self) -> None:
        """Over-long input is refused, and numbers that no numbering plan has."""
        self.assertEqual(parse("1" * 64), "1" * 64)
        self.assert_refused("1" * 65, "1" * 256, f"{'a' * 65}@acme.com", f"tel:{'1' * 60};phone-context=+12345")

    @settings(max_examples=300, deadline=None, database=None, derandomize=True)
    @given(st.one_of(st.text(max_size=60), st.text(alphabet="0123+*#@:;=?%.-[]() sipteladmc<>", max_size=60)))
    def test_any_text(self, text: str) -> None:
        """Whatever comes in, what comes out is printable ASCII without spaces, and parses to itself."""
        try:
            result = parse(text)
        except InvalidArgument:
            return
        self.assertRegex(result, r"\A[!-~]+\Z")
        self.assertEqual(parse(result), result)
