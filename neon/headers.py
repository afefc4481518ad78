"""Header fields of a SIP request that users may choose: which names are theirs, and what may stand in them.

A name of the protocol's own, its one-letter form included, is nobody's to set: it would forge a sender, a route or a
session. What a user sends must also be on the list of the configuration (C{headers-out}).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from neon.details import Headers as Headers

MOST: Final = 16
"""So many header fields a call may bring."""

LONGEST: Final = 256
"""So many characters a value may have."""

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.!%*+`'~-]{1,63}\Z")
_LISTED: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.!%+`'~-]{1,63}\*?\Z")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

RESERVED: Final = frozenset(
    re.split(
        r"\s+",
        """accept accept-contact accept-encoding accept-language accept-resource-priority alert-info allow
        allow-events also answer-mode authentication-info authorization call-id call-info contact
        content-disposition content-encoding content-language content-length content-type cseq date
        diversion encryption error-info event expires feature-caps flow-timer from geolocation hide
        history-info identity identity-info in-reply-to info-package join max-breadth max-forwards
        mime-version min-expires min-se organization p-access-network-info p-asserted-identity
        p-associated-uri p-called-party-id p-charging-function-addresses p-charging-vector p-early-media
        p-preferred-identity p-preferred-service p-asserted-service p-visited-network-id path
        permission-missing priority priv-answer-mode privacy proxy-authenticate proxy-authorization
        proxy-require rack reason record-route recv-info refer-events-at refer-sub refer-to referred-by
        reject-contact remote-party-id replaces reply-to request-disposition require resource-priority
        response-key retry-after route rseq security-client security-server security-verify server
        service-route session-expires session-id sip-etag sip-if-match subject subscription-state supported
        suppress-if-match target-dialog timestamp to trigger-consent unsupported user-agent user-to-user via
        warning www-authenticate""",
    )
)
"""The header fields of RFC 3261 and its extensions; every one-letter name is one of them too."""


def names(text: str) -> tuple[str, ...]:
    """A list of names for the configuration, C{X-CRM-*} for all that begin so; separated by commas or spaces.

    @raise ValueError: one is malformed, or the protocol's own.
    """
    words = text.replace(",", " ").split()
    for word in words:
        if not _LISTED.match(word):
            raise ValueError(f"must be names of header fields such as X-CRM-Id or X-CRM-*, not {word[:40]!r}")
        if word.endswith("*") and len(word) < 4:
            raise ValueError(f"must be more exact than {word!r}")
        lower = word.lower().removesuffix("*")
        if lower in RESERVED or (word.endswith("*") and any(name.startswith(lower) for name in RESERVED)):
            raise ValueError(f"must not have {word}, which is SIP's own")
    return tuple(dict.fromkeys(words))


def check(name: str, value: str) -> None:
    """Judge a header field that a user wants to send.

    @raise ValueError: with the rest of a sentence that begins with C{headers}.
    """
    if not _NAME.match(name):
        raise ValueError(f"must have names such as X-CRM-Id, not {name[:40]!r}")
    if name.lower() in RESERVED:
        raise ValueError(f"must not have {name}, which is SIP's own")
    if _CONTROL.search(value):
        raise ValueError(f"must not have control characters in {name}")
    if not value.strip():
        raise ValueError(f"must not have an empty {name}")
    if len(value) > LONGEST:
        raise ValueError(f"must have at most {LONGEST} characters in {name}")


def is_allowed(name: str, allowed: Collection[str]) -> bool:
    """Whether a name is on a list of L{names}."""
    lower = name.lower()
    return any(
        lower.startswith(one[:-1].lower()) if one.endswith("*") else lower == one.lower() for one in allowed
    )
