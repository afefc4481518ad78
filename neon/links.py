"""Links to numbers, as web pages, mails and documents have them: C{tel:} (RFC 3966), C{sip:}, C{sips:} (RFC 3261,
section 19.1) and C{callto:}, which nobody has defined.

A link is a stranger's text, so little of it is believed: whom to call, and by which transport. What a SIP URI could
have sent along (headers behind C{?}, another method) is left away.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

from neon import dialling
from neon.errors import InvalidArgument

SCHEMES: Final = ("tel", "sip", "sips", "callto")
LONGEST: Final = 1024

_TRANSPORT: Final = re.compile(r"transport=(?:udp|tcp|tls)\Z", re.IGNORECASE)


def parse(link: str) -> str:
    """The number or SIP URI that a link is about, as L{dialling.parse} has it.

    @raise InvalidArgument: it is no such link, or there is nobody in it to call.
    """
    if len(link) > LONGEST:
        raise InvalidArgument("the link is too long to be one to a number")
    scheme, colon, rest = link.strip().partition(":")
    scheme = scheme.lower()
    if not colon or scheme not in SCHEMES:
        raise InvalidArgument(f"a link to a number begins with {':, '.join(SCHEMES[:-1])}: or {SCHEMES[-1]}:")
    # Many pages write tel://, which means nothing.
    rest = rest.removeprefix("//").rstrip("/").partition("?")[0]
    if scheme in ("tel", "callto") and "@" not in rest:
        return dialling.parse(f"tel:{_decoded(rest)}")
    address, *parameters = rest.split(";")
    kept = [parameter for parameter in parameters if _TRANSPORT.match(parameter)][:1]
    return dialling.parse(";".join((f"{'sips' if scheme == 'sips' else 'sip'}:{address}", *kept)))


def _decoded(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise InvalidArgument("the link is not UTF-8") from None


def is_harmless(number: str) -> bool:
    """Whether it is plainly somebody's number or address, and no code that an exchange obeys (C{*21*...#})."""
    return "*" not in number and "#" not in number and "%23" not in number
