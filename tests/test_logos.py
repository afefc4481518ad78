"""Logos: what is shown stays, what could do anything goes, and what is damaged is refused."""

from __future__ import annotations

import struct
import zlib

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from twisted.trial.unittest import SynchronousTestCase

from neon import logos
from neon.brandvalues import Logo
from neon.logos import BadLogo

SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 9 9">{}</svg>'


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def header(width: int = 3, height: int = 2, depth: int = 8, colour: int = 6, interlace: int = 0) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace))


PIXELS = chunk(b"IDAT", zlib.compress(b"\0" * (2 * (1 + 3 * 4))))
END = chunk(b"IEND", b"")
START = b"\x89PNG\r\n\x1a\n"
PNG = START + header() + PIXELS + END


class PngTests(SynchronousTestCase):
    def refused(self, data: bytes, why: str) -> None:
        self.assertIn(why, str(self.assertRaises(BadLogo, logos.read, data)))

    def test_good(self) -> None:
        """A good picture stays as it is, byte for byte."""
        self.assertEqual(logos.read(PNG), Logo("image/png", PNG))

    def test_left_out(self) -> None:
        """Texts, profiles and what hangs on behind are left out, and that is said."""
        text = chunk(b"tEXt", b"Comment\0<script>alert(1)</script>")
        found = logos.read(START + header() + text + PIXELS + END + b"<html>")
        self.assertEqual(found.data, PNG)
        self.assertEqual(found.flaws, ("its tEXt was left out", "what stood behind its end was left out"))

    def test_damaged(self) -> None:
        """Cut off anywhere, or with a wrong checksum."""
        for length in range(len(START), len(PNG)):
            self.refused(PNG[:length], "PNG")
        self.refused(PNG[:20] + b"\xff" + PNG[21:], "damaged")
        self.refused(START + header() + chunk(b"IDAT", b"no zlib") + END, "damaged")
        self.refused(START + PIXELS + END, "without a header")
        self.refused(START + header() + header() + PIXELS + END, "without a header")
        self.refused(START + header(colour=5) + PIXELS + END, "kind that is not known")
        self.refused(START + header() + chunk(b"CgBI", b"") + PIXELS + END, "kind that is not known")

    def test_bombs(self) -> None:
        """Too many pixels in the header, or more or fewer pixels than it says, are refused without being unpacked."""
        self.refused(START + header(width=2049) + PIXELS + END, "2048")
        self.refused(START + header(height=0) + PIXELS + END, "2048")
        bomb = chunk(b"IDAT", zlib.compress(b"\0" * 50_000_000))
        self.assertLess(len(bomb), logos.MAX_BYTES)
        self.refused(START + header() + bomb + END, "more pixels")
        self.refused(START + header(height=3) + PIXELS + END, "fewer pixels")
        self.refused(START + header() + END, "fewer pixels")
        self.refused(PNG + b"\0" * logos.MAX_BYTES, "longer than 256 kB")


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(
        lambda tag, name, value, inside: f"<{tag} {name}='{value}'>{''.join(inside)}</{tag}>",
        st.sampled_from(("g", "path", "script", "style", "a", "use", "image", "text", "x:y", "svg")),
        st.sampled_from(("href", "xlink:href", "onload", "style", "fill", "d", "x:z", "id")),
        st.sampled_from(("#a", "http://e", "url(#a)", "url(e)", "javascript:e", "red", "\\75rl(e)", "x&#58;y")),
        st.lists(inner, max_size=3),
    )


class SvgTests(SynchronousTestCase):
    def read(self, inside: str) -> str:
        found = logos.read(SVG.format(inside).encode())
        self.flaws = found.flaws
        self.assertEqual(found.content_type, "image/svg+xml")
        return found.data.decode()

    def test_good(self) -> None:
        """Shapes, texts, gradients, uses and styles stay."""
        inside = (
            '<defs><linearGradient id="a"><stop offset="0" stop-color="#fff"/></linearGradient>'
            '<path id="p" d="M1 1L2,-2z"/></defs><g transform="rotate(45)" fill="url(#a)"><use href="#p"/></g>'
            '<text x="1" style="font-family: \'Open Sans\', serif; fill: rgb(1, 2, 3)">Olá <tspan>é</tspan> tu</text>'
        )
        empty = SVG.replace(' xmlns:xlink="http://www.w3.org/1999/xlink"', "")
        self.assertEqual(self.read(inside), empty.format(inside))
        self.assertEqual(self.flaws, ())

    def test_harmless(self) -> None:
        """Whatever could run, or fetch something, is gone, and that is said; what stands beside it stays."""
        for bad in (
            "<script>alert(1)</script>", "<style>@import 'http://x'</style>", "<foreignObject><p/></foreignObject>",
            "<image href='http://x/y.png'/>", "<a href='javascript:alert(1)'><path d='M0 0'/></a>",
            "<animate attributeName='href' to='javascript:x'/>", "<set attributeName='onload' to='x'/>",
            "<html xmlns='http://www.w3.org/1999/xhtml'/>", "<feImage href='http://x'/>",
            "<path onclick='x()'/>", "<use href='http://x#y'/>", "<use xlink:href='data:image/svg+xml,x'/>",
            "<path fill='url(http://x/y#z)'/>", "<path style='fill:url(//x/y#z)'/>", "<path class='x'/>",
            "<path style='background:image-set(\"x\")'/>", "<path style='f\\69ll:url\\28 x)'/>",
            "<path style='fill:/**/url(x)'/>", "<path style='@import \"x\"'/>", "<path fill='url( \"http://x\")'/>",
            "<path xml:base='http://x'/>", "<path style='src: local(x)'/>",
        ):  # fmt: skip
            made = self.read(f"<circle r='4'/>{bad}")
            self.assertIn('<circle r="4"/>', made)
            self.assertEqual(len(self.flaws), 1, (bad, made))
            for word in ("script", "http://x", "//x", "onload", "onclick", "data:", "import", "image-set", "\\", "src"):
                self.assertNotIn(word, made.replace("http://www.w3.org", ""), bad)

    def test_refused(self) -> None:
        """What is no SVG, has a DOCTYPE, a mistake, nothing in it, or is too deep."""
        for text in ("", "GIF89a", "<html/>", "<svg/>", SVG.format("<script/>"), SVG.format("<g>"),
                     '<!DOCTYPE svg [<!ENTITY a "b">]>' + SVG.format("<text>&a;</text>"),
                     SVG.format("<g>" * 40 + "</g>" * 40), SVG.format("<path/>" * 11_000)):  # fmt: skip
            self.assertRaises(BadLogo, logos.read, text.encode())

    @settings(deadline=None)
    @given(st.recursive(st.sampled_from(("", "a", "é", "javascript:")), _grown, max_leaves=8))
    def test_any_tree(self, inside: str) -> None:
        """Whatever is made of such parts is refused, or comes out with allowed words only, and then stays as it is."""
        try:
            found = logos.read(SVG.format(f"<g xmlns:x='urn:x'>{inside}</g>").encode())
        except BadLogo:
            return
        for element in etree.fromstring(found.data).iter():
            self.assertIn(etree.QName(element).localname, logos.ELEMENTS)
            for name, value in element.attrib.items():
                self.assertIn(etree.QName(name).localname, logos.ATTRIBUTES | {"href"})
                if name != "style":
                    self.assertNotIn(":", str(value))
        again = logos.read(found.data)
        self.assertEqual((again.data, again.flaws), (found.data, ()))
