"""Reads C{application/dialog-info+xml} (RFC 4235): the dialogs of an extension, as full states and changes to them.

A L{DialogInfo} is one subscription's view. Documents are numbered; where one is missing the next change makes no
sense, and the whole state has to be asked for (section 4.3).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sippy.SipURL import SipURL

from neon import safexml
from neon.sip import messages
from neon.values import Direction
from neon.watched import ExtensionState, ExtensionStatus

if TYPE_CHECKING:
    from lxml import etree

TYPE: Final = "application/dialog-info+xml"

MOST_DIALOGS: Final = 64

_VERSION: Final = re.compile(r"\d{1,10}\Z")
_URI: Final = re.compile(r"(?:sip|sips):[^\s<>\"]{1,256}\Z", re.IGNORECASE)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

_RINGING: Final = frozenset({"trying", "proceeding", "early"})

_WEIGHT: Final = {
    ExtensionState.IDLE: 0,
    ExtensionState.HOLD: 1,
    ExtensionState.RINGING: 2,
    ExtensionState.BUSY: 3,
}
"""Of several dialogs the one that matters most is told: whoever talks is busy, whatever else rings or waits."""


class Stale(Exception):
    """A document that is older than what is known."""


class Gap(Exception):
    """A change of a state that is not known: the full state has to be asked for."""


@dataclass(frozen=True, slots=True)
class _Dialog:
    state: ExtensionState
    party: str | None = None
    party_name: str | None = None
    direction: Direction | None = None


class DialogInfo:
    """What is known of one extension's dialogs."""

    def __init__(self) -> None:
        self._version: int | None = None
        self._dialogs: dict[str, _Dialog] = {}

    def take(self, document: bytes) -> ExtensionStatus:
        """Take a document in; returns what the extension is doing now.

        @raise ValueError: this is no such document.
        @raise Stale: it came late.
        @raise Gap: one before it is missing.
        """
        root = safexml.parse(document).root
        if root.tag != "dialog-info":
            raise ValueError("it is no dialog-info")
        version, kind = str(root.get("version", "")), str(root.get("state", "")).lower()
        if not _VERSION.match(version) or kind not in ("full", "partial"):
            raise ValueError("it has no version, or is neither full nor partial")
        number = int(version)
        if kind == "full":
            # A notifier that starts again counts from 0 again (kamailio's always says 0).
            self._dialogs.clear()
        elif self._version is None or number > self._version + 1:
            raise Gap
        elif number <= self._version:
            raise Stale
        self._version = number
        self._merge(element for element in root if element.tag == "dialog")
        return self._status()

    def take_nothing(self) -> ExtensionStatus:
        """The notifier knows of no dialog."""
        self._version = None
        self._dialogs.clear()
        return self._status()

    def _merge(self, elements: Iterable[etree._Element]) -> None:
        for element in elements:
            identifier = str(element.get("id", ""))[:256]
            dialog = _read(element)
            if dialog.state is ExtensionState.IDLE:
                self._dialogs.pop(identifier, None)
            elif identifier in self._dialogs or len(self._dialogs) < MOST_DIALOGS:
                self._dialogs[identifier] = dialog

    def _status(self) -> ExtensionStatus:
        idle = _Dialog(ExtensionState.IDLE)
        chosen = max(self._dialogs.values(), key=lambda dialog: _WEIGHT[dialog.state], default=idle)
        return ExtensionStatus(chosen.state, chosen.party, chosen.party_name, chosen.direction)


def _read(element: etree._Element) -> _Dialog:
    """One dialog (section 4.1.2); idle if it is over."""
    directions = {"initiator": Direction.OUTGOING, "recipient": Direction.INCOMING}
    direction = directions.get(str(element.get("direction", "")).lower())
    word = _text(element.find("state")).lower()
    if word == "confirmed":
        state = ExtensionState.HOLD if _is_held(element.find("local")) else ExtensionState.BUSY
    elif word in _RINGING:
        # Who dials is not to be called either; a notifier that names no direction means a phone that rings.
        state = ExtensionState.BUSY if direction is Direction.OUTGOING else ExtensionState.RINGING
    else:
        return _Dialog(ExtensionState.IDLE)
    party, name = _party(element.find("remote"))
    return _Dialog(state, party, name, direction)


def _is_held(local: etree._Element | None) -> bool:
    """Whether the extension renders no media: C{+sip.rendering="no"} of its target (RFC 4235, section 4.1.6.2)."""
    if local is None:
        return False
    return any(
        str(param.get("pname", "")).lower() == "+sip.rendering"
        # The RFC's text and its schema differ in the name of the value.
        and str(param.get("pval") or param.get("pvalue") or "").lower() == "no"
        for target in local.findall("target")
        for param in target.findall("param")
    )


def _party(remote: etree._Element | None) -> tuple[str | None, str | None]:
    """The URI and the name of whom the extension talks to (sections 4.1.6.1 and 4.1.6.2)."""
    if remote is None:
        return None, None
    identity, target = remote.find("identity"), remote.find("target")
    uri = _text(identity) or ("" if target is None else str(target.get("uri", "")))
    name = "" if identity is None else str(identity.get("display") or identity.get("display-name") or "")
    name = _CONTROL.sub("", name).strip()[:128]
    return _bare(uri), name or None


def _bare(uri: str) -> str | None:
    if not _URI.match(uri):
        return None
    try:
        return messages.bare(SipURL(uri))
    except Exception:
        return None  # sippy's parser raises whatever its string handling runs into


def _text(element: etree._Element | None) -> str:
    return "" if element is None else safexml.text_of(element)
