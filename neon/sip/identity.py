"""What an INVITE tells beside its two ends, as plain and printable values: who vouches for the caller, whom the call
was for before, what the caller wishes (RFC 3323, 3325, 3892, 5373, 5806, 7044).

Whatever cannot be read is as if it were not there. Everything is bounded; nothing is trusted here: that is for the
reader to say.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Final
from urllib.parse import unquote

from sippy.SipRequest import SipRequest
from sippy.SipURL import SipURL

from neon.details import NO_DETAILS, CallDetails, Diversion, Headers
from neon.sip import messages
from neon.sip.envelope import split_list

MOST: Final = 10
"""So many values of one header field are looked at."""

LONGEST: Final = 256
"""So much of a header field's value is shown to applications, in characters."""

_NAME_ADDR: Final = re.compile(
    r'\s*(?:"((?:[^"\\]|\\.){0,256})"|([^<"]{0,256}?))\s*<([^<>\s]{1,512})>(.*)\Z', re.DOTALL
)
_BARE_ADDR: Final = re.compile(r"\s*()()((?:sips?|tel):[^\s;<>]{1,512})(.*)\Z", re.DOTALL | re.IGNORECASE)
_TEL: Final = re.compile(r"tel:(\+?[0-9*#().-]{1,64})", re.IGNORECASE)
_TOKEN: Final = re.compile(r"[A-Za-z0-9_.!%*+`'~-]{1,64}\Z")
_STATUS: Final = re.compile(r"cause=([1-6][0-9]{2})(?![0-9])", re.IGNORECASE)
_AFTER: Final = re.compile(r';\s*answer-after\s*=\s*"?([0-9]{1,4})', re.IGNORECASE)
_ANSWER_TONE: Final = re.compile(
    r';\s*info\s*=\s*"?(?:alert-autoanswer|auto[- ]?answer|ring[- ]answer|intercom)(?![a-z])', re.IGNORECASE
)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


_TELLING: Final = frozenset(
    (
        "p-asserted-identity",
        "privacy",
        "diversion",
        "history-info",
        "referred-by",
        "answer-mode",
        "call-info",
        "alert-info",
    )
)
"""Most calls have none of these, and are not read further."""


def read_details(request: SipRequest, wanted: Collection[str], trusted: bool) -> CallDetails:
    """Everything; C{wanted} are the names of header fields to keep, C{X-CRM-*} for all that begin so.

    Who vouches for the caller is read only if whoever sent us the request is C{trusted} (RFC 3325, section 9).
    """
    there = {header.name for header in request.headers}
    if there.isdisjoint(_TELLING) and not wanted:
        return NO_DETAILS
    asserted, name = _asserted(request) if trusted else (None, None)
    return CallDetails(
        asserted=asserted,
        asserted_name=name,
        privacy=_privacy(request),
        diversions=tuple(_diversions(request)),
        headers=tuple(_chosen(request, wanted)),
        referred_by=first_uri(request, "referred-by"),
        answer_after=_answer_after(request),
    )


def first_uri(request: SipRequest, name: str) -> str | None:
    """The bare URI of the first address in a header field."""
    return next((uri for _, uri, _ in _addresses(request, name)), None)


def was_answered_elsewhere(cancel: SipRequest) -> bool:
    """Whether a CANCEL says that another phone took the call (RFC 3326, section 2)."""
    return any(re.match(r"SIP\s*;(?:.*;)?\s*cause\s*=\s*200(?![0-9])", value, re.IGNORECASE)
               for value in values(cancel, "reason"))


def values(request: SipRequest, name: str) -> Iterator[str]:
    """The values of a header field, those of a list one by one, the first L{MOST}."""
    left = MOST
    for header in request.getHFs(name):
        for value in split_list(str(header.body)):
            if left == 0:
                return
            left -= 1
            yield value.strip()


