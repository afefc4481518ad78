"""Forms: what browsers and scripts send becomes pairs, and everything else error 100."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from neon.api import form
from neon.errors import DataFormatError

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
NAME = TEXT.filter(lambda name: name.strip().lower() not in ("number", "to"))

URLENCODED = "application/x-www-form-urlencoded"
PART = b'--X\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'


def multipart(*fields: tuple[bytes, bytes]) -> bytes:
    return b"".join(PART % field for field in fields) + b"--X--\r\n"


class UrlencodedTests(SynchronousTestCase):
    def test_seed(self) -> None:
        """The queries of the document."""
        self.assertEqual(
            form.query(b"action=senddtmf&dtmf=5&callid=xxx&token=xxxxxxxx"),
            [("action", "senddtmf"), ("dtmf", "5"), ("callid", "xxx"), ("token", "xxxxxxxx")],
        )

    def test_escapes(self) -> None:
        """Escapes in either case, and + for a space."""
        self.assertEqual(form.query(b"a=%2b%2B+%C3%a9&%61=b%3Dc=d"), [("a", "++ é"), ("a", "b=c=d")])

    def test_duplicates(self) -> None:
        """A field that is given twice is there twice, in order."""
        self.assertEqual(form.query(b"a=1&b=2&a=3"), [("a", "1"), ("b", "2"), ("a", "3")])

    def test_no_value(self) -> None:
        """A field without a value is empty; nothing between two & is no field."""
        self.assertEqual(form.query(b"&a&&b=&=c&"), [("a", ""), ("b", ""), ("", "c")])

    def test_unescaped_plus(self) -> None:
        """A number that begins with an unescaped + keeps it, whatever the parameter's spelling."""
        for raw in (b"number=+5571", b"NUMBER=+5571", b"to=+5571", b"number=%2B5571", b"number=++5571", b"To=+%2B5571"):
            self.assertEqual(form.query(raw)[0][1], "+5571", raw)

    def test_other_spaces(self) -> None:
        """Elsewhere a space stays a space: in the middle of a number, in another parameter, in a body."""
        self.assertEqual(form.query(b"number=55+71&password=+x"), [("number", "55 71"), ("password", " x")])
        self.assertEqual(form.body(URLENCODED, b"number=+5571"), [("number", " 5571")])

    def test_bad_escapes(self) -> None:
        """A % without two digits behind it, or bytes that are no UTF-8, are error 100."""
        for raw in (b"a=%", b"a=%4", b"a=%zz", b"%=a", b"a=%u0041", b"a=%ff", b"a=\xff", b"a=%C3", b"%80=a", b"a=%+1"):
            self.assertRaises(DataFormatError, form.query, raw)

    def test_count(self) -> None:
        """A hundred fields, and not one more."""
        self.assertEqual(len(form.query(b"&".join([b"a=1"] * form.MAX_FIELDS))), form.MAX_FIELDS)
        self.assertRaises(DataFormatError, form.query, b"&".join([b"a"] * (form.MAX_FIELDS + 1)))

    @given(st.lists(st.tuples(NAME, TEXT), max_size=10))
    def test_round_trip(self, pairs: list[tuple[str, str]]) -> None:
        """What an encoder wrote is read back, whichever way it writes a space."""
        expected = [(name, value) for name, value in pairs if name or value]
        self.assertEqual(form.query(urlencode(expected).encode()), expected)
        self.assertEqual(form.query(urlencode(expected, quote_via=quote).encode()), expected)

    @given(st.binary(max_size=60) | st.text("%&=+aAfF0 \x00é", max_size=60).map(str.encode))
    def test_anything(self, raw: bytes) -> None:
        """Whatever arrives, there are pairs of text or error 100."""
        try:
            pairs = form.query(raw)
        except DataFormatError:
            return
        self.assertTrue(all(isinstance(item, str) for pair in pairs for item in pair))


