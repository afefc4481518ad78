"""Answers of any form as one kind of tree, and expressions that find something in them.

XML, JSON, C{name=value} in a form or in lines, or plain text. Namespaces are gone; XML that stands escaped inside of
XML is a part of the tree.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from neon import safexml
from neon.safexml import BadXml

if TYPE_CHECKING:
    from lxml import etree

MAX_BYTES: Final = safexml.MAX_BYTES
MAX_DEPTH: Final = safexml.MAX_DEPTH
MAX_NODES: Final = safexml.MAX_ELEMENTS
MAX_EMBEDDED: Final = 3
MAX_FIELDS: Final = 500

_CONTAINERS: Final = ("data", "return", "string", "returndata", "result", "response")
_BRACKETS: Final = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', re.DOTALL)
_PAIR: Final = re.compile(rb"[A-Za-z_][\w.-]{0,63}\s*[=:]")
_LINE: Final = re.compile(r"\s*([A-Za-z_][\w.-]{0,63})\s*[=:]\s*(.*?)\s*\Z")


class BadDocument(ValueError):
    """An answer that cannot be read; C{str(error)} quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class Node:
    """A name with a text, or with other nodes. C{markup} is the XML inside of an element that has some."""

    name: str
    text: str = field(default="", repr=False)
    children: tuple[Node, ...] = ()
    markup: str = field(default="", repr=False)

    @property
    def key(self) -> str:
        """The name as names are compared: without case, C{-}, C{_}."""
        return folded(self.name)

    def walk(self) -> Iterator[Node]:
        """This node and everything in it, in the order of the document."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.children))

    def child(self, *keys: str) -> Node | None:
        """The first child with one of these names."""
        return next((node for node in self.children if node.key in keys), None)


@dataclass(frozen=True, slots=True)
class Document:
    """An answer. C{source} is what expressions look into; C{flaws} are sentences about what had to be recovered."""

    kind: str
    root: Node
    source: Any = field(repr=False)
    flaws: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Expression:
    """Where something is in an answer: an XPath, a JSON pointer (RFC 6901), or a name."""

    kind: str
    text: str
    xpath: Any = field(default=None, repr=False, compare=False)

    @classmethod
    def parse(cls, text: str, kind: str) -> Expression:
        """Check the expression for answers of a C{kind}: xml, json, form or text.

        @raise ValueError: it is none; the end of a sentence.
        """
        if kind == "xml":
            from lxml import etree

            try:
                return cls(kind, text, etree.XPath(text))
            except etree.XPathError:
                raise ValueError("is no XPath") from None
        if kind == "json" and text and not text.startswith("/"):
            raise ValueError("must be a JSON pointer such as /data/number")
        return cls(kind, text)

    def find(self, document: Document) -> str | None:
        """The text that is there; None if there is nothing, or nothing that is one text."""
        if document.kind != self.kind:
            return None
        if self.kind == "xml":
            return self._by_xpath(document.source)
        if self.kind == "json":
            return _by_pointer(document.source, self.text)
        found = document.root.child(folded(self.text))
        return None if found is None else found.text

    def _by_xpath(self, root: etree._Element) -> str | None:
        from lxml import etree

        try:
            found = self.xpath(root)
        except etree.XPathError:
            return None
        if isinstance(found, list):
            if not found:
                return None
            found = found[0]
        if isinstance(found, etree._Element):
            return safexml.text_of(found)
        if isinstance(found, bool):
            return "true" if found else "false"
        if isinstance(found, float):
            # XPath knows no other numbers: say string(...) for exact amounts.
            return f"{found:.10g}"
        return str(found).strip()


def _by_pointer(value: Any, pointer: str) -> str | None:
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and name.isascii() and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return None if isinstance(value, (dict, list)) else _scalar(value)


def folded(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def read(data: bytes, kind: str = "auto", charset: str | None = None) -> Document:
    """Read an answer; C{auto} looks at how it begins.

    @raise BadDocument: it is not what it should be, or out of all bounds.
    """
    if len(data) > MAX_BYTES:
        raise BadDocument(f"it is longer than {MAX_BYTES} bytes")
    if kind == "auto":
        beginning = data.lstrip(b"\xef\xbb\xbf\xfe\xff\x00 \t\r\n")[:1]
        kind = {b"<": "xml", b"{": "json", b"[": "json"}.get(beginning, "form")
        if kind == "form" and not _PAIR.search(data[:4096]):
            kind = "text"
    if kind == "xml":
        try:
            parsed = safexml.parse(data, charset)
        except BadXml as error:
            raise BadDocument(str(error)) from None
        unfolded = _unfold(parsed.root)
        return Document("xml", _from_element(parsed.root), parsed.root, (*parsed.flaws, *unfolded))
    text = _text(data, charset)
    if kind == "json":
        value = _json(text)
        return Document("json", _from_json("", value, [0]), value)
    root = _form(text) if kind == "form" else Node("", children=(Node("text", text.strip()),))
    return Document(kind, root, None)


def _text(data: bytes, charset: str | None) -> str:
    try:
        return data.decode(charset or "utf-8", "replace").lstrip("\ufeff")
    except (LookupError, UnicodeError):
        return data.decode("utf-8", "replace").lstrip("\ufeff")


# XML


def _unfold(root: etree._Element) -> tuple[str, ...]:
    """Put XML that stands escaped in an element that holds data into the tree, a few levels deep."""
    flaws: list[str] = []
    for _ in range(MAX_EMBEDDED):
        folded_in = [element for element in safexml.elements(root) if _holds_xml(element)]
        for element in folded_in[:20]:
            text = (element.text or "").strip()
            whole = text.startswith("<?")
            try:
                # Several elements side by side are no document, but data.
                inner = safexml.parse((text if whole else f"<Data>{text}</Data>").encode("utf-8"))
            except BadXml:
                continue
            flaws.extend(inner.flaws)
            element.text = None
            element.extend([inner.root] if whole else list(inner.root))
        if not folded_in:
            break
    return tuple(flaws[: safexml.MAX_FLAWS])


def _holds_xml(element: etree._Element) -> bool:
    name = folded(str(element.tag))
    return len(element) == 0 and name.endswith(_CONTAINERS) and (element.text or "").lstrip().startswith("<")


def _from_element(root: etree._Element, depth: int = 0) -> Node:
    if depth > MAX_DEPTH * (MAX_EMBEDDED + 1):
        raise BadDocument(f"it is nested deeper than {MAX_DEPTH}")
    inside = [child for child in root if isinstance(child.tag, str)]
    children = tuple(_from_element(child, depth + 1) for child in inside)
    attributes = tuple(Node(str(name), str(value)) for name, value in root.attrib.items())
    text = safexml.text_of(root)
    markup = ""
    if children and folded(str(root.tag)) in HTML_NAMES:
        from lxml import etree

        markup = (root.text or "") + "".join(etree.tostring(child, encoding="unicode") for child in inside)
    return Node(str(root.tag), text if not children else "", (*children, *attributes), markup)


HTML_NAMES: Final = ("html", "information", "extrainformation", "info", "extrainfo", "message")


# JSON


def _json(text: str) -> Any:
    """The value, every number as the text that it was: amounts stay exact."""
    if text.count("[") + text.count("{") > MAX_DEPTH:
        depth = 0
        for match in _BRACKETS.finditer(text):
            depth += (match[0] in "[{") - (match[0] in "]}")
            if depth > MAX_DEPTH:
                raise BadDocument(f"it is nested deeper than {MAX_DEPTH}")
    try:
        return json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError):
        raise BadDocument("it is no JSON") from None


def _from_json(name: str, value: Any, count: list[int]) -> Node:
    count[0] += 1
    if count[0] > MAX_NODES:
        raise BadDocument(f"it has more than {MAX_NODES} values")
    if isinstance(value, dict):
        children = (_from_json(str(key), item, count) for key, item in value.items() if item is not None)
        return Node(name, children=tuple(children))
    if isinstance(value, list):
        return Node(name, children=tuple(_from_json(name or "item", item, count) for item in value))
    return Node(name, _scalar(value) or "")


def _scalar(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)


# Forms and lines


def _form(text: str) -> Node:
    pairs: list[tuple[str, str]] = []
    lines = text.splitlines()[:MAX_FIELDS]
    if len([line for line in lines if line.strip()]) > 1 or "&" not in text:
        pairs = [(match[1], match[2]) for line in lines if (match := _LINE.match(line[:4096]))]
    if not pairs:
        try:
            pairs = parse_qsl(text.strip(), keep_blank_values=True, max_num_fields=MAX_FIELDS)
        except ValueError:
            raise BadDocument("it is no form") from None
    if not pairs:
        raise BadDocument("nothing in it has a name")
    return Node("", children=tuple(Node(name, value) for name, value in pairs))
