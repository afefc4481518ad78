"""Dial strings: what people, web pages and address books hold, made into something to call (spec section 2).

Digits with C{+ * #}, in any human punctuation; C{tel:}, C{sip:} and C{sips:} URIs; C{user@host}. What comes out is
either a bare number or a bare SIP URI, without anything that could end a header line or add a header.
"""

from __future__ import annotations

import functools
import re
from typing import Final

from neon import parsing
from neon.errors import InvalidArgument

LONGEST: Final = 255
LONGEST_NUMBER: Final = 64

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_PUNCTUATION = re.compile(r"[\s().-]")
_NUMBER = re.compile(r"[0-9+*#]*[0-9*#][0-9+*#]*\Z")
# The user part of RFC 3261, section 25.1. "#" must be escaped there, but people type it.
_USER = re.compile(r"(?:[A-Za-z0-9_.!~*'()&=+$,;?/#-]|%[0-9A-Fa-f]{2}){1,64}\Z")
_ESCAPED_CONTROL = re.compile(r"%(?:[01][0-9A-Fa-f]|7[Ff])")
_PARAMETER = r"[A-Za-z0-9_.!~*'+%-]+(?:=[A-Za-z0-9_.!~*'+%:\[\]-]+)?"
_PARAMETERS = re.compile(rf"(?:;{_PARAMETER})*\Z")


@functools.lru_cache(maxsize=64)  # a call is dialled once, and its number looked at by several
def parse(text: str) -> str:
    """A number (C{+5521555}, C{*31#}) or a SIP URI (C{sip:32@sip.acme.com:5070}).

    @raise InvalidArgument: it is neither, in words for the user.
    """
    if _CONTROL.search(text):
        raise InvalidArgument("the number must not contain control characters")
    if len(text) > LONGEST:
        raise InvalidArgument(f"the number is longer than {LONGEST} characters")
    text = text.strip()
    scheme, colon, rest = text.partition(":")
    match scheme.lower() if colon else "":
        case "tel":
            return _telephone(rest)
        case "sip":
            compact = "".join(rest.split())
            return compact if _NUMBER.match(compact) else _uri(rest)
        case "sips":
            return "sips:" + _uri(rest).removeprefix("sip:")
    return _uri(text) if "@" in text else _number(text)


def _number(text: str) -> str:
    number = _PUNCTUATION.sub("", text)
    if not _NUMBER.match(number):
        raise InvalidArgument(f"{parsing.quoted(text)} is no number to call: digits, + * #, or a SIP URI")
    if len(number) > LONGEST_NUMBER:
        raise InvalidArgument(f"the number has more than {LONGEST_NUMBER} digits")
    return number


def _telephone(text: str) -> str:
    """What follows C{tel:}; a local number with the prefix of its context, if it has one (RFC 3966, section 5.1.5)."""
    subscriber, _, parameters = text.partition(";")
    number = _number(subscriber)
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "phone-context" and value.strip().startswith("+") and not number.startswith("+"):
            number = _number(value + number)
    return number


def _uri(text: str) -> str:
    """C{user@host}, C{user@host:port}, with URI parameters but without headers (C{?}), as a SIP URI."""
    user, at, rest = "".join(text.split()).rpartition("@")
    if not at or not user:
        raise InvalidArgument(f"{parsing.quoted(text)} names no user to call, as sip:32@example.org does")
    if not _USER.match(user):
        raise InvalidArgument(f"the user part of {parsing.quoted(text)} is malformed")
    if _ESCAPED_CONTROL.search(user):
        raise InvalidArgument("the number must not contain control characters")
    place, semicolon, parameters = rest.partition(";")
    if not _PARAMETERS.match(semicolon + parameters) or _ESCAPED_CONTROL.search(parameters):
        raise InvalidArgument(f"the parameters of {parsing.quoted(text)} are malformed")
    try:
        host, port = parsing.host_port(place)
    except ValueError as error:
        raise InvalidArgument(f"the host of {parsing.quoted(text)} {error}") from None
    host = f"[{host}]" if ":" in host else host
    where = host if port is None else f"{host}:{port}"
    return f"sip:{user.replace('#', '%23')}@{where}{semicolon}{parameters}"
