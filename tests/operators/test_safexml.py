"""XML of strangers: everything that is an attack is refused, and nothing takes long."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from neon import safexml
from neon.safexml import BadXml, parse, text_of

LAUGHS = "<!DOCTYPE l [<!ENTITY a 'lol'>" + "".join(
    f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(9)
) + "]><l>&j;</l>"


class AttackTests(SynchronousTestCase):
    def refused(self, data: bytes | str) -> str:
        with self.assertRaises(BadXml) as caught:
            parse(data.encode() if isinstance(data, str) else data)
        return str(caught.exception)

    def test_doctype(self) -> None:
        """Any DOCTYPE, in any disguise, in any encoding, before anything in it is looked at."""
        external = '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>'
        for text in (
            LAUGHS, external, "\n " + external, "<!-- <a> -->" + external, "<?x <a> ?>" + external, "junk" + external,
            "<!doctype a><a/>", '<?xml version="1.0"?><!DOCTYPE a><a/>', "<!ENTITY a 'b'><a/>",
        ):
            self.assertIn("DOCTYPE", self.refused(text), text[:40])
        for encoding in ("utf-16", "utf-8-sig"):
            self.assertIn("DOCTYPE", self.refused(external.encode(encoding)), encoding)
        # What says that it is UTF-7 is read as what it is.
        seven = b"<?xml version='1.0' encoding='utf-7'?>+ADwAIQ-DOCTYPE a+AD4-<a/>"
        self.assertEqual(parse(seven).root.tag, "a")

    def test_entities(self) -> None:
        """An entity that nobody declared stays what it is: nothing."""
        self.assertEqual(text_of(parse(b"<a>1&lt;2 &xxe; 3</a>").root).split(), ["1<2", "3"])

    def test_bounds(self) -> None:
        """Depth, number of elements, and length."""
        parse(("<a>" * 32 + "</a>" * 32).encode())
        self.assertIn("deeper", self.refused("<a>" * 33 + "</a>" * 33))
        self.refused("<a>" * 100_000)
        self.assertIn("elements", self.refused("<a>" + "<b/>" * 20_000 + "</a>"))
        self.assertIn("longer", self.refused(b"<a>" + b"x" * safexml.MAX_BYTES + b"</a>"))
        parse(b"<a>" + b"x" * (safexml.MAX_BYTES - 7) + b"</a>")

    def test_nothing(self) -> None:
        """What is no XML at all."""
        for text in ("", " ", "hello", "<", "<!--", "<?xml", "</a>", "<1>", "\x00\x01"):
            self.refused(text)

    @settings(max_examples=200, deadline=None)
    @given(st.binary(max_size=300))
    def test_anything(self, data: bytes) -> None:
        """Nothing but BadXml is ever raised."""
        declared = b"<?xml version='1.0' encoding='utf-16'?>"
        for beginning in (b"", b"<a>", declared, b"\xff\xfe", b"<a xmlns:b='c' b:d='e'><b:f "):
            try:
                parsed = parse(beginning + data)
            except BadXml:
                continue
            for element in safexml.elements(parsed.root):
                text_of(element)


class ReadingTests(SynchronousTestCase):
    def test_encodings(self) -> None:
        """The encoding is the document's own, else HTTP's, else UTF-8; what does not fit is replaced, and said."""
        declared = "<?xml version='1.0' encoding='{}'?><a>ção</a>"
        self.assertEqual(parse(declared.format("iso-8859-1").encode("latin-1")).root.text, "ção")
        self.assertEqual(parse("<a>ção</a>".encode("cp1252"), "windows-1252").root.text, "ção")
        self.assertEqual(parse(declared.format("utf-8").encode("utf-8-sig")).root.text, "ção")
        broken = parse("<a>ção</a>".encode("latin-1"))
        self.assertEqual((broken.root.text, len(broken.flaws)), ("\ufffd\ufffdo", 1))

    def test_before_the_declaration(self) -> None:
        """Blank lines and other noise before the declaration, which sloppy scripts write."""
        parsed = parse(b"\r\n\r\nNotice: x\n<?xml version='1.0'?><a>1</a>")
        self.assertEqual(parsed.root.text, "1")
        self.assertTrue(parsed.flaws)

    def test_namespaces(self) -> None:
        """Tags and attributes come without."""
        root = parse(b"<n:a xmlns:n='u' n:x='1' y='2'><b xmlns='v'/><zz:c/></n:a>").root
        self.assertEqual([str(element.tag) for element in safexml.elements(root)], ["a", "b", "c"])
        self.assertEqual(dict(root.attrib), {"x": "1", "y": "2"})
