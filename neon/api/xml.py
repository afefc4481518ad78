"""The XML of the HTTP API (spec section 4): answers and events, element by element in the document's order.

    <ReturnData><Success>true</Success><Error><Code>0</Code><SystemCode/><Description/></Error><Data/></ReturnData>
    <EventData><Name>OnNewCall</Name><Data><CallId>43</CallId>...</Data><Seq>7</Seq><Ts>...</Ts></EventData>

Names are the JSON API's with a capital first letter. A list is an element with one child per item, named by its
singular: C{<Calls><Call>...</Call></Calls>}. What is no XML name at all becomes C{<Entry Name="...">}.
The extensions C{Seq}, C{Ts} and C{Warnings} stand where a client that counts elements does not meet them.
lxml, which needs 4 MB, is loaded with the first answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from neon.api import wire
from neon.bus import Published

if TYPE_CHECKING:
    from lxml import etree

CONTENT_TYPE: Final = "text/xml; charset=utf-8"
DECLARATION: Final = b'<?xml version="1.0" encoding="UTF-8"?>\n'

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z")

# What XML 1.0 cannot hold even escaped (section 2.2, "Char").
_IMPOSSIBLE: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def success(data: Mapping[str, Any], warnings: Sequence[str] = ()) -> bytes:
    """The answer to a command that was carried out."""
    return _return_data("true", 0, 0, "", data, warnings)


def refusal(code: int, description: str, system_code: int = 0, warnings: Sequence[str] = ()) -> bytes:
    """The answer to a command that was not; C{system_code} is SIP's or the operator's reason, 0 where there is none."""
    return _return_data("false", code, system_code, description, {}, warnings)


def event(published: Published, spelling: wire.Spelling = wire.TABLE) -> bytes:
    """One thing that happened."""
    from lxml import etree

    root = etree.Element("EventData")
    _add(root, "Name", wire.name(published.event, spelling))
    _add(root, "Data", wire.fields(published.event))
    _add(root, "Seq", published.seq)
    _add(root, "Ts", wire.timestamp(published.at))
    return _written(root)


def _return_data(
    success: str, code: int, system_code: int, description: str, data: Mapping[str, Any], warnings: Sequence[str]
) -> bytes:
    from lxml import etree

    root = etree.Element("ReturnData")
    _add(root, "Success", success)
    _add(root, "Error", {"Code": code, "SystemCode": system_code or None, "Description": description})
    _add(root, "Data", data)
    if warnings:
        _add(root, "Warnings", warnings)
    return _written(root)


def _add(parent: etree._Element, name: str, value: object) -> None:
    from lxml import etree

    capital = name[:1].upper() + name[1:]
    if _NAME.match(capital):
        element = etree.SubElement(parent, capital)
    else:
        element = etree.SubElement(parent, "Entry", {"Name": _possible(name)})
    if isinstance(value, Mapping):
        for key, item in value.items():
            _add(element, str(key), item)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for item in value:
            _add(element, _singular(capital), item)
    elif isinstance(value, bool):
        element.text = "true" if value else "false"
    elif value is not None and value != "":
        element.text = _possible(str(value))


def _singular(name: str) -> str:
    return name[:-1] if len(name) > 1 and name.endswith("s") else "Item"


def _possible(text: str) -> str:
    return _IMPOSSIBLE.sub("", text)


def _written(root: etree._Element) -> bytes:
    from lxml import etree

    encoded: bytes = etree.tostring(root, encoding="UTF-8", xml_declaration=False)
    return DECLARATION + encoded


NO_EVENT: Final = DECLARATION + b"<EventData><Name/><Data/></EventData>"
"""The answer to a poll with nothing to report."""
