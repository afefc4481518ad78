"""Pictures of brands, made harmless before any browser sees them: PNG checked chunk by chunk, SVG built anew.

What comes out shows shapes and text and nothing else: no scripts, no events, no addresses, no other documents.
lxml, which needs 4 MB, is loaded with the first SVG.
"""

from __future__ import annotations

import re
import struct
import zlib
from typing import Any, Final

from neon import safexml
from neon.brandvalues import Logo

MAX_BYTES: Final = 256 * 1024
MAX_PIXELS: Final = 2048
"""Of width, and of height."""

SVG: Final = "http://www.w3.org/2000/svg"
XLINK_HREF: Final = "{http://www.w3.org/1999/xlink}href"
MAX_FLAWS: Final = 8


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


ELEMENTS: Final = _listed("""
    svg g defs title desc symbol use path rect circle ellipse line polyline polygon text tspan linearGradient
    radialGradient stop clipPath mask pattern
""")
ATTRIBUTES: Final = _listed("""
    id x y x1 y1 x2 y2 cx cy r rx ry fx fy fr d points width height viewBox preserveAspectRatio transform
    gradientTransform gradientUnits patternTransform patternUnits patternContentUnits clipPathUnits maskUnits
    maskContentUnits spreadMethod offset version fill fill-opacity fill-rule stroke stroke-width stroke-opacity
    stroke-linecap stroke-linejoin stroke-miterlimit stroke-dasharray stroke-dashoffset opacity stop-color
    stop-opacity clip-path clip-rule mask color display visibility font-family font-size font-weight font-style
    text-anchor letter-spacing dx dy rotate textLength style
""")
_WORD: Final = re.compile(r"[\w\s#%(),.+'\"/*-]")
_URL: Final = re.compile(r"url\s*\(\s*(['\"]?)([^)'\"]*)\1\s*\)", re.IGNORECASE)
_FUNCTIONS: Final = re.compile(
    r"\b(?:rgba?|hsla?|translate|scale|rotate|skewX|skewY|matrix)\s*\([\d\s.,%e+-]*\)", re.IGNORECASE
)
_REFERENCE: Final = re.compile(r"#[\w.-]+\Z")


class BadLogo(ValueError):
    """This cannot be a logo; C{str(error)} is the rest of a sentence about it."""


def read(data: bytes) -> Logo:
    """The picture in some bytes; which kind it is they say themselves.

    @raise BadLogo: it is too long, too large, damaged, or neither PNG nor SVG.
    """
    if len(data) > MAX_BYTES:
        raise BadLogo(f"is longer than {MAX_BYTES // 1024} kB")
    return _png(data) if data.startswith(_SIGNATURE) else _svg(data)


# PNG (ISO/IEC 15948)

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_KEPT: Final = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"sRGB", b"cHRM", b"pHYs"})
_CHANNELS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def _png(data: bytes) -> Logo:
    chunks: list[tuple[bytes, bytes]] = []
    dropped: set[str] = set()
    place = len(_SIGNATURE)
    while not chunks or chunks[-1][0] != b"IEND":
        head = data[place : place + 8]
        if len(head) < 8:
            raise BadLogo("is a PNG that was cut off")
        length, kind = struct.unpack(">I4s", head)
        body = data[place + 8 : place + 8 + length]
        checksum = data[place + 8 + length : place + 12 + length]
        if len(body) < length or checksum != struct.pack(">I", zlib.crc32(kind + body)):
            raise BadLogo("is a PNG that is damaged")
        place += 12 + length
        if kind in _KEPT:
            chunks.append((kind, body))
        elif kind[:1].isupper():
            raise BadLogo("is a PNG of a kind that is not known")
        else:
            dropped.add(kind.decode("ascii", "replace"))
    _check_picture(chunks)
    written = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
    flaws = [f"its {kind} was left out" for kind in sorted(dropped)][:MAX_FLAWS]
    if place != len(data):
        flaws.append("what stood behind its end was left out")
    return Logo("image/png", _SIGNATURE + written, tuple(flaws))