def _addresses(request: SipRequest, name: str) -> Iterator[tuple[str | None, str, str]]:
    """Display name, bare URI, and what follows in a header field of addresses."""
    for value in values(request, name):
        match = _NAME_ADDR.match(value) or _BARE_ADDR.match(value)
        if match is not None:
            uri = _bare(match[3])
            if uri is not None:
                shown = re.sub(r"\\(.)", r"\1", match[1] or match[2] or "")
                yield _printable(shown) or None, uri, match[4] + " " + match[3]


def _bare(text: str) -> str | None:
    tel = _TEL.match(text)
    if tel is not None:
        return f"tel:{tel[1]}"
    if not text.lower().startswith(("sip:", "sips:")):
        return None
    try:
        return messages.bare(SipURL(text))
    except Exception:  # sippy raises what it likes
        return None


def _printable(text: str) -> str:
    return _CONTROL.sub(" ", text).strip()[:LONGEST]


def _asserted(request: SipRequest) -> tuple[str | None, str | None]:
    """The first SIP URI, else the telephone number (RFC 3325, section 9.1: one of each)."""
    found = list(_addresses(request, "p-asserted-identity"))
    for name, uri, _ in sorted(found, key=lambda one: not one[1].startswith("sip:")):
        return uri, name
    return None, None


def _privacy(request: SipRequest) -> tuple[str, ...]:
    words = [word.strip().lower() for value in values(request, "privacy") for word in value.split(";")[:MOST]]
    return tuple(dict.fromkeys(word for word in words if _TOKEN.match(word)))[:MOST]


def _diversions(request: SipRequest) -> Iterator[Diversion]:
    """Diversion (RFC 5806), the latest first as it stands there; else History-Info (RFC 7044) read backwards."""
    found = False
    for _, uri, more in _addresses(request, "diversion"):
        found = True
        reason = re.search(r';\s*reason\s*=\s*"?([A-Za-z0-9-]{1,32})', more)
        count = re.search(r";\s*counter\s*=\s*([0-9]{1,3})", more)
        yield Diversion(uri, reason[1].lower() if reason else "unknown", max(1, int(count[1])) if count else 1)
    if found:
        return
    # The last entry is where the call went: here.
    for _, uri, more in reversed(list(_addresses(request, "history-info"))[:-1]):
        status = _STATUS.search(unquote(more))
        yield Diversion(uri, status[1] if status else "unknown")


def _answer_after(request: SipRequest) -> int | None:
    """Seconds until the answer that the caller wishes for, None if it wishes for none."""
    for value in values(request, "answer-mode"):
        if value.partition(";")[0].strip().lower() == "auto":
            return 0
    for name in ("call-info", "alert-info"):
        for value in values(request, name):
            after = _AFTER.search(value)
            if after is not None:
                return int(after[1])
            if name == "alert-info" and _ANSWER_TONE.search(value):
                return 0
    return None


def _chosen(request: SipRequest, wanted: Collection[str]) -> Iterator[tuple[str, str]]:
    """The header fields that applications may see, the first L{MOST}."""
    if not wanted:
        return
    left = MOST
    for header in request.headers:
        spelled = as_wanted(str(header.name), wanted) if left else None
        if spelled is not None:
            left -= 1
            yield spelled, _printable(str(header.body))


def as_wanted(name: str, wanted: Collection[str]) -> str | None:
    """A name as a list of names and of beginnings of names (C{X-CRM-*}) spells it; None if it is not on the list."""
    lower = name.lower()
    for one in wanted:
        if one.lower() == lower:
            return one
        if one.endswith("*") and lower.startswith(one[:-1].lower()):
            # The parser keeps names in lower case; what was written is not known any more.
            return one[:-1] + "-".join(word.capitalize() for word in lower.split("-"))[len(one) - 1 :]
    return None


def written(headers: Headers) -> messages.Headers:
    """Header fields of a user, once more made safe to be sent."""
    return tuple((name, _printable(value)) for name, value in headers if _TOKEN.match(name))
