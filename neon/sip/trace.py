"""What goes over the wire, at debug level, without what must not be kept: credentials and media keys.

L{Endpoint.trace<neon.sip.endpoint.Endpoint.trace>} is None until somebody asks for a trace, so that it costs one
comparison a message.
"""

from __future__ import annotations

import re

from twisted.logger import Logger

from neon.values import Address

_log = Logger()

# Authorization and Proxy-Authorization with their folded continuation lines (RFC 3261, section 7.3.1); every
# challenge is harmless. SDES keys (RFC 4568), the old k= line and ICE passwords (RFC 8839) stand in SDP.
_CREDENTIALS = re.compile(
    r"^((?:proxy-)?authorization|authentication-info)[ \t]*:[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*",
    re.IGNORECASE | re.MULTILINE,
)
_KEYS = re.compile(r"^(a=crypto:|k=|a=ice-pwd:|a=key-mgmt:)[^\r\n]*", re.IGNORECASE | re.MULTILINE)
# A password inside a URI (RFC 3261, section 19.1.1).
_URI_PASSWORD = re.compile(r"(sips?:[^\s:@<>]+):[^\s@<>]+@", re.IGNORECASE)


def redact(message: str) -> str:
    """The message without credentials, media keys and passwords."""
    message = _CREDENTIALS.sub(r"\1: (withheld)", message)
    message = _URI_PASSWORD.sub(r"\1:(withheld)@", message)
    return _KEYS.sub(r"\1(withheld)", message)


def log_message(direction: str, peer: Address, message: object) -> None:
    """Write one message to the debug log; C{direction} is C{"->"} or C{"<-"}."""
    _log.debug("SIP {direction} {host}:{port}\n{message}", direction=direction, host=peer[0], port=peer[1],
               message=redact(str(message)))