class BodyTests(SynchronousTestCase):
    KIND = "multipart/form-data; boundary=X"

    def test_kinds(self) -> None:
        """A form with parameters and in any case is a form; another kind, or none, is error 100."""
        for kind in ("application/x-www-form-urlencoded; charset=UTF-8", "Application/X-WWW-Form-Urlencoded"):
            self.assertEqual(form.body(kind, b"a=1"), [("a", "1")])
        for wrong in (None, "", "text/plain", "application/json", "multipart/mixed; boundary=X", "x", "\x00", "é/ü"):
            self.assertRaises(DataFormatError, form.body, wrong, b"a=1")

    def test_empty(self) -> None:
        """No body is no fields, and no error."""
        self.assertEqual(form.body("text/plain", b""), [])
        self.assertEqual(form.body(None, b""), [])

    def test_multipart(self) -> None:
        """Parts become pairs, with duplicates, line breaks and other alphabets as they are."""
        raw = multipart((b"a", b"1"), ("é".encode(), "x\r\n\r\ný".encode()), (b"a", b""), (b"q%22q", b"-\r\n-X --X"))
        expected = [("a", "1"), ("é", "x\r\n\r\ný"), ("a", ""), ('q"q', "-\r\n-X --X")]
        self.assertEqual(form.body(self.KIND, raw), expected)
        self.assertEqual(form.body(self.KIND, b"--X--\r\n"), [])

    def test_multipart_details(self) -> None:
        """A preamble, padding, other headers, a file name, a quoted boundary: all of RFC 2046 and 7578 that occurs."""
        raw = (
            b"preamble\r\n--a b  \r\nContent-Type: text/plain\r\ncontent-disposition: form-data; filename=\"f\"; "
            b"name=\"action\"\r\n\r\nlistcalls\r\n--a b--\r\nepilogue"
        )
        kind = 'multipart/form-data; charset=utf-8; boundary="a b"'
        self.assertEqual(form.body(kind, raw), [("action", "listcalls")])

    def test_bad_multipart(self) -> None:
        """Torn or damaged bodies are error 100."""
        good = multipart((b"a", b"1"))
        for raw in (
            good[:-5],
            good[: len(good) // 2],
            b"a=1",
            b"--X\r\n--X--",
            b"--X\r\n\r\n1\r\n--X--",
            b"--Xy\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--X--",
            b"--X\r\nContent-Disposition: form-data\r\n\r\n1\r\n--X--",
            b"--X\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n--X--",
            multipart((b"a", b"\xff")),
            multipart((b"\xff", b"1")),
        ):
            self.assertRaises(DataFormatError, form.body, self.KIND, raw)

    def test_boundary(self) -> None:
        """A multipart body needs a boundary of up to 70 ASCII characters."""
        for parameter in ("", "; boundary=", "; boundary=é", "; boundary=" + "x" * 71, "; boundary*=utf-8''%C3%A9"):
            self.assertRaises(DataFormatError, form.body, f"multipart/form-data{parameter}", multipart((b"a", b"1")))

    def test_count(self) -> None:
        """A hundred parts, and not one more."""
        self.assertEqual(len(form.body(self.KIND, multipart(*[(b"a", b"1")] * 100))), 100)
        self.assertRaises(DataFormatError, form.body, self.KIND, multipart(*[(b"a", b"1")] * 101))

    @given(st.lists(st.tuples(st.text("abcé ;=", min_size=1, max_size=9), TEXT.filter(lambda t: "--X" not in t))))
    def test_round_trip(self, pairs: list[tuple[str, str]]) -> None:
        """What a browser writes is read back."""
        raw = multipart(*((name.encode(), value.encode()) for name, value in pairs))
        self.assertEqual(form.body(self.KIND, raw) if pairs else [], pairs)

    @given(
        st.text(max_size=30) | st.sampled_from([KIND, 'multipart/form-data;boundary="', URLENCODED]),
        st.binary(max_size=80) | st.text('-X\r\n:;="%&aname ', max_size=80).map(str.encode),
    )
    def test_anything(self, kind: str, raw: bytes) -> None:
        """Whatever arrives under whatever name, there are pairs of text or error 100."""
        try:
            pairs = form.body(kind, raw)
        except DataFormatError:
            return
        self.assertTrue(all(isinstance(item, str) for pair in pairs for item in pair))
