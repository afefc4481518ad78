"""The common case of a WebSocket frame from a client: a whole message in one masked frame (RFC 6455, section 5.2).

autobahn takes frames apart octet by octet, so that they may arrive in any pieces. Whatever is not exactly one such
frame is left to it: fragments, control frames, long messages, and everything that breaks a rule.
"""

from __future__ import annotations

from typing import Final

TEXT: Final = 0x81
"""The first octet: FIN, no RSV bit, opcode 1."""

BINARY: Final = 0x82
_MASKED: Final = 0x80
_TWO_OCTETS: Final = 126


def unpack(data: bytes) -> bytes | None:
    """The payload of a text or binary frame, unmasked; None if C{data} is something else, or text that is no UTF-8."""
    if len(data) < 6 or data[0] not in (TEXT, BINARY):
        return None
    length, start = data[1] - _MASKED, 2
    if length == _TWO_OCTETS:
        length, start = int.from_bytes(data[2:4], "big"), 4
        if length < _TWO_OCTETS:
            return None  # it would have fitted into seven bits
    elif not 0 <= length < _TWO_OCTETS:
        return None  # not masked, or longer than 64 kB
    if len(data) != start + 4 + length:
        return None
    mask = data[start : start + 4] * (length // 4 + 1)
    masked = int.from_bytes(data[start + 4 :], "little")
    payload = (masked ^ int.from_bytes(mask[:length], "little")).to_bytes(length, "little")
    if data[0] == TEXT:
        try:
            payload.decode("utf-8")
        except UnicodeDecodeError:
            return None
    return payload
