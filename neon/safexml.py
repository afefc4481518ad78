"""Reads XML of strangers: bounded in size, depth and number of elements, without DTD, entities or network.

What is not well-formed is recovered where that can be done, because operators' services do write things like
C{</GetBalancegResult>} where C{</GetBalanceResult>} belongs; L{Parsed.flaws} says what was wrong. Nothing here raises
anything but L{BadXml}, whatever the bytes are. lxml, which needs 4 MB, is loaded with the first document.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from lxml import etree

MAX_BYTES: Final = 1 << 20
MAX_DEPTH: Final = 32
MAX_ELEMENTS: Final = 10_000
MAX_FLAWS: Final = 5

SETTINGS: Final[dict[str, Any]] = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "dtd_validation": False,
    "huge_tree": False,
    "remove_pis": True,
    "remove_comments": True,
}

_DECLARED: Final = re.compile(rb"""\A\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_DECLARATION: Final = re.compile(r"\A\s*<\?xml\b[^>]{0,400}\?>")
_ENCODINGS: Final = re.compile(r"(utf-8|utf-16(-le|-be)?|ascii|iso8859-\d+|cp125\d|latin-1)\Z")
# Section 2.2 of XML 1.0: what no document may hold.
_IMPOSSIBLE: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BOMS: Final = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class BadXml(ValueError):
    """This cannot be read; C{str(error)} is a sentence about it that quotes nothing."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A tree without namespaces: every tag is its local name. C{flaws} are sentences about what had to be recovered."""

    root: etree._Element
    flaws: tuple[str, ...] = ()


def parse(data: bytes, charset: str | None = None, *, keep_namespaces: bool = False) -> Parsed:
    """Read a document; C{charset} is what its Content-Type says.

    @raise BadXml: it is too long, too deep, has a DOCTYPE, or is no XML that could be recovered.
    """
    from lxml import etree

    if len(data) > MAX_BYTES:
        raise BadXml(f"it is longer than {MAX_BYTES} bytes")
    text, flaws = _decoded(data, charset)
    text, more = _prolog(text)
    flaws += more
    encoded = text.encode("utf-8")
    try:
        root = etree.fromstring(encoded, etree.XMLParser(encoding="utf-8", **SETTINGS))
    except etree.XMLSyntaxError as error:
        # libxml2's message may quote the text: only where it is, not what.
        flaws.append(f"it is not well-formed in line {error.lineno or 1}")
        root = _recovered(encoded)
    _check(root)
    if not keep_namespaces:
        _strip(root)
    return Parsed(root, tuple(flaws[:MAX_FLAWS]))


def _recovered(encoded: bytes) -> etree._Element:
    from lxml import etree

    try:
        root = etree.fromstring(encoded, etree.XMLParser(encoding="utf-8", recover=True, **SETTINGS))
    except etree.XMLSyntaxError:
        root = None
    if root is None:
        raise BadXml("it is no XML at all")
    return root


def _decoded(data: bytes, charset: str | None) -> tuple[str, list[str]]:
    """The text, by its byte order mark, else by what it says of itself, else by what HTTP says, else as UTF-8."""
    encoding = next((name for mark, name in _BOMS if data.startswith(mark)), None)
    if encoding is None:
        declared = _DECLARED.match(data)
        named = declared[1].decode("ascii") if declared else charset or "utf-8"
        try:
            encoding = codecs.lookup(named).name.lower()
        except LookupError:
            encoding = "utf-8"
        # Whatever says in ASCII bytes that it is UTF-16 is not.
        if not _ENCODINGS.match(encoding) or (declared and encoding.startswith("utf-16")):
            encoding = "utf-8"
    try:
        return data.decode(encoding), []
    except UnicodeDecodeError:
        return data.decode(encoding, "replace"), [f"it is not {encoding} text"]


def _prolog(text: str) -> tuple[str, list[str]]:
    """The text from its first element on; what stood before it is looked at here, and a DOCTYPE refused."""
    flaws: list[str] = []
    if _IMPOSSIBLE.search(text):
        text = _IMPOSSIBLE.sub("", text)
        flaws.append("it holds characters that XML cannot have")
    position = text.find("<")
    if position < 0:
        raise BadXml("it is no XML at all")
    if text[:position].strip():
        flaws.append("something stands before it")
    if position and _DECLARATION.match(text[position:]):
        flaws.append("something stands before its declaration")
    while True:
        if text.startswith("<?", position):
            end, closing = text.find("?>", position), 2
        elif text.startswith("<!--", position):
            end, closing = text.find("-->", position + 4), 3
        elif text.startswith("<!", position):
            raise BadXml("it has a DOCTYPE, which is refused")
        else:
            return text[position:], flaws
        following = text.find("<", end + closing) if end >= 0 else -1
        if following < 0:
            raise BadXml("it has no element")
        if text[end + closing : following].strip():
            flaws.append("something stands before it")
        position = following


def _check(root: etree._Element) -> None:
    """Depth and number, and once more that there is no DTD.

    @raise BadXml: it is too deep, too big, or has one.
    """
    from lxml import etree

    if root.getroottree().docinfo.internalDTD is not None:
        raise BadXml("it has a DOCTYPE, which is refused")
    depth = count = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        count += event == "start"
        if depth > MAX_DEPTH:
            raise BadXml(f"it is nested deeper than {MAX_DEPTH}")
        if count > MAX_ELEMENTS:
            raise BadXml(f"it has more than {MAX_ELEMENTS} elements")


def _strip(root: etree._Element) -> None:
    """Take the namespaces off tags and attributes."""
    for element in elements(root):
        element.tag = local_name(element)
        for name in list(element.attrib):
            key = str(name)
            if key.startswith("{"):
                value = element.attrib.pop(name)
                if key.rpartition("}")[2] not in element.attrib:
                    element.set(key.rpartition("}")[2], value)


def elements(root: etree._Element) -> Iterator[etree._Element]:
    """The elements of a tree, itself included, without entities and what else lxml gives out."""
    return (element for element in root.iter() if isinstance(element.tag, str))


def local_name(element: etree._Element) -> str:
    """The tag without its namespace; C{prefix:name} of a prefix that was never declared loses that too."""
    return str(element.tag).rpartition("}")[2].rpartition(":")[2] or "_"


def text_of(element: etree._Element) -> str:
    """All text in an element, as XPath's string() has it; an entity that nobody declared is nothing."""
    return "".join(_texts(element)).strip()


def _texts(element: etree._Element) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        if isinstance(child.tag, str):
            yield from _texts(child)
        yield child.tail or ""
