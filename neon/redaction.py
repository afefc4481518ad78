"""Takes out of texts what must not be kept or shown: credentials, media keys, passwords."""

from __future__ import annotations

import re
from typing import Final

# Authorization and Proxy-Authorization with their folded continuation lines (RFC 3261, section 7.3.1); every
# challenge is harmless. SDES keys (RFC 4568), the old k= line and ICE passwords (RFC 8839) stand in SDP.
_CREDENTIALS: Final = re.compile(
    r"^((?:proxy-)?authorization|authentication-info)[ \t]*:[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*",
    re.IGNORECASE | re.MULTILINE,
)
_KEYS: Final = re.compile(r"^(a=crypto:|k=|a=ice-pwd:|a=key-mgmt:)[^\r\n]*", re.IGNORECASE | re.MULTILINE)
# A password inside a URI (RFC 3261, section 19.1.1).
_URI_PASSWORD: Final = re.compile(r"(sips?:[^\s:@<>]+):[^\s@<>]+@", re.IGNORECASE)
# A setting whose name says that nobody else is to read it.
_SETTING: Final = re.compile(
    r"^([ \t]*(?:[\w-]*(?:passw|secret|token|credential|licen[cs]e|auth)[\w-]*|(?:[\w-]*[_-])?key)[ \t]*[=:])[^\r\n]*",
    re.IGNORECASE | re.MULTILINE,
)
_URL_PASSWORD: Final = re.compile(r"(\w+://[^\s/:@]+):[^\s/@]+@")

WITHHELD: Final = "(withheld)"


def message(text: str) -> str:
    """A SIP message without credentials, media keys and passwords."""
    text = _CREDENTIALS.sub(rf"\1: {WITHHELD}", text)
    text = _URI_PASSWORD.sub(rf"\1:{WITHHELD}@", text)
    return _KEYS.sub(rf"\1{WITHHELD}", text)


def settings(text: str) -> str:
    """A configuration file without the values of settings that are secret by their name, or passwords in URLs."""
    return _URL_PASSWORD.sub(rf"\1:{WITHHELD}@", _SETTING.sub(rf"\1 {WITHHELD}", text))
