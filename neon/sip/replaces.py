"""Replaces (RFC 3891): an INVITE that wants the place of a dialog of ours, and the rules about who gets it."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from sippy.SipRequest import SipRequest

_TAG: Final = re.compile(r"[^\s;,=\"<>]{0,128}\Z")


class Standing(enum.Enum):
    """How far a dialog is that somebody names."""

    OTHER = enum.auto()  # the far end's tag is another one
    EARLY = enum.auto()
    CONFIRMED = enum.auto()
    ENDED = enum.auto()


class Replaceable(Protocol):
    """A call as far as its replacement goes (L{neon.sip.session.Session})."""

    @property
    def ours(self) -> bool:
        """Whether we made it."""

    def standing(self, remote_tag: str) -> Standing:
        """How far its dialog with this far end is."""


SomeCall = TypeVar("SomeCall", bound=Replaceable)


@dataclass(frozen=True, slots=True)
class Replaces:
    """Which dialog, as we see it: our tag is C{to_tag}. C{early_only}: not one that was answered."""

    call_id: str
    to_tag: str
    from_tag: str
    early_only: bool = False


def parse(text: str) -> Replaces:
    """The value of the header field.

    @raise ValueError: it is malformed.
    """
    call_id, *parameters = (part.strip() for part in text.split(";"))
    values: dict[str, str] = {}
    for parameter in parameters[:16]:
        name, _, value = parameter.partition("=")
        values.setdefault(name.strip().lower(), value.strip())
    tags = values.get("to-tag"), values.get("from-tag")
    if not call_id or len(call_id) > 256 or any(character.isspace() for character in call_id):
        raise ValueError("Replaces has no Call-ID")
    if not all(tag is not None and _TAG.match(tag) for tag in tags):
        raise ValueError("Replaces has no tags")
    return Replaces(call_id, tags[0] or "", tags[1] or "", "early-only" in values)


def find(request: SipRequest, session_for: Callable[[str, str], SomeCall | None]) -> SomeCall | int | None:
    """The call that an INVITE replaces, None if it replaces none, or the status to refuse it with (section 3).

    C{session_for} finds a call of ours by Call-ID and our tag.
    """
    headers = request.getHFs("replaces")
    if not headers:
        return None
    if len(headers) > 1 or request.getHFs("join"):
        return 400
    try:
        wanted = parse(str(headers[0].body))
    except ValueError:
        return 400
    session = session_for(wanted.call_id, wanted.to_tag)
    if session is None:
        return 481
    state = session.standing(wanted.from_tag)
    if state is Standing.OTHER:
        return 481
    if state is Standing.ENDED:
        return 603
    if state is Standing.CONFIRMED:
        return 486 if wanted.early_only else session
    # An early dialog is its caller's to replace; ours to answer are for the user.
    return session if session.ours else 481