def _check_picture(chunks: list[tuple[bytes, bytes]]) -> None:
    """Whether header and pixels belong together; pixels are unpacked no further than the header says."""
    kind, header = chunks[0]
    if kind != b"IHDR" or len(header) != 13 or [kind for kind, _ in chunks].count(b"IHDR") != 1:
        raise BadLogo("is a PNG without a header")
    width, height, depth, colour, method, filtering, interlace = struct.unpack(">IIBBBBB", header)
    if not (1 <= width <= MAX_PIXELS and 1 <= height <= MAX_PIXELS):
        raise BadLogo(f"has {width} x {height} pixels; {MAX_PIXELS} each way is the most")
    if colour not in _CHANNELS or depth not in (1, 2, 4, 8, 16) or method or filtering or interlace > 1:
        raise BadLogo("is a PNG of a kind that is not known")
    bits = depth * _CHANNELS[colour]
    # Interlaced, each of the seven passes has lines, and padding, of its own.
    most = (height + (7 * (width + height) if interlace else 0)) * (1 + (width * bits + 7) // 8)
    unpacker = zlib.decompressobj()
    size = 0
    try:
        for kind, body in chunks:
            while kind == b"IDAT" and body:
                size += len(unpacker.decompress(body, 1 << 16))
                body = unpacker.unconsumed_tail
                if size > most:
                    raise BadLogo("is a PNG with more pixels than it says")
    except zlib.error:
        raise BadLogo("is a PNG that is damaged") from None
    if not unpacker.eof or (not interlace and size != most):
        raise BadLogo("is a PNG with fewer pixels than it says")


# SVG


def _svg(data: bytes) -> Logo:
    from lxml import etree

    try:
        parsed = safexml.parse(data, keep_namespaces=True)
    except safexml.BadXml as error:
        raise BadLogo(f"is neither PNG nor SVG: {error}") from None
    if parsed.flaws:
        raise BadLogo(f"is an SVG with a mistake: {parsed.flaws[0]}")
    if parsed.root.tag not in (f"{{{SVG}}}svg", "svg"):
        raise BadLogo("is neither PNG nor SVG")
    flaws: dict[str, None] = {}
    made = _copied(parsed.root, flaws)
    if made is None or not len(made):
        raise BadLogo("is an SVG with nothing to show")
    etree.cleanup_namespaces(made)
    written: bytes = etree.tostring(made, encoding="utf-8")
    return Logo("image/svg+xml", written, tuple(flaws)[:MAX_FLAWS])


def _copied(element: Any, flaws: dict[str, None], parent: Any = None) -> Any:
    """The element with what is allowed of it; None if it is not. The tree is no deeper than L{safexml} lets it be."""
    from lxml import etree

    name = etree.QName(element)
    if name.localname not in ELEMENTS or name.namespace not in (SVG, None):
        flaws[f"its <{name.localname[:40]}> was left out"] = None
        return None
    tag = f"{{{SVG}}}{name.localname}"
    none: Any = None
    made = etree.Element(tag, nsmap={none: SVG}) if parent is None else etree.SubElement(parent, tag)
    made.text = element.text
    if parent is not None:
        made.tail = element.tail
    for attribute, value in element.attrib.items():
        if attribute in (XLINK_HREF, "href"):
            kept = bool(_REFERENCE.match(value))
        else:
            kept = attribute in ATTRIBUTES and _is_plain(value, ":;" if attribute == "style" else "")
        if kept:
            made.set(attribute, value)
        else:
            flaws[f"its {etree.QName(attribute).localname[:40]} was left out"] = None
    for child in element:
        _copied(child, flaws, made)
    return made


def _is_plain(value: str, more: str) -> bool:
    """Whether a value names nothing outside of the picture; C{more} may be in it besides."""
    inside = all(_REFERENCE.match(target.strip()) for _, target in _URL.findall(value))
    rest = _URL.sub("", value)
    # Without backslashes and comments nothing can be spelled otherwise, and none of these functions takes an address.
    words = all(letter in more or _WORD.match(letter) for letter in rest)
    return inside and words and "(" not in _FUNCTIONS.sub("", rest) and "/*" not in rest
